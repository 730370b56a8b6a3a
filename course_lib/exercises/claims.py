"""Claims that run, and guesses that are compared: the sentences of a lesson, with their numbers."""

from __future__ import annotations

import math

from course_lib.errors import CourseError
from course_lib.exercises.display import show, strict

MIME = "application/vnd.course.claim+json"
# What is told after the two numbers when a claim has a margin.
_RELATIONS = {
    ">": "by more than",
    ">=": "by at least",
    "<": "by more than",
    "<=": "by at least",
    "==": "to within",
}
_EXPECTATIONS = ("holds", "fails")
_ROUNDING = 1e-12  # relative: 0.9 - 0.6 is not more than 0.3


def claim(
    sentence: str,
    left: float,
    relation: str,
    right: float,
    *,
    margin: float = 0.0,
    because: str = "",
    expect: str = "holds",
) -> None:
    """State a sentence with the two numbers that it rests on, and say whether it holds.

    Parameters
    ----------
    sentence : str
        What is claimed, for people.
    left, right : float
        The two numbers, of Python, NumPy or torch. NaN never holds.
    relation : str
        One of `>`, `>=`, `<`, `<=`, `==`.
    margin : float
        By how much: `left - right > margin` for `>`; for `==` the largest difference allowed.
    because : str
        Why this margin.
    expect : str
        "holds", or "fails" for a sentence on trial that the lesson refutes.

    Raises
    ------
    CourseError
        If a number is none, or the relation is unknown; with COURSE_STRICT=1 also if the claim does not come
        out as expected.

    Notes
    -----
    **Source:** standard practice: a conclusion with its margin, tested on new numbers. **Shown in:** lesson
    00, "The first claim".
    """
    for name, value, known in (("relation", relation, _RELATIONS), ("expect", expect, _EXPECTATIONS)):
        if value not in known:
            choices = ", ".join(f"`{choice}`" for choice in known)
            raise CourseError(f"`{name}` is `{value}`.", f"Expected one of {choices}.", "Write it in quotes.")
    left, right, margin = (_number(*pair) for pair in (("left", left), ("right", right), ("margin", margin)))
    if not 0 <= margin < math.inf:
        raise CourseError(f"`margin` is {margin}.", "Expected a number from 0 upwards.", "Try `margin=0.0`.")

    holds = _holds(left, relation, right, margin)
    as_expected = holds == (expect == "holds")
    numbers = _numbers(left, relation, right, margin, holds)
    verdict = f"{'Holds' if holds else 'Does not hold'}{_remark(holds, expect)}: {numbers}."
    if math.isnan(left) or math.isnan(right):
        verdict += " NaN is not a number, so nothing holds of it."
    if because:
        verdict += f"\n{'Why this margin' if margin else 'Why'}: {because.strip().rstrip('.')}."
    show(
        f"Claim: {sentence}",
        verdict,
        tone="good" if as_expected else "bad",
        record=(
            MIME,
            {
                "sentence": sentence,
                "left": _for_json(left),
                "relation": relation,
                "right": _for_json(right),
                "margin": margin,
                "because": because,
                "expect": expect,
                "holds": holds,
            },
        ),
    )
    if strict() and not as_expected:
        raise CourseError(
            f'The claim "{sentence}" {"holds" if holds else "does not hold"}: {numbers}.',
            f"Expected that it {expect}.",
            "Find out why before you change the margin.",
        )


def _number(name: str, value: object) -> float:
    size = 1
    for length in getattr(value, "shape", ()):
        size *= length
    plain = value.item() if hasattr(value, "item") and size == 1 else value
    if isinstance(plain, (bool, str, bytes)) or not hasattr(plain, "__float__") or size != 1:
        shape = f" and shape {tuple(value.shape)}" if hasattr(value, "shape") else ""
        raise CourseError(
            f"`{name}` is of type `{type(value).__name__}`{shape}.",
            "Expected one number.",
            "A claim compares two numbers: take a mean, a count or a rate.",
        )
    return float(plain)


