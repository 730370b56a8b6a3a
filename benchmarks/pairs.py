"""Time pieces of code against one another: in turns, in random order, with an interval for the ratio."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.cases import Case

RESAMPLES = 4000


@dataclass(frozen=True)
class Timing:
    """How long one run took [s]: by the clock, and in time that this process computed."""

    wall: float
    cpu: float


def timed(run: Callable[[], object]) -> tuple[Timing, object]:
    """Time one run. What earlier runs left behind is collected before the clock starts."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu), result


def run(loop: Callable, case: Case) -> Timing:
    """Time one training; its model and data are there before the clock starts."""
    model, data = case.model(), case.data()
    timing, history = timed(lambda: loop(case, model, *data))
    if len(history) != case.epochs:
        raise RuntimeError(f"{loop.__name__} trained {len(history)} epochs instead of {case.epochs}.")
    return timing


def in_turns(runs: Mapping[str, Callable[[], Timing]], rounds: int, seed: int = 0) -> dict[str, list[Timing]]:
    """Run all of `runs` once in each round, in an order drawn anew, after one round that does not count."""
    names, order = list(runs), random.Random(seed)
    for name in names:
        runs[name]()
    gc.freeze()  # what is alive now stays: no collection has to look at the libraries' own objects
    times = {name: [] for name in names}
    for _ in range(rounds):
        for name in order.sample(names, len(names)):
            times[name].append(runs[name]())
    return times


def compare(ours: list[Timing], theirs: list[Timing]) -> dict:
    """Return the median over the rounds of our time divided by theirs, with its 95 % interval."""
    wall = np.array([a.wall / b.wall for a, b in zip(ours, theirs, strict=True)])
    cpu = np.array([a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True)])
    return {
        "pairs": len(wall),
        "ratio": float(np.median(wall)),
        "interval": interval(wall),
        "cpu_ratio": float(np.median(cpu)),
        "seconds": [float(np.median([run.wall for run in side])) for side in (ours, theirs)],
        # Below one where other programs had the core, or where a run waited.
        "share_of_a_core": sum(run.cpu for run in (*ours, *theirs)) / sum(r.wall for r in (*ours, *theirs)),
    }


def interval(ratios: np.ndarray, seed: int = 0) -> list[float]:
    """Return the bootstrap interval of a median: where 95 % of the medians of resampled rounds lie."""
    drawn = np.random.default_rng(seed).choice(ratios, (RESAMPLES, len(ratios)))
    return [float(edge) for edge in np.quantile(np.median(drawn, axis=1), (0.025, 0.975))]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread, here and in every process that is started from here."""
    import threadpoolctl

    os.environ["OMP_NUM_THREADS"] = "1"  # for `fit`, which chooses its threads, as well
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        yield


def say(text: str) -> None:
    """Say on the terminal what is timed now."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
