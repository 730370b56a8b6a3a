"""Run a lesson without a browser, once or over many seeds; say what it took and what it claimed."""

from __future__ import annotations

import ast
import html
import importlib.metadata
import json
import logging
import math
import os
import platform
import re
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from course_lib.errors import CourseError, closest
from course_lib.exercises.claims import MIME as CLAIM
from course_lib.exercises.engine import MIME as CHECK
from course_lib.lessons.build import code_hash
from course_lib.lessons.kernel import Kernels, bar
from course_lib.lessons.page import WIDGET_VIEW, page_of
from course_lib.lessons.source import is_local, links, prose
from course_lib.lessons.syllabus import Lesson, find
from course_lib.resources import checkout

# A record says which versions its numbers are from.
_LIBRARIES = ("numpy", "scikit-learn", "scipy", "statsmodels", "torch")
_AUTOSAVE_SECONDS = 15


# --- one run ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellRun:
    """A code cell that ran: its number from 1, the heading above it, its first line, and how long it took."""

    number: int
    heading: str
    line: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """What came of one run of a notebook.

    Parameters
    ----------
    name : str
        What the results are called: the lesson's id.
    notebook, page : Path
        The executed notebook, and it as a web page.
    cells : tuple of CellRun
        The code cells that ran, in order.
    claims, checks : tuple of dict
        What `claim` and `check` left: sentence, numbers and outcome; exercise, outcome and message. A claim
        has also the `place` it was made at, which is the same in every run.
    seconds : float
        How long all of it took, the kernel's start included [s].
    undescribed : int
        How many pictures have no alt text.
    """

    name: str
    notebook: Path
    page: Path
    cells: tuple[CellRun, ...]
    claims: tuple[dict, ...]
    checks: tuple[dict, ...]
    seconds: float
    undescribed: int = 0

    @property
    def came_out(self) -> bool:
        """Whether every claim came out as expected and every check was correct."""
        return not self.surprises

    @property
    def surprises(self) -> list[str]:
        """What did not come out: claims, and exercises that are not solved."""
        claims = [
            f'the claim "{claim["sentence"]}" {_verdict(claim)}'
            for claim in self.claims
            if not came_out(claim)
        ]
        checks = [check for check in self.checks if check["outcome"] != "correct"]
        return claims + [f"exercise {check['id']} is {check['outcome']}" for check in checks]

    def table(self) -> str:
        """Return the report for the terminal: time per cell, claims, exercises, and where the results are."""
        lines = [f"{self.name}: {_count(self.cells, 'cell')} in {self.seconds:.1f} s", ""]
        heading = None
        for cell in self.cells:
            if cell.heading != heading:
                lines.append(heading := cell.heading)
            lines.append(f"  [{cell.number:>2}] {cell.seconds:7.2f} s  {_cut(cell.line, 70)}")
        for title, entries in self._outcomes():
            lines += ["", title, *(f"  {entry}" for entry in entries)]
        if self.undescribed:
            lines += [
                "",
                f"Pictures without alt text: {self.undescribed}. Show them with `cl.show(fig, alt=…)`.",
            ]
        return "\n".join([*lines, "", f"notebook  {self.notebook}", f"page      {self.page}"])

    def summary(self) -> str:
        """Return the report as Markdown, for the end of the page."""
        parts = [f"## This run\n\n{_count(self.cells, 'cell')} in {self.seconds:.1f} s."]
        for title, entries in self._outcomes():
            parts.append(f"**{title}**\n\n" + "\n".join(f"- {html.escape(entry)}" for entry in entries))
        rows = [
            f"| {cell.number} | {cell.seconds:.2f} | {_in_table(cell.heading)} | {_in_table(cell.line)} |"
            for cell in self.cells
        ]
        parts.append("\n".join(["| cell | seconds | under | begins |", "|--:|--:|:--|:--|", *rows]))
        return "\n\n".join(parts)

    def _outcomes(self) -> Iterator[tuple[str, list[str]]]:
        if self.claims:
            right = sum(map(came_out, self.claims))
            entries = [
                f"{'✓' if came_out(claim) else '✗'} {claim['sentence'].rstrip('.')} – {_verdict(claim)}"
                for claim in self.claims
            ]
            yield f"Claims: {right} of {len(entries)} came out as expected", entries
        if self.checks:
            right = sum(check["outcome"] == "correct" for check in self.checks)
            marks = {"correct": "✓", "not yet": "✗", "not attempted": "·"}
            entries = [
                f"{marks[check['outcome']]} {check['id']} – {check['outcome']}" for check in self.checks
            ]
            yield f"Exercises: {right} of {len(entries)} correct", entries


def came_out(claim: dict) -> bool:
    """Return whether a claim came out as the lesson expects."""
    return claim["holds"] == (claim["expect"] == "holds")


