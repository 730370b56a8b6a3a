"""The syllabus: what lessons there are, read from notebooks/source/lessons.toml."""

from __future__ import annotations

import os
import re
import textwrap
import tomllib
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

from course_lib.errors import CourseError, closest
from course_lib.resources import resource

_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


@dataclass(frozen=True)
class Lesson:
    """One lesson as `lessons.toml` describes it; a planned one has a number, a place and a title only."""

    id: str
    unit: str
    title: str
    question: str = ""
    minutes: int = 0
    device: str = ""
    data: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    status: str = "ready"

    @property
    def number(self) -> str:
        """The two digits that the id begins with."""
        return self.id[:2]

    @property
    def source(self) -> str:
        """Where the source stands, seen from the top of the checkout."""
        return "/".join(filter(None, ("notebooks/source", self.unit, f"{self.id}.py")))

    @property
    def notebook(self) -> str:
        """Where the student's notebook stands, seen from `notebooks/` (and from `work/`)."""
        return "/".join(filter(None, (self.unit, f"{self.id}.ipynb")))

    @property
    def solution(self) -> str:
        """Where the solution notebook stands, seen from `notebooks/`."""
        return f"solutions/{self.notebook}"


@dataclass(frozen=True)
class Syllabus:
    """The course's title and address, its units, and its lessons in the order of their numbers."""

    title: str
    repository: str
    branch: str
    units: dict[str, str]
    lessons: tuple[Lesson, ...]
    path: Path

    @property
    def ready(self) -> tuple[Lesson, ...]:
        """The lessons that have a source."""
        return tuple(lesson for lesson in self.lessons if lesson.status == "ready")

    def find(self, name: str) -> Lesson:
        """Return the lesson with this number (`"01"` or `"1"`) or id.

        Raises
        ------
        CourseError
            If there is none, or if it is only planned.
        """
        wanted = name.zfill(2) if name.isdecimal() else name
        for lesson in self.lessons:
            if wanted in (lesson.id, lesson.number):
                if lesson.status == "ready":
                    return lesson
                raise CourseError(
                    f"Lesson `{lesson.id}` is planned, but not written yet.",
                    "Expected one of the lessons that are ready: "
                    + ", ".join(f"`{ready.number}`" for ready in self.ready)
                    + ".",
                    f"See `course list`, or write it: `course new {lesson.id}`.",
                )
        raise CourseError(
            f"There is no lesson `{name}`.",
            "Expected a lesson's number or id.",
            closest(wanted, [lesson.id for lesson in self.ready]),
        )

    def badge(self, lesson: Lesson, notebook: str | None = None) -> str:
        """Return the Colab badge as Markdown, or nothing where the repository's address is not set."""
        if not self.repository:
            return ""
        address = f"{self.repository}/blob/{self.branch}/notebooks/{notebook or lesson.notebook}"
        return (
            f"[![Open lesson {lesson.number} in Colab]({_BADGE})]"
            f"(https://colab.research.google.com/github/{address})"
        )


def read(path: Path | None = None) -> Syllabus:
    """Read the syllabus from a file, by default from the one that travels with the package.

    Raises
    ------
    CourseError
        If the file is no TOML, or an entry lacks a field, has an unknown one, or one of the wrong type.
    """
    path = path or resource("lessons.toml")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CourseError(
            f"`{path}` is not there.",
            "Expected the syllabus.",
            "Restore it: `git checkout` it, or clone anew.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(
            f"`{path}` cannot be read: {error}.", "Expected TOML.", "Mend the line that is named."
        ) from error
    course = content.get("course", {})
    units, planned = content.get("units", {}), content.get("planned", {})
    for name, entry in [("course", course), ("units", units), ("planned", planned), *planned.items()]:
        if not isinstance(entry, dict):
            raise CourseError(
                f"`{name}` in `{path}` is of type {type(entry).__name__}.",
                "Expected a table.",
                'A planned lesson is `{ unit = "1_basics", title = "…" }`.',
            )
    entries = [*content.get("lesson", [])]
    entries += [{"id": name, **entry, "status": "planned"} for name, entry in planned.items()]
    lessons = tuple(sorted((_lesson(path, entry) for entry in entries), key=lambda lesson: lesson.id))
    _check_whole(path, lessons, units)
    return Syllabus(
        title=course.get("title", ""),
        repository=course.get("repository", ""),
        branch=course.get("branch", "main"),
        units=units,
        lessons=lessons,
        path=path,
    )


