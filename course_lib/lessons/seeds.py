"""Run a lesson over many seeds, and say how often each of its claims came out."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.lessons.build import code_hash
from course_lib.lessons.parameters import typed_parameters
from course_lib.lessons.report import Run, came_out
from course_lib.lessons.run import execute_each, notebook_of
from course_lib.lessons.syllabus import Lesson, find
from course_lib.resources import checkout_root

# A record says which versions its numbers are from.
_LIBRARIES = ("numpy", "scikit-learn", "scipy", "statsmodels", "torch")


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
        return self.to_json(_record_of(self.lesson, root or checkout_root()))


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
    path = notebook_of(lesson)
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
    with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as folder:
        settings = {f"seed_{seed}": parameters | {"SEED": seed} for seed in range(seeds)}
        outcomes = execute_each(path, settings, Path(folder), profile, cell_timeout, at_once=2, desc="seeds")
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
