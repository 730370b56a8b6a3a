"""The processes that `torchrun` has started, training one model together; mostly there is just one."""

from __future__ import annotations

import atexit
import contextlib
import importlib
import os

import torch
from torch import distributed

from course_lib.errors import CourseError


def find_team() -> Team:
    """Return all processes of this `torchrun`, or a team of one."""
    if not distributed.is_available():
        return Team()
    if not distributed.is_initialized():
        if not distributed.is_torchelastic_launched() or int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return Team()
        # The functions of this module, which torch loads sooner or later, take whatever group there is then
        # as their default and never let go of it. `_leave` could not end the group's threads, and now and
        # then one of them would abort the process while Python shuts down.
        importlib.import_module("torch.distributed.nn")
        # gloo for what lies on the CPU, such as the order of the rows; nccl for what lies on GPUs.
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
        atexit.register(_leave)
    return Team(distributed.get_rank(), distributed.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class Team:
    """`size` processes, of which this one has the number `rank`. Alone, everything here costs nothing."""

    def __init__(self, rank=0, size=1, local_rank=0):
        self.rank, self.size, self.local_rank = rank, size, local_rank
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if size > 1 else 1  # on this computer
        self.flat = None

    def own(self, device: torch.device) -> torch.device:
        """Return the GPU of this process, where `device` names none."""
        if self.size == 1 or device.type != "cuda" or device.index is not None:
            return device
        if self.here > torch.cuda.device_count():
            raise CourseError(
                f"There are {self.here} processes and {torch.cuda.device_count()} GPUs on this computer.",
                "Expected a GPU for each process.",
                f"Start it with `torchrun --nproc-per-node {torch.cuda.device_count()}`.",
            )
        device = torch.device("cuda", self.local_rank)
        torch.cuda.set_device(device)
        return device

    def part(self, rows: int) -> slice:
        """Return which of the rows of a batch are this process's."""
        return slice(rows * self.rank // self.size, rows * (self.rank + 1) // self.size)

    def order(self, rows: int, generator) -> torch.Tensor:
        """Return the order of an epoch, the same for all."""
        order = torch.randperm(rows, generator=generator)
        if self.size > 1:
            with self._together():
                distributed.broadcast(order, 0)
        return order

    def same(self, thing):
        """Return what the first process has."""
        if self.size == 1:
            return thing
        box = [thing]
        with self._together():
            distributed.broadcast_object_list(box, 0)
        return box[0]

    def gather(self, thing) -> list:
        """Return what each process has; elsewhere than in the first, an empty list."""
        if self.size == 1:
            return [thing]
        box = [None] * self.size if self.rank == 0 else None
        with self._together():
            distributed.gather_object(thing, box)
        return box or []

    def once(self, function, *arguments):
        """Call `function` in the first process, and return its result, or raise its error, in all."""
        if self.size == 1:
            return function(*arguments)
        result = error = None
        if self.rank == 0:
            try:
                result = function(*arguments)
            except CourseError as raised:
                error = raised
        result, error = self.same((result, error))
        if error is not None:
            raise error
        return result

    def begin(self, model, *facts) -> None:
        """Give all processes the weights of the first, if they have the same model and data."""
        if self.size == 1:
            return
        state = {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
        mine = [*facts, *(f"{name} {tuple(value.shape)}" for name, value in state.items())]
        if self.once(lambda all_facts: any(other != mine for other in all_facts), self.gather(mine)):
            raise CourseError(
                "The processes have different models, or data of different lengths.",
                "Expected the same script to build the same in each of them.",
                "Call `seed_everything(SEED)` before data are split and models made.",
            )
        with self._together():
            for value in state.values():
                whole = value.contiguous()  # what is laid out by pixel is no block that can be sent
                distributed.broadcast(whole, 0)
                if whole is not value:
                    value.copy_(whole)

    def average(self, parameters, value) -> torch.Tensor:
        """Add up the gradients of all processes, and the loss: each has given its share of the mean."""
        # All of it goes in one vector, so that there is one message per step: gradients, then which of them
        # are there, then the loss.
        if self.flat is None:
            kind = torch.float64 if any(p.dtype is torch.float64 for p in parameters) else torch.float32
            sizes = [p.numel() for p in parameters]
            self.flat = torch.zeros(sum(sizes) + len(sizes) + 1, dtype=kind, device=parameters[0].device)
            *views, self.is_used, self.value = self.flat.split([*sizes, len(sizes), 1])
            self.views = [view.view(p.shape) for view, p in zip(views, parameters, strict=True)]
        is_there = [p.grad is not None for p in parameters]
        if all(is_there):
            self.is_used.fill_(1)
        else:
            self.flat.zero_()
            self.is_used.copy_(torch.tensor(is_there))
        self.value.copy_(value)
        used = [(view, p.grad) for view, p in zip(self.views, parameters, strict=True) if p.grad is not None]
        if used:
            torch._foreach_copy_(*map(list, zip(*used, strict=True)))
        with self._together():
            distributed.all_reduce(self.flat)
        for index, (p, view) in enumerate(zip(parameters, self.views, strict=True)):
            # A layer that no process has used keeps no gradient, as with one process. To look costs a wait
            # on a GPU, so only those look that have not used it themselves.
            if is_there[index] or self.is_used[index] > 0:
                p.grad = view if p.dtype is view.dtype else view.to(p.dtype)
        return self.value[0].clone()

    @contextlib.contextmanager
    def _together(self):
        try:
            yield
        except RuntimeError as error:
            raise CourseError(
                f"Another of the {self.size} processes has ended.",
                "Expected all of them to take part in every step.",
                "Look for the error of that process: `torchrun` names it as the first that failed.",
            ) from error
