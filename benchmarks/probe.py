"""A fresh process that imports one library, trains with it, and says what the start and the memory cost.

    python -m benchmarks.probe LOOP

prints one line of JSON. Nothing heavy is imported at the top: the import is what is timed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path

# What a user of each loop imports.
MODULES = {
    "fit": "course_lib.training",
    "usual": "torch",
    "tuned": "torch",
    "lightning": "lightning.pytorch",
    "fabric": "lightning.fabric",
    "accelerate": "accelerate",
    "ignite": "ignite.engine",
    "skorch": "skorch",
    "sklearn": "sklearn.neural_network",
}


def is_installed(loop: str) -> bool:
    """Return whether the library of a loop is here."""
    return importlib.util.find_spec(MODULES[loop].split(".")[0]) is not None


def probe(loop: str) -> dict:
    """Return import time and time to the first step [s], and memory before and at its peak [MiB]."""
    started = time.perf_counter()
    importlib.import_module(MODULES[loop])
    found = {"import_s": time.perf_counter() - started}

    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from benchmarks import loops
    from benchmarks.cases import TINY
    from benchmarks.data_size import SIZES

    torch.set_num_threads(1)
    run = loops.EVERY[loop]
    first_steps = []
    hook = register_optimizer_step_post_hook(
        lambda *_: first_steps or first_steps.append(time.perf_counter())
    )
    model, data = TINY.model(), TINY.data()
    started = time.perf_counter()
    run(TINY, model, *data)
    hook.remove()
    if first_steps:  # scikit-learn's optimizer is not torch's
        found["first_step_s"] = first_steps[0] - started

    largest = SIZES[-1]
    model, data = largest.model(), largest.data()
    found["before_mib"] = _peak_mib()
    run(_one_epoch(largest), model, *data)
    return found | {"peak_mib": _peak_mib()}


def _one_epoch(case):
    import dataclasses

    return dataclasses.replace(case, epochs=1)


def _peak_mib() -> float | None:
    # Not `ru_maxrss` on Linux: a process inherits there the peak of the one that started it.
    status = Path("/proc/self/status")
    if status.exists():
        words = next(line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(words[1]) / 2**10
    try:
        import resource
    except ImportError:  # Windows does not tell
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1])))
