"""The rehearsal: everything that can be wrong with data, model and loss, found before the first step."""

from __future__ import annotations

import functools
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.training.memory import rows_that_fit
from course_lib.training.messages import loss_error, model_error
from course_lib.training.random_state import kept


def rehearse(model, loss, train, valid, device, cast) -> int:
    """Run a batch through model and loss, and leave model and random numbers as they were.

    Returns how many rows of a training batch fit into the memory of the device.
    """
    fits = 0
    with kept(model, device):
        if train is not None:
            model.train()
            if train.shortest == 1:  # which is what a batch norm cannot take
                _try_batch(model, loss, train, 1, cast, learns=True)
            fits = rows_that_fit(
                lambda rows: _try_batch(model, loss, train, rows, cast, learns=True), train.at_once
            )
        if valid is not None:
            model.eval()
            # Whether a whole batch fits is a question on an accelerator; on a CPU a few rows tell as much.
            most = min(valid.at_once, 16) if device.type == "cpu" else valid.at_once
            with torch.no_grad():
                can_measure = rows_that_fit(
                    lambda rows: _try_batch(model, loss, valid, rows, cast, learns=False), most
                )
            if can_measure < most:
                valid.shrink()
    return fits


def _try_batch(model, loss, source, rows, cast, learns) -> None:
    sample = source.sample(rows)
    if sample is None:
        return
    inputs, targets = sample
    try:
        with cast:
            outputs = model(*inputs)
    except (CourseError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise model_error(model, source.name, inputs, error) from error
    if loss is None:
        return
    if outputs is None:
        raise CourseError(
            "`model` returned nothing.",
            "Expected outputs for the loss.",
            "Did you forget `return` in `forward`?",
        )
    _check_labels(loss, outputs, getattr(source, "tensors", [targets])[-1])
    try:
        with warnings.catch_warnings(), cast:
            # Shapes that only fit by broadcasting train on the wrong pairs.
            warnings.filterwarnings("error", message="Using a target size")
            value = loss(outputs, targets)
            if isinstance(value, torch.Tensor) and value.numel() == 1 and value.requires_grad and learns:
                torch.autograd.grad(
                    value, [p for p in model.parameters() if p.requires_grad], allow_unused=True
                )
    except (CourseError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise loss_error(source.name, outputs, targets, error) from error
    _check_value(value, learns)


def _check_value(value, learns) -> None:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        what = (
            f"shape {tuple(value.shape)}"
            if isinstance(value, torch.Tensor)
            else f"type `{type(value).__name__}`"
        )
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


def _check_labels(loss, outputs, labels) -> None:
    """Refuse class numbers outside 0 to K - 1: on a GPU they would end the session."""
    while isinstance(loss, functools.partial):
        loss = loss.func
    compares_classes = loss in (F.cross_entropy, F.nll_loss) or isinstance(
        loss, (nn.CrossEntropyLoss, nn.NLLLoss)
    )
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
            "Try `targets - 1`."
            if low == 1 and high == classes
            else f"Give the last layer {high + 1} outputs.",
        )
