"""Make the table: 18 drugs, six models, and write the numbers and the page.

python -m benchmarks.hiv_table                   the published protocol, one fold seed
python -m benchmarks.hiv_table --full            both protocols, three fold seeds each
python -m benchmarks.hiv_table --processes 1     on one core

A run that was stopped goes on where it stopped when it is started again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from benchmarks import provenance
from benchmarks.hiv_table import jobs, page

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
    protocols, seeds = (jobs.PROTOCOLS, SEEDS) if chosen.full else (jobs.PROTOCOLS[:1], SEEDS[:1])

    made_from = provenance.made_from(page.RESULT)
    folder = provenance.TRIED / page.RESULT / made_from["code_hash"][:12]
    todo, started = jobs.jobs(protocols, seeds), time.monotonic()
    for number, job in enumerate(jobs.run(todo, folder, chosen.processes), 1):
        minutes = (time.monotonic() - started) / 60
        print(
            f"{minutes:6.1f} min  {number:4} of at most {len(todo)}  {job.name}", file=sys.stderr, flush=True
        )
    result = {
        **made_from,
        "seeds": seeds,
        "protocols": protocols,
        "processes": chosen.processes,
        "minutes_of_this_run": (time.monotonic() - started) / 60,
        "rows": jobs.rows(folder, protocols, seeds),
    }
    result["processor_minutes"] = {
        protocol: sum(row["seconds"] for row in result["rows"] if row["protocol"] == protocol) / 60
        for protocol in protocols
    }
    path = provenance.RESULTS / f"{page.RESULT}.json"
    if _would_lose(path, result):
        path = provenance.TRIED / path.name
    provenance.write(path, result)
    print(page.table(page.verdicts(provenance.read(path))))
    if path.parent == provenance.RESULTS:
        page.write()
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return 0


def _would_lose(path, result: dict) -> bool:
    """Return whether the recorded result is of the same code and has more seeds or protocols."""
    if not path.exists():
        return False
    recorded = provenance.read(path)
    return recorded["code_hash"] == result["code_hash"] and len(recorded["rows"]) * len(
        recorded["seeds"]
    ) > len(result["rows"]) * len(result["seeds"])


if __name__ == "__main__":
    sys.exit(main())
