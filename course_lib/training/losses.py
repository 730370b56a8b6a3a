"""The losses of an epoch, and the end of a run in which one of them is not finite."""

from __future__ import annotations

import math

import torch

from course_lib.errors import CourseError


class Losses:
    """The losses of an epoch. On a GPU they stay there: each look would wait for all that is queued."""

    def __init__(self, optimizer, source, is_queued, is_alone=True):
        self.optimizer, self.source = optimizer, source
        self.is_alone = is_alone
        self.learning_rate = optimizer.param_groups[0]["lr"]  # of the latest step
        self.begin(1)
        # While its flag `found_inf` is up, a fused optimizer leaves the weights alone: nobody has to wait.
        self.flag = None
        if is_queued and getattr(optimizer, "_step_supports_amp_scaling", False):
            self.flag = torch.zeros((), device=optimizer.param_groups[0]["params"][0].device)
            self.one = torch.ones_like(self.flag)
            optimizer.found_inf, optimizer.grad_scale = self.flag, None

    def begin(self, epoch) -> None:
        """Start an epoch with no losses."""
        self.epoch = epoch
        self.steps_before = (epoch - 1) * (self.source.steps or 0)
        self.values, self.rows, self.queue = [], [], []
        self.seconds = 0.0  # that the epoch has taken before it was broken off

    def look(self, value) -> None:
        """Stop before the gradient if a loss is not finite, where looking costs nothing."""
        if self.flag is None and self.is_alone and not math.isfinite(value.item()):
            self._stop(value.item(), len(self.rows) + 1)

    def add(self, value, rows) -> None:
        """Keep the loss of a batch, without its graph; see to it that no step follows one not finite."""
        self.rows.append(rows)
        self.learning_rate = self.optimizer.param_groups[0]["lr"]
        if self.flag is not None:
            self.queue.append(value)
            # What torch's own GradScaler asks with: one kernel, which raises the flag and never lowers it.
            torch._amp_foreach_non_finite_check_and_unscale_([self.queue[-1]], self.flag, self.one)
            return
        number = value.item()
        if not math.isfinite(number):
            self._stop(number, len(self.rows))
        self.values.append(number)

    def check(self) -> None:
        """Read what is queued, and stop if a loss since the last look was not finite."""
        if not self.queue:
            return
        new, self.queue = torch.stack(self.queue).flatten().tolist(), []
        for number in new:
            if not math.isfinite(number):
                self._stop(number, len(self.values) + 1)
            self.values.append(number)

    def mean(self) -> float:
        """Return the mean over the rows seen so far."""
        self.check()
        return mean_over_rows(self.values, self.rows)

    def _stop(self, number, batch) -> None:
        groups = self.optimizer.param_groups
        gradients = [p.grad.norm() for group in groups for p in group["params"] if p.grad is not None]
        norm = f", after a gradient of norm {float(torch.stack(gradients).norm()):.3g}" if gradients else ""
        faulty = self.source.faulty_rows()
        suggestion = "Try a tenth of the learning rate, or `clip_norm=1.0`."
        if faulty:
            suggestion = f"Mend the data first: {faulty} of {self.source.rows} rows hold NaN or infinity."
        raise CourseError(
            f"The loss is {number} at step {self.steps_before + batch} "
            f"(epoch {self.epoch}, batch {batch}) "
            f"with learning rate {float(groups[0]['lr']):.3g}{norm}.",
            "Expected a finite number.",
            suggestion,
        )


def mean_over_rows(values, rows) -> float:
    """Return the mean over rows of batches of unequal length."""
    # Summed exactly, and so the same however often a run was broken off and resumed.
    return math.fsum(value * count for value, count in zip(values, rows, strict=True)) / sum(rows)
