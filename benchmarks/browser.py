"""Use every lesson in the browser ten times over, and record that no run failed by chance.

    python -m benchmarks.browser

takes two hours on two idle cores. It may be stopped: finished runs are kept in `build/`, and the next call
goes on after them, as long as neither the tests nor the list of lessons has changed. A run that fails ends it
with the names of what failed, and is kept as well: the record says how many runs there were in all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from benchmarks import provenance
from course_lib.lessons.syllabus import course_info

RESULT = "browser"
RUNS = 10
# As in `make browser`: two processes, each with a server and a browser of its own.
TESTS = ("-q", "-rs", "-n", "2", "--dist", "loadgroup", "tests/browser")


def lessons() -> list[str]:
    """Return the numbers of the lessons that are used."""
    return [lesson.number for lesson in course_info().ready]


def begun(path: Path) -> dict:
    """Return the runs that there are of the tests as they stand, or none."""
    now = {"code_hash": provenance.code_hash(RESULT), "lessons": lessons()}
    if path.exists():
        kept = provenance.read(path)
        if {name: kept[name] for name in now} == now:
            return kept
    return now | {"runs": []}


def outcome(report: Path) -> dict:
    """Read one run's report in JUnit's form: how many tests passed, and the names of the others."""
    passed, failed, skipped = 0, [], []
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is not None:
            skipped.append(name)
        else:
            passed += 1
    return {"passed": passed, "failed": failed, "skipped": skipped}


def run_once() -> dict:
    """Run the tests once and return their outcome with the minutes that they took."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run([sys.executable, "-m", "pytest", *TESTS, f"--junitxml={report}"], cwd=provenance.ROOT)
        if not report.exists():
            sys.exit("pytest wrote no report. What it said stands above.")
        return outcome(report) | {"minutes": (time.monotonic() - start) / 60}


def is_good(run: dict) -> bool:
    """Return whether all tests of a run passed; without a browser they are skipped, which is no proof."""
    return bool(run["passed"]) and not run["failed"] and not run["skipped"]


def main(words: list[str] | None = None) -> int:
    """Run until there are ten good runs, then write the result; return 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.browser", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS, help=f"good ones wanted (default: {RUNS})")
    chosen = parser.parse_args(words)
    kept = provenance.TRIED / f"{RESULT}.json"
    tried = begun(kept)
    while (good := sum(map(is_good, tried["runs"]))) < chosen.runs:
        run = run_once()
        tried["runs"].append(run)
        provenance.write(kept, tried)
        if not is_good(run):
            print(f"Not passed: {', '.join(run['failed'] + run['skipped']) or 'no test was run'}.")
            return 1
        print(f"{good + 1} of {chosen.runs} runs passed, {run['minutes']:.1f} min.", flush=True)
    if chosen.runs >= RUNS:
        provenance.write(provenance.RESULTS / f"{RESULT}.json", provenance.made_from(RESULT) | tried)
        print(f"Written: benchmarks/results/{RESULT}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
