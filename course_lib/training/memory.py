"""What happens when a batch is too large for the memory of the device: pieces, where they give the same."""

from __future__ import annotations

import functools
import itertools
import math

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.errors import CourseError
from course_lib.training.batches import cut, join, map_tensors, rows_of
from course_lib.training.random_state import kept


class InPieces:
    """Call `learn` on a batch: once, or, where memory ran out, piece after piece to the same gradient."""

    def __init__(self, learn, model, loss, train, optimizer, device, team, say):
        self.learn, self.model, self.loss, self.train = learn, model, loss, train
        self.optimizer, self.device, self.team, self.say = optimizer, device, team, say
        self.most = math.inf
        self.dice = None
        if device.type == "cuda":
            index = torch.cuda.current_device() if device.index is None else device.index
            self.dice = torch.cuda.default_generators[index]

    def __call__(self, inputs, targets, rows) -> torch.Tensor:
        """Leave the gradient of the mean loss in the parameters, and return that loss, without its graph.

        In a team it is this process's part of both: `rows` counts those of all.
        """
        ours = len(targets) if isinstance(targets, torch.Tensor) else rows_of(targets)
        while True:
            thrown = self.dice and self.dice.get_offset()
            try:
                if ours == rows <= self.most:
                    return self.learn(inputs, targets)
                return self._in_pieces(inputs, targets, ours, rows)
            except torch.OutOfMemoryError:
                pass  # leave this block first: the error holds on to what filled the memory
            if self.dice:
                self.dice.set_offset(thrown)
            self._shrink(inputs, targets, min(ours, self.most))

    def _in_pieces(self, inputs, targets, ours, rows) -> torch.Tensor:
        if not ours:
            self.optimizer.zero_grad()
            return torch.zeros((), device=self.device)
        count = -(-ours // min(ours, self.most))
        bounds = [ours * index // count for index in range(count + 1)]
        total = 0.0
        for first, last in itertools.pairwise(bounds):
            some = slice(first, last)
            share = (last - first) / rows
            value = self.learn(cut(inputs, some), cut(targets, some), share, is_first=first == 0)
            total = total + value * share
        return total

    def _shrink(self, inputs, targets, rows) -> None:
        def attempt(count):
            try:
                self.learn(cut(inputs, slice(count)), cut(targets, slice(count)))
            finally:
                self.optimizer.zero_grad()

        self.optimizer.zero_grad()
        with kept(self.model, self.device):
            fits = rows_that_fit(attempt, rows // 2)
        self.limit(fits, rows, (inputs, targets))

    def prepare(self, fits) -> None:
        """Take what the rehearsal found, and say where several processes cannot give what one gives."""
        rows = self.train.at_once
        if fits < rows:
            self.limit(fits, rows, self.train.sample(12, is_spread=True))
        elif self.team.size > 1:
            why = self.why_whole(self.train.sample(12, is_spread=True))
            if why:
                self.say(f"{self.team.size} processes do not give quite the numbers of one: {why}.")

    def limit(self, fits, rows, sample) -> None:
        """Take `fits` rows at a time, where `rows` were too many; stop if that would change the result."""
        if fits >= rows:
            return
        if not fits:
            raise CourseError(
                f"The memory of `{self.device}` is too small for one row.",
                "Expected room for a row, the weights and their gradients.",
                "Try a smaller model, shorter or smaller inputs, or `precision='bfloat16'`.",
            )
        why = self.why_whole(sample, fits)
        if why:
            raise CourseError(
                f"The memory of `{self.device}` is full at {rows} rows, and a batch must stay whole: {why}.",
                f"Expected a batch that fits, as one of {fits} rows does.",
                f"Try `batch_size={fits * self.team.size}`.",
            )
        self.most = fits
        self.say(
            f"Memory is full at {rows} rows: batches are cut into pieces of {fits}, to the same gradient."
        )

    def why_whole(self, sample, fits=math.inf) -> str | None:
        """Return why pieces of a batch would give another result than the whole, or None."""
        if sample is None:
            return "its rows cannot be tried out beforehand"
        with kept(self.model, self.device):
            return _why_whole(self.model, self.loss, *sample, min(fits, 12), self.train)


def rows_that_fit(attempt, rows) -> int:
    """Return how many rows `attempt(rows)` can take: all, half of them, a quarter …"""
    while rows:
        try:
            attempt(rows)
            return rows
        except torch.OutOfMemoryError:
            pass
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        rows //= 2
    return 0


def _why_whole(model, loss, inputs, targets, most, source) -> str | None:
    model.train()
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return "batch norm computes with the means of a whole batch"
    rows = rows_of(targets)
    lengths = []
    map_tensors(lambda t: lengths.append(len(t) if t.ndim else 0), (inputs, targets))
    if set(lengths) != {rows} or rows < 2:
        return "its tensors do not have one row for each example"
    if _ignores_some(loss, getattr(source, "tensors", [targets])[-1]):
        return "`loss` ignores some examples and is not the mean over all"
    picked = torch.linspace(0, rows - 1, min(rows, 12)).long()
    inputs, targets = cut(inputs, picked), cut(targets, picked)
    rows = len(picked)

    def same(one, other):
        return torch.allclose(one.float(), other.float(), rtol=1e-3, atol=1e-5)

    def outputs_of(size):
        parts = [model(*cut(inputs, slice(first, first + size))) for first in range(0, rows, size)]
        return join(parts)

    with torch.no_grad():
        before = [buffer.clone() for buffer in model.buffers()]
        model(*cut(inputs, slice(most)))
        if not all(torch.equal(*pair) for pair in zip(before, model.buffers(), strict=True)):
            return "a buffer of `model` changes with each batch"
        model.eval()  # without dropout, which falls otherwise each time
        whole, parts = outputs_of(most), outputs_of(max(1, most // 2))
        differ = []
        map_tensors(lambda t: differ.append(len(t) != rows if t.ndim else True), whole)
        if any(differ) or not _all_pairs(same, whole, parts):
            return "`model` mixes the examples of a batch"
        first, last = slice(rows // 3), slice(rows // 3, rows)
        values = [loss(cut(whole, some), cut(targets, some)) for some in (first, last)]
        mean = (values[0] * (rows // 3) + values[1] * (rows - rows // 3)) / rows
        if not torch.allclose(loss(whole, targets), mean, rtol=1e-4, atol=1e-7):
            return "`loss` is not the mean over the examples"
    return None


def _all_pairs(same, one, other) -> bool:
    ones, others = [], []
    map_tensors(ones.append, one)
    map_tensors(others.append, other)
    return all(map(same, ones, others))


def _ignores_some(loss, labels) -> bool:
    """Return whether a loss over classes leaves out some of the examples, and so divides by the others."""
    ignored = getattr(loss, "ignore_index", None)
    while isinstance(loss, functools.partial):
        ignored = loss.keywords.get("ignore_index", ignored)
        loss = loss.func
    if ignored is None and loss in (F.cross_entropy, F.nll_loss):
        ignored = -100
    return ignored is not None and isinstance(labels, torch.Tensor) and bool((labels == ignored).any())
