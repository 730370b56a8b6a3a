"""Ask about the twenty runs what distances and networks say, and write the numbers and the page.

    python -m benchmarks.omniglot

takes minutes on two cores. It needs the dataset `omniglot`, from a mirror or by download.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from benchmarks import provenance
from benchmarks.omniglot import drawings, jobs, page, training
from benchmarks.omniglot.baselines import BASELINES
from course_lib.registry import record


def data_hash() -> str:
    """Return a hash of the three files, as the registry pins them."""
    names = (*drawings.SETS, "runs")
    pinned = {file.path: file.sha256 for name in names for file in record(f"omniglot/{name}").files}
    return hashlib.sha256(json.dumps(pinned, sort_keys=True).encode()).hexdigest()


def main(words: list[str] | None = None) -> int:
    """Run all, write the result and the page; fewer seeds than usual are no result."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.omniglot", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--seeds", type=int, default=len(jobs.SEEDS), help=f"of each (default: {len(jobs.SEEDS)})"
    )
    parser.add_argument("--processes", type=int, default=2, help="one thread each (default: 2)")
    chosen = parser.parse_args(words)
    os.environ["OMP_NUM_THREADS"] = "1"  # before a process is started that would take every core
    made_from, started = provenance.made_from(page.RESULT), time.monotonic()
    seeds = jobs.SEEDS[: chosen.seeds]
    todo = [(jobs.baseline, name) for name in BASELINES]
    todo += [
        (jobs.learned, name, part, seed)
        for seed in seeds
        for name in training.METHODS
        for part in drawings.SETS
    ]
    # A fresh process each: a fork of one in which torch has computed may hang.
    fresh, rows = multiprocessing.get_context("spawn"), []
    with ProcessPoolExecutor(chosen.processes, mp_context=fresh) as pool:
        for future in [pool.submit(*job) for job in todo]:
            rows.append(row := future.result())
            said = f"{row['method']:22} {row.get('set', ''):7} {row.get('seed', '')} "
            minutes = (time.monotonic() - started) / 60
            print(f"{minutes:5.1f} min  {said} {np.mean(row['errors']):.1%}", file=sys.stderr, flush=True)
    result = {
        **made_from,
        "data_hash": data_hash(),
        "minutes": (time.monotonic() - started) / 60,
        "processor_minutes": sum(row["seconds"] for row in rows) / 60,
        "processes": chosen.processes,
        "rows": rows,
    }
    is_kept = seeds == jobs.SEEDS
    path = (provenance.RESULTS if is_kept else provenance.TRIED) / f"{page.RESULT}.json"
    provenance.write(path, result)
    if is_kept:
        page.write()
    print(page.table_of(result))
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
