"""The time of `fit` against the number of rows: is it proportional?"""

from __future__ import annotations

import functools

from benchmarks.cases import Case, Pair, digits, mlp
from benchmarks.loops import fit
from benchmarks.pairs import compare, in_turns, run, say


@functools.cache
def digits_in_batches(copies: int, batch_size: int = 64) -> tuple[Pair, Pair]:
    """Return the digits cut to whole batches, `copies` times: a short batch costs a step as well."""
    cut = ((len(x) // batch_size * batch_size, x, y) for x, y in digits())
    return tuple((x[:rows].repeat(copies, 1), y[:rows].repeat(copies)) for rows, x, y in cut)


# As much work as thirty epochs of the digits, then up to 64 times as many rows. With fewer epochs, what a
# call costs once would show beside what its rows cost.
SIZES = tuple(
    Case(
        str(copies),
        f"digits × {copies}",
        mlp,
        functools.partial(digits_in_batches, copies),
        epochs=30,
        batch_size=64,
    )
    for copies in (1, 2, 4, 8, 16, 32, 64)
)


def measure(rounds: int) -> dict:
    """Time `fit` on 1 to 64 times as many rows, the sizes in random order within a round."""
    say("time against data size")
    times = in_turns({case.name: functools.partial(run, fit, case) for case in SIZES}, rounds)
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