def _verdict(claim: dict) -> str:
    said = "holds" if claim["holds"] else "does not hold"
    if claim["expect"] == "fails":
        said += ", although the lesson refutes it" if claim["holds"] else ", as the lesson shows"
    numbers = f"{float(claim['left']):.4g} {claim['relation']} {float(claim['right']):.4g}"
    return f"{said} ({numbers}" + (f", margin {claim['margin']:.4g})" if claim["margin"] else ")")


def _count(things: Sequence, noun: str) -> str:
    return f"{len(things)} {noun}{'s' * (len(things) != 1)}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _in_table(text: str) -> str:
    """Return text that a Markdown table takes as it is."""
    return re.sub(r"([\\`*_|$\[\]<])", r"\\\1", _cut(text, 70))


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
        _notebook_of(lesson, student),
        name=f"{lesson.id}_student" if student else lesson.id,
        profile=profile,
        parameters=parameters,
        strict=strict,
        cell_timeout=cell_timeout,
        out=out,
    )


def _notebook_of(lesson: Lesson, student: bool = False) -> Path:
    path = _root() / "notebooks" / (lesson.notebook if student else lesson.solution)
    if path.exists():
        return path
    raise CourseError(
        f"`{path}` is not there.", "Expected the built lesson.", f"Try `course build {lesson.number}`."
    )


def _root() -> Path:
    if root := checkout():
        return root
    raise CourseError(
        "This `course_lib` was installed without the lessons.",
        "Expected a checkout of the course, where the notebooks are.",
        "Clone the course, and run `make env` in it.",
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
    name, variables = name or Path(path).stem, {}
    if profile:
        variables["COURSE_PROFILE"] = profile
    if strict:
        variables["COURSE_STRICT"] = "1"
    kernels = Kernels()

    def work(path: Path) -> Run:
        return _run(kernels, path, name, variables, parameters or {}, cell_timeout, out)

    (run,) = kernels.each(work, [path])
    if strict and run.surprises:
        raise CourseError(
            f"In `{name}` {run.surprises[0]}.",
            "Expected every claim to come out as the lesson says, and every check to be correct.",
            f"Look at `{run.page}`.",
        )
    return run


def _run(
    kernels: Kernels,
    path: Path,
    name: str,
    variables: Mapping[str, str],
    parameters: Mapping[str, object],
    cell_timeout: int,
    out: Path,
    progress: bool = True,
) -> Run:
    """Run a notebook in a kernel whose environment has these variables too."""
    import nbformat

    path, out = Path(path), Path(out)
    notebook = nbformat.read(path, as_version=4)
    values = typed_parameters(notebook, parameters)  # before anything is written
    out.mkdir(parents=True, exist_ok=True)
    executed, page = out / f"{name}.ipynb", out / f"{name}.html"
    _relink(notebook, path.parent, out)
    nbformat.write(notebook, executed)
    with kernels.manager(variables, out) as manager:
        broken = _execute(executed, values, manager, cell_timeout, bar(name, progress))

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


_PAPERMILL_MARK = "papermill-error-cell-tag"


def _execute(executed: Path, values: dict, manager: type, cell_timeout: int, progress: dict) -> str | None:
    """Run a notebook in place; return where it broke off if the notebook itself cannot say it."""
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

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
    return _cut(said, 600).rstrip(".") + "."


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


# --- parameters ---------------------------------------------------------------------------------------------


def parse_parameters(settings: Sequence[str]) -> dict[str, str]:
    """Return `["SEED=3"]` as `{"SEED": "3"}`; the lesson says later of which type it is.

    Parameters
    ----------
    settings : sequence of str
        As a person types them.

    Raises
    ------
    CourseError
        If one is not of the form NAME=VALUE.
    """
    pairs = [setting.partition("=") for setting in settings]
    for setting, (name, equals, _) in zip(settings, pairs, strict=True):
        if not (equals and name.strip().isidentifier()):
            raise CourseError(
                f"`{setting}` sets nothing.", "Expected NAME=VALUE.", "For example `--set SEED=3`."
            )
    return {name.strip(): value for name, _, value in pairs}


def typed_parameters(notebook, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values with the types that the notebook's parameters cell gives them.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook; one cell is tagged `parameters`.
    values : mapping
        New values by name; text is read as a literal of the parameter's type.

    Raises
    ------
    CourseError
        If the notebook has no such parameter (papermill would only warn), or the type is another.
    """
    known = _parameters(notebook)
    for name in values:
        if name not in known:
            raise CourseError(
                f"The lesson has no parameter `{name}`.",
                "Expected a name from its parameters cell.",
                closest(name, known),
            )
    return {name: _typed(name, value, *known[name]) for name, value in values.items()}


def _parameters(notebook) -> dict[str, tuple[str, str]]:
    """Return type and default, as they are written, of each parameter."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                match line:
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value) if value:
                        found[name] = ast.unparse(kind), ast.unparse(value)
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        found[name] = type(ast.literal_eval(value)).__name__, ast.unparse(value)
    return found


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "tuple": tuple, "dict": dict}


