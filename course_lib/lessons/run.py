"""Run a lesson without a browser, and leave it executed, with a page of it."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.claims import MIME as CLAIM
from course_lib.exercises.engine import MIME as CHECK
from course_lib.lessons.kernel import Kernels, bar
from course_lib.lessons.page import WIDGET_VIEW, page_of
from course_lib.lessons.parameters import typed_parameters
from course_lib.lessons.report import CellRun, Run, cut
from course_lib.lessons.source import is_local, links, prose
from course_lib.lessons.syllabus import Lesson, find
from course_lib.resources import checkout_root

_AUTOSAVE_SECONDS = 15


def run_lesson(
    number: str,
    *,
    profile: str | None = None,
    parameters: Mapping[str, object] | None = None,
    student: bool = False,
    strict: bool = False,
    cell_timeout: int = 600,
    out: Path = Path("build"),
) -> Run:
    """Run a lesson's solution, or the student's notebook; leave it executed, and a page of it, in `out`.

    Parameters
    ----------
    number : str
        The lesson's number or id.
    profile : str, optional
        "quick" or "full"; by default what the lesson and `COURSE_PROFILE` say.
    parameters : mapping, optional
        New values for names of the parameters cell; text is read as the type that stands there.
    student : bool
        Whether to run the student's notebook, with its blanks.
    strict : bool
        Whether a claim that does not come out as expected, or a check that is not correct, stops the run.
    cell_timeout : int
        How long a cell may take [s].
    out : Path
        The folder for the results.

    Returns
    -------
    Run
        Time per cell, claims, checks, and where the results are.

    Raises
    ------
    CourseError
        If there is no such lesson or parameter, a value has the wrong type, or the notebook does not run to
        its end. What ran is kept.
    """
    lesson = find(number)
    return run_notebook(
        notebook_of(lesson, student),
        name=f"{lesson.id}_student" if student else lesson.id,
        profile=profile,
        parameters=parameters,
        strict=strict,
        cell_timeout=cell_timeout,
        out=out,
    )


def notebook_of(lesson: Lesson, student: bool = False) -> Path:
    """Return the built notebook of a lesson; refuse one that is not built."""
    path = checkout_root() / "notebooks" / (lesson.notebook if student else lesson.solution)
    if path.exists():
        return path
    raise CourseError(
        f"`{path}` is not there.", "Expected the built lesson.", f"Try `course build {lesson.number}`."
    )


def run_notebook(
    path: Path,
    *,
    name: str | None = None,
    profile: str | None = None,
    parameters: Mapping[str, object] | None = None,
    strict: bool = False,
    cell_timeout: int = 600,
    out: Path = Path("build"),
) -> Run:
    """Run any notebook as `run_lesson` runs a lesson's.

    Parameters
    ----------
    path : Path
        The notebook; it is only read.
    name : str, optional
        What the results are called; by default as the notebook.
    profile, parameters, strict, cell_timeout, out
        As for `run_lesson`.

    Returns
    -------
    Run
        As from `run_lesson`.

    Raises
    ------
    CourseError
        As from `run_lesson`.
    """
    path, out = Path(path).resolve(), Path(out).resolve()
    name, variables = name or path.stem, {}
    if profile:
        variables["COURSE_PROFILE"] = profile
    if strict:
        variables["COURSE_STRICT"] = "1"
    kernels = Kernels()

    def work(path: Path) -> Run:
        return execute(kernels, path, name, variables, parameters or {}, cell_timeout, out)

    (run,) = kernels.each(work, [path])
    if strict and run.surprises:
        raise CourseError(
            f"In `{name}` {run.surprises[0]}.",
            "Expected every claim to come out as the lesson says, and every check to be correct.",
            f"Look at `{run.page}`.",
        )
    return run


def execute(
    kernels: Kernels,
    path: Path,
    name: str,
    variables: Mapping[str, str],
    parameters: Mapping[str, object],
    cell_timeout: int,
    out: Path,
    progress: bool = True,
) -> Run:
    """Run a notebook in a kernel whose environment has these variables too.

    `path` and `out` are absolute.
    """
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    values = typed_parameters(notebook, parameters)  # before anything is written
    out.mkdir(parents=True, exist_ok=True)
    executed, page = out / f"{name}.ipynb", out / f"{name}.html"
    _relink(notebook, path.parent, out)
    nbformat.write(notebook, executed)
    with kernels.manager(variables, out) as manager:
        broken = _fill(executed, values, manager, cell_timeout, bar(name, progress))

    notebook = nbformat.read(executed, as_version=4)
    run = _read_run(notebook, name, executed, page)
    fault = broken or next(_faults(notebook, cell_timeout), None)
    if not fault:
        # papermill marks an error also in a cell that is meant to fail.
        notebook.cells = [
            cell for cell in notebook.cells if _PAPERMILL_MARK not in cell.metadata.get("tags", [])
        ]
    notebook.cells.append(nbformat.v4.new_markdown_cell(run.summary(), id="this-run"))
    nbformat.write(notebook, executed)
    text, undescribed = page_of(notebook, out)
    page.write_text(text, encoding="utf-8")

    if fault:
        raise CourseError(
            f"`{name}` stopped {fault}",
            "Expected every cell to run.",
            f"Look at `{page}`: what ran is there.",
        )
    return replace(run, undescribed=undescribed)


def execute_each(
    path: Path,
    settings: Mapping[str, Mapping[str, object]],
    out: Path,
    profile: str | None,
    cell_timeout: int,
    *,
    at_once: int,
    desc: str,
) -> list[Run | str]:
    """Run a notebook with each of these parameters, by the name of the run, each run on one thread.

    A run that stops is the sentence that says why, and the others go on; a claim that does not come out
    stops none.
    """
    path, out, kernels = Path(path).resolve(), Path(out).resolve(), Kernels()
    variables = {"OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off", "COURSE_STRICT": "0"}
    if profile:
        variables["COURSE_PROFILE"] = profile

    def work(name: str) -> Run | str:
        try:
            return execute(kernels, path, name, variables, settings[name], cell_timeout, out, progress=False)
        except CourseError as error:
            return error.found

    return kernels.each(work, settings, at_once=at_once, desc=desc)


_PAPERMILL_MARK = "papermill-error-cell-tag"


def _fill(executed: Path, values: dict, manager: type, cell_timeout: int, progress: dict) -> str | None:
    """Run a notebook in place; return where it broke off if the notebook itself cannot say it."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.iorw import papermill_io

    # papermill changes the process's folder while it reads and writes. Other threads see that, and two that
    # do it at once can leave the process in another folder; our paths are absolute and need none of it.
    papermill_io.get_handler("local").cwd = lambda folder: None
    # The errors that papermill and nbclient log are said once, by us.
    logging.getLogger("papermill").addHandler(logging.NullHandler())
    place = str(executed).replace("{", "{{").replace("}", "}}")  # papermill takes a path for a template
    try:
        papermill.execute_notebook(
            place,
            place,
            parameters=values,
            kernel_name="python3",
            language="python",
            kernel_manager_class=manager,
            progress_bar=progress,
            execution_timeout=cell_timeout,
            interrupt_on_timeout=True,  # so that the page shows the line at which the cell was
            error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
            shutdown_kernel="immediate",
            autosave_cell_every=_AUTOSAVE_SECONDS,
        )
    except papermill.PapermillExecutionError:
        return None  # it stands in the cell's outputs
    except CellTimeoutError:  # and the cell did not heed the interrupt
        return f"{_last_place(executed)}: {_too_long(cell_timeout)}"
    except DeadKernelError:
        return f"{_last_place(executed)}: the kernel died, often for want of memory."
    return None


