"""What `course data` does: list what there is, fetch it beforehand, verify it, make a mirror for a class."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from course_lib.data.cache import NOT_THERE, cache_folder, fault
from course_lib.data.sources import obtain
from course_lib.errors import CourseError, closest
from course_lib.registry import Record, megabytes, record, records

_README = """# A mirror of the course's datasets

Set `COURSE_DATA_MIRROR` to this folder, or to the address of a web server that serves it
(`python -m http.server` in this folder will do). Then `course_lib.load` finds these datasets here before it
asks the network. Every file is verified by its size and sha256 when it is loaded; `sha256sum -c SHA256SUMS`
verifies them here.

The licences are those of the publishers, as stated; what they do not allow, a mirror does not allow either:

{licences}
"""


def table() -> str:
    """Return what there is as text: name, size, where it is, the lessons that use it, licence.

    Returns
    -------
    str
        One line per dataset.
    """
    rows = [("name", "size", "here", "lessons", "licence as stated")]
    for name, entry in records().items():
        size = megabytes(entry.bytes) if entry.files else f"in {entry.source}"
        lessons = " ".join(lesson[:2] for lesson in entry.used_by)
        licence = entry.licence if len(entry.licence) <= 50 else entry.licence[:49].rstrip(" ,;(") + "…"
        name += f" ({len(entry.members)} members)" if entry.members else ""
        rows.append((name, size, _state(entry), lessons, licence))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)]
        lines.append("  ".join([*cells, row[4]]).rstrip())
    return "\n".join([*lines, f"The cache is {cache_folder()}."])


def _state(entry: Record) -> str:
    """Say whether all files lie in the cache, by their sizes: reading them all would take too long here."""
    if not entry.files:
        return "yes"
    needed, sizes = [file for file in entry.files if not file.optional], []
    for file in needed:
        with contextlib.suppress(OSError):
            sizes.append((cache_folder() / entry.folder / file.path).stat().st_size == file.bytes)
    return "yes" if sum(sizes) == len(needed) else "in part" if sizes else "no"


def choose(words: Iterable[str]) -> list[Record]:
    """Return the datasets that are meant by names, members, and lessons.

    Parameters
    ----------
    words : iterable of str
        Such as "esol", "hiv_resistance/FPV", "03" or "03_do_you_need_deep_learning".

    Returns
    -------
    list of Record
        Each once, in the order of the words.

    Raises
    ------
    CourseError
        If a word is neither.
    """
    lessons: dict[str, list[str]] = {}
    for name, entry in records().items():
        for lesson in entry.used_by:
            lessons.setdefault(lesson, []).append(name)
            lessons.setdefault(lesson[:2], []).append(name)
    chosen = {}
    for word in words:
        lesson = word.zfill(2) if word.isdecimal() else word
        if lesson in lessons:
            chosen |= {name: record(name) for name in lessons[lesson]}
        elif word.isdecimal():
            raise CourseError(
                f"No dataset is used by a lesson {lesson}.",
                "Expected a lesson that loads one, or the name of a dataset.",
                "`course data list` says which lesson uses what.",
            )
        elif word.partition("/")[0] not in records():
            raise CourseError(
                f"`{word}` is neither a dataset nor a lesson that uses one.",
                "Expected names, or lessons such as `01`.",
                closest(word, [*records(), *lessons]),
            )
        else:
            chosen[word] = record(word)
    return list(chosen.values())


def fetch(entries: Iterable[Record]) -> Iterator[str]:
    """Bring datasets into the cache, and yield a sentence about each.

    A dataset that cannot be had does not keep the others from being fetched.

    Parameters
    ----------
    entries : iterable of Record
        What to fetch.

    Raises
    ------
    CourseError
        At the end, if one or more could not be had.
    """
    failed = []
    for entry in entries:
        if not entry.files:
            yield f"{entry.name}: comes with {entry.source}, nothing to fetch"
            continue
        try:
            files = obtain(entry)
        except CourseError as error:
            failed.append(entry.name)
            yield f"{entry.name}: NOT FETCHED. {error}"
        else:
            yield f"{entry.name}: {_counted(entry, files)}, verified"
    if failed:
        raise CourseError(
            f"{len(failed)} could not be fetched: {', '.join(failed)}.",
            "Expected all that were named.",
            "Each line above says which places were tried.",
        )


def verify() -> tuple[list[str], bool]:
    """Verify every file that lies in the cache.

    Returns
    -------
    lines : list of str
        One per dataset that is here, and one per damaged file.
    is_whole : bool
        False if a file is damaged.
    """
    lines, is_whole = [], True
    for name, entry in records().items():
        folder = cache_folder() / entry.folder
        faults = {file.path: fault(folder / file.path, file) for file in entry.files}
        here = {path: why for path, why in faults.items() if why != NOT_THERE}
        damaged = {path: why for path, why in here.items() if why}
        if here:
            lines.append(f"{name}: {len(here) - len(damaged)} of {len(faults)} files are here and whole")
        lines += [f"{name}: DAMAGED {folder / path}: {why}" for path, why in damaged.items()]
        is_whole = is_whole and not damaged
    lines = lines or [f"Nothing is in the cache ({cache_folder()})."]
    if not is_whole:
        lines.append("What is damaged is never used: the next load, or `course data fetch`, brings it anew.")
    return lines, is_whole


def make_mirror(folder: Path, entries: Iterable[Record]) -> Iterator[str]:
    """Make a mirror that a class can use, from a stick or a web server, and yield a sentence about each set.

    Parameters
    ----------
    folder : pathlib.Path
        Where; what is there and whole already stays.
    entries : iterable of Record
        What goes into it; what is not in the cache is fetched first.

    Raises
    ------
    CourseError
        If one of the datasets cannot be had.
    """
    entries = [entry for entry in entries if entry.files]
    for entry in entries:
        sources = obtain(entry)
        for file in entry.files:
            path = folder / entry.folder / file.path
            if file.path in sources and fault(path, file):
                path.parent.mkdir(parents=True, exist_ok=True)
                arriving = path.with_name(path.name + ".part")
                shutil.copyfile(sources[file.path], arriving)
                if why := fault(arriving, file):
                    arriving.unlink()
                    raise CourseError(
                        f"`{path}` came out wrong ({why}).",
                        "Expected a copy of what is in the cache.",
                        "Check the stick or disk, and make the mirror again.",
                    )
                os.replace(arriving, path)
        yield f"{entry.name}: {_counted(entry, sources)}"
    _write_papers(folder)
    yield f"Set COURSE_DATA_MIRROR={folder.absolute()} to use it."


def _write_papers(folder: Path) -> None:
    """Write what the mirror holds, of all that lies in it: it may have been made in several goes."""
    sums, licences = [], []
    for entry in records().values():
        here = [file for file in entry.files if (folder / entry.folder / file.path).exists()]
        sums += [f"{file.sha256}  {entry.folder}/{file.path}\n" for file in here]
        if here:
            licences.append(f"- `{entry.folder}`: {entry.title}. {entry.licence}. Cite: {entry.citation}.")
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    (folder / "README.md").write_text(_README.format(licences="\n".join(licences)), encoding="utf-8")


def _counted(entry: Record, here: Mapping[str, Path]) -> str:
    size = sum(file.bytes for file in entry.files if file.path in here)
    files = "1 file" if len(here) == 1 else f"{len(here)} files"
    lacking = len(entry.files) - len(here)
    return f"{files}, {megabytes(size)}" + (f" ({lacking} more that only a mirror has)" if lacking else "")