def _typed(name: str, value: object, kind: str, default: str) -> object:
    wanted = _TYPES.get(kind.partition("[")[0])
    try:
        if isinstance(value, str) and wanted is not str:
            value = _read(value, wanted)
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted and type(value) is not wanted:
            raise ValueError
    except (ValueError, SyntaxError):
        raise CourseError(
            f"`{name}` was set to `{_cut(str(value), 60)}`.",
            f"Expected a value of type `{kind}`.",
            f"The lesson's own is `{default}`.",
        ) from None
    return value


def _read(text: str, wanted: type | None) -> object:
    if wanted is bool:
        if text.strip().lower() not in _TRUTH:
            raise ValueError
        return _TRUTH[text.strip().lower()]
    if wanted in (int, float):
        return wanted(text)
    return ast.literal_eval(text.strip())


# --- many seeds ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SeedClaim:
    """How one claim came out over the seeds; mean, spread (standard deviation) and worst of left minus right.

    Worst is the one that speaks most against what the lesson expects.
    """

    sentence: str
    relation: str
    margin: float
    expect: str
    runs: int
    came_out: int
    varies: bool
    mean: float
    spread: float
    worst: float


@dataclass(frozen=True)
class SeedReport:
    """How often the claims of a lesson came out, one run for each of the seeds 0 to `seeds` - 1.

    Parameters
    ----------
    lesson : str
        The lesson's id.
    seeds : int
        How many runs.
    claims : tuple of SeedClaim
        In the lesson's order.
    errors : dict of int to str
        What stopped a run, by seed.
    setting : dict
        The code's hash, profile and parameters, machine and versions. No date: the same run gives the same
        record.
    """

    lesson: str
    seeds: int
    claims: tuple[SeedClaim, ...]
    errors: dict[int, str]
    setting: dict

    @property
    def came_out(self) -> bool:
        """Whether no run stopped, what varies came out in 19 of 20 seeds, and what does not vary in all."""
        allowed = self.seeds // 20
        return not self.errors and all(
            claim.came_out >= self.seeds - (allowed if claim.varies else 0) for claim in self.claims
        )

    def table(self) -> str:
        """Return the report for the terminal; what does not vary with the seed stands apart."""
        lines = [f"{self.lesson}: {self.seeds} seeds", ""]
        rows = [("came out", "mean", "spread", "worst", "left minus right of the claim")]
        for claim in self.claims:
            if claim.varies:
                numbers = [f"{number:.3g}" for number in (claim.mean, claim.spread, claim.worst)]
                rows.append((f"{claim.came_out} of {claim.runs}", *numbers, _stated(claim)))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows if len(rows) > 1 else ():
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("  ".join([*cells, row[4]]))
        if same := [claim for claim in self.claims if not claim.varies]:
            lines += ["", "The same for every seed, so no evidence about seeds:"]
            lines += [f"  {claim.came_out} of {claim.runs}  {_stated(claim)}" for claim in same]
        if self.errors:
            lines += ["", "Stopped:", *(f"  SEED={seed}: {said}" for seed, said in self.errors.items())]
        return "\n".join(lines)

    def to_json(self, path: Path) -> Path:
        """Write the report, the same report always as the same text."""
        content = {
            "lesson": self.lesson,
            "seeds": self.seeds,
            **self.setting,
            "claims": [
                {name: _rounded(value) for name, value in asdict(claim).items()} for claim in self.claims
            ],
            "errors": {str(seed): said for seed, said in self.errors.items()},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def record(self, root: Path | None = None) -> Path:
        """Keep the report as the lesson's last result, in `benchmarks/results`."""
        return self.to_json(_record_of(self.lesson, root or _root()))


def _stated(claim: SeedClaim) -> str:
    return claim.sentence + (" (the lesson refutes it)" if claim.expect == "fails" else "")


def _rounded(value: object) -> object:
    """Return a number with six digits, and what JSON has no number for as text."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else str(value)


def _record_of(lesson_id: str, root: Path) -> Path:
    return root / "benchmarks" / "results" / f"claims_{lesson_id}.json"


def recorded_is_current(lesson: Lesson, root: Path) -> bool:
    """Return whether the recorded result over many seeds is of the lesson's code as it stands.

    Parameters
    ----------
    lesson : Lesson
        The lesson. Its prose may have changed, its code cells may not.
    root : Path
        The top of the checkout.
    """
    try:
        recorded = json.loads(_record_of(lesson.id, root).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return recorded["code_hash"] == code_hash(lesson, root)


def run_seeds(
    number: str,
    seeds: int,
    *,
    profile: str | None = None,
    parameters: Mapping[str, object] | None = None,
    cell_timeout: int = 600,
    out: Path = Path("build"),
) -> SeedReport:
    """Run a lesson's solution with SEED = 0, 1, …, and count how often each claim came out as expected.

    Parameters
    ----------
    number : str
        The lesson's number or id.
    seeds : int
        How many seeds.
    profile, parameters, cell_timeout
        As for `run_lesson`.
    out : Path
        The folder for the report; the runs themselves are not kept.

    Returns
    -------
    SeedReport
        A run that stops is reported in it, and the others count.

    Raises
    ------
    CourseError
        If there is no such lesson or parameter.
    """
    lesson = find(number)
    path = _notebook_of(lesson)
    setting = {
        "code_hash": code_hash(lesson),
        "profile": profile or os.environ.get("COURSE_PROFILE") or "auto",
        "parameters": dict(parameters or {}),
        **_machine(),
    }
    claims, errors = seed_runs(path, seeds, profile=profile, parameters=parameters, cell_timeout=cell_timeout)
    report = SeedReport(lesson.id, seeds, claims, errors, setting)
    report.to_json(Path(out) / f"claims_{lesson.id}.json")
    return report


def seed_runs(
    path: Path,
    seeds: int,
    *,
    profile: str | None = None,
    parameters: Mapping[str, object] | None = None,
    cell_timeout: int = 600,
) -> tuple[tuple[SeedClaim, ...], dict[int, str]]:
    """Run a notebook with SEED = 0, 1, …, two processes at a time, each on one thread.

    Parameters
    ----------
    path : Path
        The notebook.
    seeds, profile, parameters, cell_timeout
        As for `run_seeds`.

    Returns
    -------
    tuple of SeedClaim, dict of int to str
        The claims in the notebook's order, and what stopped a run, by seed.

    Raises
    ------
    CourseError
        If the notebook has no `SEED`, or no such parameter; or `parameters` sets `SEED`.
    """
    import nbformat

    parameters = dict(parameters or {})
    if "SEED" in parameters:
        raise CourseError(
            "`SEED` is set, and many seeds are asked for.", "Expected one of the two.", "Leave out `SEED`."
        )
    typed_parameters(nbformat.read(path, as_version=4), parameters | {"SEED": 0})
    variables = {"OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off", "COURSE_STRICT": "0"}
    if profile:
        variables["COURSE_PROFILE"] = profile
    kernels = Kernels()

    def work(seed: int) -> Run | str:
        with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
            try:
                values = parameters | {"SEED": seed}
                return _run(
                    kernels, path, "seed", variables, values, cell_timeout, Path(folder), progress=False
                )
            except CourseError as error:
                return error.found

    outcomes = kernels.each(work, range(seeds), at_once=2, desc="seeds")
    runs = [outcome for outcome in outcomes if isinstance(outcome, Run)]
    errors = {seed: outcome for seed, outcome in enumerate(outcomes) if isinstance(outcome, str)}
    made: dict[str, list[dict]] = {}
    for run in runs:
        for claim in run.claims:
            made.setdefault(claim["place"], []).append(claim)
    return tuple(map(_over_seeds, made.values())), errors


def _over_seeds(claims: list[dict]) -> SeedClaim:
    """Put the runs of one claim together. Its sentence may hold a number: the first seed's stands for all."""
    first = claims[0]
    pairs = [(float(claim["left"]), float(claim["right"])) for claim in claims]
    gaps = [left - right for left, right in pairs]
    against = {">": min, ">=": min, "<": max, "<=": max}.get(first["relation"])
    if against is None:  # ==, where the distance counts
        worst = max(gaps, key=abs) if first["expect"] == "holds" else min(gaps, key=abs)
    elif first["expect"] == "holds":
        worst = against(gaps)
    else:
        worst = (max if against is min else min)(gaps)
    return SeedClaim(
        sentence=first["sentence"],
        relation=first["relation"],
        margin=first["margin"],
        expect=first["expect"],
        runs=len(claims),
        came_out=sum(map(came_out, claims)),
        varies=any(pair != pairs[0] for pair in pairs),
        mean=statistics.fmean(gaps),
        spread=_spread(gaps),
        worst=worst,
    )


def _spread(numbers: list[float]) -> float:
    if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
        return 0.0 if len(numbers) < 2 else math.nan
    return statistics.stdev(numbers)


def _machine() -> dict:
    """Return what the numbers were measured on and with."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "machine": {
            "system": platform.platform(terse=True),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "versions": versions,
    }


def _processor() -> str:
    """Return the processor's name; Linux keeps it in a file of its own."""
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        named = None
    return named[1] if named else platform.processor() or platform.machine()