def _too_long(cell_timeout: int) -> str:
    return f"it took longer than {cell_timeout} s."


def _last_place(executed: Path) -> str:
    import nbformat

    ran = [
        place
        for place, cell in _code_cells(nbformat.read(executed, as_version=4))
        if _seconds(cell) is not None
    ]
    return str(ran[-1]) if ran else "before its first cell"


@dataclass(frozen=True)
class _Place:
    """Where a code cell stands: its number among the code cells from 1, and the heading above it."""

    number: int
    heading: str

    def __str__(self) -> str:
        return f"in cell {self.number}" + (f', under "{self.heading}"' if self.heading else "")


def _code_cells(notebook) -> Iterator[tuple[_Place, object]]:
    number, heading = 0, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            # In `prose` what looks like a heading inside a code block is blank, and every position is kept.
            for match in re.finditer(r"^#{1,6} .*$", prose(cell.source), re.M):
                heading = cell.source[match.start() : match.end()].strip("# ")
        elif cell.cell_type == "code":
            number += 1
            yield _Place(number, heading), cell


def _seconds(cell) -> float | None:
    """Return how long a cell took, or None if it did not run."""
    return cell.metadata.get("papermill", {}).get("duration")


def _faults(notebook, cell_timeout: int) -> Iterator[str]:
    """Yield every error in a cell that is not meant to fail, also one that a widget's callback has caught."""
    cells = list(_code_cells(notebook))
    for place, cell in cells:
        if "raises-exception" not in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if output.output_type == "error":
                    stopped = output.ename == "KeyboardInterrupt"  # nobody else interrupts
                    yield f"{place}: {_too_long(cell_timeout) if stopped else _error(output)}"
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    models = widgets.get("state", {})
    for model, content in models.items():
        for output in content["state"].get("outputs", []):
            if output.get("output_type") == "error":
                shown = _shown_within(model, models)
                place = next((place for place, cell in cells if shown & _views(cell)), "in a cell")
                yield f"{place}, in a widget's callback: {_error(output)}"


