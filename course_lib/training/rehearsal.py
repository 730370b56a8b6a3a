"""The rehearsal: everything that can be wrong with data, model and loss, found before the first step."""

from __future__ import annotations

import functools
import math
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.training.checkpoint import kept


def rehearse(model, loss, train, valid, device, cast) -> None:
    """Run a batch through model and loss, and leave model and random numbers as they were."""
    with kept(model, device):
        if train is not None:
            model.train()
            # A last batch of one row is what a batch norm cannot take.
            ends_on_one = train.rows and train.batch_size and train.rows % train.batch_size == 1
            for rows in (None, 1) if ends_on_one else (None,):
                _try_batch(model, loss, train, rows, cast, learns=True)
        if valid is not None:
            model.eval()
            with torch.no_grad():
                _try_batch(model, loss, valid, None, cast, learns=False)


def _try_batch(model, loss, source, rows, cast, learns) -> None:
    sample = source.sample(rows)
    if sample is None:
        return
    inputs, targets = sample
    try:
        with cast:
            outputs = model(*inputs)
    except CourseError:
        raise
    except Exception as error:
        raise _model_error(model, source.name, inputs, error) from error
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
    except CourseError:
        raise
    except Exception as error:
        raise _loss_error(source.name, outputs, targets, error) from error
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


def described(tensors) -> str:
    """Return shapes and types in words: "shape (64, 28, 28) and type float32"."""
    return ", ".join(
        f"shape {tuple(t.shape)} and type {_type(t)}"
        if isinstance(t, torch.Tensor)
        else f"type {type(t).__name__}"
        for t in (tensors if isinstance(tensors, tuple) else (tensors,))
    )


def _type(tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _model_error(model, name, inputs, error) -> CourseError:
    """Say what the first layer would have taken, where that is the trouble."""
    first = next(
        (m for m in model.modules() if isinstance(m, (nn.Linear, *_CONVOLUTIONS, nn.Embedding))), None
    )
    found = f"`model` cannot take the inputs of `{name}`, of {described(inputs)}."
    given = inputs[0]
    if first is not None and isinstance(given, torch.Tensor):
        if isinstance(first, nn.Embedding):
            if given.is_floating_point():
                return CourseError(found, "Expected whole numbers for its embedding.", "Try `inputs.long()`.")
        elif given.dtype != first.weight.dtype and "type" in str(error):
            kind = _type(first.weight)
            how = "float()" if kind == "float32" else f"to(torch.{kind})"
            return CourseError(found, f"Expected type {kind}, like its weights.", f"Try `inputs.{how}`.")
        if isinstance(first, nn.Linear) and given.shape[-1] != first.in_features:
            suggestion = "Change the layer or the inputs."
            if given.ndim > 2 and math.prod(given.shape[1:]) == first.in_features:
                suggestion = "Flatten each example: `inputs.flatten(1)`."
            elif given.ndim == 1 and first.in_features == 1:
                suggestion = "Give each number a row of its own: `inputs[:, None]`."
            return CourseError(
                found, f"Expected (B, {first.in_features}): its first layer is `{first}`.", suggestion
            )
        for kind, axes in _CONVOLUTIONS.items():
            wanted = len(axes) + 2
            if isinstance(first, kind) and (given.ndim != wanted or given.shape[1] != first.in_channels):
                shape = f"(B, {', '.join([str(first.in_channels), *axes])})"
                lacks_channel = given.ndim == wanted - 1 and first.in_channels == 1
                return CourseError(
                    found,
                    f"Expected {shape}: its first layer is `{type(first).__name__}`.",
                    "Add the channel axis: `inputs[:, None]`."
                    if lacks_channel
                    else "Change the layer or the inputs.",
                )
    return CourseError(
        f"{found[:-1]}: {first_line(error)}",
        "Expected layers that fit the inputs and one another.",
        "Try `model(inputs[:2])` by itself, and print the shapes inside `forward`.",
    )


_CONVOLUTIONS = {nn.Conv1d: ("T",), nn.Conv2d: ("H", "W"), nn.Conv3d: ("D", "H", "W")}


def _loss_error(name, outputs, targets, error) -> CourseError:
    found = f"`loss` cannot compare outputs of {described(outputs)} with targets of {described(targets)}."
    if name == "valid":
        found = f"In `valid`, {found}"
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
        f"{found[:-1]}: {first_line(error)}",
        "Expected outputs and targets that the loss can compare.",
        "Try `loss(model(inputs[:2]), targets[:2])` by itself.",
    )


def first_line(error) -> str:
    """Return what an error says first, as a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".") + "."


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
