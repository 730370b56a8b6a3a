"""Checks of lesson 00, "Start here": a claim that names its conditions."""

from __future__ import annotations

from course_lib.exercises.answers import call, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 00.1  A promise that holds

# Accuracy by shift [pixels] and the reach that is asked for. Each table has its worst shift elsewhere: at the
# left edge, at the right edge, between the edges; then no shift at all, and a wider table.
_CASES = (
    ({-3: 0.1472, -2: 0.2786, -1: 0.2933, 0: 0.9081, 1: 0.3011, 2: 0.3384, 3: 0.1194}, 2),
    ({-3: 0.1105, -2: 0.6128, -1: 0.7719, 0: 0.8836, 1: 0.5273, 2: 0.4162, 3: 0.2047}, 2),
    ({1: 0.5162, 3: 0.694, -3: 0.667, 0: 0.872, -2: 0.553, 2: 0.723, -1: 0.809, -4: 0.124, 4: 0.083}, 3),
    ({-1: 0.4418, 0: 0.7935, 1: 0.3762}, 0),
    (
        {-5: 0.0921, -4: 0.4417, -3: 0.2358, -2: 0.5163, -1: 0.6772, 0: 0.9114}
        | {1: 0.7025, 2: 0.6146, 3: 0.2581, 4: 0.2783, 5: 0.1216},
        4,
    ),
)


def _slips(shares: dict[int, float], reach: int) -> tuple[tuple[float, str], ...]:
    """Return what known misconceptions give for a table, and what to say to each."""
    near = [shift for shift in shares if abs(shift) <= reach]
    values = [shares[shift] for shift in near]
    right = min(values)
    by_position = list(shares.values())[len(shares) // 2 - reach : len(shares) // 2 + reach + 1]
    edge_missing = "The edges belong to it: up to *and with* `reach`. `range(a, b)` stops one before `b`."
    slips = [
        (
            shares[0],
            "That is the accuracy without a shift, the best case. The sentence speaks of every shift up to "
            "`reach` pixels.",
        ),
        (
            sum(values) / len(values),
            "That is the mean over the shifts. It promises more than the worst shift keeps, and the sentence "
            "says *at every one of these shifts*.",
        ),
        (
            sum(shares.values()) / len(shares),
            "That is the mean over the whole table. A mean hides the worst shift, and only shifts up to "
            "`reach` count.",
        ),
        (
            min(shares.values()),
            "That is the worst of the whole table. The sentence speaks of no shift beyond `reach`: without "
            "`reach` you promise less than is true.",
        ),
        (
            min(shares),
            "That is a shift in pixels: `min` of a dict looks at its keys. Take the smallest of its values.",
        ),
        (min(near, key=shares.get), "That is the shift at which it is worst. Return the accuracy there."),
        (1 - right, "That is the share read wrongly. The sentence counts those read right."),
        (100 * right, "That is in per cent. Return a share from 0 to 1, as in the table."),
    ]
    # These are slips only where they miss the worst shift; `expect_close` accepts the right number first.
    inside = [shift for shift in near if abs(shift) < reach]
    if inside:
        slips += [
            (min(shares[shift] for shift in inside), edge_missing),
            (min(shares[shift] for shift in range(-reach, reach)), edge_missing),
            (min(shares[shift] for shift in range(1 - reach, reach + 1)), edge_missing),
            (
                min(shares[shift] for shift in near if shift >= 0),
                "It looks to the right only. *Either way* means that negative shifts count as well.",
            ),
            (
                min(shares[shift] for shift in near if shift <= 0),
                "It looks to the left only. *Either way* means that positive shifts count as well.",
            ),
            (
                min(shares[-reach], shares[reach]),
                "It looks at the two edges only. The worst shift may lie between them: go through all.",
            ),
            (
                shares[reach],
                "That is the accuracy at one edge. The sentence speaks of every shift up to `reach`, either "
                "way.",
            ),
            (
                min(by_position),
                "It goes by position in the table, and this table is not in order. Look each shift up: "
                "`shares[shift]`.",
            ),
            (
                min(value for shift, value in shares.items() if shift <= reach),
                "It goes on to the left without end: `-3 <= 2` is true. Compare the size of the shift: "
                "`abs(shift) <= reach`.",
            ),
        ]
    slips += [
        (
            round(right, decimals),
            "It is rounded. Rounded up, a promise is broken; keep all digits, and round when you print.",
        )
        for decimals in (1, 2, 3)
    ]
    return tuple(slips)


def _verify_promise(answer):
    tables = _CASES[0], _CASES[2]  # of different widths, so that their keys differ as well
    first, second = [expect_number(call(answer, *case), name="the promised share") for case in tables]
    if first == second == 0:
        raise NotYet(
            "It returns 0 for two different tables. If a loop looks for the smallest share, no share is "
            "below a start value of 0: start with 1."
        )
    if first == second:
        raise NotYet(
            "It gives the same number for two different tables, so it does not use its own `shares` and "
            "`reach`. Numbers of the notebook do not count inside: use what comes in."
        )
    for shares, reach in _CASES:
        expect_close(
            expect_number(call(answer, shares, reach), name="the promised share"),
            min(shares[shift] for shift in range(-reach, reach + 1)),
            name="the promised share",
            traps=_slips(shares, reach),
            otherwise=f"With a `reach` of {reach}, the number is not the largest that keeps the sentence "
            "true. At which of these shifts is it hardest to keep?",
        )
    return (
        "A promise is as strong as its worst case within the conditions that it names. With `reach=0` it "
        "promises much and says where; beyond the shifts that were tried it promises nothing."
    )


EXERCISES = (
    Exercise(
        id="00.1",
        title="A promise that holds",
        kind="complete",
        minutes=4,
        difficulty=1,
        hints=(
            "Which of the shifts decides whether *at every one of these shifts* is true?",
            "Collect the accuracies at the shifts from `-reach` up to and with `reach`, and take the "
            "smallest. `range(a, b)` counts from `a` and stops before `b`.",
            "A loop does it: start with `worst = 1.0`; then `for shift in range(-reach, reach + 1):` and in "
            "it `worst = min(worst, …)`, with what the table says for that shift; return `worst` after the "
            "loop.",
        ),
        verify=_verify_promise,
    ),
)
