"""What went wrong between data, model and loss, in words for the person who put them together."""

from __future__ import annotations

import math

import torch
from torch import nn

from course_lib.errors import CourseError


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


def model_error(model, name, inputs, error) -> CourseError:
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


def loss_error(name, outputs, targets, error) -> CourseError:
    """Say what the loss would have taken, where that can be seen."""
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
