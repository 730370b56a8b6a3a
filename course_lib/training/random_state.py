"""The random numbers of a run: read, put back, and kept apart from those of the session around it."""

from __future__ import annotations

import contextlib
import random
import zlib
from collections.abc import Iterator

import numpy as np
import torch

from course_lib.device import keep_freed_memory, tensor_float_32, threads


def random_state(device, generators=()) -> dict:
    """Return the state of every generator that a model or a dataset may draw from."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "device": None if device.type == "cpu" else _module(device).get_rng_state(*_named(device)),
        "generators": [generator.get_state() for generator in generators],
    }


def set_random_state(state, device, generators=()) -> None:
    """Put back what `random_state` returned."""
    random.setstate(state["python"])
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    if device.type != "cpu" and state["device"] is not None:
        _module(device).set_rng_state(state["device"], *_named(device))
    for generator, saved in zip(generators, state["generators"], strict=False):
        generator.set_state(saved)


def _module(device):
    return torch.get_device_module(device)


def _named(device) -> list:
    return [device] if device.type == "cuda" else []  # there may be several of them


@contextlib.contextmanager
def kept(model, device) -> Iterator[None]:
    """Put the running means of the model and all random numbers back."""
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)
        with torch.no_grad():
            for buffer, values in buffers:
                buffer.copy_(values)


@contextlib.contextmanager
def world(model, device, seed, workload, precision, team) -> Iterator[torch.Generator]:
    """Give the generator of the order of rows; put back what a run changes around it.

    That is the modes of the model, the threads, TF32 and, after a `seed`, torch's random numbers. What stays
    is that freed memory is kept: to go back and forth would cost what it saves.
    """
    modes = [(module, module.training) for module in model.modules()]
    devices = range(torch.cuda.device_count()) if device.type == "cuda" else []
    if device.type == "cpu":
        keep_freed_memory()
    with (
        threads(workload),
        tensor_float_32(device, precision != "float32"),
        torch.random.fork_rng(devices=devices, enabled=seed is not None),
    ):
        order = torch.default_generator
        if seed is not None:
            torch.manual_seed(seed)
            order = torch.Generator().manual_seed(seed)
        if team.size > 1:  # dropout falls otherwise in each process; the order of rows comes from the first
            start = team.same(zlib.crc32(torch.get_rng_state().numpy().tobytes()))
            if team.rank:
                torch.manual_seed(start + team.rank)
        try:
            yield order
        finally:
            for module, training in modes:
                module.training = training
        if team.size > 1 and seed is None:
            torch.set_rng_state(team.same(torch.get_rng_state()))  # what the script draws next is the same
