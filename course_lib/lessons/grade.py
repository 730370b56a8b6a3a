"""Say which exercises are solved, for one notebook or for a class's folder.

Answers are Python and run with the rights of whoever marks them: they can read, write and send what you can.
Each notebook has a process of its own and a limit of time, which helps against accidents; against intent only
a machine or an account set apart does. A verdict is read from what the check left in that process, so an
answer that sets out to cheat can forge it.
"""

from __future__ import annotations

import ast
import asyncio
import csv
import json
import logging
import math
import os
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.engine import MIME as CHECK
from course_lib.lessons.kernel import Kernels
from course_lib.resources import checkout

OUTCOMES = ("correct", "not yet", "not attempted", "missing", "not run")
_ANSWER_SECONDS = 10  # how long the cell of an answer may take: it defines a function, and a check calls it
_CHECK_SECONDS = 60  # a check stops an answer by itself after a few seconds, where the system lets it
_AT_ONCE = 4  # each kernel holds a lesson and its libraries in memory
_EXERCISE = re.compile(r"^[ \t]*#+[ \t]*EXERCISE[ \t]+(\d\d\.\d+)\b", re.M)
_CHECK_CALL = re.compile(r"\bcheck\(\s*[\"'](\d\d\.\d+)[\"']")
_ENVIRONMENT = {
    "COURSE_PROFILE": "quick",
    "COURSE_PROGRESS": "off",
    "COURSE_STRICT": "0",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Mark:
    """What came of one exercise: one of `OUTCOMES`, and a sentence."""

    exercise: str
    outcome: str
    message: str = ""


@dataclass(frozen=True)
class Result:
    """What came of one notebook.

    Parameters
    ----------
    file : Path
        The notebook, as seen from the folder that was checked.
    lesson : str
        The lesson's id; nothing where it is none of ours.
    marks : tuple of Mark
        One for each exercise of the lesson.
    notes : tuple of str
        What a person should know: an answer that stands there twice, a file that cannot be read.
    """

    file: Path
    lesson: str
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def solved(self) -> int:
        """How many exercises are correct."""
        return sum(mark.outcome == "correct" for mark in self.marks)


def grade(path: Path, *, timeout: float = 300, lessons: Path | None = None) -> list[Result]:
    """Check the answers in a notebook, or in every notebook below a folder.

    An answer is the cell with the line `# EXERCISE 01.2`; of several the last one counts. The answers are put
    into a copy of the lesson as it was built, which runs up to the last check that is needed. An exercise
    that gets no verdict there, because another answer ended the kernel, gets a run of its own.

    Parameters
    ----------
    path : Path
        A notebook, or a folder.
    timeout : float
        How long one run of a notebook may take [s].
    lessons : Path, optional
        The folder of the students' notebooks as built; by default this checkout's.

    Returns
    -------
    list of Result
        One for each notebook, in the order of their names. A bad file is a result with a note.

    Raises
    ------
    CourseError
        If the path is neither a notebook nor a folder with notebooks in it, or the lessons are not built.

    Notes
    -----
    Answers run with your rights: check those of people you trust, or use a machine set apart for it.
    """
    path = Path(path)
    files = _notebooks(path)
    known = _lessons(lessons or (checkout() or Path()) / "notebooks")
    kernels = Kernels()

    def work(file: Path) -> Result:
        shown = file.relative_to(path) if file != path else Path(file.name)
        try:
            return _result(file, shown, known, timeout, kernels)
        except Exception as error:  # whatever is wrong with one file, the others are still to be marked
            return Result(shown, "", notes=(f"It could not be checked: {type(error).__name__}: {error}.",))

    at_once = min(_AT_ONCE, os.cpu_count() or 1)
    return kernels.each(work, files, at_once=at_once, desc="notebooks" if len(files) > 1 else None)


def _notebooks(path: Path) -> list[Path]:
    if path.is_dir():
        below = (file for file in sorted(path.rglob("*.ipynb")) if ".ipynb_checkpoints" not in file.parts)
        if files := [file for file in below if file.is_file()]:
            return files
        raise CourseError(
            f"There is no notebook below `{path}`.", "Expected `.ipynb` files.", "Give a class's folder."
        )
    if path.is_file() and path.suffix == ".ipynb":
        return [path]
    found = "is no notebook" if path.exists() else "is not there"
    raise CourseError(
        f"`{path}` {found}.", "Expected an `.ipynb` file, or a folder of them.", "Look at the path."
    )


# --- lessons and submissions --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lesson:
    """A lesson as a student gets it, blanks and all."""

    id: str
    cells: tuple[str, ...]  # the code cells

    @cached_property
    def blanks(self) -> dict[str, str]:
        """The answer cell of each exercise."""
        return {found: cell for cell in self.cells for found in _EXERCISE.findall(cell)}

    def with_answers(self, answers: Mapping[str, str]) -> list[str]:
        """Return the cells with some answers in place, up to the last check that these need."""
        cells = [self.with_answer(cell, answers) for cell in self.cells]
        ends = {
            found: place for place, cell in enumerate(self.cells, 1) for found in _CHECK_CALL.findall(cell)
        }
        return cells[: max(ends.get(exercise, len(cells)) for exercise in answers)]

    def with_answer(self, cell: str, answers: Mapping[str, str]) -> str:
        """Return what stands in place of a cell."""
        return next((answers[found] for found in _EXERCISE.findall(cell) if found in answers), cell)


def _lessons(folder: Path) -> dict[str, _Lesson]:
    """Return the built lessons by id."""
    found = {}
    for file in sorted(folder.rglob("*.ipynb")):
        if not {"solutions", ".ipynb_checkpoints"} & set(file.relative_to(folder).parts):
            found[file.stem] = _Lesson(file.stem, tuple(_code(_content(file))))
    if found:
        return found
    raise CourseError(
        f"There is no lesson in `{folder}`.", "Expected the students' notebooks.", "Try `course build`."
    )


class _Unreadable(Exception):
    """A file that is no notebook, and why."""


def _content(file: Path) -> dict:
    try:
        content = json.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise _Unreadable(f"It cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise _Unreadable("It is not UTF-8 text, as a notebook is.") from error
    except (ValueError, RecursionError) as error:
        raise _Unreadable("It is not a whole notebook: the JSON in it is broken.") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise _Unreadable("It is JSON, but not a notebook of today's format (4).")
    return content


def _code(content: dict) -> list[str]:
    """Return the code cells. Nothing is asked of the rest, so that a slip elsewhere does no harm."""
    sources = []
    for cell in content["cells"]:
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", "")
            sources.append(source if isinstance(source, str) else "".join(map(str, source)))
    return sources


def _recognised(
    file: Path, content: dict, answers: Iterable[str], known: Mapping[str, _Lesson]
) -> _Lesson | None:
    """Return the lesson that most answers are of; without any, the one that the notebook is named for."""
    if answers := set(answers):
        best = max(known.values(), key=lambda lesson: len(answers & set(lesson.blanks)))
        return best if answers & set(best.blanks) else None
    metadata = content.get("metadata")
    colab = metadata.get("colab") if isinstance(metadata, dict) else None
    names = f"{colab.get('name') if isinstance(colab, dict) else ''} {file.name}"
    return next((lesson for lesson in known.values() if lesson.id in names), None)


# --- one notebook -------------------------------------------------------------------------------------------


def _result(
    file: Path, shown: Path, known: Mapping[str, _Lesson], timeout: float, kernels: Kernels
) -> Result:
    try:
        content = _content(file)
    except _Unreadable as error:
        return Result(shown, "", notes=(str(error),))
    code, notes = _code(content), []
    found = [(exercise, cell) for cell in code for exercise in _EXERCISE.findall(cell)]
    answers = dict(found)  # the last one wins
    lesson = _recognised(file, content, answers, known)
    if lesson is None:
        said = "is none of ours" if answers else "has no answer cell, which begins with `# EXERCISE 01.2`"
        return Result(shown, "", notes=(f"The notebook {said}.",))

    for exercise in answers:
        times = sum(exercise == other for other, _ in found)
        if exercise not in lesson.blanks:
            notes.append(f"{exercise} is no exercise of this lesson.")
        elif times > 1:
            notes.append(f"{exercise} stands there {times} times: the last one counts.")
    if missing := [exercise for exercise in lesson.blanks if exercise not in answers]:
        notes.append(f"No cell with `# EXERCISE` for {', '.join(missing)}.")

    tried = {
        exercise: answers[exercise]
        for exercise, blank in lesson.blanks.items()
        if exercise in answers and answers[exercise].split() != blank.split()
    }
    marks = {exercise: Mark(exercise, "missing", "It has no cell.") for exercise in missing}
    marks |= _marks(lesson, tried, timeout, kernels, notes)
    for exercise, mark in marks.items():
        notes += _elsewhere(mark, [cell for cell in code if exercise not in _EXERCISE.findall(cell)])
    untouched = "The blank is still there."
    in_order = (marks.get(one) or Mark(one, "not attempted", untouched) for one in lesson.blanks)
    return Result(shown, lesson.id, tuple(in_order), tuple(notes))


def _marks(
    lesson: _Lesson, tried: dict[str, str], timeout: float, kernels: Kernels, notes: list[str]
) -> dict[str, Mark]:
    """Run all answers together; an exercise that gets no verdict there, through no fault seen, alone."""
    if not tried:
        return {}
    first = _Attempt(lesson, tried, timeout, kernels)
    marks, notes_of_lesson = dict(first.marks), first.of_lesson
    for exercise, answer in tried.items():
        if exercise in marks:
            continue
        alone = first
        if len(tried) > 1 and exercise not in first.certain:
            alone = _Attempt(lesson, {exercise: answer}, timeout, kernels)
        marks[exercise] = alone.marks.get(exercise) or Mark(exercise, "not run", alone.reason(exercise))
        notes_of_lesson = alone.of_lesson if alone is not first else notes_of_lesson
    notes += [f"A cell of the lesson itself stopped: {said}" for said in notes_of_lesson[:1]]
    return marks


def _elsewhere(mark: Mark, others: list[str]) -> list[str]:
    """Explain a NameError: on the student's screen a name from one of their own cells was there."""
    match = re.search(r"name ['`](\w+)['`] is not defined", mark.message)
    if match and any(match[1] in _defined(cell) for cell in others):
        return [
            f"{mark.exercise} needs `{match[1]}` from another cell: an answer has to be whole in its own."
        ]
    return []


def _defined(cell: str) -> set[str]:
    """Return the names that a cell gives a meaning to."""
    try:
        nodes = list(ast.walk(ast.parse(cell)))
    except (SyntaxError, ValueError):
        return set()
    names = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    return names | {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


@dataclass
class _Attempt:
    """One run of a lesson with some answers in it, in a kernel of its own that ends with it."""

    lesson: _Lesson
    answers: dict[str, str]
    timeout: float
    kernels: Kernels
    marks: dict[str, Mark] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)  # why an exercise has no verdict
    certain: set[str] = field(default_factory=set)  # the exercises of which the reason is their own
    of_lesson: list[str] = field(default_factory=list)  # errors in cells that are no student's
    ended: str = ""

    def __post_init__(self) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder,
            self.kernels.manager(_ENVIRONMENT, folder) as manager,
        ):
            asyncio.run(self._run(manager))

    def reason(self, exercise: str) -> str:
        """Return why an exercise has no verdict."""
        return self.reasons.get(exercise) or self.ended or "Its check said nothing."

    async def _run(self, manager: type) -> None:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
        from nbformat.v4 import new_code_cell, new_notebook

        class Client(NotebookClient):
            def process_message(self, message, cell, cell_index):
                # What an answer prints is not looked at, and without end it would fill the memory.
                if message["msg_type"] != "stream":
                    return super().process_message(message, cell, cell_index)

        sources = self.lesson.with_answers(self.answers)
        until = time.monotonic() + self.timeout
        quiet = logging.getLogger("course_lib.grade")  # what nbclient logs is said in the marks
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        client = Client(
            new_notebook(cells=[new_code_cell(source) for source in sources]),
            kernel_manager_class=manager,
            allow_errors=True,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
            raise_on_iopub_timeout=True,
            shutdown_kernel="immediate",
            store_widget_state=False,
            log=quiet,
        )
        async with client.async_setup_kernel():
            for number, cell in enumerate(client.nb.cells):
                blank = self.lesson.cells[number]
                answered = [found for found in _EXERCISE.findall(blank) if found in self.answers]
                left = until - time.monotonic()
                checked = [found for found in _CHECK_CALL.findall(blank) if found in self.answers]
                limit = min(left, _ANSWER_SECONDS if answered else _CHECK_SECONDS if checked else left)
                if left <= 0:
                    self.ended = f"The time was up after {self.timeout:.0f} s."
                    return
                client.timeout = math.ceil(limit)
                try:
                    await client.async_execute_cell(cell, number)
                except CellTimeoutError:
                    self._end(blank, f"did not end within {limit:.0f} s, and could not be interrupted")
                    return
                except DeadKernelError:
                    self._end(blank, "ended the kernel")
                    return
                self._read(answered, checked, cell.outputs, limit)

    def _read(self, answered: list[str], checked: list[str], outputs: list, limit: float) -> None:
        """Take from a cell that ran its verdicts, and its errors as reasons."""
        for output in outputs:
            record = output.get("data", {}).get(CHECK)
            if record and not answered and record["id"] in self.answers:
                self.marks[record["id"]] = Mark(record["id"], record["outcome"], record["message"])
            elif output.output_type == "error":
                said = f"{output.ename}: {output.evalue}".strip(": ")
                if output.ename == "KeyboardInterrupt":  # nobody else interrupts
                    said = f"it did not end within {limit:.0f} s"
                if answered and output.ename in ("KeyboardInterrupt", "SyntaxError", "IndentationError"):
                    self.certain |= set(answered)
                where = "The answer's cell stopped" if answered else "The check stopped"
                for exercise in answered or checked:
                    self.reasons.setdefault(exercise, f"{where}: {said}.")
                if not answered and not checked:
                    self.of_lesson.append(said)

    def _end(self, blank: str, how: str) -> None:
        """Keep why the run ended in this cell; whose fault it is, only a run of one answer alone can say."""
        here = [one for one in _EXERCISE.findall(blank) + _CHECK_CALL.findall(blank) if one in self.answers]
        alone = len(self.answers) == 1
        who = "The answer" if here else "What the answer left behind" if alone else "Another answer"
        self.ended = f"{who} {how}."


# --- reports ------------------------------------------------------------------------------------------------


def table(results: list[Result]) -> str:
    """Return the results for the terminal: per notebook how many are correct, and a line for each other one.

    Parameters
    ----------
    results : list of Result
        From `grade`.
    """
    lines = []
    for result in results:
        count = f"{result.solved} of {len(result.marks)} correct" if result.marks else "not checked"
        lines.append("  ".join(filter(None, (str(result.file), result.lesson, count))))
        for mark in result.marks:
            said = f": {_one_line(mark.message)}" if mark.outcome in ("not yet", "not run") else ""
            lines.append(f"    {mark.exercise}  {mark.outcome}{said}")
        lines += [f"    note: {_one_line(note)}" for note in result.notes]
    return "\n".join(lines)


def write_csv(results: list[Result], path: Path) -> None:
    """Write the results for a spreadsheet: a row for each notebook, a column for each exercise.

    Parameters
    ----------
    results : list of Result
        From `grade`.
    path : Path
        The file; what stood there is replaced.
    """
    exercises = sorted(
        {mark.exercise for result in results for mark in result.marks},
        key=lambda exercise: [int(part) for part in exercise.split(".")],
    )
    # With the byte order mark that tells Excel that it is UTF-8.
    with Path(path).open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "lesson", "correct", "exercises", *exercises, "messages", "notes"])
        for result in results:
            outcomes = {mark.exercise: mark.outcome for mark in result.marks}
            messages = " | ".join(
                f"{mark.exercise}: {_one_line(mark.message)}"
                for mark in result.marks
                if mark.outcome in ("not yet", "not run")
            )
            counts = [result.solved, len(result.marks)]
            marks = [outcomes.get(exercise, "") for exercise in exercises]
            texts = [_plain(messages), _plain(" | ".join(map(_one_line, result.notes)))]
            rows.writerow([_plain(str(result.file)), result.lesson, *counts, *marks, *texts])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    """Return text that a spreadsheet takes for text: students name files and raise errors, also `=…`."""
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text
