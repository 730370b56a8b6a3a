"""Time `fit` against other loops, and write the numbers and the page.

python -m benchmarks.training                       everything that is missing, for the record
python -m benchmarks.training --only start --anew   one result, again
python -m benchmarks.training --only mlp --pairs 3  something, to try it out
python -m benchmarks.training --gpu                 the cases of a GPU, for the record

There are four results, each with what it was made from: `training` (the loops, case by case), `data_size`,
`start` and `two_processes`. One that is of the code as it stands is kept. A run that was stopped goes on
where it stopped when it is started again. A case in which the same code, timed against itself, did not come
out the same is timed again, and so are two processes where two that are independent did not reach nearly
twice the work of one.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import data_size, page, provenance, start, two_processes
from benchmarks.cases import CASES, GPU_CASES
from benchmarks.pairs import one_thread
from benchmarks.probe import MODULES, is_installed
from benchmarks.speed import gpu, reasons_to_void, same_work, speed

PAIRS = 15
TRIES = 3  # of a case or a result in one call, until the machine was calm
LOOPS = "training"
PARTS = {"data_size": data_size.measure, "start": start.measure, "two_processes": two_processes.measure}


def all_cases(result: dict, names: tuple[str, ...], pairs: int, tries: int, keep: Callable) -> None:
    """Time those cases of `names` that `result` does not have yet; `keep` it after each of them.

    All times of a case are taken anew, up to `tries` times, as long as its null leaves the band. What came
    out against the others has no say in that.
    """
    cases = {case.name: case for case in CASES if case.name in names}
    if cases and "losses_differ_by" not in result:
        result["losses_differ_by"] = same_work(tuple(cases.values()))
    for name, case in cases.items():
        for _ in range(tries):
            if name in result["speed"] and not reasons_to_void(result, name):
                break
            started = time.monotonic()
            result["speed"] |= speed((case,), pairs)
            result["tries"][name] = result["tries"].get(name, 0) + 1
            result["minutes"] += (time.monotonic() - started) / 60
            keep(result)


def part(name: str, pairs: int, tries: int, keep: Callable) -> bool:
    """Measure one of PARTS, up to `tries` times, as long as `keep`, which gets each of them, says no.

    Void tries of the same code that an earlier call has recorded count among those that are told.
    """
    recorded = _recorded(name)
    before = recorded["tries"] if recorded and is_void(recorded) else 0
    fresh, started = _new(name), time.monotonic()
    # A start takes seconds, and varies little.
    rounds = max(2, pairs // 5) if name == "start" else max(2, pairs)
    for number in range(1, tries + 1):
        result = fresh | {"found": PARTS[name](rounds), "tries": before + number}
        result |= {"minutes": (time.monotonic() - started) / 60, "load_after": provenance.load()}
        if says_something := keep(result):
            break
    return says_something


def is_void(result: dict) -> bool:
    """Return whether a result says of itself that the machine was not calm enough, or that it failed."""
    found = result.get("found", {})
    return bool(result.get("void") or found.get("is_void") or not found.get("is_available", True))


def _new(name: str) -> dict:
    return {**provenance.made_from(name), "threads": 1, "load_before": provenance.load()}


def _begun(path: Path, fresh: dict) -> dict:
    """Return what there is of a result by the code, the machine and the versions as they are, or `fresh`."""
    if path.exists():
        kept = provenance.read(path)
        if all(kept[name] == fresh[name] for name in ("code_hash", "machine", "versions")):
            return kept
    return fresh


def _recorded(name: str) -> dict | None:
    """Return the recorded result, if it is of the code as it stands."""
    path = provenance.RESULTS / f"{name}.json"
    recorded = provenance.read(path) if path.exists() else {}
    return recorded if recorded.get("code_hash") == provenance.code_hash(name) else None


def loops(names: tuple[str, ...], pairs: int, tries: int, is_for_the_record: bool) -> dict:
    """Time the cases and return the result; one for the record goes on with what was begun."""
    result = _new(LOOPS) | {"speed": {}, "tries": {}, "minutes": 0.0}
    kept = provenance.TRIED / f"{LOOPS}_{'begun' if is_for_the_record else 'tried'}.json"
    if is_for_the_record:
        result = _begun(kept, result)
    all_cases(result, names, pairs, tries, keep=functools.partial(provenance.write, kept))
    result |= {"load_after": provenance.load(), "void": reasons_to_void(result)}
    if not (is_for_the_record and result["void"]):
        kept.unlink(missing_ok=True)
    return result


def on_gpu(pairs: int, only: str | None) -> dict:
    """Time the cases of a GPU and return the result."""
    started = time.monotonic()
    result = _new("training_gpu") | {"card": torch.cuda.get_device_name()}
    result["versions"]["cuda"] = torch.version.cuda
    result["speed"] = gpu(pairs, only)
    result |= {"minutes": (time.monotonic() - started) / 60, "load_after": provenance.load()}
    return result | {"void": reasons_to_void(result)}


def write(name: str, result: dict, is_for_the_record: bool) -> bool:
    """Write a result, say what it holds, and return whether it says something.

    Times of loops that are void replace no record. Two processes on a machine that is not calm do: the page
    then says so.
    """
    is_kept = is_for_the_record and not result.get("void")
    path = (provenance.RESULTS if is_kept else provenance.TRIED) / f"{name}.json"
    provenance.write(path, result)
    print(page.table(page.verdicts({name: provenance.read(path)})))
    for reason in result.get("void", ()):
        print(f"Void: {reason}.")
    if is_kept:
        page.write()
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return not is_void(result)


def main(words: list[str] | None = None) -> int:
    """Run the benchmarks and write what came out; return 1 if something is void."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__.splitlines()[0]
    )
    cases = tuple(case.name for case in CASES)
    parser.add_argument("--only", choices=(LOOPS, *PARTS, *cases), help="one result, or one case to try out")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, help=f"of runs in a comparison (default: {PAIRS})"
    )
    parser.add_argument("--anew", action="store_true", help="also what is of the code as it stands")
    parser.add_argument("--gpu", action="store_true", help="the cases of a GPU instead")
    chosen = parser.parse_args(words)
    if chosen.gpu and chosen.only not in (None, *(names := [case.name for case in GPU_CASES])):
        parser.error(f"--gpu has the cases {', '.join(names)}, and not `{chosen.only}`.")
    if chosen.gpu and not torch.cuda.is_available():
        print("There is no CUDA GPU here: nothing was measured.")
        return 0
    is_for_the_record = chosen.only not in cases and chosen.pairs >= PAIRS
    missing = [loop for loop in MODULES if not is_installed(loop)]
    if is_for_the_record and missing and not chosen.gpu:
        print(f"Not installed: {', '.join(missing)}. `make bench` makes the environment that has them.")
        return 1

    say_something = []
    with one_thread():
        if chosen.gpu:
            return int(not write("training_gpu", on_gpu(chosen.pairs, chosen.only), is_for_the_record))
        tries = TRIES if is_for_the_record else 1
        timed_cases = (chosen.only,) if chosen.only in cases else cases
        for name in (LOOPS, *PARTS):
            if chosen.only not in (None, name, *(cases if name == LOOPS else ())):
                continue
            recorded = _recorded(name)
            if is_for_the_record and not chosen.anew and recorded and not is_void(recorded):
                print(f"Kept: {name} is of the code as it stands. `--anew` measures it again.")
                continue
            keep = functools.partial(write, name, is_for_the_record=is_for_the_record)
            if name == LOOPS:
                say_something.append(keep(loops(timed_cases, chosen.pairs, tries, is_for_the_record)))
            else:
                say_something.append(part(name, chosen.pairs, tries, keep))
    return int(not all(say_something))


if __name__ == "__main__":
    sys.exit(main())
