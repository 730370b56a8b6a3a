"""Time `fit` against other loops, and write the numbers and the page.

python -m benchmarks.training                       everything, for the record
python -m benchmarks.training --only mlp --pairs 3  something, to try it out
python -m benchmarks.training --gpu                 the cases of a GPU, for the record

A run for the record that was stopped goes on where it stopped when it is started again. A case in which the
same code, timed against itself, did not come out the same is timed again, and so are two processes where two
that are independent did not reach nearly twice the work of one.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import page, provenance
from benchmarks.cases import CASES, GPU_CASES, SHARED, SIZES, Case
from benchmarks.loops import BY_HAND, EVERY, FRAMEWORKS, SameOrder, fit, tuned, tuned_graphs
from benchmarks.pairs import Timing, compare, in_turns, timed
from benchmarks.probe import MODULES, is_installed

PAIRS = 15
NULL = (0.98, 1.02)
TRIES = 3  # of a case in one call, until its null stays in the band


def speed(cases: tuple[Case, ...], pairs: int) -> dict:
    """Time `fit` against every loop in every case, and against itself, on one thread."""
    found = {}
    for case in cases:
        against = {}
        for name in ("fit", *BY_HAND, *FRAMEWORKS, *(["sklearn"] if case.name == "mlp" else [])):
            if not is_installed(name):
                continue
            _say(f"{case.name}: fit against {'itself' if name == 'fit' else name}")
            # Where two per cent matter, more pairs.
            rounds = 2 * pairs if name in ("fit", "tuned") else pairs
            best = case.channels_last and name in ("fit", "tuned")
            against[name] = _pair(
                case if best else dataclasses.replace(case, channels_last=False), name, rounds
            )
        found[case.name] = {"title": case.title, "against": against}
    return found


def _pair(case: Case, name: str, rounds: int) -> dict:
    runs = {"ours": functools.partial(_run, fit, case), "theirs": functools.partial(_run, EVERY[name], case)}
    times = in_turns(runs, rounds)
    return compare(times["ours"], times["theirs"])


def _run(loop, case: Case) -> Timing:
    """Time one training; its model and data are there before the clock starts."""
    model, data = case.model(), case.data()
    timing, history = timed(lambda: loop(case, model, *data))
    if len(history) != case.epochs:
        raise RuntimeError(f"{loop.__name__} trained {len(history)} epochs instead of {case.epochs}.")
    return timing


def off_fit(case: Case, name: str, epochs: int = 2) -> float:
    """Return by how much the losses of a loop differ from those of `fit`, relative, at most.

    Both start from the same weights and see the rows in the same order: then a loop that does other work
    than `fit`, or counts the short last batch wrongly, comes out with other losses.
    """
    case, (train, valid) = dataclasses.replace(case, epochs=epochs), case.data()
    ours = fit(case, case.model(), train, valid)
    theirs = EVERY[name](case, case.model(), train, valid, SameOrder(len(train[0])))
    return max(
        abs(one[column] - other[column]) / abs(one[column])
        for one, other in zip(ours, theirs, strict=True)
        for column in ("train_loss", "valid_loss")
    )


def same_work(cases: tuple[Case, ...]) -> dict[str, float]:
    """Return the largest difference over the cases for each loop that is here; refuse one above 1e-3."""
    _say("do all loops do the same work?")
    names = filter(is_installed, (*BY_HAND, *FRAMEWORKS))
    found = {name: max(off_fit(case, name) for case in cases) for name in names}
    for name, off in found.items():
        if not off <= 1e-3:
            raise RuntimeError(f"The losses of `{name}` differ from those of `fit` by {off:.1e}.")
    return found


def size(rounds: int) -> dict:
    """Time `fit` on 1 to 64 times as many rows, the sizes in random order within a round."""
    _say("time against data size")
    times = in_turns({case.name: functools.partial(_run, fit, case) for case in SIZES}, rounds)
    found = {}
    for case in SIZES:
        compared = compare(times[case.name], times["1"])
        copies = int(case.name)
        found[case.name] = {
            "seconds": compared["seconds"][0],
            "against_proportional": compared["ratio"] / copies,
            "interval": [edge / copies for edge in compared["interval"]],
        }
    return found


def start(repeats: int) -> dict:
    """Start fresh processes that import, make a first step, and train on 64 times the digits."""
    found = {}
    for name in filter(is_installed, MODULES):
        _say(f"a fresh process: {name}")
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


def processes(rounds: int) -> dict:
    """Time one process, two under `torchrun`, and two that know nothing of each other; one thread each."""
    _say("two processes under torchrun")
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
        "is_void": together < page.TOGETHER,
        "losses_differ_by": max(apart_by),
    }


_TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")


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


def gpu(pairs: int, only: str | None = None) -> dict:
    """Time `fit` on a GPU against the tuned loop and against itself, once everything is compiled."""
    found = {}
    for case in GPU_CASES:
        if only not in (None, case.name):
            continue
        _say(f"{case.name} on the GPU")
        runs = {"ours": fit, "fit": fit, "tuned": tuned, "tuned_graphs": tuned_graphs}
        runs = {name: functools.partial(_steady, loop, case) for name, loop in runs.items()}
        failed = {}
        for name in list(runs):
            try:
                runs[name]()
            except Exception as error:
                if name in ("ours", "fit", "tuned"):
                    raise
                failed[name] = str(error).splitlines()[0]
                del runs[name]
        times = in_turns(runs, pairs)
        against = {name: compare(times["ours"], times[name]) for name in runs if name != "ours"}
        for compared in against.values():  # the processor waits for the card: its time says nothing
            del compared["cpu_ratio"], compared["share_of_a_core"]
        found[case.name] = {"title": case.title, "against": against, "failed": failed}
    return found


def _steady(loop, case: Case) -> Timing:
    """Time the epochs after the first, which compiles. Each epoch ends with a look at its losses."""
    torch._dynamo.reset()  # or the compiler gives up on what it takes for a model that keeps changing
    history = loop(case, case.model(), *case.data())
    seconds = sum(record["seconds"] for record in history[1:])
    return Timing(seconds, seconds)


PARTS = {"size": size, "start": start, "processes": processes}


def collect(result: dict, names: tuple[str, ...], pairs: int, tries: int, keep) -> None:
    """Measure what of `names`, cases and parts, is not in `result` yet; `keep` it after each of them.

    All times of a case are taken anew, up to `tries` times, as long as its null leaves the band, and those of
    two processes as long as the machine does not give two that are independent their due. What came out
    against the others has no say in that.
    """
    cases = {case.name: case for case in CASES if case.name in names}
    if cases and "losses_differ_by" not in result:
        result["losses_differ_by"] = same_work(tuple(cases.values()))
    for name in names:
        for _ in range(tries):
            if _says_something(result, name):
                break
            started = time.monotonic()
            if name in cases:
                result["speed"] |= speed((cases[name],), pairs)
            else:
                result[name] = PARTS[name](max(2, pairs // 5 if name == "start" else pairs))
            result["tries"][name] = result["tries"].get(name, 0) + 1
            result["minutes"] += (time.monotonic() - started) / 60
            keep(result)


def _says_something(result: dict, name: str) -> bool:
    """Return whether a case or a part was measured, and the machine was calm enough to measure it."""
    if name in result["speed"]:
        return not reasons_to_void(result, name)
    return name in result and not result[name].get("is_void", False)


def reasons_to_void(result: dict, only: str | None = None) -> list[str]:
    """Return why cases say nothing: the same code, timed against itself, did not come out the same."""
    low, high = NULL
    return [
        f"{name}: `fit` against itself came out at {case['against']['fit']['ratio']:.3f}"
        for name, case in result["speed"].items()
        if only in (None, name) and "fit" in case["against"]
        if not low <= case["against"]["fit"]["ratio"] <= high
    ]


def _begun(path: Path, fresh: dict) -> dict:
    """Return what there is of a record by the code, the machine and the versions as they are, or `fresh`."""
    if path.exists():
        kept = provenance.read(path)
        if all(kept[name] == fresh[name] for name in ("code_hash", "machine", "versions")):
            return kept
    return fresh


def main(words: list[str] | None = None) -> int:
    """Run the benchmarks and write what came out; return 1 if the run is void."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training", description=__doc__.splitlines()[0]
    )
    names = (*(case.name for case in CASES), *PARTS)
    parser.add_argument("--only", choices=names, help="one case, or one of the other parts")
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, help=f"of runs in a comparison (default: {PAIRS})"
    )
    parser.add_argument("--gpu", action="store_true", help="the cases of a GPU instead")
    chosen = parser.parse_args(words)
    is_for_the_record = chosen.only is None and chosen.pairs >= PAIRS
    name = "training_gpu" if chosen.gpu else "training"
    if chosen.gpu and not torch.cuda.is_available():
        print("There is no CUDA GPU here: nothing was measured.")
        return 0
    missing = [loop for loop in MODULES if not is_installed(loop)]
    if is_for_the_record and missing and not chosen.gpu:
        print(f"Not installed: {', '.join(missing)}. `make bench` makes the environment that has them.")
        return 1

    import threadpoolctl

    os.environ["OMP_NUM_THREADS"] = "1"  # for `fit`, which chooses its threads, and for every process started
    torch.set_num_threads(1)
    result = {**provenance.made_from(name), "threads": 1, "load_before": provenance.load()}
    result |= {"speed": {}, "tries": {}, "minutes": 0.0}
    kept = provenance.TRIED / f"{name}_begun.json"
    with threadpoolctl.threadpool_limits(1):
        if chosen.gpu:
            started = time.monotonic()
            result["card"] = torch.cuda.get_device_name()
            result["versions"]["cuda"] = torch.version.cuda
            result["speed"] = gpu(chosen.pairs, chosen.only)
            result["minutes"] = (time.monotonic() - started) / 60
        elif is_for_the_record:
            result = _begun(kept, result)
            collect(result, names, chosen.pairs, TRIES, functools.partial(provenance.write, kept))
        else:
            wanted = (chosen.only,) if chosen.only else names
            collect(result, wanted, chosen.pairs, 1, keep=lambda result: None)
    result["load_after"] = provenance.load()
    result["void"] = reasons_to_void(result)

    is_kept = is_for_the_record and not result["void"]
    path = (provenance.RESULTS if is_kept else provenance.TRIED) / f"{name}.json"
    provenance.write(path, result)
    print(page.table(page.verdicts({name: provenance.read(path)})))
    for reason in result["void"]:
        print(f"Void: {reason}.")
    if is_kept:
        kept.unlink(missing_ok=True)
        page.write()
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return int(bool(result["void"]))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
