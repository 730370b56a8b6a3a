"""A run that is kept in a file: at its start, after each epoch, and every so often within one."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from course_lib.errors import CourseError
from course_lib.training.random_state import random_state, set_random_state

FORMAT = "course_lib fit 3"
_SETTINGS = ("lr", "betas", "momentum", "weight_decay")
_SECONDS_BETWEEN = 30
_SHARE_OF_TIME = 0.05  # at most, to write within epochs: a large model on a mounted Drive takes long


class Checkpoint:
    """A file that holds a run as it was at a batch, to go on from there; nothing without a path."""

    def __init__(self, path, model, optimizer, schedule, losses, generators, device, team):
        self.path = None if path is None else Path(path).expanduser()
        self.model, self.optimizer, self.schedule, self.device = model, optimizer, schedule, device
        self.losses, self.team = losses, team
        self.generators = [generator for generator in generators if generator is not None]
        self.steps, self.identity = None, {}
        self.resumed = None  # an epoch that was broken off: (random state at its start, random state now)
        self.at_epoch_start = None
        self.started = time.perf_counter()
        self.next, self.countdown = time.monotonic() + _SECONDS_BETWEEN, 1

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
            "processes": self.team.size,
        }

    def resume(self, history, epochs) -> bool:
        """Put everything back as it was when the file was written; return whether nothing is left to do."""
        if self.path is None:
            return False
        saved = self.team.once(self._read, epochs)
        if saved is None:
            return False
        batch = len(saved["losses"])
        groups = self._groups_after(len(saved["history"]) * (self.steps or 0) + batch)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for group, settings in zip(self.optimizer.param_groups, groups, strict=True):
            group.update(settings)
        random = saved["random"][self.team.rank]
        if batch:
            self.resumed = (saved["random_at_epoch_start"][self.team.rank], random)
        set_random_state(random, self.device, self.generators)
        history.extend(saved["history"])
        self.losses.begin(len(history) + 1)
        self.losses.values, self.losses.rows = saved["losses"].tolist(), saved["rows"].tolist()
        self.losses.learning_rate = saved["learning_rate"]
        self.losses.seconds = saved["seconds"]
        return len(history) == epochs or (saved["is_stopped"] and epochs <= saved["epochs"])

    def _read(self, epochs) -> dict | None:
        """Return what the file holds, if it is of this run."""
        if not self.path.exists():
            with self._careful():  # better to know now than after the first epoch
                self._unfinished().touch()
                self._unfinished().unlink()
            return None
        saved = self._load()
        for name, now in self.identity.items():
            before = saved["identity"].get(name)
            if before != now:
                if not saved["history"] and not len(saved["losses"]):
                    return None  # another run that had not made a step: there is nothing to lose
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
        if len(saved["history"]) + bool(len(saved["losses"])) > epochs:
            raise CourseError(
                f"The checkpoint `{self.path}` has {len(saved['history'])} epochs"
                f"{' and a part of another' if len(saved['losses']) else ''}.",
                f"Expected {epochs} at most, as `epochs` says.",
                "Ask for more epochs, or give another file name; this one is left as it is.",
            )
        return saved

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

    def batches(self, source, order) -> Iterator[tuple]:
        """Give the batches of an epoch, from where a run that was broken off stood in it."""
        self.started = time.perf_counter() - self.losses.seconds
        if self.path is None:
            return source.batches(order)
        at_start, now = self.resumed or (None, None)
        if at_start:  # the order is drawn again from the numbers that it was drawn from
            set_random_state(at_start, self.device, self.generators)
        self.at_epoch_start = random_state(self.device, self.generators)
        batches = source.batches(order, start=len(self.losses.rows))
        if now:
            set_random_state(now, self.device, self.generators)
        self.resumed = None
        return batches

    def is_due(self) -> bool:
        """Return True every so many seconds, in all processes at the same batch."""
        if self.path is None:
            return False
        self.countdown -= 1
        if self.countdown:
            return False
        left = self.next - time.monotonic()
        self.countdown = 1
        if self.team.size > 1:
            # The processes have to agree, which is a message: the first says when to ask again.
            pace = (time.perf_counter() - self.started) / max(1, len(self.losses.rows))
            left, self.countdown = self.team.same((left, max(1, int(min(left, 5) / 2 / pace))))
        return left <= 0

    def write(self, history, epochs, is_stopped=False) -> None:
        """Keep the run as it is now. The file takes its name last, so that there is always a whole one."""
        if self.path is None:
            return
        started = time.monotonic()
        self.losses.check()
        random = self.team.gather(random_state(self.device, self.generators))
        at_epoch_start = self.team.gather(self.at_epoch_start) if self.losses.rows else []
        state = {
            "format": FORMAT,
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": random,
            "random_at_epoch_start": at_epoch_start,
            "losses": torch.tensor(self.losses.values, dtype=torch.float64),
            "rows": torch.tensor(self.losses.rows, dtype=torch.int64),
            "learning_rate": float(self.losses.learning_rate),
            "seconds": time.perf_counter() - self.started if self.losses.rows else 0.0,
            "history": list(history),
            "epochs": epochs,
            "is_stopped": is_stopped,
        }
        self.team.once(self._write, state)
        now = time.monotonic()
        self.next = now + max(_SECONDS_BETWEEN, (now - started) / _SHARE_OF_TIME)

    def _write(self, state) -> None:
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
