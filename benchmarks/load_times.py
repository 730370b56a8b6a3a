"""How long each dataset takes to load, from the cache: `python benchmarks/load_times.py [NAME…]`.

A dataset is fetched first (from a mirror or the network, not timed), then loaded in a process of its own:
the first load of a kernel also imports the libraries that read it, and the second one there says what
reading and verifying alone take. Without names: every dataset that can be had here.
"""

from __future__ import annotations

import json
import subprocess
import sys

from course_lib.data.cache import cache_folder
from course_lib.data.sources import obtain
from course_lib.errors import CourseError
from course_lib.registry import loadable, megabytes, names

_LOAD = """
import contextlib, io, json, sys, time
import course_lib as cl
seconds = []
with contextlib.redirect_stdout(io.StringIO()):
    for _ in range(2):
        start = time.perf_counter()
        data = cl.load(sys.argv[1])
        seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": seconds, "shape": data.inputs.shape}))
"""


def main(wanted: list[str]) -> int:
    """Print a line per dataset and their total; return 1 if one of those named cannot be had."""
    print(f"{'name':<32}{'size':>10}{'first load':>12}{'again':>9}  inputs\n{'':<44}{'s':>9}{'s':>9}")
    total, count, came_out = [0.0, 0.0], 0, 0
    for name in wanted or names():
        entry = loadable(name)
        try:
            obtain(entry)
        except CourseError as error:
            print(f"{name:<32} cannot be had: {error.found}")
            came_out |= bool(wanted)
            continue
        done = subprocess.run([sys.executable, "-c", _LOAD, name], capture_output=True, text=True)
        if done.returncode:
            print(f"{name:<32} does not load: {done.stderr.strip().splitlines()[-1]}")
            came_out = 1
            continue
        result = json.loads(done.stdout)
        first, again = result["seconds"]
        size = megabytes(entry.bytes) if entry.files else "bundled"
        shape = " × ".join(f"{length:,}" for length in result["shape"])
        print(f"{name:<32}{size:>10}{first:>11.2f}{again:>9.2f}  {shape}", flush=True)
        total, count = [total[0] + first, total[1] + again], count + 1
    print(f"{f'all {count}':<42}{total[0]:>11.2f}{total[1]:>9.2f}\nThe cache is {cache_folder()}.")
    return came_out


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