def _lesson(path: Path, entry: dict) -> Lesson:
    types = {field.name: field.type for field in fields(Lesson)}
    name = f"`{entry.get('id', '(without id)')}` in `{path}`"
    required = {"id", "unit", "title"}
    if entry.get("status") != "planned":
        required |= {"question", "minutes", "device", "data", "extras", "needs", "covers"}
    for field in sorted(required - set(entry)):
        raise CourseError(f"{name} has no `{field}`.", "Expected every field.", "Look at lesson 01's entry.")
    for field, value in entry.items():
        if field not in types:
            raise CourseError(f"{name} has an unknown `{field}`.", "", closest(field, types))
        kind = {"str": str, "int": int}.get(types[field], list)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise CourseError(
                f"`{field}` of {name} is of type {type(value).__name__}.",
                f"Expected {kind.__name__}.",
                "Look at lesson 01's entry.",
            )
    if not re.fullmatch(r"\d\d_[a-z][a-z0-9]*(_[a-z0-9]+)*", entry["id"]):
        raise CourseError(
            f"{name} is not the id of a lesson.",
            "Expected two digits and a noun phrase.",
            "For example `05_cnn_images`.",
        )
    return Lesson(**{field: tuple(v) if isinstance(v, list) else v for field, v in entry.items()})


def _check_whole(path: Path, lessons: tuple[Lesson, ...], units: dict[str, str]) -> None:
    """Refuse what no single entry shows: a number twice, an unknown unit, a need that comes later."""
    for lesson, other in pairwise(lessons):
        if other.number == lesson.number:
            raise CourseError(
                f"`{lesson.id}` and `{other.id}` in `{path}` have the same number.",
                "Expected a number of its own for each lesson.",
                "Give the younger one the next free number.",
            )
    for index, lesson in enumerate(lessons):
        earlier = [other.id for other in lessons[:index]]
        if lesson.unit not in units:
            raise CourseError(
                f"`{lesson.id}` in `{path}` stands in an unknown unit `{lesson.unit}`.",
                "Expected one of `[units]`.",
                closest(lesson.unit, units),
            )
        for need in lesson.needs:
            if need not in earlier:
                raise CourseError(
                    f"`{lesson.id}` in `{path}` needs `{need}`.",
                    "Expected the id of an earlier lesson.",
                    closest(need, earlier),
                )


def lessons() -> tuple[Lesson, ...]:
    """Return all lessons, ready and planned, in the order of their numbers."""
    return read().lessons


def find(name: str) -> Lesson:
    """Return the lesson with this number (`"01"`) or id (`"01_learning_from_data"`).

    Raises
    ------
    CourseError
        If there is none, or if it is only planned.
    """
    return read().find(name)


def course_info() -> Syllabus:
    """Return the course's title, repository and branch (and the rest of the syllabus)."""
    return read()


def table(syllabus: Syllabus | None = None) -> str:
    """Return the syllabus as a table for the terminal.

    Parameters
    ----------
    syllabus : Syllabus, optional
        By default the one that travels with the package.
    """
    syllabus = syllabus or read()
    rows = [("", "lesson", "minutes", "device", "data")]
    for lesson in syllabus.lessons:
        planned = lesson.status == "planned"
        minutes = "planned" if planned else str(lesson.minutes)
        data, *more = textwrap.wrap(", ".join(lesson.data), 28) or [""]  # 28: the table stays within 100
        rows.append((lesson.number, lesson.title, minutes, lesson.device, data))
        rows += [("", "", "", "", data) for data in more]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in [lines[0], rule, *lines[1:]])


def markdown_table(syllabus: Syllabus | None = None, start: str = "notebooks") -> str:
    """Return the syllabus as a Markdown table, each ready lesson linked to its notebook.

    Parameters
    ----------
    syllabus : Syllabus, optional
        By default the one that travels with the package.
    start : str
        The folder of the file that the table stands in, seen from the checkout's top, as the way from that
        file to `notebooks/`: `"notebooks"` for the README, `""` for a file in `notebooks/` itself.
    """
    syllabus = syllabus or read()
    badges = bool(syllabus.repository)
    heading = ["lesson", "question", "minutes", "device"] + ["Colab"] * badges
    rows = [heading, ["---", "---", "--:", "---"] + ["---"] * badges]
    unit = None
    for lesson in syllabus.lessons:
        if lesson.unit != unit and lesson.unit:
            rows.append([f"**{syllabus.units[lesson.unit]}**"] + [""] * (len(heading) - 1))
        unit = lesson.unit
        name = f"{lesson.number} {lesson.title}"
        if lesson.status == "planned":
            rows.append([name, "", "planned", ""] + [""] * badges)
        else:
            link = os.path.normpath(os.path.join(start, lesson.notebook)).replace(os.sep, "/")
            row = [f"[{name}]({link})", lesson.question, str(lesson.minutes), lesson.device]
            rows.append(row + [syllabus.badge(lesson)] * badges)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
