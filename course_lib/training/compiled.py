"""A model that is compiled before it trains."""

from __future__ import annotations

import torch

from course_lib.errors import CourseError
from course_lib.training.messages import first_line
from course_lib.training.random_state import kept


def compiled(model, loss, train, device, cast):
    """Return the compiled model, after one batch has gone through it and back."""
    # On a GPU this also records the kernels of a step as CUDA graphs, which one call then replays.
    forward = torch.compile(model, mode="reduce-overhead" if device.type == "cuda" else None)
    sample = train.sample(train.at_once)
    if sample is None:
        return forward
    inputs, targets = sample
    try:
        with kept(model, device):
            model.train()
            with cast:
                value = loss(forward(*inputs), targets)
            value.backward()
    except Exception as error:
        raise CourseError(
            f"`model` could not be compiled: {first_line(error)}",
            "Expected a C++ compiler on a CPU, or Triton on a GPU, and a model that PyTorch can trace.",
            "Leave `compile` out: the results are the same.",
        ) from error
    finally:
        model.zero_grad()
    return forward
