"""What scikit-learn's metrics do not have: Dice, intervals, and a table per class that carries them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from course_lib.errors import CourseError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["bootstrap_interval", "dice", "per_class_table", "wilson_interval"]


def dice(predicted: np.ndarray, actual: np.ndarray) -> np.ndarray | float:
    """Return the overlap of two masks, `2|A∩B| / (|A| + |B|)`, for each image by itself.

    Parameters
    ----------
    predicted : array of shape (…, H, W)
        0 or 1, or probabilities between them (then it is the soft Dice).
    actual : array of shape (…, H, W)
        The true masks, of the same shape.

    Returns
    -------
    float or numpy.ndarray of shape (…)
        1 for the same mask, 0 for no overlap. Two empty masks agree: 1. Average over images afterwards; one
        sum over the pixels of a batch would let large objects hide small ones.

    Raises
    ------
    CourseError
        If the shapes differ, there are fewer than two axes, or a value lies outside 0 to 1 (such as a logit).

    Notes
    -----
    **Source:** Dice (1945), Measures of the amount of ecologic association between species. **Shown in:**
    lesson 06.
    """
    import numpy as np

    masks = [np.asarray(mask, dtype=np.float64) for mask in (predicted, actual)]
    if masks[0].shape != masks[1].shape or masks[0].ndim < 2:
        raise CourseError(
            f"`predicted` has shape {masks[0].shape} and `actual` {masks[1].shape}.",
            "Expected (…, H, W) twice.",
            "Take the channel axis away: `predicted[:, 0]`."
            if masks[0].ndim == masks[1].ndim + 1
            else "Compare masks of the same images.",
        )
    for name, mask in zip(("predicted", "actual"), masks, strict=True):
        if not np.all((mask >= 0) & (mask <= 1)):
            raise CourseError(
                f"`{name}` has values outside 0 to 1.",
                "Expected a mask or probabilities.",
                "Apply a sigmoid to logits, or compare with a threshold.",
            )
    first, second = masks
    overlap = 2 * np.sum(first * second, axis=(-2, -1))
    size = np.sum(first, axis=(-2, -1)) + np.sum(second, axis=(-2, -1))
    values = np.where(size == 0, 1.0, overlap / np.where(size == 0, 1, size))
    return values if values.ndim else float(values)


def wilson_interval(successes: int, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval for a proportion: which true rates do not contradict the count.

    It stays between 0 and 1 and has a width even for 0 of n, where the textbook's ± has none.

    Parameters
    ----------
    successes, trials : int
        So many of so many.
    level : float
        How often, over many studies, such an interval contains the true rate.

    Returns
    -------
    low, high : float

    Raises
    ------
    CourseError
        If `trials` is below 1, `successes` is not from 0 to `trials`, or `level` is not between 0 and 1.

    Notes
    -----
    **Source:** Wilson (1927), Probable inference, the law of succession, and statistical inference.
    **Shown in:** lesson 05.
    """
    if trials < 1 or not 0 <= successes <= trials or successes != int(successes):
        raise CourseError(
            f"`successes` is {successes} and `trials` is {trials}.",
            "Expected a whole number from 0 to `trials`, and at least one trial.",
            "Give counts, not a rate: `wilson_interval(53, 75)`.",
        )
    z = NormalDist().inv_cdf(0.5 + _level(level) / 2)
    rate = successes / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * (rate * (1 - rate) / trials + z**2 / (4 * trials**2)) ** 0.5
    # Where nothing or everything succeeded the end is exact, which rounding would miss.
    return (
        0.0 if successes == 0 else float(centre - half),
        1.0 if successes == trials else float(centre + half),
    )


