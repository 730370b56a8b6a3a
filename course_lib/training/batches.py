"""The batches of a data set, whether it lies in memory or is made row by row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_lib.errors import CourseError


def batches_of(
    name, data, *, model, device, batch_size, team, layout=torch.preserve_format, workers=0, seed=None
):
    """Return what gives the batches of `data`, and knows its `rows`, `steps` and `batch_size`.

    A batch is `(inputs, targets, rows)`. In a team each process gets its part of it, and `rows` counts all.
    """
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(data, (tuple, list)) and len(data) == 2 and all(map(_has_rows, data)):
        floats = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        return _InMemory(name, *data, batch_size, device, layout, team, floats)
    is_dataset = hasattr(data, "__getitem__") and not _has_rows(data)
    if is_dataset or isinstance(data, (DataLoader, IterableDataset)):
        return _Streamed(name, data, batch_size, device, layout, team, workers, seed)
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


class _Source:
    """What both kinds of data have in common: into which batches, and parts of them, the rows are cut."""

    def _lengths(self) -> list[int]:
        return [min(self.batch_size, self.rows - first) for first in range(0, self.rows, self.batch_size)]

    def _plan(self, order) -> list[torch.Tensor]:
        """Return the numbers of this process's rows in each batch, in the same order for all processes."""
        rows = torch.arange(self.rows) if order is None else self.team.order(self.rows, order)
        return [batch[self.team.part(len(batch))] for batch in rows.split(self.batch_size)]

    @property
    def at_once(self) -> int:
        """The most rows of a batch that this process gets."""
        size = self.batch_size or 2
        return -(-min(size, self.rows or size) // self.team.size)

    @property
    def shortest(self) -> int | None:
        """The fewest rows that a process gets of a last batch, if it gets any."""
        if not self.rows or not self.batch_size:
            return None
        last = self.rows % self.batch_size or self.batch_size
        return max(1, last // self.team.size)

    def shrink(self) -> bool:
        """Halve the batches, if that is ours to do."""
        if not self.is_own or self.batch_size < 2:
            return False
        self.batch_size //= 2
        self.steps = -(-self.rows // self.batch_size)
        return True


class _InMemory(_Source):
    """Rows that lie in memory: an epoch is one shuffled copy on the device, and a batch a slice of it."""

    is_own = True

    def __init__(self, name, inputs, targets, batch_size, device, layout, team, floats):
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
        self.name, self.team = name, team
        self.rows, self.batch_size, self.device, self.layout = lengths[0], batch_size, device, layout
        self.steps = -(-self.rows // batch_size)
        self.generator = None
        self.is_resident = _fits(tensors, device)
        self.tensors = [tensor.to(device) for tensor in tensors] if self.is_resident else tensors

    def batches(self, order: torch.Generator | None = None, start: int = 0) -> Iterator[tuple]:
        """Give the batches from number `start` on, shuffled if there is an `order`, which is drawn now."""
        if not self.is_resident:  # too large for a copy: gather each batch where the data lie
            plan = self._plan(order)
            parts = ([t[rows].to(self.device, non_blocking=True) for t in self.tensors] for rows in plan)
        elif self.team.size > 1:
            plan = self._plan(order)
            rows = torch.cat(plan).to(self.device)
            sizes = [len(some) for some in plan]
            parts = zip(*(tensor.index_select(0, rows).split(sizes) for tensor in self.tensors), strict=True)
        else:
            tensors = self.tensors
            if order is not None:
                rows = self.team.order(self.rows, order).to(self.device)
                tensors = [tensor.index_select(0, rows) for tensor in tensors]  # five times as fast as [rows]
            parts = zip(*(tensor.split(self.batch_size) for tensor in tensors), strict=True)
        return itertools.islice(map(self._pair, parts, self._lengths()), start, None)

    def sample(self, rows: int | None = None, is_spread: bool = False) -> tuple:
        """Return the first rows, a batch of them if not told otherwise, or as many spread over the data."""
        rows = min(rows or self.batch_size, self.rows)
        some = torch.linspace(0, self.rows - 1, rows).long() if is_spread else slice(rows)
        return self._pair([tensor[some].to(self.device) for tensor in self.tensors], rows)[:2]

    def faulty_rows(self) -> int:
        """Return how many rows hold a value that is not finite."""
        parts = [~t.flatten(1).isfinite().all(1) if t.ndim > 1 else ~t.isfinite() for t in self.tensors]
        return int(torch.stack([part.cpu() for part in parts]).any(0).sum())

    def _pair(self, parts, rows) -> tuple:
        inputs, targets = tuple(parts[: self.inputs_count]), tuple(parts[self.inputs_count :])
        if self.layout is torch.channels_last:
            inputs = _as_channels_last(inputs)
        return inputs, targets if self.has_many_targets else targets[0], rows


class _Streamed(_Source):
    """Rows that a `Dataset` makes one by one, or that a `DataLoader` brings in its own way."""

    def __init__(self, name, data, batch_size, device, layout, team, workers, seed):
        self.name, self.device, self.layout, self.team = name, device, layout, team
        if isinstance(data, DataLoader):
            self.loader, self.is_own = data, False
            self.batch_size, self.generator = data.batch_size, data.generator
        else:
            self.is_own = not isinstance(data, IterableDataset)
            self.batch_size = batch_size
            # With a generator of its own the loader draws nothing from torch's: the seeds stay comparable.
            start = torch.initial_seed() if seed is None else seed
            self.generator = torch.Generator().manual_seed((start + team.rank) % 2**63)
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
        return iter(self.numbers)

    def batches(self, order: torch.Generator | None = None, start: int = 0) -> Iterator[tuple]:
        """Give the batches from number `start` on, shuffled if there is an `order`, which is drawn now."""
        if not self.is_own:
            return self._batches_of_others(start)
        plan, lengths = self._plan(order), self._lengths()
        # Rows are made again up to `start` only by workers, whose random numbers nothing else could bring
        # back; those of this process come back with its other random numbers.
        skipped = 0 if self.loader.num_workers else start
        self.numbers = [rows.tolist() for rows in plan[skipped:] if len(rows)]
        batches = iter(self.loader)
        for _ in range(start - skipped):
            next(batches)
        return self._own_batches(batches, plan[start:], lengths[start:])

    def _own_batches(self, batches, plan, lengths) -> Iterator[tuple]:
        for part, rows in zip(plan, lengths, strict=True):
            # Of a last batch with fewer rows than processes, some get none.
            yield (*self._pair(next(batches)), rows) if len(part) else ((), torch.empty(0), rows)

    def _batches_of_others(self, start) -> Iterator[tuple]:
        """Give the batches that a `DataLoader` draws: all processes draw the same, and keep their parts."""
        before = torch.get_rng_state()
        if self.team.size > 1:
            torch.set_rng_state(self.team.same(before))
        batches = iter(self.loader)
        first = list(itertools.islice(batches, 1)) if self.team.size > 1 or start else []
        for _ in range(start - 1):
            next(batches)
        if self.team.rank:
            torch.set_rng_state(before)
        return map(self._part, itertools.chain([] if start else first, batches))

    def _part(self, batch) -> tuple:
        inputs, targets = self._pair(batch)
        rows = rows_of(targets)
        if self.team.size > 1:
            part = self.team.part(rows)
            inputs, targets = cut(inputs, part), cut(targets, part)
        return inputs, targets, rows

    def sample(self, rows: int | None = None, is_spread: bool = False) -> tuple | None:
        """Return the first rows, or as many spread over the data; None where looking would use them up."""
        dataset = self.loader.dataset
        if isinstance(dataset, IterableDataset):
            return None
        if self.loader.batch_sampler is None:
            return self._pair(dataset[0])
        rows = min(rows or self.batch_size or 2, self.rows)
        some = torch.linspace(0, self.rows - 1, rows).long().tolist() if is_spread else range(rows)
        return self._pair(self.loader.collate_fn([dataset[index] for index in some]))

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
    joined = torch.cat(parts)
    return joined.float() if joined.dtype is torch.bfloat16 else joined


def cut(data, rows):
    """Return some rows of every tensor in nested tuples, lists and dicts."""
    return map_tensors(lambda tensor: tensor[rows], data)


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
