"""Make the table: 18 drugs, six models, and write the numbers and the page.

python -m benchmarks.hiv_table                   the published protocol, one fold seed
python -m benchmarks.hiv_table --full            both protocols, three fold seeds each
python -m benchmarks.hiv_table --processes 1     on one core

A run that was stopped goes on where it stopped when it is started again. Whenever a protocol is through with
a fold seed, the record and the page are written anew from all that is done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from pathlib import Path

from benchmarks import provenance
from benchmarks.hiv_table import jobs, models, page
from benchmarks.hiv_table.isolates import DRUGS
from course_lib.registry import record

SEEDS = (1, 2, 3)


def main(words: list[str] | None = None) -> int:
    """Run what is missing, then write the result and the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hiv_table", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--full", action="store_true", help="both protocols, three fold seeds each")
    parser.add_argument("--processes", type=int, default=2, help="one thread each (default: 2)")
    chosen = parser.parse_args(words)
    os.environ["OMP_NUM_THREADS"] = "1"  # before a process is started that would take every core
    made_from, started = provenance.made_from(page.RESULT), time.monotonic()
    folders = _folders(made_from)
    for protocol, seed in _stages() if chosen.full else _stages()[:1]:
        for job in jobs.run(jobs.jobs(protocol, seed), folders, chosen.processes):
            minutes = (time.monotonic() - started) / 60
            print(f"{minutes:6.1f} min  {job.name}", file=sys.stderr, flush=True)
        path = _record(made_from, folders)
    print(page.table(page.verdicts(provenance.read(path))))
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return 0


def _stages() -> list[tuple[str, int]]:
    """Return what is run one after the other: a protocol on the folds of a seed."""
    return [(protocol, seed) for seed in SEEDS for protocol in jobs.PROTOCOLS]


def _folders(made_from: dict) -> dict[str, Path]:
    """Return where the pieces of each model are kept.

    Folders are named after the code and the versions that the pieces depend on: what is found again was made
    as it would be made now. A change of the recipe leaves what the other models have done.
    """

    def folder(code: str) -> Path:
        words = json.dumps([code, made_from["versions"]], sort_keys=True)
        return provenance.TRIED / page.RESULT / hashlib.sha256(words.encode()).hexdigest()[:12]

    alone = folder(provenance.hash_of(provenance.HIV_MODELS))
    return dict.fromkeys(models.MODELS, alone) | {jobs.RECIPE: folder(made_from["code_hash"])}


def data_hash() -> str:
    """Return a hash of the files of the 18 drugs, as the registry pins them."""
    pinned = {file.path: file.sha256 for drug in DRUGS for file in record(f"hiv_resistance/{drug}").files}
    return hashlib.sha256(json.dumps(pinned, sort_keys=True).encode()).hexdigest()


def _record(made_from: dict, folders: dict[str, Path]) -> Path:
    """Write the record and the page from every protocol and seed that is through; return where."""
    runs: dict[str, list[int]] = {}
    for protocol, seed in _stages():
        if all(jobs.is_done(job, folders) for job in jobs.jobs(protocol, seed)):
            runs.setdefault(protocol, []).append(seed)
    rows = jobs.rows(folders, runs)
    minutes = {
        protocol: sum(row["seconds"] for row in rows if row["protocol"] == protocol) / 60 for protocol in runs
    }
    result = {**made_from, "data_hash": data_hash(), "runs": runs, "processor_minutes": minutes, "rows": rows}
    path = provenance.RESULTS / f"{page.RESULT}.json"
    if _would_lose(path, result):
        path = provenance.TRIED / path.name
    provenance.write(path, result)
    if path.parent == provenance.RESULTS:
        page.write()
    return path


def _would_lose(path: Path, result: dict) -> bool:
    """Return whether the recorded result is of the same code and of more runs."""
    if not path.exists():
        return False
    recorded = provenance.read(path)
    same = recorded["code_hash"] == result["code_hash"]
    return same and sum(map(len, recorded["runs"].values())) > sum(map(len, result["runs"].values()))


if __name__ == "__main__":
    sys.exit(main())