def bootstrap_interval(
    values: np.ndarray | tuple[np.ndarray, ...],
    statistic: Callable[..., float],
    *,
    seed: int = 0,
    level: float = 0.95,
    resamples: int = 2000,
    groups: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic of the test cases.

    Parameters
    ----------
    values : array of shape (N, …), or a tuple of such arrays
        The cases. Arrays of a tuple are resampled together, row by row: `(targets, scores)` for an AUC,
        `(errors_a, errors_b)` for a paired difference.
    statistic : callable
        `statistic(values)`, or `statistic(*values)` for a tuple; returns one number.
    seed : int
        The resamples are drawn from a generator of their own.
    level : float
        How often, over many studies, such an interval contains the true value (nearly so, for large N).
    resamples : int
        How often the cases are drawn anew.
    groups : array of shape (N,), optional
        Who belongs together, such as the patient of each image. Then whole groups are drawn: images of one
        patient are no independent cases, and taking them for such makes the interval too narrow.

    Returns
    -------
    low, high : float

    Raises
    ------
    CourseError
        If lengths differ, there is only one case or group, or the statistic has no value on a resample.

    Notes
    -----
    **Source:** Efron and Tibshirani (1993), An Introduction to the Bootstrap; Field and Welsh (2007) for
    groups. **Shown in:** lesson 01, "What ± means".
    """
    import numpy as np

    arrays = [np.asarray(array) for array in (values if isinstance(values, tuple) else (values,))]
    labels = np.arange(len(arrays[0])) if groups is None else np.asarray(groups)
    lengths = [len(array) for array in [*arrays, labels]]
    if len(set(lengths)) > 1:
        raise CourseError(
            f"The arrays have {', '.join(map(str, lengths))} rows.",
            "Expected one row per case in each, and one group per case.",
            "Look for rows that were left out of one and not of the other.",
        )
    _, group = np.unique(labels, return_inverse=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    if len(members) < 2:
        raise CourseError(
            f"There is {len(members)} {'case' if groups is None else 'group'}.",
            "Expected at least two: a spread needs something that differs.",
            "Test on more cases.",
        )
    tail = (1 - _level(level)) / 2
    random = np.random.default_rng(seed)
    found = np.empty(resamples)
    for number in range(resamples):
        drawn = random.integers(len(members), size=len(members))
        rows = drawn if groups is None else np.concatenate([members[one] for one in drawn])
        found[number] = statistic(*(array[rows] for array in arrays))
    if not np.all(np.isfinite(found)):
        raise CourseError(
            f"`statistic` has no value on {np.sum(~np.isfinite(found))} of {resamples} resamples.",
            "Expected a number on each.",
            "A class may be missing from a resample: test on more cases of the rare class.",
        )
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def per_class_table(
    targets: np.ndarray, predicted: np.ndarray, *, names: Sequence[str] | None = None, level: float = 0.95
) -> list[dict]:
    """Return recall and precision of each class with Wilson intervals, and what it is mistaken for.

    Parameters
    ----------
    targets, predicted : array of shape (B,)
        Class codes from 0 to K - 1.
    names : sequence of K str, optional
        The classes, such as `dataset.target_names`; the default is their codes.
    level : float
        The level of the intervals.

    Returns
    -------
    list of dict
        One row per class: `class`, `cases`, `recall`, `recall_low`, `recall_high`, `predictions`,
        `precision`, `precision_low`, `precision_high`, `mistaken_for` (the commonest wrong answer). What has
        no cases has no rate: None. It prints as a table.

    Raises
    ------
    CourseError
        If the lengths differ, a code is not from 0 to K - 1, or there is nothing to count.

    Notes
    -----
    **Source:** standard result; Wilson (1927) for the intervals. **Shown in:** lesson 05.
    """
    import numpy as np

    targets, predicted = np.asarray(targets), np.asarray(predicted)
    if targets.shape != predicted.shape or targets.ndim != 1 or not len(targets):
        raise CourseError(
            f"`targets` has shape {targets.shape} and `predicted` {predicted.shape}.",
            "Expected (B,) twice.",
            "Take the class of the largest output: `outputs.argmax(1)`.",
        )
    if targets.dtype.kind not in "iub" or predicted.dtype.kind not in "iub":
        raise CourseError(
            f"The classes have types {targets.dtype} and {predicted.dtype}.",
            "Expected whole numbers.",
            "Take the class of the largest output: `outputs.argmax(1)`.",
        )
    targets, predicted = targets.astype(np.int64), predicted.astype(np.int64)
    least, most = min(targets.min(), predicted.min()), max(targets.max(), predicted.max())
    names = [str(code) for code in range(most + 1)] if names is None else list(names)
    if least < 0 or most >= len(names):
        raise CourseError(
            f"The class codes run from {least} to {most}.",
            f"Expected 0 to {len(names) - 1}, one for each name.",
            "Name every class, in the order of the codes.",
        )
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (targets, predicted), 1)
    table = _Table()
    for code, name in enumerate(names):
        right, cases, predictions = (
            int(counts[code, code]),
            int(counts[code].sum()),
            int(counts[:, code].sum()),
        )
        wrong = np.where(np.arange(len(names)) == code, 0, counts[code])
        table.append(
            {
                "class": name,
                "cases": cases,
                **_rate("recall", right, cases, level),
                "predictions": predictions,
                **_rate("precision", right, predictions, level),
                "mistaken_for": names[int(wrong.argmax())] if wrong.any() else None,
            }
        )
    return table


def _rate(name: str, successes: int, trials: int, level: float) -> dict[str, float | None]:
    """Return a rate and its interval under three names."""
    if not trials:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = wilson_interval(successes, trials, level=level)
    return {name: successes / trials, f"{name}_low": low, f"{name}_high": high}


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise CourseError(f"`level` is {level}.", "Expected a share between 0 and 1.", "Try `level=0.95`.")
    return level


class _Table(list):
    """Rows as dictionaries, shown as an aligned table."""

    def __repr__(self) -> str:
        cells = [list(self[0])] + [[_shown(value) for value in row.values()] for row in self]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        )