def _error(output: Mapping) -> str:
    said = re.sub(r"\x1b\[[0-9;]*m", "", f"{output['ename']}: {output['evalue']}").strip()
    return cut(said, 600).rstrip(".") + "."


def _views(cell) -> set[str]:
    return {
        out["data"][WIDGET_VIEW]["model_id"] for out in cell.outputs if WIDGET_VIEW in out.get("data", {})
    }


def _shown_within(model: str, models: Mapping) -> set[str]:
    """Return a widget and all boxes that it stands in."""
    found, waiting = set(), {model}
    while waiting:
        inner = waiting.pop()
        found.add(inner)
        outer = {
            name for name, content in models.items() if f"IPY_MODEL_{inner}" in json.dumps(content["state"])
        }
        waiting |= outer - found
    return found


def _read_run(notebook, name: str, executed: Path, page: Path) -> Run:
    cells, claims, checks = [], [], []
    for place, cell in _code_cells(notebook):
        if (seconds := _seconds(cell)) is None:
            continue
        line = next((line for line in cell.source.split("\n") if line.strip()), "")
        cells.append(CellRun(place.number, place.heading, line.strip(), seconds))
        records = [out.get("data", {}) for out in cell.outputs]
        checks += [dict(data[CHECK]) for data in records if CHECK in data]
        made = [data[CLAIM] for data in records if CLAIM in data]
        claims += [{"place": f"{cell.id}/{number}", **claim} for number, claim in enumerate(made)]
    seconds = notebook.metadata.get("papermill", {}).get("duration") or 0.0
    return Run(name, executed, page, tuple(cells), tuple(claims), tuple(checks), seconds)


def _relink(notebook, start: Path, out: Path) -> None:
    """Let the relative links of a notebook lead to the same files from `out`."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for begin, end in reversed(links(cell.source)):
                target = cell.source[begin:end]
                if is_local(target):
                    way = os.path.relpath(start / target, out).replace(os.sep, "/")
                    cell.source = cell.source[:begin] + way + cell.source[end:]
