"""Read the datasets that come inside other packages: nothing to download, nothing to verify."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from course_lib.registry import Parts, Record


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Return what the package holds, by the same signature as a reader of files; `paths` is empty.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    """
    return _OWN.get(entry.name, _from_scikit_learn)(entry)


def _from_scikit_learn(entry: Record) -> Parts:
    """Return a table of scikit-learn as it stands there: (B, D) and (B,)."""
    from sklearn import datasets

    return Parts(*getattr(datasets, f"load_{entry.name}")(return_X_y=True))


def _digits(entry: Record) -> Parts:
    """Return (B, 8, 8) shares of inked dots: each pixel upstream counts the 16 dots of a 4 × 4 cell."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return Parts(digits.images / 16, digits.target)


def _diabetes(entry: Record) -> Parts:
    """Return the raw columns: upstream's scaled ones carry means and spreads of the test rows."""
    from sklearn.datasets import load_diabetes

    return Parts(*load_diabetes(return_X_y=True, scaled=False))


def _co2_weekly(entry: Record) -> Parts:
    """Return decimal years (B, 1) and ppm (B,), the weeks without a value left out and counted aloud."""
    import numpy as np
    from statsmodels.datasets import co2

    weeks = co2.load_pandas().data["co2"]
    measured = weeks.dropna()
    day = measured.index
    year = day.year + (day.day_of_year - 1) / np.where(day.is_leap_year, 366, 365)
    gaps = f"{len(weeks) - len(measured)} of {len(weeks)} weeks have no value."
    return Parts(
        year.to_numpy()[:, None], measured.to_numpy(), notes=[f"{gaps} They are left out, not filled in."]
    )


def _sunspots_yearly(entry: Record) -> Parts:
    """Return years (B, 1) and yearly mean sunspot numbers (B,)."""
    from statsmodels.datasets import sunspots

    table = sunspots.load_pandas().data
    return Parts(table[["YEAR"]].to_numpy(), table["SUNACTIVITY"].to_numpy())


_OWN = {
    "digits": _digits,
    "diabetes": _diabetes,
    "co2_weekly": _co2_weekly,
    "sunspots_yearly": _sunspots_yearly,
}
