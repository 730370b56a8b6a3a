"""Train and measure a model: `fit`, `evaluate`, and the `History` of a run.

Read `fit` first: it is the loop that lesson 04 builds by hand, and it stands here in one piece. What it calls
follows below it in the order of its use. There is no trainer object and there are no callback classes.
"""

from __future__ import annotations

import contextlib
import functools
import html
import math
import os
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_lib.device import autocast, choose_threads, describe_device, threads
from course_lib.errors import CourseError, closest

__all__ = ["History", "evaluate", "fit"]


def fit(
    model: nn.Module,
    train,
    valid=None,
    *,
    loss: Callable,
    epochs: int,
    learning_rate: float = 1e-3,
    optimizer: str | Callable = "adamw",
    schedule: Callable | None = None,
    batch_size: int = 64,
    metrics: Mapping[str, Callable] | None = None,
    clip_norm: float | None = None,
    seed: int | None = None,
    device: str | torch.device | None = None,
    precision: str = "float32",
    compile: bool = False,
    channels_last: bool = False,
    workers: int = 0,
    on_epoch: Callable[[dict], Any] | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place and return what happened in each epoch.

    Parameters
    ----------
    model : torch.nn.Module
        What to train. It moves to the device and stays there; its training mode is as before afterwards.
    train : tuple, Dataset or DataLoader
        `(inputs, targets)`, tensors or arrays with B rows each, where `inputs` may be a tuple of them for a
        model with several inputs, and `targets` for several outputs; or a torch `Dataset` of such pairs; or
        a `DataLoader`, which brings its own batch size and order. Arrays of floats take the model's type.
    valid : tuple, Dataset or DataLoader, optional
        The same, to be measured after each epoch.
    loss : callable
        `loss(outputs, targets)`, the mean over the examples of a batch.
    epochs : int
        How often every row is seen.
    learning_rate : float
        Of an optimizer that is given by name.
    optimizer : str or callable
        "adamw", "adam" or "sgd", or `callable(parameters)`, which sets its own learning rate.
    schedule : callable, optional
        `callable(optimizer, steps)` makes a scheduler of torch for a run of `steps` batches; it is stepped
        after each batch.
    batch_size : int
        Rows in a batch; the last one of an epoch may be shorter, and weighs less in the mean.
    metrics : mapping, optional
        Name to `callable(outputs, targets)`, called with those of all validation rows, on the CPU.
    clip_norm : float, optional
        The largest norm that the gradient may have; a longer one is shortened.
    seed : int, optional
        Of the order of the rows and of what the model draws, such as dropout. Left out, both come from torch's
        global generator, so that `seed_everything` governs them.
    device : str or torch.device, optional
        Where to train; the best there is if left out.
    precision : str
        "float32", "bfloat16", or "auto": bfloat16 on a card that is made for it.
    compile : bool
        Whether to compile the model first, which takes up to a minute and pays on a GPU and for long runs.
    channels_last : bool
        Whether images lie in memory pixel by pixel, which convolutions on a GPU prefer.
    workers : int
        Processes that prepare the batches of a `Dataset`.
    on_epoch : callable, optional
        Called with each record; the run ends if it returns "stop".
    checkpoint : str or Path, optional
        A file in which every epoch is kept. The same call finds it again and goes on from there; a finished
        run returns at once, and more `epochs` continue it (a schedule is laid out anew over all of them).
    progress : bool
        Whether to show a bar; `COURSE_PROGRESS=off` silences all.

    Returns
    -------
    History
        One record for each epoch: `epoch`, `train_loss` (the mean over the epoch, while it was learning),
        `valid_loss` (None without `valid`), `learning_rate` of the last step, `seconds`, and the metrics.
        Interrupting the run returns the epochs that were finished.

    Raises
    ------
    CourseError
        Before the first step, if the data, the model, the loss and the settings do not fit together; later,
        if the loss is not finite, or a checkpoint belongs to another run.

    Notes
    -----
    The rows of an epoch come in the order `torch.randperm(B, generator=...)`, drawn on the CPU whatever the
    device. Data in memory are put on the device once, if they fit there twice.

    **Source:** I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, arXiv 1711.05101, for AdamW;
    otherwise standard result. **Shown in:** lesson 00, "Train a network"; by hand in lesson 04.
    """
    _check_settings(loss, epochs, learning_rate, optimizer, batch_size, metrics, valid, clip_norm, workers)
    parameters = _trainable(model)
    device, _ = describe_device(device)
    half = autocast(device, precision)
    layout = torch.channels_last if channels_last else torch.preserve_format
    model.to(device, memory_format=layout)
    put = functools.partial(_source, model=model, device=device, layout=layout, workers=workers)
    train = put("train", train, batch_size=batch_size)
    # Without gradients four times as many rows take the same memory.
    valid = put("valid", valid, batch_size=4 * batch_size) if valid is not None else None
    workload = choose_threads(sum(p.numel() for p in parameters) * (train.batch_size or batch_size))

    history = History()
    with _world(model, device, seed, workload) as order, _Bar(progress, epochs, device, workload) as bar:
        _rehearse(model, loss, train, valid, half)
        forward = _compiled(model, train, half) if compile else model
        stepper = _make_optimizer(optimizer, parameters, learning_rate, device)
        plan = _make_schedule(schedule, stepper, epochs, train.steps)
        saved = _Checkpoint(checkpoint, model, stepper, plan, train, seed, clip_norm, precision, order, device)
        finished = saved.resume(history, epochs)
        bar.begin(history)
        try:
            while len(history) < epochs and not finished:
                started = time.perf_counter()
                losses = _Losses(len(history) + 1, watched=device.type != "cpu")
                model.train()
                for inputs, targets in train.batches(order):
                    with half:
                        value = loss(forward(*inputs), targets)
                    losses.add(value, targets, stepper)
                    stepper.zero_grad()
                    value.backward()
                    if clip_norm is not None:
                        nn.utils.clip_grad_norm_(parameters, clip_norm)
                    stepper.step()
                    learning_rate = stepper.param_groups[0]["lr"]
                    if plan is not None:
                        plan.step()
                    if bar.is_due():
                        bar.show(losses, train)
                record = {"epoch": len(history) + 1, "train_loss": losses.mean(stepper), "valid_loss": None}
                if valid is not None:
                    measured = _measure(model, forward, valid, loss, metrics, half)
                    record |= {"valid_loss": measured.pop("loss"), **measured}
                record["learning_rate"] = float(learning_rate)
                record["seconds"] = time.perf_counter() - started
                history.append(record)
                finished = on_epoch is not None and on_epoch(record) == "stop"
                saved.write(history, epochs, finished)
        except KeyboardInterrupt:
            bar.note = f"interrupted in epoch {len(history) + 1}"
    return history


def evaluate(
    model: nn.Module,
    data,
    *,
    loss: Callable | None = None,
    metrics: Mapping[str, Callable] | None = None,
    device: str | torch.device | None = None,
    batch_size: int = 256,
) -> dict[str, float]:
    """Measure `model` on data that it does not learn from.

    Parameters
    ----------
    model : torch.nn.Module
        What to measure; its training mode is as before afterwards.
    data : tuple, Dataset or DataLoader
        As for `fit`.
    loss : callable, optional
        `loss(outputs, targets)`, the mean over the examples of a batch.
    metrics : mapping, optional
        Name to `callable(outputs, targets)`, called with those of all rows, on the CPU.
    device : str or torch.device, optional
        Where to compute, and where the model then stays; where the model is if left out.
    batch_size : int
        Rows at a time. It changes the memory that is needed and not the result.

    Returns
    -------
    dict of str to float
        `loss` if there is one, and the metrics by name.

    Raises
    ------
    CourseError
        If data, model, loss and metrics do not fit together, or nothing was asked for.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 00, "Train a network".
    """
    if loss is None and not metrics:
        raise CourseError(
            "`evaluate` got neither `loss` nor `metrics`.",
            "Expected at least one thing to measure.",
            "Write, for example, `metrics={'accuracy': accuracy}`.",
        )
    _check_settings(loss or F.mse_loss, 1, 1.0, "adamw", batch_size, metrics, data, None, 0)
    _require_module(model)
    if device is None:
        device = next((tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    else:
        device, _ = describe_device(device)
        model.to(device)
    source = _source("data", data, model=model, device=device, batch_size=batch_size)
    workload = choose_threads(sum(p.numel() for p in model.parameters()) * batch_size)
    with _world(model, device, None, workload):
        _rehearse(model, loss, None, source, contextlib.nullcontext())
        return _measure(model, model, source, loss, metrics, contextlib.nullcontext())


class History(list):
    """A list of records, one plain dict for each epoch, as `fit` returns it.

    `history[-1]["valid_loss"]` is the last validation loss, and `[r["train_loss"] for r in history]` all
    training losses. A notebook shows it as a table.
    """

    def table(self) -> str:
        """Return the records as a text table; of more than twenty, twenty spread over the run.

        Returns
        -------
        str
            A line of names and a line for each epoch.
        """
        rows = self._cells()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )

    def _cells(self) -> list[list[str]]:
        names = list(dict.fromkeys(name for record in self for name in record))
        shown = self
        if len(self) > 20:
            shown = [self[round(index * (len(self) - 1) / 19)] for index in range(20)]
        cells = [[_number(record.get(name)) for name in names] for record in shown]
        return [[name.replace("_", " ") for name in names] or ["no epoch yet"], *cells]

    def _repr_html_(self) -> str:
        head, *rows = (
            "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            for row, tag in zip(self._cells(), ["th", *["td"] * len(self)], strict=False)
        )
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _number(value) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


# --- The settings and the model ------------------------------------------------------------------------------


def _check_settings(loss, epochs, learning_rate, optimizer, batch_size, metrics, valid, clip_norm, workers):
    def is_whole(value, least):
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least

    def is_positive(value):
        return isinstance(value, (int, float, np.number)) and 0 < value < math.inf

    expectations = (
        ("loss", callable(loss), "a function `loss(outputs, targets)`", "Try `torch.nn.functional.mse_loss`."),
        ("epochs", is_whole(epochs, 0), "a whole number, 0 or more", "Try `epochs=10`."),
        ("learning_rate", is_positive(learning_rate), "a positive number", "Try `learning_rate=1e-3`."),
        ("batch_size", is_whole(batch_size, 1), "a whole number, 1 or more", "Try `batch_size=64`."),
        ("workers", is_whole(workers, 0), "a whole number, 0 or more", "Try `workers=0`."),
        ("clip_norm", clip_norm is None or is_positive(clip_norm), "a positive number", "Try `clip_norm=1.0`."),
    )
    given = locals()
    for name, is_right, expected, suggestion in expectations:
        if not is_right:
            raise CourseError(f"`{name}` is {given[name]!r}.", f"Expected {expected}.", suggestion)
    if not callable(optimizer) and optimizer not in _OPTIMIZERS:
        raise CourseError(
            f"`optimizer` is {optimizer!r}.",
            "Expected a name, or a function of the parameters.",
            closest(str(optimizer), _OPTIMIZERS),
        )
    if callable(optimizer) and learning_rate != 1e-3:
        raise CourseError(
            "There are two learning rates: `learning_rate` and the one inside `optimizer`.",
            "Expected one: a function sets its own.",
            "Leave `learning_rate` out, or give the optimizer by name.",
        )
    if metrics and valid is None:
        raise CourseError(
            "There are `metrics` but no `valid`.",
            "Expected validation data: what is measured on the training rows says little.",
            "Pass `valid`, or call `evaluate(model, train, metrics=...)` afterwards.",
        )
    reserved = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds", "loss"}
    for name, metric in (metrics or {}).items():
        if name in reserved or not callable(metric):
            raise CourseError(
                f"The metric `{name}` {'has the name of a column' if callable(metric) else 'is no function'}.",
                "Expected a name of its own and a function of `(outputs, targets)`.",
                "Write, for example, `metrics={'accuracy': accuracy}`.",
            )


def _require_module(model) -> None:
    if not isinstance(model, nn.Module):
        raise CourseError(
            f"`model` is a `{getattr(model, '__name__', type(model).__name__)}`.",
            "Expected a `torch.nn.Module`.",
            "A class needs its brackets, as in `fit(Network(), ...)`; for a function write a module around it.",
        )


def _trainable(model) -> list[nn.Parameter]:
    _require_module(model)
    if any(nn.parameter.is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        raise CourseError(
            "`model` has layers that do not know their size yet.",
            "Expected every weight to be there before training.",
            "Show it one batch first: `model(inputs[:2])`.",
        )
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise CourseError(
            f"`model` ({type(model).__name__}) has no parameter to train.",
            "Expected at least one that requires a gradient.",
            "Keep layers as attributes of the module, lists of them in `nn.ModuleList`, and unfreeze some.",
        )
    return parameters


_OPTIMIZERS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def _make_optimizer(optimizer, parameters, learning_rate, device) -> torch.optim.Optimizer:
    if callable(optimizer):
        made = optimizer(parameters)
        if not isinstance(made, torch.optim.Optimizer):
            raise CourseError(
                f"`optimizer` returned a `{type(made).__name__}`.",
                "Expected an optimizer of torch.",
                "Write, for example, `optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)`.",
            )
        return made
    # Fused: one kernel updates all weights, where the others launch one or more for each of them.
    fused = device.type in ("cpu", "cuda") and all(p.is_floating_point() for p in parameters)
    return _OPTIMIZERS[optimizer](parameters, lr=learning_rate, fused=fused)


def _make_schedule(schedule, optimizer, epochs, steps):
    if schedule is None:
        return None
    if steps is None:
        raise CourseError(
            "`schedule` needs the number of steps, and this stream of data does not tell its length.",
            "Expected data with a length.",
            "Give the dataset a `__len__`, or leave `schedule` out.",
        )
    made = schedule(optimizer, max(1, epochs * steps))
    if not hasattr(made, "step"):
        raise CourseError(
            f"`schedule` returned a `{type(made).__name__}`.",
            "Expected a scheduler of torch.",
            "Try `schedule=torch.optim.lr_scheduler.CosineAnnealingLR`.",
        )
    return made


# --- The data ------------------------------------------------------------------------------------------------


def _source(name, data, *, model, device, batch_size, layout=torch.preserve_format, workers=0):
    """Return what gives the batches of `data`: `rows`, `steps`, `batch_size`, `batches(order)`, `sample(n)`."""
    if isinstance(data, TensorDataset) and len(data.tensors) == 2:
        data = data.tensors
    if isinstance(data, (tuple, list)) and len(data) == 2 and all(map(_has_rows, data)):
        floats = next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)
        return _InMemory(name, *data, batch_size, device, layout, floats)
    if isinstance(data, DataLoader) or (hasattr(data, "__getitem__") and not _has_rows(data)):
        return _Streamed(name, data, batch_size, device, layout, workers)
    if isinstance(data, IterableDataset):
        return _Streamed(name, data, batch_size, device, layout, workers)
    raise CourseError(
        f"`{name}` is a `{type(data).__name__}`.",
        "Expected `(inputs, targets)`, a torch `Dataset`, or a `DataLoader`.",
        f'Try `{name}.split("train")`.' if hasattr(data, "split") else f"Put them in a pair: `({name}, targets)`.",
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
                f"`{name}` has {_list(lengths)} rows in its inputs and targets.",
                "Expected at least one, and as many inputs as targets.",
                "Look at both shapes; the first axis counts the examples.",
            )
        self.rows, self.batch_size, self.device, self.layout = lengths[0], batch_size, device, layout
        self.steps = -(-self.rows // batch_size)
        self.generator = None
        if _fits(tensors, device):
            tensors = [tensor.to(device) for tensor in tensors]
        self.tensors = tensors

    def batches(self, order: torch.Generator | None = None) -> Iterator[tuple]:
        tensors = self.tensors
        if order is not None:
            rows = torch.randperm(self.rows, generator=order)
            if tensors[0].device != self.device:  # too large for a copy: gather each batch where the data lie
                for some in rows.split(self.batch_size):
                    yield self._pair([tensor[some].to(self.device, non_blocking=True) for tensor in tensors])
                return
            rows = rows.to(self.device)
            tensors = [tensor[rows] for tensor in tensors]
        for parts in zip(*(tensor.split(self.batch_size) for tensor in tensors), strict=True):
            yield self._pair(parts if parts[0].device == self.device else [p.to(self.device) for p in parts])

    def sample(self, rows: int | None = None) -> tuple:
        rows = rows or self.batch_size
        return self._pair([tensor[:rows].to(self.device) for tensor in self.tensors])

    def _pair(self, parts) -> tuple:
        inputs, targets = tuple(parts[: self.inputs_count]), tuple(parts[self.inputs_count :])
        if self.layout is torch.channels_last:
            inputs = _as_channels_last(inputs)
        return inputs, targets if self.has_many_targets else targets[0]


class _Streamed:
    """Rows that a `Dataset` makes one by one, or that a `DataLoader` brings in its own way."""

    def __init__(self, name, data, batch_size, device, layout, workers):
        self.name, self.device, self.layout = name, device, layout
        self.epoch, self.generator, self.order = 0, None, []
        if isinstance(data, DataLoader):
            self.loader, self.is_own = data, False
            self.batch_size, self.generator = data.batch_size, data.generator
        else:
            self.is_own = not isinstance(data, IterableDataset)
            self.batch_size = batch_size
            # With a generator of its own the loader draws nothing from torch's: the seeds stay comparable.
            self.seeds = torch.Generator()
            how = {"batch_sampler": self} if self.is_own else {"batch_size": batch_size}
            self.loader = DataLoader(
                data, num_workers=workers, pin_memory=device.type == "cuda", generator=self.seeds, **how
            )
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

    def __iter__(self) -> Iterator[list[int]]:
        """Give the row numbers of each batch, as the loader asks for them."""
        return iter(rows.tolist() for rows in self.order.split(self.batch_size))

    def batches(self, order: torch.Generator | None = None) -> Iterator[tuple]:
        if self.is_own:
            self.order = torch.arange(self.rows) if order is None else torch.randperm(self.rows, generator=order)
        if hasattr(self, "seeds"):
            self.epoch += order is not None
            self.seeds.manual_seed((order.initial_seed() if order is not None else 0) + self.epoch)
        for batch in self.loader:
            yield self._pair(batch)

    def sample(self, rows: int | None = None) -> tuple | None:
        dataset = self.loader.dataset
        if isinstance(dataset, IterableDataset):
            return None  # to look at it would use it up
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
        inputs, targets = (_map(lambda t: t.to(self.device, non_blocking=True), part) for part in batch)
        inputs = _tuple(inputs)
        return (_as_channels_last(inputs) if self.layout is torch.channels_last else inputs), targets


def _tuple(value) -> tuple:
    return value if isinstance(value, tuple) else (value,)


def _map(function, data):
    """Apply `function` to every tensor in nested tuples, lists and dicts."""
    if isinstance(data, torch.Tensor):
        return function(data)
    if isinstance(data, (tuple, list)):
        return tuple(_map(function, part) for part in data)
    if isinstance(data, dict):
        return {key: _map(function, part) for key, part in data.items()}
    return data


def _join(parts):
    """Put the outputs of all batches behind one another, also where each is a tuple or a dict."""
    if isinstance(parts[0], tuple):
        return tuple(_join(some) for some in zip(*parts, strict=True))
    if isinstance(parts[0], dict):
        return {key: _join([part[key] for part in parts]) for key in parts[0]}
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
        value = torch.from_numpy(np.array(array, order="C"))  # a copy: the array may be read-only
        if array.dtype.kind == "f":
            value = value.to(floats)
        elif array.dtype.kind in "iu" and not (array.dtype == np.uint8 and "inputs" in name):
            value = value.to(torch.int64)  # what class numbers and tokens are; pictures of bytes stay small
    if value.ndim == 0:
        raise CourseError(
            f"`{name} are a single number.", "Expected one row for each example.", "Look at the shape of the data."
        )
    return value.detach()


def _fits(tensors, device) -> bool:
    """Return whether the data and their shuffled copy leave the GPU half of its free memory."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * sum(tensor.nbytes for tensor in tensors) < free / 2


def _rows_of(targets) -> int:
    while not isinstance(targets, torch.Tensor):
        targets = next(iter(targets.values() if isinstance(targets, dict) else targets))
    return len(targets)


# --- The rehearsal: everything that can be wrong before the first step -----------------------------------------


def _rehearse(model, loss, train, valid, half) -> None:
    """Run a batch through model and loss, and leave model and random numbers as they were."""
    with _kept(model, half):
        if train is not None:
            model.train()
            # A last batch of one row is what a batch norm cannot take.
            for rows in (None, 1) if train.rows and train.batch_size and train.rows % train.batch_size == 1 else (None,):
                _try_batch(model, loss, train, rows, half, learns=True)
        if valid is not None:
            model.eval()
            with torch.no_grad():
                _try_batch(model, loss, valid, None, half, learns=False)


@contextlib.contextmanager
def _kept(model, half) -> Iterator[None]:
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


def _try_batch(model, loss, source, rows, half, learns) -> None:
    sample = source.sample(rows)
    if sample is None:
        return
    inputs, targets = sample
    try:
        with half:
            outputs = model(*inputs)
    except CourseError:
        raise
    except Exception as error:
        raise _model_error(model, inputs, error) from error
    if loss is None:
        return
    if outputs is None:
        raise CourseError(
            "`model` returned nothing.", "Expected outputs for the loss.", "Did you forget `return` in `forward`?"
        )
    _check_labels(loss, outputs, getattr(source, "tensors", [targets])[-1], targets)
    try:
        with warnings.catch_warnings(), half:
            # Shapes that only fit by broadcasting train on the wrong pairs.
            warnings.filterwarnings("error", message="Using a target size")
            value = loss(outputs, targets)
            if isinstance(value, torch.Tensor) and value.numel() == 1 and value.requires_grad and learns:
                torch.autograd.grad(value, [p for p in model.parameters() if p.requires_grad], allow_unused=True)
    except CourseError:
        raise
    except Exception as error:
        raise _loss_error(outputs, targets, error) from error
    _check_value(value, learns)


def _check_value(value, learns) -> None:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        what = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"type `{type(value).__name__}`"
        raise CourseError(
            f"`loss` returned something of {what}.",
            "Expected a tensor with one number, the mean over the batch.",
            "End it with `.mean()`, and compute with torch throughout.",
        )
    if learns and not value.requires_grad:
        raise CourseError(
            "`loss` does not depend on the parameters of `model`.",
            "Expected a value that gradients can flow back from.",
            "Look for `.detach()`, `.item()`, `no_grad`, `argmax` or NumPy between the layers and the loss.",
        )


def _said(tensors) -> str:
    """Return shapes and types in words: "shape (64, 28, 28) and type float32"."""
    return ", ".join(
        f"shape {tuple(t.shape)} and type {_type(t)}" if isinstance(t, torch.Tensor) else f"type {type(t).__name__}"
        for t in _tuple(tensors)
    )


def _type(tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _list(numbers) -> str:
    return " and ".join(map(str, numbers))


def _model_error(model, inputs, error) -> CourseError:
    """Say what the first layer would have taken, where that is the trouble."""
    first = next((m for m in model.modules() if isinstance(m, (nn.Linear, *_CONVOLUTIONS, nn.Embedding))), None)
    found = f"`model` cannot take inputs of {_said(inputs)}."
    given = inputs[0]
    if first is not None and isinstance(given, torch.Tensor):
        if isinstance(first, nn.Embedding):
            if given.is_floating_point():
                return CourseError(found, "Expected whole numbers for its embedding.", "Try `inputs.long()`.")
        elif given.dtype != first.weight.dtype:
            kind = _type(first.weight)
            how = "float" if kind == "float32" else f"to(torch.{kind})"
            return CourseError(found, f"Expected type {kind}, like its weights.", f"Try `inputs.{how}()`."[:])
        if isinstance(first, nn.Linear) and given.shape[-1] != first.in_features:
            flat = given.ndim > 2 and math.prod(given.shape[1:]) == first.in_features
            return CourseError(
                found,
                f"Expected (B, {first.in_features}): its first layer is `{first}`.",
                "Flatten each example: `inputs.flatten(1)`." if flat else "Change the layer or the inputs.",
            )
        for kind, axes in _CONVOLUTIONS.items():
            wanted = len(axes) + 2
            if isinstance(first, kind) and (given.ndim != wanted or given.shape[1] != first.in_channels):
                lacks_channel = given.ndim == wanted - 1 and first.in_channels == 1
                return CourseError(
                    found,
                    f"Expected (B, {first.in_channels}, {', '.join(axes)}): its first layer is `{type(first).__name__}`.",
                    "Add the channel axis: `inputs[:, None]`." if lacks_channel else "Change the layer or the inputs.",
                )
    return CourseError(
        f"{found[:-1]}: {_first_line(error)}",
        "Expected layers that fit the inputs and one another.",
        "Try `model(inputs[:2])` by itself, and print the shapes inside `forward`.",
    )


_CONVOLUTIONS = {nn.Conv1d: ("T",), nn.Conv2d: ("H", "W"), nn.Conv3d: ("D", "H", "W")}


def _loss_error(outputs, targets, error) -> CourseError:
    found = f"`loss` cannot compare outputs of {_said(outputs)} with targets of {_said(targets)}."
    if isinstance(outputs, torch.Tensor) and isinstance(targets, torch.Tensor):
        if "multi-target" in str(error) and targets.ndim == 2 and targets.shape[1] == 1:
            return CourseError(found, "Expected class numbers of shape (B,).", "Try `targets[:, 0]`.")
        if targets.shape[:1] == outputs.shape and tuple(targets.shape[1:]) == (1,):
            return CourseError(found, "Expected the same shape for both.", "Try `targets[:, 0]`.")
        if outputs.shape[:1] == targets.shape and tuple(outputs.shape[1:]) == (1,):
            return CourseError(found, "Expected the same shape for both.", "Try `targets[:, None]`.")
        if "Long" in str(error) and targets.is_floating_point():
            return CourseError(found, "Expected class numbers of type int64.", "Try `targets.long()`.")
        if not targets.is_floating_point() and any(word in str(error) for word in ("Float", "dtype", "type")):
            if targets.dtype is not torch.int64 and outputs.ndim == targets.ndim + 1:
                return CourseError(found, "Expected class numbers of type int64.", "Try `targets.long()`.")
            return CourseError(found, f"Expected targets of type {_type(outputs)}.", "Try `targets.float()`.")
    return CourseError(
        f"{found[:-1]}: {_first_line(error)}",
        "Expected outputs and targets that the loss can compare.",
        "Try `loss(model(inputs[:2]), targets[:2])` by itself.",
    )


def _first_line(error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."


def _check_labels(loss, outputs, labels, batch) -> None:
    """Refuse class numbers outside 0 to K - 1: on a GPU they would end the session."""
    while isinstance(loss, functools.partial):
        loss = loss.func
    compares_classes = loss in (F.cross_entropy, F.nll_loss) or isinstance(loss, (nn.CrossEntropyLoss, nn.NLLLoss))
    if not compares_classes or not isinstance(outputs, torch.Tensor) or outputs.ndim < 2:
        return
    if not isinstance(labels, torch.Tensor) or labels.is_floating_point() or labels.dtype is torch.bool:
        return
    labels = labels[labels != getattr(loss, "ignore_index", -100)]
    classes = outputs.shape[1]
    if labels.numel() and not (labels.min() >= 0 and labels.max() < classes):
        low, high = int(labels.min()), int(labels.max())
        raise CourseError(
            f"The targets are class numbers from {low} to {high}, and `model` has {classes} outputs.",
            f"Expected class numbers from 0 to {classes - 1}.",
            "Try `targets - 1`." if low == 1 and high == classes else f"Give the last layer {high + 1} outputs.",
        )


def _compiled(model, train, half):
    """Return the compiled model, after one batch has gone through it."""
    forward = torch.compile(model)
    sample = train.sample()
    try:
        with _kept(model, half), half:
            if sample is not None:
                model.train()
                forward(*sample[0])
    except Exception as error:
        raise CourseError(
            f"`model` could not be compiled: {_first_line(error)}",
            "Expected a C++ compiler on a CPU, or Triton on a GPU, and a model that PyTorch can trace.",
            "Leave `compile` out: the results are the same.",
        ) from error
    return forward


# --- What is read, shown and kept during a run -----------------------------------------------------------------


@contextlib.contextmanager
def _world(model, device, seed, workload) -> Iterator[torch.Generator]:
    """Give the generator of the order of rows; put mode, threads and, after a `seed`, torch's state back."""
    modes = [(module, module.training) for module in model.modules()]
    devices = range(torch.cuda.device_count()) if device.type == "cuda" else []
    with threads(workload), torch.random.fork_rng(devices=devices, enabled=seed is not None):
        order = torch.default_generator
        if seed is not None:
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed_all(seed)
            order = torch.Generator().manual_seed(seed)
        try:
            yield order
        finally:
            for module, training in modes:
                module.training = training


class _Losses:
    """The losses of one epoch. On a GPU they stay there: each look would wait for all that is queued."""

    def __init__(self, epoch, watched):
        self.epoch, self.is_queued = epoch, watched
        self.values, self.rows, self.checked = [], [], 0
        self.bad = None

    def add(self, value, targets, optimizer) -> None:
        """Keep a loss, and see to it that no step follows one that is not finite."""
        self.values.append(value.detach())
        self.rows.append(_rows_of(targets))
        if not self.is_queued or not getattr(optimizer, "_step_supports_amp_scaling", False):
            self.check(optimizer)
            return
        # A fused optimizer leaves the weights alone while this flag of its own is up; nobody has to wait.
        if self.bad is None:
            self.bad = optimizer.found_inf = torch.zeros((), device=value.device)
            optimizer.grad_scale = None
        torch.maximum(self.bad, (~value.detach().isfinite()).float(), out=self.bad)

    def check(self, optimizer) -> None:
        """Stop if a loss since the last look was not finite."""
        new = self.values[self.checked :]
        if not new or (math.isfinite(new[0]) if len(new) == 1 else bool(torch.stack(new).isfinite().all())):
            self.checked = len(self.values)
            return
        batch = self.checked + [math.isfinite(value) for value in new].index(False) + 1
        gradients = [p.grad.norm() for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        norm = float(torch.stack(gradients).norm()) if gradients else math.nan
        before = f", after a gradient of norm {norm:.3g}" if math.isfinite(norm) else ""
        raise CourseError(
            f"The loss is {float(self.values[batch - 1])} in epoch {self.epoch}, batch {batch}{before}; "
            f"the learning rate is {float(optimizer.param_groups[0]['lr']):.3g}.",
            "Expected a finite number.",
            "Try a tenth of the learning rate or `clip_norm=1.0`, and look for NaN or huge numbers in the data.",
        )

    def mean(self, optimizer) -> float:
        """Return the mean over the rows seen so far."""
        self.check(optimizer)
        weights = torch.tensor(self.rows, dtype=torch.float64)
        return float((torch.stack(self.values).cpu().double().flatten() * weights).sum() / weights.sum())


def _measure(model, forward, source, loss, metrics, half) -> dict[str, float]:
    losses, rows, outputs, targets = [], [], [], []
    model.eval()
    with torch.no_grad(), half:
        for inputs, wanted in source.batches():
            given = forward(*inputs)
            if loss is not None:
                losses.append(loss(given, wanted))
                rows.append(_rows_of(wanted))
            if metrics:
                outputs.append(_map(torch.Tensor.detach, given))
                targets.append(wanted)
    result = {}
    if losses:
        weights = torch.tensor(rows, dtype=torch.float64)
        result["loss"] = float((torch.stack(losses).cpu().double().flatten() * weights).sum() / weights.sum())
    if metrics:
        outputs, targets = _join(outputs), _join(targets)
        for name, metric in metrics.items():
            try:
                result[name] = float(metric(outputs, targets))
            except Exception as error:
                raise CourseError(
                    f"The metric `{name}` failed on outputs of {_said(outputs)}: {_first_line(error)}",
                    "Expected one number from `metric(outputs, targets)`.",
                    f"The targets are of {_said(targets)}; class numbers are `outputs.argmax(1)`.",
                ) from error
    return result
