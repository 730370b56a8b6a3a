"""How often the drawing named is the wrong one, run by run, and how sure a mean over runs is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000


def error(alike: np.ndarray, answers: np.ndarray) -> float:
    """Return the share of questions (M, N) whose most similar drawing is not the answer.

    Each question is answered alone: that no two of a run have the same answer is not used.
    """
    return float(np.mean(alike.argmax(axis=1) != answers))


def interval(errors: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Return where 95 % of the means over runs lie, if runs are drawn anew with putting back."""
    values = np.asarray(errors, dtype=np.float64)
    rows = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)
