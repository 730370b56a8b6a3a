"""The record type of a dataset; reads data/registry.toml and the cards. No torch, no network."""

from __future__ import annotations

import functools
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError, closest
from course_lib.resources import resource

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and targets with their names, units, splits and card.

    The arrays cannot be written to, so that a column scaled in place never reaches the test rows behind
    one's back. `split` gives copies, which can.

    Attributes
    ----------
    name : str
        What `load` knows it by.
    inputs : numpy.ndarray
        One row per example: (B, D) columns, (B, T) signals, (B, H, W) images. Floats are float32.
    targets : numpy.ndarray
        (B,): float32 for a quantity, int64 from 0 to K - 1 for classes.
    input_names, target_names : tuple of str
        The columns of `inputs` (one name for a whole image), and the K classes or the one quantity.
    units : mapping
        Name to unit. "1" is a number without unit, "unit not stated" means that the publisher gives none.
    splits : mapping
        Scheme to part to row numbers; the first scheme is the default.
    card : str
        Markdown: what was measured, how, known faults, and what the data must not be used for.
    truth : mapping or None
        What a simulator planted; None for measured data, whose truth nobody knows.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 01, "The data".
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    units: Mapping[str, str]
    splits: Mapping[str, Mapping[str, np.ndarray]]
    card: str
    truth: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        import numpy as np

        def keep(array, integer=None):
            array = np.asarray(array)
            kind = np.float32 if array.dtype.kind == "f" else integer if array.dtype.kind in "iu" else None
            array = np.array(array, dtype=kind)  # a copy of our own
            array.flags.writeable = False
            return array

        object.__setattr__(self, "inputs", keep(self.inputs))
        object.__setattr__(self, "targets", keep(self.targets, integer=np.int64))
        splits = {
            by: {part: keep(rows, integer=np.int64) for part, rows in parts.items()}
            for by, parts in self.splits.items()
        }
        object.__setattr__(self, "splits", splits)
        if len(self.inputs) != len(self.targets):
            raise CourseError(
                f"`inputs` has {len(self.inputs)} rows and `targets` {len(self.targets)}.",
                "Expected one target per row.",
                "Look for rows that were left out of one and not of the other.",
            )

    def split(self, part: str, by: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs and targets of one part, as copies that may be changed.

        Parameters
        ----------
        part : str
            "train", "valid" or "test".
        by : str, optional
            The scheme, such as "random"; the default is the first of `splits`, and the card says why.

        Returns
        -------
        inputs, targets : numpy.ndarray
            The rows of that part.

        Raises
        ------
        CourseError
            If there is no such part or scheme.

        Notes
        -----
        **Source:** standard result. **Shown in:** lesson 01, "Ten pictures".
        """
        if not self.splits:
            raise CourseError(
                f"`{self.name}` comes in one piece.",
                "Expected a dataset with parts.",
                "Use `.inputs` and `.targets`, and cross-validate.",
            )
        scheme = next(iter(self.splits)) if by is None else by
        if scheme not in self.splits:
            raise CourseError(
                f"`{self.name}` has no split by `{scheme}`.",
                f"Expected by={_either(self.splits)}.",
                closest(str(scheme), self.splits),
            )
        parts = self.splits[scheme]
        if part not in parts:
            raise CourseError(
                f"`{self.name}` has no part `{part}`.",
                f"Expected {_either(parts)}.",
                closest(str(part), parts),
            )
        rows = parts[part]
        return self.inputs[rows], self.targets[rows]

    def describe(self) -> None:
        """Show the card: formatted in a notebook, as text elsewhere.

        Notes
        -----
        **Source:** Gebru et al., Datasheets for Datasets (2018). **Shown in:** lesson 01, "The data".
        """
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
            from IPython.display import display

            # Below the lesson's own headings, so that the page keeps one outline.
            nested = re.sub(r"^(?=#+ )", "###", self.card, flags=re.MULTILINE)
            display({"text/markdown": nested, "text/plain": self.card}, raw=True)
        else:
            print(self.card)

    def __repr__(self) -> str:
        if self.targets.dtype.kind == "f":
            target = f"{self.target_names[0]} [{self.units[self.target_names[0]]}]"
        else:
            target = f"{len(self.target_names)} classes"
            if len(self.target_names) <= 3:
                target += ": " + ", ".join(f"{code} {name}" for code, name in enumerate(self.target_names))
        sizes = [
            f"split by {by}: " + ", ".join(f"{part} {len(rows)}" for part, rows in parts.items())
            for by, parts in self.splits.items()
        ]
        return (
            f"{self.name}: inputs {self.inputs.shape}, targets {self.targets.shape}, {target}\n"
            f"  {'; '.join(sizes) or 'in one piece'}"
        )


@dataclass(frozen=True)
class SplitRule:
    """Say how one scheme parts a dataset, and why so.

    Attributes
    ----------
    name : str
        The scheme's name, for `split(…, by=name)`.
    rule : str
        "blocks": parts of the file in its own order, as shares. "shuffled": shares drawn at random, class by
        class where there are classes. "time": the last year of each part.
    parts : mapping
        Part to share or to last year, in order.
    why : str
        The reason, for the card.
    """

    name: str
    rule: str
    parts: Mapping[str, float]
    why: str

    def __str__(self) -> str:
        if self.rule == "time":
            limits = ", ".join(f"{part} to the end of {last}" for part, last in self.parts.items())
        else:
            limits = ", ".join(f"{part} {share:.0%}" for part, share in self.parts.items())
        how = {"blocks": "in file order", "shuffled": "at random", "time": "by time"}[self.rule]
        return f"{how}: {limits}. {self.why}"


@dataclass(frozen=True)
class Record:
    """Hold one entry of data/registry.toml: every fact about a dataset that a program needs.

    Attributes
    ----------
    name, title, task : str
        The task is "classification" or "regression".
    source, needs : str
        The package that bundles it, and the extra that installs this package ("" if always there).
    shape : tuple of int
        The shape of all inputs together.
    inputs, target : mapping
        Name to unit, in the order of the columns; one target.
    classes : tuple of str
        Class names in the order of their codes; empty for regression.
    licence, citation : str
        The licence as stated, and where; whom to cite.
    splits : tuple of SplitRule
        The first is the default.
    used_by : tuple of str
        Lesson ids.
    """

    name: str
    title: str
    task: str
    source: str
    needs: str
    shape: tuple[int, ...]
    inputs: Mapping[str, str]
    target: Mapping[str, str]
    classes: tuple[str, ...]
    licence: str
    citation: str
    splits: tuple[SplitRule, ...]
    used_by: tuple[str, ...] = field(default=())

    @property
    def units(self) -> dict[str, str]:
        """The units of inputs and target together."""
        return {**self.inputs, **self.target}


@functools.cache
def records() -> dict[str, Record]:
    """Return every entry of data/registry.toml by name.

    Returns
    -------
    dict of str to Record
    """
    entries = tomllib.loads(resource("registry.toml").read_text(encoding="utf-8"))
    return {name: _record(name, entry) for name, entry in entries.items()}


def record(name: str) -> Record:
    """Return the entry of one dataset.

    Raises
    ------
    CourseError
        If there is none of that name, with the name that was probably meant.
    """
    if name not in records():
        raise CourseError(
            f"There is no dataset `{name}`.",
            f"Expected one of the {len(records())} of the course.",
            closest(str(name), records()),
        )
    return records()[name]


def card(name: str) -> str:
    """Return the card of a dataset as Markdown: the facts of its record, then data/cards/<name>.md.

    Raises
    ------
    CourseError
        If there is no dataset of that name.
    """
    entry = record(name)
    title, prose = (resource("cards") / f"{name}.md").read_text(encoding="utf-8").split("\n", 1)
    target, unit = next(iter(entry.target.items()))
    classes = ", ".join(
        word if word == str(code) else f"{code} {word}" for code, word in enumerate(entry.classes)
    )
    facts = {
        "Inputs": f"{_times(entry.shape)}, {_listed(entry.inputs)}",
        "Target": f"{target}: {classes}" if classes else f"{target} [{unit}]",
        **{
            f"Split by `{rule.name}`" + (", the default" if rule is entry.splits[0] else ""): rule
            for rule in entry.splits
        },
        "Comes with": entry.source,
        "Licence": entry.licence,
        "Cite": entry.citation,
    }
    lines = "\n".join(f"- **{word}:** {fact}" for word, fact in facts.items())
    return f"{title}\n\n{lines}\n{prose}"


def _record(name: str, entry: dict[str, Any]) -> Record:
    """Turn one table of the registry into a record; a missing or unknown key is a TypeError."""
    rules = tuple(SplitRule(by, **rule) for by, rule in entry.pop("splits").items())
    plural = {key: tuple(entry.pop(key)) for key in ("shape", "classes", "used_by")}
    return Record(name, splits=rules, **plural, **entry)


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _listed(units: Mapping[str, str]) -> str:
    """Name the columns, with a unit each, or with the one that all share."""
    if len(set(units.values())) == 1 and len(units) > 1:
        return f"{', '.join(units)} [all: {next(iter(units.values()))}]"
    return ", ".join(f"{name} [{unit}]" for name, unit in units.items())


def _either(names) -> str:
    return " or ".join(f'"{name}"' for name in names)
