"""A run that is kept in a file after each epoch, and the random numbers that belong to it."""

from __future__ import annotations

import contextlib
import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from course_lib.errors import CourseError


class Checkpoint:
    """A file that holds a run as it was after its last epoch; nothing at all without a path."""

    def __init__(self, path, model, optimizer, schedule, generators, device):
        self.path = None if path is None else Path(path).expanduser()
        self.model, self.optimizer, self.schedule, self.device = model, optimizer, schedule, device
        self.generators = [generator for generator in generators if generator is not None]
        self.steps, self.identity = None, {}

    def identify(self, *, loss, train, seed, clip_norm, precision) -> None:
        """Note what tells this run from another one that might have left the file."""
        # The other settings of an optimizer change with the device and with the version of torch.
        settings = {k: v for k, v in self.optimizer.defaults.items() if k in _SETTINGS}
        self.steps = train.steps
        self.identity = {
            "weights": [f"{k} {tuple(getattr(v, 'shape', ()))}" for k, v in self.model.state_dict().items()],
            "optimizer": f"{type(self.optimizer).__name__} {settings}",
            "schedule": type(self.schedule).__name__,
            "loss": getattr(loss, "__name__", type(loss).__name__),
            "batch_size": train.batch_size,
            "rows": train.rows,
            "seed": seed,
            "clip_norm": clip_norm,
            "precision": precision,
        }

    def resume(self, history, epochs) -> bool:
        """Put everything back as it was after the last epoch; return whether nothing is left to do."""
        if self.path is None:
            return False
        if not self.path.exists():
            with self._careful():  # better to know now than after the first epoch
                self._unfinished().touch()
            return False
        saved = self._load()
        for name, now in self.identity.items():
            before = saved["identity"].get(name)
            if before != now:
                fault = (
                    "its model has other weights"
                    if name == "weights"
                    else f"`{name}` was {before!r}, not {now!r}"
                )
                raise CourseError(
                    f"The checkpoint `{self.path}` is of another run: {fault}.",
                    "Expected one that this call has written.",
                    "Give another file name; this one is left as it is.",
                )
        if len(saved["history"]) > epochs:
            raise CourseError(
                f"The checkpoint `{self.path}` has {len(saved['history'])} epochs.",
                f"Expected {epochs} at most, as `epochs` says.",
                "Ask for more epochs, or give another file name; this one is left as it is.",
            )
        groups = self._groups_after(len(saved["history"]) * (self.steps or 0))
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for group, settings in zip(self.optimizer.param_groups, groups, strict=True):
            group.update(settings)
        set_random_state(saved["random"], self.device, self.generators)
        history.extend(saved["history"])
        return len(history) == epochs or (saved["is_stopped"] and epochs <= saved["epochs"])

    def _groups_after(self, steps) -> list[dict]:
        """Return the settings of the optimizer, such as its learning rate, after so many steps of the run."""
        # A schedule is a function of the step, and of `epochs`: walking along the new one also serves a run
        # that goes on for longer than it was first meant to.
        if self.schedule is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch wonders where the steps of the optimizer are
                for _ in range(steps):
                    self.schedule.step()
        return [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]

    def _load(self) -> dict:
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            if saved["format"] != FORMAT:
                raise ValueError("another format")
        except Exception as error:
            raise CourseError(
                f"`{self.path}` is half-written, or no checkpoint of `fit`.",
                "Expected a file that `fit` has written to the end.",
                "Give another file name, or move this one away; it is left as it is.",
            ) from error
        return saved

    def write(self, history, epochs, is_stopped) -> None:
        """Keep the run as it is now. The file takes its name last, so that there is always a whole one."""
        if self.path is None:
            return
        state = {
            "format": FORMAT,
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(self.device, self.generators),
            "history": list(history),
            "epochs": epochs,
            "is_stopped": is_stopped,
        }
        with self._careful():
            with open(self._unfinished(), "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(self._unfinished(), self.path)

    def _unfinished(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @contextlib.contextmanager
    def _careful(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            yield
        except (OSError, RuntimeError) as error:
            raise CourseError(
                f"The checkpoint `{self.path}` cannot be written: {error}.",
                "Expected a folder that can be written to, with room for it.",
                "Give another file name; the model keeps what it has learnt in this session.",
            ) from error


FORMAT = "course_lib fit 1"
_SETTINGS = ("lr", "betas", "momentum", "weight_decay")


def random_state(device, generators=()) -> dict:
    """Return the state of every generator that a model or a dataset may draw from."""
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
        "device": None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(),
        "generators": [generator.get_state() for generator in generators],
    }


def set_random_state(state, device, generators=()) -> None:
    """Put back what `random_state` returned."""
    random.setstate(state["python"])
    np.random.set_state(tuple(state["numpy"]))
    torch.set_rng_state(state["torch"])
    if device.type != "cpu" and state["device"] is not None:
        torch.get_device_module(device).set_rng_state(state["device"])
    for generator, saved in zip(generators, state["generators"], strict=False):
        generator.set_state(saved)


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
