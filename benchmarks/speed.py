"""The time of `fit` beside that of every other loop, case by case, and whether the machine was calm."""

from __future__ import annotations

import dataclasses
import functools

import torch

from benchmarks.cases import GPU_CASES, Case
from benchmarks.loops import BY_HAND, EVERY, FRAMEWORKS, SameOrder, fit, tuned, tuned_graphs
from benchmarks.pairs import Timing, compare, in_turns, run, say
from benchmarks.probe import is_installed

NULL = (0.98, 1.02)


def speed(cases: tuple[Case, ...], pairs: int) -> dict:
    """Time `fit` against every loop in every case, and against itself, on one thread."""
    found = {}
    for case in cases:
        against = {}
        for name in ("fit", *BY_HAND, *FRAMEWORKS, *(["sklearn"] if case.name == "mlp" else [])):
            if not is_installed(name):
                continue
            say(f"{case.name}: fit against {'itself' if name == 'fit' else name}")
            # Where two per cent matter, more pairs.
            rounds = 2 * pairs if name in ("fit", "tuned") else pairs
            best = case.channels_last and name in ("fit", "tuned")
            against[name] = _pair(
                case if best else dataclasses.replace(case, channels_last=False), name, rounds
            )
        found[case.name] = {"title": case.title, "against": against}
    return found


def _pair(case: Case, name: str, rounds: int) -> dict:
    runs = {"ours": functools.partial(run, fit, case), "theirs": functools.partial(run, EVERY[name], case)}
    times = in_turns(runs, rounds)
    return compare(times["ours"], times["theirs"])


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
    say("do all loops do the same work?")
    names = filter(is_installed, (*BY_HAND, *FRAMEWORKS))
    found = {name: max(off_fit(case, name) for case in cases) for name in names}
    for name, off in found.items():
        if not off <= 1e-3:
            raise RuntimeError(f"The losses of `{name}` differ from those of `fit` by {off:.1e}.")
    return found


def gpu(pairs: int, only: str | None = None) -> dict:
    """Time `fit` on a GPU against the tuned loop and against itself, once everything is compiled."""
    found = {}
    for case in GPU_CASES:
        if only not in (None, case.name):
            continue
        say(f"{case.name} on the GPU")
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


def reasons_to_void(result: dict, only: str | None = None) -> list[str]:
    """Return why cases say nothing: the same code, timed against itself, did not come out the same."""
    low, high = NULL
    return [
        f"{name}: `fit` against itself came out at {case['against']['fit']['ratio']:.3f}"
        for name, case in result["speed"].items()
        if only in (None, name) and "fit" in case["against"]
        if not low <= case["against"]["fit"]["ratio"] <= high
    ]
