"""What the build refuses: each rule names a file and a line, says what stands there, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib.lessons.lint.code import (
    cells_are_of_a_known_kind,
    code_parses,
    data_are_known,
    manners,
    parameters_are_plain,
)
from course_lib.lessons.lint.exercises import (
    answers_are_in_order,
    exercises_are_checked,
    exercises_have_entries,
    exercises_have_tests,
    nothing_hangs_on_answers,
)
from course_lib.lessons.lint.leaks import nothing_leaks
from course_lib.lessons.lint.page import TOML, Page, Problem, line_of
from course_lib.lessons.lint.prose import figures_have_alt_text, prose_is_accessible, tables_have_headers
from course_lib.lessons.source import SourceError, read_cells, solution_blocks, student_cell
from course_lib.lessons.syllabus import Lesson, Syllabus, read

_RULES: tuple[Callable[[Page], Iterator[Problem]], ...] = (
    cells_are_of_a_known_kind,
    answers_are_in_order,
    exercises_are_checked,
    exercises_have_entries,
    exercises_have_tests,
    nothing_hangs_on_answers,
    nothing_leaks,
    figures_have_alt_text,
    prose_is_accessible,
    tables_have_headers,
    parameters_are_plain,
    manners,
    data_are_known,
)


def problems(root: Path, lessons: list[Lesson] | None = None) -> list[Problem]:
    """Return everything in the sources of some lessons, or of all, that the build refuses.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    lessons : list of Lesson, optional
        By default every lesson that is ready; then sources without an entry are found as well.
    """
    root = Path(root)
    syllabus = read(root / TOML)
    found = []
    if lessons is None:
        known = {lesson.source for lesson in syllabus.ready}
        for path in sorted((root / "notebooks/source").rglob("*.py")):
            seen = path.relative_to(root).as_posix()
            if seen not in known:
                found.append(
                    Problem(
                        seen,
                        1,
                        "This source has no entry in the syllabus.",
                        f"Give `{path.stem}` a `[[lesson]]` in `{TOML}` with the unit of its folder.",
                    )
                )
    for lesson in syllabus.ready if lessons is None else lessons:
        try:
            text = (root / lesson.source).read_text(encoding="utf-8")
            found += lesson_problems(root, syllabus, lesson, text)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            found.append(Problem(lesson.source, line, "A byte is not UTF-8.", "Save the source as UTF-8."))
        except FileNotFoundError:
            found.append(
                Problem(
                    TOML,
                    line_of(root / TOML, f'"{lesson.id}"'),
                    f"`{lesson.id}` has no source `{lesson.source}`.",
                    "Write it, or move the entry to `[planned]`.",
                )
            )
    return found


def lesson_problems(root: Path, syllabus: Syllabus, lesson: Lesson, text: str) -> list[Problem]:
    """Return what the build refuses in one source.

    Parameters
    ----------
    root : Path
        The top of the checkout: checks, tests and pictures are looked for there.
    syllabus, lesson : Syllabus, Lesson
        Where the lesson stands.
    text : str
        The source.
    """
    try:
        cells = read_cells(text)
    except SourceError as error:
        return [Problem(lesson.source, error.line, error.found, error.suggestion)]
    found = []
    for cell in cells:
        try:
            solution_blocks(cell)
        except SourceError as error:
            found.append(Problem(lesson.source, error.line, error.found, error.suggestion))
    if found:
        return found
    page = Page(root, syllabus, lesson, cells, [student_cell(cell, keep_lines=True) for cell in cells])
    # Rules that read the code need code that parses.
    return list(code_parses(page)) or sorted(
        (problem for rule in _RULES for problem in rule(page)),
        key=lambda problem: (problem.file != lesson.source, problem.file, problem.line),
    )
