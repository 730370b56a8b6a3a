"""The settings of a run, checked, and the optimizer and schedule that they ask for."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from course_lib.errors import CourseError, closest


def check_numbers(**given) -> None:
    """Refuse a setting of the wrong kind."""

    def whole(least):
        return lambda value: (
            isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least
        )

    def positive(value):
        return isinstance(value, (int, float, np.number)) and 0 < value < math.inf

    rules = {
        "loss": (callable, "a function `loss(outputs, targets)`", "torch.nn.functional.mse_loss"),
        "epochs": (whole(0), "a whole number, 0 or more", "10"),
        "learning_rate": (positive, "a positive number", "1e-3"),
        "batch_size": (whole(1), "a whole number, 1 or more", "64"),
        "clip_norm": (positive, "a positive number", "1.0"),
        "workers": (whole(0), "a whole number, 0 or more", "0"),
    }
    optional = ("loss", "clip_norm") if "epochs" not in given else ("clip_norm",)
    for name, value in given.items():
        is_right, expected, example = rules[name]
        if not is_right(value) and not (value is None and name in optional):
            raise CourseError(f"`{name}` is {value!r}.", f"Expected {expected}.", f"Try `{name}={example}`.")


def check_optimizer(optimizer, learning_rate) -> None:
    """Refuse an unknown optimizer, and a second learning rate."""
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


def check_metrics(metrics, data) -> None:
    """Refuse metrics without data, without a function, or with the name of another column."""
    if metrics and data is None:
        raise CourseError(
            "There are `metrics` but no `valid`.",
            "Expected validation data: what is measured on the training rows says little.",
            "Pass `valid`, or call `evaluate(model, train, metrics=...)` afterwards.",
        )
    reserved = {"epoch", "train_loss", "valid_loss", "learning_rate", "seconds", "loss"}
    for name, metric in (metrics or {}).items():
        if name in reserved or not callable(metric):
            fault = "has the name of a column" if callable(metric) else "is no function"
            raise CourseError(
                f"The metric `{name}` {fault}.",
                "Expected a name of its own and a function of `(outputs, targets)`.",
                "Write, for example, `metrics={'accuracy': accuracy}`.",
            )


def require_module(model) -> None:
    """Refuse what is no module of torch."""
    if not isinstance(model, nn.Module):
        raise CourseError(
            f"`model` is a `{getattr(model, '__name__', type(model).__name__)}`.",
            "Expected a `torch.nn.Module`.",
            "A class needs its brackets, as in `fit(Network(), ...)`; a function needs a module around it.",
        )


def trainable(model) -> list[nn.Parameter]:
    """Return the parameters that require a gradient; refuse a model without one."""
    require_module(model)
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


def make_optimizer(optimizer, parameters, learning_rate, device) -> torch.optim.Optimizer:
    """Return the optimizer that was asked for."""
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


def make_schedule(schedule, optimizer, epochs, steps):
    """Return the schedule over all steps of the run, or None."""
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
