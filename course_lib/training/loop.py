"""The loop itself: `fit` and `evaluate`.

Read `fit` first: it is what lesson 04 builds by hand, in one piece. There is no trainer object and there are
no callback classes.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_lib.device import autocast, choose_threads, describe_device
from course_lib.errors import CourseError
from course_lib.training.bar import Bar
from course_lib.training.batches import batches_of
from course_lib.training.checkpoint import Checkpoint
from course_lib.training.compiled import compiled
from course_lib.training.history import History
from course_lib.training.losses import Losses
from course_lib.training.measure import measure
from course_lib.training.memory import InPieces
from course_lib.training.processes import Team, find_team
from course_lib.training.random_state import world
from course_lib.training.rehearsal import rehearse
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
        Of the order of the rows and of what the model draws from torch, such as dropout. Left out, both come
        from torch's global generator, so that `seed_everything` governs them. What a `Dataset` draws from
        NumPy or `random` is its own affair.
    device : str or torch.device, optional
        Where to train; the best there is if left out.
    precision : str
        "float32", "bfloat16", or "auto": bfloat16 on a card that is made for it. With float32 a GPU does not
        round to TF32; with the others it may.
    compile : bool
        Whether to compile the model first, which takes up to a minute and pays on a GPU and for long runs. On
        a GPU its steps become CUDA graphs (`torch.compile` in the mode "reduce-overhead").
    channels_last : bool
        Whether images lie in memory pixel by pixel, which convolutions on a GPU prefer.
    workers : int
        Processes that prepare the batches of a `Dataset`.
    on_epoch : callable, optional
        Called with each record; the run ends if it returns "stop".
    checkpoint : str or Path, optional
        A file in which the run is kept: at its start, after every epoch, and every 30 seconds within one. The
        same call finds it again and goes on from there; a finished run returns at once, and more `epochs`
        continue it (a schedule is laid out anew over all of them). docs/training.md says how another run's
        file is told, and what is not compared: the values in the rows, for one.
    progress : bool
        Whether to show a bar, and to say beside it what `fit` did on its own account, such as cutting a batch
        into pieces; `COURSE_PROGRESS=off` silences all.

    Returns
    -------
    History
        One record for each epoch: `epoch`, `train_loss` (the mean over the epoch, while it was learning),
        `valid_loss` (None without `valid`), `learning_rate` of the last step, `seconds`, and the metrics.
        Interrupting the run returns the epochs that were finished; the model stays as the last step left it.

    Raises
    ------
    CourseError
        Before the first step, if the data, the model, the loss and the settings do not fit together, or the
        checkpoint is damaged, cannot be written, or is of another run; later, if the loss is not finite, if
        a batch does not fit into memory and may not be cut, or, after the first epoch, if a metric fails.

    Notes
    -----
    A batch that does not fit into memory is cut into pieces, where they give the same gradient. Under
    `torchrun` all processes train together, each on its part of every batch: docs/training.md says how.

    The rows of an epoch come in the order `torch.randperm(B, generator=...)`, drawn on the CPU whatever the
    device. Data in memory are put on the device once, if twice their size is less than half of what is free.

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
    team = find_team()  # the processes of torchrun; mostly this one alone
    wanted, (device, reason) = device, describe_device(device)
    device = team.own(device)
    cast = autocast(device, precision)
    layout = torch.channels_last if channels_last else torch.preserve_format
    model.to(device, memory_format=layout)
    put = functools.partial(batches_of, model=model, device=device, layout=layout, team=team)
    train = put("train", train, batch_size=batch_size, workers=workers, seed=seed)
    if valid is not None:  # without gradients four times as many rows take the same memory
        valid = put("valid", valid, batch_size=4 * batch_size, workers=workers, seed=seed)
    workload = choose_threads(sum(p.numel() for p in parameters) * train.at_once, processes=team.here)
    bar = Bar(progress and team.rank == 0, epochs, device, workload)
    if wanted is not None and torch.device(wanted).type != device.type:
        bar.say(f"Device: {reason}")

    history = History()
    with world(model, device, seed, workload, precision, team) as order, bar:
        optimizer = make_optimizer(optimizer, parameters, learning_rate, device)
        schedule = make_schedule(schedule, optimizer, epochs, train.steps)
        losses = Losses(optimizer, train, device.type == "cuda", team.size == 1)
        generators = [order, train.generator, valid and valid.generator]
        saved = Checkpoint(checkpoint, model, optimizer, schedule, losses, generators, device, team)
        saved.identify(loss=loss, train=train, seed=seed, clip_norm=clip_norm, precision=precision)
        finished = saved.resume(history, epochs)
        forward = model

        def learn(inputs, targets, share=None, is_first=True):
            with cast:
                value = loss(forward(*inputs), targets)
            losses.look(value)
            if is_first:
                optimizer.zero_grad()
            value.backward(None if share is None else torch.full_like(value, share))
            # The number without its graph, which would live on while the next one is built beside it: for a
            # GRU on 240 residues that cost 7 % of the time.
            return value.detach()

        learn = InPieces(learn, model, loss, train, optimizer, device, team, bar.say)
        if not finished:
            fits = rehearse(model, loss, train, valid, device, cast)
            learn.prepare(fits)
            team.begin(model, train.rows, valid and valid.rows)
            if compile:
                forward = compiled(model, loss, train, device, cast)
            if not history and not losses.rows:
                saved.write(history, epochs)
        bar.begin(history)
        try:
            while len(history) < epochs and not finished:
                model.train()
                for inputs, targets, rows in saved.batches(train, order):
                    value = learn(inputs, targets, rows)
                    if team.size > 1:
                        value = team.average(parameters, value)
                    losses.add(value, rows)
                    if clip_norm is not None:
                        nn.utils.clip_grad_norm_(parameters, clip_norm)
                    optimizer.step()
                    if schedule is not None:
                        schedule.step()
                    if bar.is_due():
                        bar.show(losses, train)
                    if saved.is_due():
                        saved.write(history, epochs)
                record = {"epoch": len(history) + 1, "train_loss": losses.mean(), "valid_loss": None}
                if valid is not None:
                    measured = measure(model, forward, valid, loss, metrics, cast, team)
                    record |= {"valid_loss": measured.pop("loss"), **measured}
                record["learning_rate"] = float(losses.learning_rate)
                record["seconds"] = time.perf_counter() - saved.started
                history.append(record)
                losses.begin(len(history) + 1)
                finished = on_epoch is not None and team.once(on_epoch, record) == "stop"
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
    It computes in float32, in whatever precision the model was trained.

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
    alone = Team()  # each process measures all rows: then it matters to none which of them ask
    source = batches_of("data", data, model=model, device=device, batch_size=batch_size, team=alone)
    workload = choose_threads(sum(p.numel() for p in model.parameters()) * batch_size)
    plain = contextlib.nullcontext()
    with world(model, device, None, workload, "float32", alone):
        rehearse(model, loss, None, source, device, plain)
        return measure(model, model, source, loss, metrics, plain, alone)
