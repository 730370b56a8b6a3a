"""Train five poolings on bags of MNIST digits in the published setting, and write the numbers and the page.

    python -m benchmarks.mnist_bags

takes about an hour on two cores. It needs the dataset `mnist`, from a mirror or by download.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks import provenance
from benchmarks.mnist_bags import page, runs
from benchmarks.mnist_bags.networks import POOLINGS

COUNTS = (50, 100, 200)
REPEATS = 10


def main(words: list[str] | None = None) -> int:
    """Run all, write the result and the page; fewer repeats than usual are no result."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mnist_bags", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"of each run (default: {REPEATS})")
    parser.add_argument("--processes", type=int, default=2, help="one thread each (default: 2)")
    chosen = parser.parse_args(words)
    started = time.monotonic()
    jobs = [
        (pooling, count, repeat)
        for repeat in range(chosen.repeats)
        for count in reversed(COUNTS)
        for pooling in POOLINGS
    ]
    # A fresh process each: a fork of one in which torch has computed may hang.
    fresh = multiprocessing.get_context("spawn")
    rows = []
    with ProcessPoolExecutor(chosen.processes, mp_context=fresh) as pool:
        for row in pool.map(runs.run, *zip(*jobs, strict=True)):
            rows.append(row)
            said = f"{row['pooling']:17} {row['bags']:3} bags  repeat {row['repeat']}  AUC {row['auc']:.3f}"
            print(f"{(time.monotonic() - started) / 60:5.1f} min  {said}", file=sys.stderr, flush=True)
    result = {
        **provenance.made_from(page.RESULT),
        "minutes": (time.monotonic() - started) / 60,
        "processes": chosen.processes,
        "setting": {"epochs": runs.EPOCHS, "test_bags": runs.TEST_BAGS, "repeats": chosen.repeats},
        "rows": rows,
    }
    is_kept = chosen.repeats >= REPEATS
    path = (provenance.RESULTS if is_kept else provenance.TRIED) / f"{page.RESULT}.json"
    provenance.write(path, result)
    if is_kept:
        page.write()
    print(page.table_of(result, "auc"))
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
