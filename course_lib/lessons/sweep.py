"""Run a lesson once for every combination of some parameters, for a class to see what depends on what."""

from __future__ import annotations

import csv
import itertools
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.lessons.parameters import typed_parameters
from course_lib.lessons.report import Run, came_out, cut
from course_lib.lessons.run import execute_each, notebook_of
from course_lib.lessons.syllabus import find


@dataclass(frozen=True)
class Sweep:
    """What came of many runs of one lesson.

    Parameters
    ----------
    name : str
        The lesson's id.
    settings : tuple of dict
        The parameters of each run.
    outcomes : tuple of Run or str
        What came of each; text says why a run stopped.
    folder : Path
        Where the runs are, each with its notebook and page, and `runs.csv` and `runs.png`.
    """

    name: str
    settings: tuple[dict, ...]
    outcomes: tuple[Run | str, ...]
    folder: Path

    @property
    def came_out(self) -> bool:
        """Whether no run stopped and every claim in every run came out as the lesson says."""
        return all(isinstance(run, Run) and all(map(came_out, run.claims)) for run in self.outcomes)

    def table(self) -> str:
        """Return the runs for the terminal, and below them which claims did not come out, and where."""
        names = list(self.settings[0])
        rows = [(*names, "seconds", "claims")]
        for setting, run in zip(self.settings, self.outcomes, strict=True):
            values = tuple(str(setting[name]) for name in names)
            if isinstance(run, Run):
                right = sum(map(came_out, run.claims))
                rows.append((*values, f"{run.seconds:.0f}", f"{right} of {len(run.claims)}"))
            else:
                rows.append((*values, "", "stopped"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [f"{self.name}: {len(self.settings)} runs", ""]
        for row in rows:
            lines.append("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        if missed := self._missed():
            lines += ["", "Not everywhere as the lesson says:", *(f"  {line}" for line in missed)]
        stopped = [
            f"  {_said(setting)}: {run}"
            for setting, run in zip(self.settings, self.outcomes, strict=True)
            if not isinstance(run, Run)
        ]
        if stopped:
            lines += ["", "Stopped:", *stopped]
        lines += ["", f"runs      {self.folder}", f"table     {self.csv}", f"picture   {self.picture}"]
        return "\n".join(lines)

    @property
    def csv(self) -> Path:
        """A row per run and claim, for a spreadsheet."""
        return self.folder / "runs.csv"

    @property
    def picture(self) -> Path:
        """A row per claim and a column per run: a circle where the claim came out, a cross where not."""
        return self.folder / "runs.png"

    def write(self) -> None:
        """Write the table and the picture."""
        self._write_csv()
        self._draw()

    def _claims(self) -> dict[str, dict[int, dict]]:
        """Return the claims by the place that they are made at, and of each what came of it in which run."""
        claims: dict[str, dict[int, dict]] = {}
        for number, run in enumerate(self.outcomes):
            for claim in run.claims if isinstance(run, Run) else ():
                claims.setdefault(claim["place"], {})[number] = claim
        return claims

    def _missed(self) -> list[str]:
        lines = []
        for of_run in self._claims().values():
            wrong = [number for number, claim in of_run.items() if not came_out(claim)]
            if wrong:
                sentence = next(iter(of_run.values()))["sentence"]
                lines.append(f"{len(of_run) - len(wrong)} of {len(of_run)}  {sentence}")
        return lines

    def _write_csv(self) -> None:
        names = list(self.settings[0])
        with self.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(
                [*names, "seconds", "claim", "left", "relation", "right", "margin", "came_out", "stopped"]
            )
            for setting, run in zip(self.settings, self.outcomes, strict=True):
                values = [setting[name] for name in names]
                if not isinstance(run, Run):
                    writer.writerow([*values, *[""] * 7, run])
                    continue
                for claim in run.claims:
                    said = [claim[part] for part in ("sentence", "left", "relation", "right", "margin")]
                    writer.writerow([*values, f"{run.seconds:.1f}", *said, came_out(claim), ""])

    def _draw(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        claims = self._claims()
        figure = Figure(figsize=(4.5 + 0.28 * len(self.settings), 1.6 + 0.24 * len(claims)))
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for row, of_run in enumerate(claims.values()):
            right = [number for number, claim in of_run.items() if came_out(claim)]
            wrong = [number for number in of_run if number not in right]
            axes.plot(right, [row] * len(right), "o", color="#0072B2", markersize=6)
            axes.plot(wrong, [row] * len(wrong), "X", color="#D55E00", markersize=9)
        sentences = [cut(next(iter(of_run.values()))["sentence"], 60) for of_run in claims.values()]
        axes.set_yticks(range(len(sentences)), sentences, fontsize=8, parse_math=False)
        labels = [", ".join(str(value) for value in setting.values()) for setting in self.settings]
        axes.set_xticks(range(len(labels)), labels, fontsize=8, rotation=90, parse_math=False)
        axes.set(xlim=(-0.7, len(labels) - 0.3), ylim=(len(sentences) - 0.4, -0.6))
        axes.set_xlabel(", ".join(self.settings[0]))
        axes.set_title(f"{self.name}: circle, as the lesson says; cross, not", fontsize=10, loc="right")
        figure.savefig(self.picture, dpi=120, bbox_inches="tight")


def parse_grid(settings: Sequence[str]) -> dict[str, list[str]]:
    """Return `["SEED=0,1,2"]` as `{"SEED": ["0", "1", "2"]}`.

    Parameters
    ----------
    settings : sequence of str
        As a person types them; a value holds no comma.

    Raises
    ------
    CourseError
        If one is not of the form NAME=VALUE,VALUE, or gives a value twice.
    """
    grid: dict[str, list[str]] = {}
    for setting in settings:
        name, _, values = setting.partition("=")
        grid[name.strip()] = [value.strip() for value in values.split(",")]
        said = grid[name.strip()]
        if not name.strip().isidentifier() or not all(said) or len(set(said)) < len(said):
            raise CourseError(
                f"`{setting}` gives no values to run over.",
                "Expected NAME=VALUE,VALUE, each value once.",
                "For example `--over SEED=0,1,2`.",
            )
    return grid


def run_sweep(
    number: str,
    grid: Mapping[str, Sequence[object]],
    *,
    profile: str | None = None,
    parameters: Mapping[str, object] | None = None,
    cell_timeout: int = 600,
    out: Path = Path("build"),
) -> Sweep:
    """Run a lesson's solution with every combination of values, as many at a time as there are processors.

    Each run has one thread, so that they do not slow each other down. On a GPU there is one at a time, as
    they would share its memory.

    Parameters
    ----------
    number : str
        The lesson's number or id.
    grid : mapping of str to sequence
        The values of each parameter.
    profile, parameters, cell_timeout
        As for `run_lesson`; `parameters` are the same in every run.
    out : Path
        The folder in which `runs_<lesson>` is made.

    Returns
    -------
    Sweep
        A run that stops is reported in it, and the others go on.

    Raises
    ------
    CourseError
        If there is no such lesson or parameter, or a value has the wrong type: before anything runs.
    """
    import nbformat

    lesson = find(number)
    path = notebook_of(lesson)
    notebook = nbformat.read(path, as_version=4)
    if both := set(grid) & set(parameters or {}):
        raise CourseError(
            f"`{min(both)}` has one value and several.", "Expected one of the two.", "Leave out `--set`."
        )
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    settings = [typed_parameters(notebook, setting | dict(parameters or {})) for setting in combinations]
    folder = Path(out) / f"runs_{lesson.id}"
    runs = {_slug(combination): values for combination, values in zip(combinations, settings, strict=True)}
    outcomes = execute_each(path, runs, folder, profile, cell_timeout, at_once=_at_once(), desc=lesson.id)
    sweep = Sweep(lesson.id, tuple(combinations), tuple(outcomes), folder)
    sweep.write()
    return sweep


def _said(setting: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in setting.items())


def _slug(setting: Mapping[str, object]) -> str:
    """Return a file's name for a run, such as `SEED=0_ROWS=100`."""
    return "_".join(re.sub(r"[^\w.=+-]", "-", f"{name}={value}") for name, value in setting.items())


def _at_once() -> int:
    # The driver's own command stands for the card: torch, which would know better, takes seconds to load.
    return 1 if shutil.which("nvidia-smi") else os.cpu_count() or 1
