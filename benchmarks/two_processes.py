"""The time of two processes under `torchrun` beside that of one, and what two can do on this machine."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import provenance
from benchmarks.pairs import Timing, compare, say
from benchmarks.share import SHARED

TOGETHER = 1.9  # what two independent processes must reach on two idle cores
_TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def measure(rounds: int) -> dict:
    """Time one process, two under `torchrun`, and two that know nothing of each other; one thread each."""
    say("two processes under torchrun")
    runs = {
        "one": lambda: _share([[sys.executable]], 1),
        "torchrun": lambda: _share([[sys.executable, "-m", *_TORCHRUN]], 2),
        "apart": lambda: _share([[sys.executable], [sys.executable]], 2),
    }
    first = {}
    for name, run in runs.items():
        first[name] = run()
        if isinstance(first[name], str):
            return {"is_available": False, "reason": f"{name}: {first[name]}"}
    largest = max(said["largest_batch"] for said in first["torchrun"])
    if largest > SHARED.batch_size // 2:
        return {"is_available": False, "reason": "`fit` does not share its batches between processes yet"}
    order, times = random.Random(0), {name: [] for name in runs}
    for _ in range(rounds):
        for name in order.sample(list(runs), len(runs)):
            said = runs[name]()
            times[name].append(max(one["seconds"] for one in said))
    pairs = {name: [Timing(t, t) for t in times[name]] for name in runs}
    shared, apart = compare(pairs["torchrun"], pairs["one"]), compare(pairs["apart"], pairs["one"])
    together = 2 / apart["ratio"]
    alone = first["one"][0]["losses"]
    apart_by = [
        abs(a - b) / abs(b) for said in first["torchrun"] for a, b in zip(said["losses"], alone, strict=True)
    ]
    return {
        "is_available": True,
        "rounds": rounds,
        "ratio": shared["ratio"],
        "interval": shared["interval"],
        "seconds": {name: statistics.median(times[name]) for name in runs},
        "two_apart_reach": together,
        "is_void": together < TOGETHER,
        "losses_differ_by": max(apart_by),
    }


def _share(starts: list[list[str]], count: int) -> list[dict] | str:
    """Run processes of benchmarks.share that begin together; return what each said, or why one failed."""
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder) / f"{number}.log" for number in range(len(starts))]
        running = []
        for words, log in zip(starts, logs, strict=True):
            with log.open("w") as file:
                command = [*words, "-m", "benchmarks.share", folder, str(count)]
                running.append(
                    subprocess.Popen(command, cwd=provenance.ROOT, stdout=file, stderr=subprocess.STDOUT)
                )
        try:
            codes = [process.wait(timeout=120) for process in running]
        except subprocess.TimeoutExpired:
            return "not finished after two minutes"
        finally:
            for process in running:  # `torchrun` ends its own processes, if it is asked to
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        said = [json.loads(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.json")]
        if any(codes) or len(said) != count:
            errors = [line for log in logs for line in log.read_text().splitlines() if "Error" in line]
            return errors[0].strip() if errors else f"exit codes {codes}, {len(said)} of {count} results"
    return said
