"""The loop itself: `fit` and `evaluate`.

Read `fit` first: it is what lesson 04 builds by hand, in one piece. There is no trainer object and there are
no callback classes.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.device import autocast, choose_threads, describe_device, threads
from course_lib.errors import CourseError
from course_lib.training.bar import Bar
from course_lib.training.batches import batches_of, join, map_tensors, rows_of
from course_lib.training.checkpoint import Checkpoint, kept
from course_lib.training.history import History
from course_lib.training.rehearsal import described, first_line, rehearse
from course_lib.training.settings import (
    check_metrics,
    check_numbers,
    check_optimizer,
    make_optimizer,
    make_schedule,
    require_module,
    trainable,
)


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
        Of the order of the rows and of what the model draws, such as dropout. Left out, both come from
        torch's global generator, so that `seed_everything` governs them.
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

    **Source:** I. Loshchilov and F. Hutter, Decoupled Weight Decay Regularization, arXiv 1711.05101, for
    AdamW; otherwise standard result. **Shown in:** lesson 00, "Train a network"; by hand in lesson 04.
    """
    check_numbers(
        loss=loss,
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        clip_norm=clip_norm,
        workers=workers,
    )
    check_optimizer(optimizer, learning_rate)
    check_metrics(metrics, valid)
    parameters = trainable(model)
    device, _ = describe_device(device)
    cast = autocast(device, precision)
    layout = torch.channels_last if channels_last else torch.preserve_format
    model.to(device, memory_format=layout)
    put = functools.partial(batches_of, model=model, device=device, layout=layout, workers=workers, seed=seed)
    train = put("train", train, batch_size=batch_size)
    # Without gradients four times as many rows take the same memory.
    valid = put("valid", valid, batch_size=4 * batch_size) if valid is not None else None
    workload = choose_threads(sum(p.numel() for p in parameters) * (train.batch_size or batch_size))

    history = History()
    with _world(model, device, seed, workload) as order, Bar(progress, epochs, device, workload) as bar:
        optimizer = make_optimizer(optimizer, parameters, learning_rate, device)
        schedule = make_schedule(schedule, optimizer, epochs, train.steps)
        generators = [order, train.generator, valid and valid.generator]
        saved = Checkpoint(checkpoint, model, optimizer, schedule, generators, device)
        saved.identify(loss=loss, train=train, seed=seed, clip_norm=clip_norm, precision=precision)
        finished = saved.resume(history, epochs)
        if not finished:
            rehearse(model, loss, train, valid, device, cast)
            forward = _compiled(model, train, device, cast) if compile else model
        bar.begin(history)
        losses = _Losses(optimizer, train, device.type == "cuda")
        try:
            while len(history) < epochs and not finished:
                started = time.perf_counter()
                losses.begin(len(history) + 1)
                model.train()
                for inputs, targets in train.batches(order):
                    with cast:
                        value = loss(forward(*inputs), targets)
                    losses.add(value, targets)
                    optimizer.zero_grad()
                    value.backward()
                    if clip_norm is not None:
                        nn.utils.clip_grad_norm_(parameters, clip_norm)
                    optimizer.step()
                    learning_rate = optimizer.param_groups[0]["lr"]
                    if schedule is not None:
                        schedule.step()
                    if bar.is_due():
                        bar.show(losses, train)
                record = {"epoch": len(history) + 1, "train_loss": losses.mean(), "valid_loss": None}
                if valid is not None:
                    measured = _measure(model, forward, valid, loss, metrics, cast)
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
    check_numbers(loss=loss, batch_size=batch_size)
    check_metrics(metrics, data)
    require_module(model)
    if device is None:
        device = next(
            (tensor.device for tensor in (*model.parameters(), *model.buffers())), torch.device("cpu")
        )
    else:
        device, _ = describe_device(device)
        model.to(device)
    source = batches_of("data", data, model=model, device=device, batch_size=batch_size)
    workload = choose_threads(sum(p.numel() for p in model.parameters()) * batch_size)
    with _world(model, device, None, workload):
        rehearse(model, loss, None, source, device, contextlib.nullcontext())
        return _measure(model, model, source, loss, metrics, contextlib.nullcontext())


