"""What the start and the memory cost, loop by loop, in fresh processes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from benchmarks import provenance
from benchmarks.pairs import say
from benchmarks.probe import MODULES, is_installed


def measure(repeats: int) -> dict:
    """Start fresh processes that import, make a first step, and train on 64 times the digits."""
    found = {}
    for name in filter(is_installed, MODULES):
        say(f"a fresh process: {name}")
        said = [_fresh_python("benchmarks.probe", name) for _ in range(repeats + 1)][1:]  # the first warms up
        found[name] = {
            key: statistics.median(run[key] for run in said) for key in said[0] if said[0][key] is not None
        }
    return found


def _fresh_python(module: str, *words: str) -> dict:
    run = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=provenance.ROOT, capture_output=True, text=True
    )
    if run.returncode:
        raise RuntimeError(f"{module} {' '.join(words)} failed:\n{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])
