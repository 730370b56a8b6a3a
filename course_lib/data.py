"""Load a named dataset: inputs and targets, split by its own rule, with its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError
from course_lib.registry import Dataset, SplitRule, card, record

if TYPE_CHECKING:
    import numpy as np


def load(name: str) -> Dataset:
    """Load a dataset of the course by name.

    Parameters
    ----------
    name : str
        One of the names of `data/registry.toml`, such as "digits".

    Returns
    -------
    Dataset
        Fresh arrays at every call. `.split("train")` gives `(inputs, targets)`, `.describe()` the card.

    Raises
    ------
    CourseError
        If there is no such dataset, or the package that brings it is not installed.

    Notes
    -----
    **Source:** the publishers named on each card. **Shown in:** lesson 01, "The data".

    Examples
    --------
    >>> import course_lib as cl
    >>> inputs, targets = cl.load("digits").split("train")
    >>> inputs.shape
    (1078, 8, 8)
    """
    entry = record(name)
    try:
        inputs, targets = _BUNDLED.get(name, _from_scikit_learn)(name)
    except ModuleNotFoundError as error:
        if not entry.needs:
            raise
        raise CourseError(
            f"`{name}` comes with {entry.source}, and `{error.name}` is not installed.",
            f"Expected the extra `{entry.needs}`.",
            f'Run `pip install "course_lib[{entry.needs}]"`, then restart the kernel.',
        ) from error
    return Dataset(
        name=name,
        inputs=inputs,
        targets=targets,
        input_names=tuple(entry.inputs),
        target_names=entry.classes or tuple(entry.target),
        units=entry.units,
        splits={rule.name: _part(rule, inputs, targets) for rule in entry.splits},
        card=card(name),
    )


def _from_scikit_learn(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a table of scikit-learn as it stands there: (B, D) and (B,)."""
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


def _digits(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (B, 8, 8) shares of inked dots: each pixel upstream counts the 16 dots of a 4 × 4 cell."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images / 16, digits.target


def _diabetes(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the raw columns: upstream's scaled ones carry means and spreads of the test rows."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True, scaled=False)


def _co2_weekly(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return decimal years (B, 1) and ppm (B,), the weeks without a value left out and counted aloud."""
    import numpy as np
    from statsmodels.datasets import co2

    weeks = co2.load_pandas().data["co2"]
    measured = weeks.dropna()
    print(
        f"{name}: {len(weeks) - len(measured)} of {len(weeks)} weeks have no value. "
        "They are left out, not filled in."
    )
    day = measured.index
    year = day.year + (day.day_of_year - 1) / np.where(day.is_leap_year, 366, 365)
    return year.to_numpy()[:, None], measured.to_numpy()


def _sunspots_yearly(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return years (B, 1) and yearly mean sunspot numbers (B,)."""
    from statsmodels.datasets import sunspots

    table = sunspots.load_pandas().data
    return table[["YEAR"]].to_numpy(), table["SUNACTIVITY"].to_numpy()


_BUNDLED = {
    "digits": _digits,
    "diabetes": _diabetes,
    "co2_weekly": _co2_weekly,
    "sunspots_yearly": _sunspots_yearly,
}


def _part(rule: SplitRule, inputs: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """Return the row numbers of each part."""
    import numpy as np

    limits = np.array(list(rule.parts.values()))
    rows = np.arange(len(targets))
    if rule.rule == "time":
        part = np.searchsorted(limits, np.floor(inputs[:, 0]))
    elif rule.rule == "blocks":
        part = _share(len(rows), limits)
    else:
        # RandomState: NumPy keeps its stream for ever, so the same rows are test rows in every release.
        rows = np.random.RandomState(0).permutation(rows)
        part = np.empty_like(rows)
        groups = targets[rows] if targets.dtype.kind == "i" else np.zeros_like(rows)
        for group in np.unique(groups):
            part[groups == group] = _share(np.sum(groups == group), limits)
    return {name: rows[part == number] for number, name in enumerate(rule.parts)}


def _share(count: int, shares: np.ndarray) -> np.ndarray:
    """Number the part of each of `count` rows in a line, from the share of each part."""
    import numpy as np

    return np.searchsorted(np.round(np.cumsum(shares) * count), np.arange(count), side="right")
