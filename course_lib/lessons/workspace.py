"""The student's own copies in `work/`, the JupyterLab that opens them, and the source of a new lesson."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.lessons import skeleton
from course_lib.lessons.source import is_local, links
from course_lib.lessons.syllabus import Lesson, Syllabus, read

_STATE = ".course.json"


def prepare(root: Path, work: Path) -> list[str]:
    """Copy the students' notebooks to `work`, on first opening; a newer lesson arrives beside the older copy.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    work : Path
        Where the copies live. No file that is there is ever written over.

    Returns
    -------
    list of str
        A sentence for each thing done that a student should know of.

    Raises
    ------
    CourseError
        If a folder may not be written or the disk is full; what has arrived by then is whole.

    Notes
    -----
    `work/.course.json` remembers the hash of the last version of each lesson that was handed out. Where it is
    lost, a copy that differs from the lesson counts as older: nothing tells an answer from an old sentence.
    """
    root, work = Path(root), Path(work)
    syllabus = read(root / "notebooks/source/lessons.toml")
    handed_out = _remembered(work)
    said, first = [], []
    try:
        for lesson in syllabus.ready:
            original = root / "notebooks" / lesson.notebook
            if not original.exists():
                raise CourseError(
                    f"`{original}` is not there.",
                    "Expected the built notebook of each lesson.",
                    "Run `course build`, or restore it with `git checkout notebooks`.",
                )
            content = original.read_bytes()
            for place in _pictures(content, lesson.unit, root / "notebooks"):
                _put(work / place, (root / "notebooks" / place).read_bytes())
            copy, version = work / lesson.notebook, hashlib.sha256(content).hexdigest()
            before = handed_out.get(lesson.notebook)
            if not copy.exists():
                _put(copy, content)
                if before:
                    said.append(
                        f"`{lesson.notebook}` was no longer in {work.name}/, so a fresh copy is there. "
                        "A copy that you have renamed is untouched."
                    )
                else:
                    first.append(lesson.number)
            elif before != version and copy.read_bytes() != content:
                beside = _beside(copy)
                _put(beside, content)
                said.append(
                    f"Lesson {lesson.number} has a newer version: it is in {work.name}/ as "
                    f"`{beside.relative_to(work).as_posix()}`, and your copy `{copy.name}` is as you left it."
                )
            if before != version:
                handed_out[lesson.notebook] = version
                _remember(work, handed_out)
    except OSError as error:
        raise CourseError(
            f"`{error.filename or work}` cannot be written: {error.strerror or error}.",
            f"Expected to put your copies into `{work}`.",
            "Check the folder's rights and the disk's free space; nothing of yours has changed.",
        ) from error
    if first:
        count = "one lesson" if len(first) == 1 else f"{len(first)} lessons"
        said.insert(
            0, f"Your own copies of {count} are in {work.name}/ now: write there, nothing overwrites it."
        )
    return said


def lab_command(work: Path) -> list[str]:
    """Return the command that starts JupyterLab on the copies; what stands behind it is JupyterLab's own.

    Parameters
    ----------
    work : Path
        Where the copies live.

    Notes
    -----
    JupyterLab asks a package index whether it is the newest, and is told not to: nothing leaves the machine
    while a lesson runs.
    """
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--notebook-dir={work}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _remembered(work: Path) -> dict[str, str]:
    try:
        state = json.loads((work / _STATE).read_text(encoding="utf-8"))["handed out"]
        return {name: version for name, version in state.items() if isinstance(version, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # not there yet, or broken: see the note of `prepare`


def _remember(work: Path, handed_out: dict[str, str]) -> None:
    part = work / (_STATE + ".part")
    part.write_text(json.dumps({"handed out": handed_out}, indent=1) + "\n", encoding="utf-8")
    part.replace(work / _STATE)


def _put(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all; a file that is there stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = path.open("xb")
    except FileExistsError:
        return
    try:
        with file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _beside(copy: Path) -> Path:
    """Return the first name beside a copy that is free: `…_new.ipynb`, `…_new_2.ipynb`, …"""
    path, number = copy.with_name(f"{copy.stem}_new.ipynb"), 1
    while path.exists():
        number += 1
        path = copy.with_name(f"{copy.stem}_new_{number}.ipynb")
    return path


def _pictures(content: bytes, unit: str, top: Path) -> list[str]:
    """Return where below `top` the files lie that a notebook's prose links to, other notebooks aside."""
    found = set()
    for cell in json.loads(content)["cells"]:
        text = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
        for target in (text[begin:end] for begin, end in links(text)):
            place = os.path.normpath(os.path.join(unit, target))
            # What lies outside is refused by the build; it must not keep anybody from opening the course.
            inside = is_local(target) and not place.startswith("..")
            if inside and not place.endswith(".ipynb") and (top / place).is_file():
                found.add(place)
    return sorted(found)