def _compiled(model, train, device, cast):
    """Return the compiled model, after one batch has gone through it."""
    forward = torch.compile(model)
    sample = train.sample()
    try:
        with kept(model, device), cast:
            if sample is not None:
                model.train()
                forward(*sample[0])
    except Exception as error:
        raise CourseError(
            f"`model` could not be compiled: {first_line(error)}",
            "Expected a C++ compiler on a CPU, or Triton on a GPU, and a model that PyTorch can trace.",
            "Leave `compile` out: the results are the same.",
        ) from error
    return forward


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
    """The losses of an epoch. On a GPU they stay there: each look would wait for all that is queued."""

    def __init__(self, optimizer, source, is_queued):
        self.optimizer, self.source = optimizer, source
        self.begin(1)
        # While its flag `found_inf` is up, a fused optimizer leaves the weights alone: nobody has to wait.
        self.flag = None
        if is_queued and getattr(optimizer, "_step_supports_amp_scaling", False):
            self.flag = torch.zeros((), device=optimizer.param_groups[0]["params"][0].device)
            optimizer.found_inf, optimizer.grad_scale = self.flag, None

    def begin(self, epoch) -> None:
        """Start an epoch with no losses."""
        self.epoch = epoch
        self.steps_before = (epoch - 1) * (self.source.steps or 0)
        self.values, self.rows, self.checked = [], [], 0

    def add(self, value, targets) -> None:
        """Keep a loss, and see to it that no step follows one that is not finite."""
        self.values.append(value.detach())
        self.rows.append(rows_of(targets))
        if self.flag is None:
            self.check()
        else:
            torch.maximum(self.flag, (~self.values[-1].isfinite()).float(), out=self.flag)

    def check(self) -> None:
        """Stop if a loss since the last look was not finite."""
        new = self.values[self.checked :]
        if all(map(math.isfinite, new) if len(new) < 2 else [torch.stack(new).isfinite().all()]):
            self.checked = len(self.values)
            return
        batch = self.checked + [math.isfinite(value) for value in new].index(False) + 1
        groups = self.optimizer.param_groups
        gradients = [p.grad.norm() for group in groups for p in group["params"] if p.grad is not None]
        norm = float(torch.stack(gradients).norm()) if gradients else math.nan
        after = f", after a gradient of norm {norm:.3g}" if math.isfinite(norm) else ""
        step = self.steps_before + batch
        faulty = self.source.faulty_rows()
        suggestion = "Try a tenth of the learning rate, or `clip_norm=1.0`."
        if faulty:
            suggestion = f"Mend the data first: {faulty} of {self.source.rows} rows hold NaN or infinity."
        raise CourseError(
            f"The loss is {float(self.values[batch - 1])} at step {step} (epoch {self.epoch}, batch {batch}) "
            f"with learning rate {float(groups[0]['lr']):.3g}{after}.",
            "Expected a finite number.",
            suggestion,
        )

    def mean(self) -> float:
        """Return the mean over the rows seen so far."""
        self.check()
        return _mean(self.values, self.rows)


def _mean(values, rows) -> float:
    """Return the mean over rows of batches of unequal length."""
    weights = torch.tensor(rows, dtype=torch.float64)
    return float(torch.stack(values).cpu().double().flatten() @ weights / weights.sum())


def _measure(model, forward, source, loss, metrics, cast) -> dict[str, float]:
    losses, rows, outputs, targets = [], [], [], []
    model.eval()
    with torch.no_grad(), cast:
        for inputs, wanted in source.batches():
            given = forward(*inputs)
            if loss is not None:
                losses.append(loss(given, wanted))
                rows.append(rows_of(wanted))
            if metrics:
                outputs.append(map_tensors(torch.Tensor.detach, given))
                targets.append(wanted)
    result = {}
    if losses:
        result["loss"] = _mean(losses, rows)
    if metrics:
        outputs, targets = join(outputs), join(targets)
        for name, metric in metrics.items():
            try:
                result[name] = float(metric(outputs, targets))
            except Exception as error:
                raise CourseError(
                    f"The metric `{name}` failed on outputs of {described(outputs)}: {first_line(error)}",
                    "Expected one number from `metric(outputs, targets)`.",
                    f"The targets are of {described(targets)}; class numbers are `outputs.argmax(1)`.",
                ) from error
    return result
