"""Load a named dataset: inputs and targets, split by its own rule, with its card."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from course_lib.data.sources import obtain
from course_lib.data.splits import part_rows
from course_lib.errors import CourseError
from course_lib.registry import Dataset, Parts, Record, card, loadable

if TYPE_CHECKING:
    import numpy as np


def load(name: str) -> Dataset:
    """Load a dataset of the course by name.

    It is found in this order: bundled with a package, in the cache, in a mirror (`COURSE_DATA_MIRROR`, a
    folder or an address), by download. What was left out or mended in reading is counted aloud.

    Parameters
    ----------
    name : str
        One of the names of `data/registry.toml`, such as "digits", or a member of a set, such as
        "hiv_resistance/FPV".

    Returns
    -------
    Dataset
        Fresh arrays at every call. `.split("train")` gives `(inputs, targets)`, `.describe()` the card.

    Raises
    ------
    CourseError
        If there is no such dataset, a package that it needs is not installed, or no source has it: then each
        place that was tried is named, and why it failed.

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
    entry = loadable(name)
    parts = _read(entry)
    input_names = tuple(parts.input_names) or tuple(entry.inputs)
    return Dataset(
        name=name,
        inputs=_rows(parts.inputs),
        targets=_rows(parts.targets),
        input_names=input_names,
        target_names=tuple(parts.target_names) or entry.classes or tuple(entry.target),
        units=_units(entry, input_names),
        splits={rule.name: part_rows(rule, parts) for rule in entry.splits},
        card=card(name),
        groups=parts.groups,
        extras=parts.extras,
    )


def _read(entry: Record) -> Parts:
    """Read the files of a dataset, or what its package holds, and say aloud what was found wanting."""
    try:
        # The reader first: a library that is missing is learnt before anything is downloaded.
        name = f"readers.{entry.reader}" if entry.files else "bundled"
        reader = importlib.import_module(f"course_lib.data.{name}")
        parts = reader.read(entry, obtain(entry))
    except ModuleNotFoundError as error:
        if not entry.needs:
            raise
        lacks = f"`{entry.name}` comes with {entry.source}, and `{error.name}` is not installed."
        if entry.files:
            lacks = f"`{entry.name}` is read with `{error.name}`, which is not installed."
        raise CourseError(
            lacks,
            f"Expected the extra `{entry.needs}`.",
            f'Run `pip install "course_lib[{entry.needs}]"`, then restart the kernel.',
        ) from error
    for note in parts.notes:
        print(f"{entry.name}: {note}")
    return parts


def _rows(values: Any) -> np.ndarray:
    """Return a read-only array; a list of rows that differ in size becomes a line of read-only objects."""
    import numpy as np

    if isinstance(values, np.ndarray) and values.flags.owndata:
        values.flags.writeable = False  # what a reader made is ours: `Dataset` need not copy it once more
    if isinstance(values, np.ndarray) or not isinstance(values, Sequence):
        return values
    rows = np.empty(len(values), dtype=object)
    for number, row in enumerate(values):  # one by one: NumPy would stack rows that happen to be alike
        rows[number] = _rows(row.copy()) if isinstance(row, np.ndarray) else row
    return rows


def _units(entry: Record, input_names: tuple[str, ...]) -> dict[str, str]:
    """Return name to unit; columns that only the file names share the one unit of the registry."""
    common = next(iter(entry.inputs.values()))
    return {**{name: entry.inputs.get(name, common) for name in input_names}, **entry.units}