def _holds(left: float, relation: str, right: float, margin: float) -> bool:
    if relation == "==":
        return left == right or abs(left - right) <= margin + _slack(left, right, margin)
    if left == right:  # also two infinities, whose difference is NaN
        return relation in (">=", "<=") and margin == 0
    gap = left - right if relation in (">", ">=") else right - left
    slack = _slack(left, right, margin)
    return gap > margin + slack if relation in (">", "<") else gap >= margin - slack


def _slack(left: float, right: float, margin: float) -> float:
    largest = max(abs(left), abs(right), margin)
    return _ROUNDING * largest if margin and math.isfinite(largest) else 0.0


def _remark(holds: bool, expect: str) -> str:
    if expect == "holds":
        return ""
    return ", although we expected that it fails" if holds else ", as we expected"


def _numbers(left: float, relation: str, right: float, margin: float, holds: bool) -> str:
    """Return "0.91 > 0.26 by more than 0.30", or "0.26 is not > 0.91", with the digits that decide."""
    gap = abs(left - right)
    decimals = max(_decimals(gap, 2), _decimals(margin, 2), _decimals(gap - margin, 1))
    if gap == 0 or not math.isfinite(gap):
        decimals = max(_decimals(left, 3), _decimals(right, 3))
    left_text, right_text, margin_text = _rounded((left, right, margin), decimals)
    symbol = {"==": "=", ">=": "≥", "<=": "≤"}.get(relation, relation)
    symbol = symbol if holds else f"is not {symbol}"
    return f"{left_text} {symbol} {right_text}" + (f" {_RELATIONS[relation]} {margin_text}" if margin else "")


def _decimals(size: float, significant: int) -> int:
    """Return how many decimals show `size` with that many significant digits."""
    if size == 0 or not math.isfinite(size):
        return 0
    return max(0, significant - 1 - math.floor(math.log10(abs(size))))


def _rounded(values: tuple[float, ...], decimals: int) -> list[str]:
    """Return the values with so many decimals, less the zeros with which all of them end."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest and (decimals > 6 or largest >= 1e7):
        digits = min(15, max(2, decimals + 1 + math.floor(math.log10(largest))))
        return [f"{value:.{digits}g}" for value in values]
    while decimals and all(f"{v:.{decimals}f}".endswith("0") for v in values if math.isfinite(v)):
        decimals -= 1
    return [f"{value:.{decimals}f}" for value in values]


def _for_json(value: float) -> float | str:
    """Return the number, or its name where JSON has none: `float("nan")` reads it back."""
    return value if math.isfinite(value) else str(value)


def compare(guess: float | None, actual: float, *, unit: str = "") -> None:
    """Say how far a guess was from the result.

    Parameters
    ----------
    guess : float or None
        What you expected; None where you have not guessed yet.
    actual : float
        What came out.
    unit : str
        The unit of both.

    Raises
    ------
    CourseError
        If `actual` is no number.

    Notes
    -----
    **Source:** predict, observe, explain (White and Gunstone 1992). **Shown in:** lesson 00, "Predict".
    """
    actual = _number("actual", actual)
    if guess is None or guess is ...:
        show(
            "No guess yet: put your number in place of `None`, and run this cell again",
            "A guess costs nothing, and only what was guessed can surprise.",
            tone="calm",
        )
        return
    try:
        guess = _number("guess", guess)
    except CourseError:
        show("No guess yet: your guess is not a number", "Write one number, such as `0.5`.", tone="calm")
        return
    unit = f" {unit}" if unit not in ("", "%") else unit
    gap = guess - actual
    decimals = max(_decimals(gap, 2), _decimals(actual, 2))
    result, off = _rounded((actual, abs(gap)), decimals)
    if abs(gap) <= 0.005 * abs(actual):
        verdict = "As good as exact."
    else:
        verdict = f"The guess is {off}{unit} too {'high' if gap > 0 else 'low'}."
    show(f"You guessed {guess:.6g}{unit}, the result is {result}{unit}", verdict, tone="calm")
