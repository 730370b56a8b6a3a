"""The batches of a data set, whether it lies in memory or is made row by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_lib.errors import CourseError


def batches_of(name, data, *, model, device, batch_size, layout=torch.preserve_format, workers=0, seed=None):
    """Return what gives the batches of `data`, and knows its `rows`, `steps` and `batch_size`."""
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(data, (tuple, list)) and len(data) == 2 and all(map(_has_rows, data)):
        floats = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        return _InMemory(name, *data, batch_size, device, layout, floats)
    is_dataset = hasattr(data, "__getitem__") and not _has_rows(data)
    if is_dataset or isinstance(data, (DataLoader, IterableDataset)):
        return _Streamed(name, data, batch_size, device, layout, workers, seed)
    raise CourseError(
        f"`{name}` is a `{type(data).__name__}`.",
        "Expected `(inputs, targets)`, a torch `Dataset`, or a `DataLoader`.",
        f'Try `{name}.split("train")`.'
        if hasattr(data, "split") and not _has_rows(data)  # tensors split too, in their own way
        else f"Put them in a pair: `({name}, targets)`.",
    )


def _has_rows(value) -> bool:
    """Return whether `value` is a tensor, an array, a table, or a tuple or list of them."""
    if isinstance(value, (tuple, list)):
        return all(isinstance(part, (int, float)) or _has_rows(part) for part in value)
    return isinstance(value, torch.Tensor) or hasattr(value, "__array__")


class _InMemory:
    """Rows that lie in memory: an epoch is one shuffled copy on the device, and a batch a slice of it."""

    def __init__(self, name, inputs, targets, batch_size, device, layout, floats):
        self.inputs_count = len(inputs) if isinstance(inputs, tuple) else 1
        self.has_many_targets = isinstance(targets, tuple)
        tensors = [
            *(_tensor(part, f"{name}` inputs", floats) for part in _tuple(inputs)),
            *(_tensor(part, f"{name}` targets", floats) for part in _tuple(targets)),
        ]
        lengths = [len(tensor) for tensor in tensors]
        if len(set(lengths)) != 1 or not lengths[0]:
            raise CourseError(
                f"`{name}` has {' and '.join(map(str, lengths))} rows in its inputs and targets.",
                "Expected at least one, and as many inputs as targets.",
                "Look at both shapes; the first axis counts the examples.",
            )
        self.name = name
        self.rows, self.batch_size, self.device, self.layout = lengths[0], batch_size, device, layout
        self.steps = -(-self.rows // batch_size)
        self.generator = None
        self.is_resident = _fits(tensors, device)
        self.tensors = [tensor.to(device) for tensor in tensors] if self.is_resident else tensors

    def batches(self, order: torch.Generator | None = None) -> Iterator[tuple]:
        """Give all batches, shuffled if there is an `order`."""
        if not self.is_resident:  # too large for a copy: gather each batch where the data lie
            rows = torch.arange(self.rows) if order is None else torch.randperm(self.rows, generator=order)
            for some in rows.split(self.batch_size):
                yield self._pair([t[some].to(self.device, non_blocking=True) for t in self.tensors])
            return
        tensors = self.tensors
        if order is not None:
            rows = torch.randperm(self.rows, generator=order).to(self.device)
            tensors = [tensor[rows] for tensor in tensors]
        for parts in zip(*(tensor.split(self.batch_size) for tensor in tensors), strict=True):
            yield self._pair(parts)

    def sample(self, rows: int | None = None) -> tuple:
        """Return the first rows, a batch of them if not told otherwise."""
        rows = rows or self.batch_size
        return self._pair([tensor[:rows].to(self.device) for tensor in self.tensors])

    def faulty_rows(self) -> int:
        """Return how many rows hold a value that is not finite."""
        parts = [~t.flatten(1).isfinite().all(1) if t.ndim > 1 else ~t.isfinite() for t in self.tensors]
        return int(torch.stack([part.cpu() for part in parts]).any(0).sum())

    def _pair(self, parts) -> tuple:
        inputs, targets = tuple(parts[: self.inputs_count]), tuple(parts[self.inputs_count :])
        if self.layout is torch.channels_last:
            inputs = _as_channels_last(inputs)
        return inputs, targets if self.has_many_targets else targets[0]


class _Streamed:
    """Rows that a `Dataset` makes one by one, or that a `DataLoader` brings in its own way."""

    def __init__(self, name, data, batch_size, device, layout, workers, seed):
        self.name, self.device, self.layout = name, device, layout
        if isinstance(data, DataLoader):
            self.loader, self.is_own = data, False
            self.batch_size, self.generator = data.batch_size, data.generator
        else:
            self.is_own = not isinstance(data, IterableDataset)
            self.batch_size = batch_size
            # With a generator of its own the loader draws nothing from torch's: the seeds stay comparable.
            self.generator = torch.Generator().manual_seed(torch.initial_seed() if seed is None else seed)
            how = {"batch_sampler": self} if self.is_own else {"batch_size": batch_size}
            how |= {"num_workers": workers, "pin_memory": device.type == "cuda"}
            self.loader = DataLoader(data, generator=self.generator, **how)
        dataset = self.loader.dataset
        self.rows = len(dataset) if hasattr(dataset, "__len__") else None
        try:
            self.steps = -(-self.rows // batch_size) if self.is_own else len(self.loader)
        except TypeError:
            self.steps = None
        if self.rows == 0 or self.steps == 0:
            raise CourseError(
                f"`{name}` has no rows, or no full batch of them.",
                "Expected at least one batch.",
                "Look at `len(dataset)`, and at `drop_last` of the `DataLoader`.",
            )

    def faulty_rows(self) -> int:
        """Return 0: the rows are not at hand to be counted."""
        return 0

    def __iter__(self) -> Iterator[list[int]]:
        """Give the row numbers of each batch, as the loader asks for them."""
        return iter(rows.tolist() for rows in self.order.split(self.batch_size))

    def batches(self, order: torch.Generator | None = None) -> Iterator[tuple]:
        """Give all batches, shuffled if there is an `order`."""
        if self.is_own:
            self.order = (
                torch.arange(self.rows) if order is None else torch.randperm(self.rows, generator=order)
            )
        for batch in self.loader:
            yield self._pair(batch)

    def sample(self, rows: int | None = None) -> tuple | None:
        """Return the first rows, or None where looking at them would use them up."""
        dataset = self.loader.dataset
        if isinstance(dataset, IterableDataset):
            return None
        if self.loader.batch_sampler is None:
            return self._pair(dataset[0])
        rows = min(rows or self.batch_size or 2, self.rows)
        return self._pair(self.loader.collate_fn([dataset[index] for index in range(rows)]))

    def _pair(self, batch) -> tuple:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            count = f" of {len(batch)} parts" if isinstance(batch, (tuple, list)) else ""
            raise CourseError(
                f"`{self.name}` gives a `{type(batch).__name__}`{count} for a batch.",
                "Expected a pair of inputs and targets.",
                "Several inputs go into a tuple of their own: `((first, second), targets)`.",
            )
        inputs, targets = (
            map_tensors(lambda t: t.to(self.device, non_blocking=True), part) for part in batch
        )
        inputs = _tuple(inputs)
        return (_as_channels_last(inputs) if self.layout is torch.channels_last else inputs), targets


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def map_tensors(function, data):
    """Apply `function` to every tensor in nested tuples, lists and dicts."""
    if isinstance(data, torch.Tensor):
        return function(data)
    if isinstance(data, (tuple, list)):
        return tuple(map_tensors(function, part) for part in data)
    if isinstance(data, dict):
        return {key: map_tensors(function, part) for key, part in data.items()}
    return data


def join(parts):
    """Put the outputs of all batches behind one another, also where each is a tuple or a dict."""
    if isinstance(parts[0], tuple):
        return tuple(join(some) for some in zip(*parts, strict=True))
    if isinstance(parts[0], dict):
        return {key: join([part[key] for part in parts]) for key in parts[0]}
    joined = torch.cat(parts).cpu()
    return joined.float() if joined.dtype is torch.bfloat16 else joined


def _as_channels_last(inputs: tuple) -> tuple:
    return tuple(t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t for t in inputs)


def _tensor(value, name: str, floats: torch.dtype) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise CourseError(
                f"`{name} have the type `{array.dtype}`.",
                "Expected numbers.",
                "Turn words into class numbers: `np.unique(words, return_inverse=True)[1]`.",
            )
        native = array.dtype.newbyteorder("=")  # torch knows no other; files of astronomy do
        value = torch.from_numpy(np.require(array, dtype=native, requirements=["C", "W"]))
        if array.dtype.kind == "f":
            value = value.to(floats)
        elif array.dtype.kind in "iu" and not (array.dtype == np.uint8 and "inputs" in name):
            value = value.to(torch.int64)  # what class numbers and tokens are; pictures of bytes stay small
    if value.ndim == 0:
        raise CourseError(
            f"`{name} are a single number.",
            "Expected one row for each example.",
            "Look at the shape of the data.",
        )
    return value.detach()


def _fits(tensors, device) -> bool:
    """Return whether the data and their shuffled copy leave the GPU half of its free memory."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * sum(tensor.nbytes for tensor in tensors) < free / 2


def rows_of(targets) -> int:
    """Return how many examples a batch has."""
    while not isinstance(targets, torch.Tensor):
        targets = next(iter(targets.values() if isinstance(targets, dict) else targets))
    return len(targets)
