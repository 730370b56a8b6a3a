"""The record type of a dataset; reads data/registry.toml and the cards. No torch, no network."""

from __future__ import annotations

import functools
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from course_lib.errors import CourseError, closest
from course_lib.resources import resource

if TYPE_CHECKING:
    import numpy as np

# What a dataset can be used to learn. "labels": several yes-or-no targets; "pose": points in an image.
TASKS = ("classification", "regression", "labels", "segmentation", "detection", "pose")


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
        One row per example: (B, D) columns, (B, T) signals, (B, H, W) images. Floats are float32. Rows that
        differ in size, such as molecules, stand in a (B,) array of objects.
    targets : numpy.ndarray
        (B,): float32 for a quantity, int64 from 0 to K - 1 for classes. (B, K) float32 where there are
        several targets, NaN where one was not measured. (B, H, W) for masks, whose integers stay small.
    input_names, target_names : tuple of str
        The columns of `inputs` (one name for a whole image), and the K classes or the quantities.
    units : mapping
        Name to unit. "1" is a number without unit, "unit not stated" means that the publisher gives none.
    splits : mapping
        Scheme to part to row numbers; the first scheme is the default.
    card : str
        Markdown: what was measured, how, known faults, and what the data must not be used for.
    truth : mapping or None
        What a simulator planted; None for measured data, whose truth nobody knows.
    groups : mapping
        Name to (B,) labels of rows that belong together: a patient, a scaffold, identical sequences.
    extras : mapping
        What else the publisher gives: sequences as text, graphs, the predictions of a published model.

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
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", _kept(self.inputs))
        object.__setattr__(self, "targets", _kept(self.targets, as_codes=True))
        splits = {
            by: {part: _kept(rows, as_codes=True) for part, rows in parts.items()}
            for by, parts in self.splits.items()
        }
        object.__setattr__(self, "splits", splits)
        object.__setattr__(self, "groups", {name: _kept(labels) for name, labels in self.groups.items()})
        extras = {
            name: _kept(extra) if hasattr(extra, "dtype") else extra for name, extra in self.extras.items()
        }
        object.__setattr__(self, "extras", extras)
        for name, rows in {"targets": self.targets, **self.groups}.items():
            if len(self.inputs) != len(rows):
                raise CourseError(
                    f"`inputs` has {len(self.inputs)} rows and `{name}` {len(rows)}.",
                    "Expected one target per row." if name == "targets" else "Expected one label per row.",
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

            # From the third level on: below a section or beside a part of one, and no level is left out.
            nested = re.sub(r"^(?=#+ )", "##", self.card, flags=re.MULTILINE)
            display({"text/markdown": nested, "text/plain": self.card}, raw=True)
        else:
            print(self.card)

    def __repr__(self) -> str:
        if self.targets.dtype.kind == "f" and len(self.target_names) == 1:
            target = f"{self.target_names[0]} [{self.units[self.target_names[0]]}]"
        elif self.targets.dtype.kind == "f":
            target = f"{len(self.target_names)} targets"
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


@dataclass(frozen=True, eq=False)
class Parts:
    """Hold what a reader made of the files of a dataset; `load` adds names, splits and card, and freezes it.

    Attributes
    ----------
    inputs, targets : numpy.ndarray or sequence
        One row per example, as `Dataset` describes them. A list or tuple holds rows that differ in size.
    input_names, target_names : tuple of str
        Only where the registry does not know them: the columns that the file itself names.
    groups : mapping
        Name to (B,) labels, for split rules that keep groups together.
    splits : mapping
        Scheme to part to row numbers: the parts that the publisher fixed, for the rule "published".
    extras : mapping
        What else is worth having, by name.
    notes : sequence of str
        What was left out, mended or found wanting, counted, one sentence each: `load` says them aloud.
    """

    inputs: Any
    targets: Any
    input_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    groups: Mapping[str, Any] = field(default_factory=dict)
    splits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class File:
    """Name one file of a dataset, and what must have arrived before it may be used.

    Attributes
    ----------
    path : str
        Where it lies below the folder of its dataset, with `/`.
    sha256 : str
        Of its bytes, as 64 hexadecimal digits.
    bytes : int
        How many.
    url : str
        Pinned to a commit, so that its bytes never change; "" where only a mirror has the file.
    optional : bool
        Whether the dataset can be read without it: then nothing fails where no place has it.
    """

    path: str
    sha256: str
    bytes: int
    url: str = ""
    optional: bool = False


@dataclass(frozen=True)
class SplitRule:
    """Say how one scheme parts a dataset, and why so.

    Attributes
    ----------
    name : str
        The scheme's name, for `split(…, by=name)`.
    rule : str
        "blocks": parts of the file in its own order, as shares. "shuffled": shares drawn at random, class by
        class where there are classes. "time": the last year of each part. "groups": shares, but the rows of
        one group stay together. "published": the publisher's own rows, which the reader gives. "prepared":
        rows that the reader gives by a rule of its own, which may leave some out.
    parts : mapping
        Part to share, to last year, or (published, prepared) to number of rows, in order.
    why : str
        The reason, for the card.
    by : str
        For "groups": the name of the groups that stay together.
    """

    name: str
    rule: str
    parts: Mapping[str, float]
    why: str
    by: str = ""

    def __str__(self) -> str:
        if self.rule == "time":
            limits = ", ".join(f"{part} to the end of {last}" for part, last in self.parts.items())
        elif self.rule in ("published", "prepared"):
            limits = ", ".join(f"{part} {rows:,} rows" for part, rows in self.parts.items())
        else:
            limits = ", ".join(f"{part} {share:.0%}" for part, share in self.parts.items())
        how = {
            "blocks": "in file order",
            "shuffled": "at random",
            "time": "by time",
            "groups": f"whole groups (`{self.by}`), drawn at random",
            "published": "as published",
            "prepared": "by a rule of its own",
        }[self.rule]
        return f"{how}: {limits}. {self.why}"


@dataclass(frozen=True)
class Record:
    """Hold one entry of data/registry.toml: every fact about a dataset that a program needs.

    Attributes
    ----------
    name, title, task : str
        The task is one of `TASKS`. The name of a member is "set/member".
    source, needs : str
        The package that bundles it or "download", and the extra that reading it needs ("" if none).
    shape : tuple of int
        The shape of all inputs together; (B,) where rows differ in size.
    inputs, target : mapping
        Name to unit, in the order of the columns; one target, or the several that are measured together.
    classes : tuple of str
        Class names in the order of their codes; empty for quantities.
    licence, citation : str
        The licence as stated, and where; whom to cite.
    splits : tuple of SplitRule
        The first is the default.
    used_by : tuple of str
        Lesson ids.
    folder, reader : str
        For a download: its folder in a mirror and in the cache, and the module of course_lib/data/readers
        that reads its files.
    files : tuple of File
        What is downloaded.
    members : mapping
        Name to what differs in this member, for a set of several, such as one per drug.
    stand_in : str
        What a lesson offers where the data cannot be had, as it is typed.
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
    used_by: tuple[str, ...] = ()
    folder: str = ""
    reader: str = ""
    files: tuple[File, ...] = ()
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stand_in: str = ""

    @property
    def units(self) -> dict[str, str]:
        """The units of inputs and target together."""
        return {**self.inputs, **self.target}

    @property
    def member(self) -> str:
        """The part of the name after the `/`: "FPV" of "hiv_resistance/FPV", "" of a whole set."""
        return self.name.partition("/")[2]

    @property
    def bytes(self) -> int:
        """The bytes of all files together."""
        return sum(file.bytes for file in self.files)


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
    """Return the entry of one dataset, or of one member of a set ("hiv_resistance/FPV").

    Raises
    ------
    CourseError
        If there is none of that name, with the name that was probably meant.
    """
    which, slash, member = str(name).partition("/")
    if which not in records():
        raise CourseError(
            f"There is no dataset `{which}`.",
            f"Expected one of the {len(records())} of the course.",
            closest(which, records()),
        )
    entry = records()[which]
    if not slash:
        return entry
    if member not in entry.members:
        raise CourseError(
            f"`{which}` has no member `{member}`.",
            f"Expected {_members(entry)}.",
            closest(member, entry.members),
        )
    changes = dict(entry.members[member])
    if paths := changes.pop("files", None):
        changes["files"] = tuple(file for file in entry.files if file.path in paths)
        if len(changes["files"]) != len(paths):
            raise ValueError(f"{name}: `files` names a path twice, or one that the set does not have")
    if "splits" in changes:
        changes["splits"] = _rules(changes["splits"])
    for key in ("shape", "classes"):
        if key in changes:
            changes[key] = tuple(changes[key])
    return replace(entry, name=name, members={}, **changes)


def names() -> list[str]:
    """Return every name that `load` knows: each set, or each member of a set of several.

    Returns
    -------
    list of str
    """
    return [
        name if not entry.members else f"{name}/{member}"
        for name, entry in records().items()
        for member in entry.members or [""]
    ]


def loadable(name: str) -> Record:
    """Return the entry of something that can be loaded as it is named: a set without members, or a member.

    Raises
    ------
    CourseError
        If there is none of that name, or it is a set of several, whose members are listed.
    """
    entry = record(name)
    if entry.members:
        first = next(iter(entry.members))
        raise CourseError(
            f"`{name}` is a set of {len(entry.members)}.",
            f"Expected one of them: {_members(entry)}.",
            f'Try `cl.load("{name}/{first}")`.',
        )
    return entry


def card(name: str) -> str:
    """Return the card of a dataset as Markdown: the facts of its record, then data/cards/<name>.md.

    Raises
    ------
    CourseError
        If there is no dataset of that name.
    """
    entry = record(name)
    which = name.partition("/")[0]
    title, prose = (resource("cards") / f"{which}.md").read_text(encoding="utf-8").split("\n", 1)
    if entry.member:
        title += f": {entry.member}"
    classes = ", ".join(
        word if word == str(code) else f"{code} {word}" for code, word in enumerate(entry.classes)
    )
    facts = {
        "Inputs": f"{_times(entry.shape)}, {_listed(entry.inputs)}",
        "Target": f"{', '.join(entry.target)}: {classes}" if classes else _listed(entry.target),
        "Members": ", ".join(f"`{which}/{member}`" for member in entry.members),
        **{
            f"Split by `{rule.name}`" + (", the default" if rule is entry.splits[0] else ""): rule
            for rule in entry.splits
        },
        "Comes with": "" if entry.files else entry.source,
        "Downloaded from": _origin(entry),
        "Licence": entry.licence,
        "Cite": entry.citation,
        "Stand-in where it cannot be had": entry.stand_in and f"`{entry.stand_in}`",
    }
    lines = "\n".join(f"- **{word}:** {fact}" for word, fact in facts.items() if fact)
    return f"{title}\n\n{lines}\n{prose}"


def _origin(entry: Record) -> str:
    """Say where the files come from and how large they are, such as "github.com (1 file, 0.1 MB)"."""
    if not entry.files:
        return ""
    hosts = sorted({urlsplit(file.url).hostname for file in entry.files if file.url})
    count = "1 file" if len(entry.files) == 1 else f"{len(entry.files)} files"
    if any(not file.url for file in entry.files):
        hosts.append("a mirror (no publisher has all of these bytes)")
    return f"{' and '.join(hosts)}, {count}, {megabytes(entry.bytes)}"


def megabytes(count: int) -> str:
    """Return a number of bytes as people say it: "0.1 MB", "11.6 MB".

    Parameters
    ----------
    count : int
        Bytes; a megabyte has a million of them.
    """
    return f"{max(count / 1e6, 0.1):,.1f} MB" if count > 50_000 else f"{count / 1e3:,.1f} kB"


def _record(name: str, entry: dict[str, Any]) -> Record:
    """Turn one table of the registry into a record; a missing or unknown key is a TypeError."""
    plural = {key: tuple(entry.pop(key)) for key in ("shape", "classes", "used_by")}
    files = _files(entry.pop("files", []), entry.pop("base", ""))
    return Record(name, splits=_rules(entry.pop("splits")), files=files, **plural, **entry)


def _rules(splits: Mapping[str, Mapping[str, Any]]) -> tuple[SplitRule, ...]:
    return tuple(SplitRule(name, **rule) for name, rule in splits.items())


def _files(files: list[dict[str, Any]] | str, base: str) -> tuple[File, ...]:
    """Read the files of an entry, from a table of their own where there are hundreds."""
    if isinstance(files, str):
        files = tomllib.loads((resource("files") / files).read_text(encoding="utf-8"))["files"]
    return tuple(File(**{"url": base and base + quote(file["path"]), **file}) for file in files)


def _members(entry: Record) -> str:
    return (
        ", ".join(f"`{entry.name}/{member}`" for member in entry.members) or "the name alone: it is one set"
    )


def _kept(values: Any, as_codes: bool = False) -> np.ndarray:
    """Return an array of our own that cannot be written to, with float32 for every kind of float."""
    import numpy as np

    array = np.asarray(values)
    kind = array.dtype
    if kind.kind == "f":
        kind = np.dtype(np.float32)
    elif kind.kind in "iu" and as_codes and array.ndim < 2:
        kind = np.dtype(np.int64)
    if array.dtype != kind or array.flags.writeable or not array.flags.owndata:
        array = np.array(array, dtype=kind)
        array.flags.writeable = False
    return array


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _listed(units: Mapping[str, str]) -> str:
    """Name the columns, with a unit each, or with the one that all share."""
    if len(set(units.values())) == 1 and len(units) > 1:
        return f"{', '.join(units)} [all: {next(iter(units.values()))}]"
    return ", ".join(f"{name} [{unit}]" for name, unit in units.items())


def _either(names) -> str:
    return " or ".join(f'"{name}"' for name in names)