def new_lesson(root: Path, name: str) -> list[Path]:
    """Write the beginning of a lesson: its source, checks and tests, and its entry in the syllabus.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    name : str
        The lesson's id: two digits and a noun phrase, as `06_dense_prediction`. A planned lesson keeps its
        unit and its title.

    Returns
    -------
    list of Path
        The files written, seen from `root`. The lesson builds and runs as it stands.

    Raises
    ------
    CourseError
        If the name is no id, the number is taken, a file is in the way, or a folder may not be written. Then
        nothing is left behind.
    """
    root = Path(root)
    toml = root / "notebooks/source/lessons.toml"
    syllabus = read(toml)
    lesson = _place_of(name, syllabus)
    texts = {
        root / lesson.source: skeleton.SOURCE,
        root / f"course_lib/exercises/lesson_{lesson.number}.py": skeleton.CHECKS,
        root / f"tests/exercises/test_lesson_{lesson.number}.py": skeleton.TESTS,
    }
    for path in texts:
        if path.exists():
            raise CourseError(
                f"`{path.relative_to(root)}` is there already.",
                "Expected a lesson that nobody has begun.",
                "Move it away, or go on with it by hand.",
            )
    entered = _entered(toml.read_text(encoding="utf-8"), lesson)
    written = []
    try:
        for path, text in texts.items():
            _put(path, text.replace("NN", lesson.number).encode())
            written.append(path)
        part = toml.with_name("lessons.toml.part")
        _put(part, entered.encode())
        written.append(part)
        part.replace(toml)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise CourseError(
            f"`{error.filename or root}` cannot be written: {error.strerror or error}.",
            "Expected to write the source, checks and tests of the lesson.",
            "Check the folder's rights and the disk's free space; nothing was left behind.",
        ) from error
    return [path.relative_to(root) for path in (*texts, toml)]


def _place_of(name: str, syllabus: Syllabus) -> Lesson:
    """Return the lesson that shall be begun: the planned one of this id, or a new one with a free number."""
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise CourseError(
            f"`{name}` is no name of a lesson.",
            "Expected two digits and a noun phrase in small letters.",
            f"For example: `course new {_example(syllabus)}`.",
        )
    for lesson in syllabus.lessons:
        if lesson.number == name[:2]:
            if lesson.status == "ready":
                raise CourseError(
                    f"Lesson {lesson.number} is written: `{lesson.id}`.",
                    "Expected a free number; a lesson's number never changes.",
                    f"Try {_free_number(syllabus)}; `course list` shows them all.",
                )
            if lesson.id != name:
                raise CourseError(
                    f"Number {lesson.number} is planned as `{lesson.id}`.",
                    "Expected that name, or a free number.",
                    f"Try `course new {lesson.id}`, or rename it under `[planned]`.",
                )
            return lesson
    earlier = [lesson for lesson in syllabus.lessons if lesson.id < name]
    unit = earlier[-1].unit if earlier else next(iter(syllabus.units))
    return Lesson(id=name, unit=unit, title=name[3:].replace("_", " ").capitalize())


def _example(syllabus: Syllabus) -> str:
    """Return a name that would be taken: the next planned lesson's, or one with a free number."""
    planned = (lesson.id for lesson in syllabus.lessons if lesson.status == "planned")
    return next(planned, f"{_free_number(syllabus)}_noun_phrase")


def _free_number(syllabus: Syllabus) -> str:
    return f"{int(syllabus.lessons[-1].number) + 1:02d}"


def _entered(toml: str, lesson: Lesson) -> str:
    """Return the syllabus with the lesson's entry after the last one, and no longer among the planned."""
    entry = skeleton.ENTRY.format(id=lesson.id, unit=lesson.unit, title=lesson.title.replace('"', '\\"'))
    toml = re.sub(rf"^{lesson.id}\s*=.*\n?", "", toml, flags=re.MULTILINE)
    planned = re.search(r"(^#[^\n]*\n)*^\[planned\]", toml, re.MULTILINE)
    if planned is None:
        return toml.rstrip("\n") + "\n\n" + entry
    return toml[: planned.start()] + entry + "\n" + toml[planned.start() :]
