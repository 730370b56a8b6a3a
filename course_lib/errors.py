"""The one kind of error that the course raises for a person: three short sentences."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CourseError(Exception):
    """Say what was found, what was expected, and what to try.

    Parameters
    ----------
    found, expected, suggestion : str
        One short sentence each, names in backticks, shapes and types rather than values.

    Examples
    --------
    >>> raise CourseError("`images` has shape (64, 28, 28).", "Expected (B, 1, 28, 28).",
    ...                   "Add the channel axis: `images[:, None]`.")  # doctest: +SKIP
    """

    def __init__(self, found: str, expected: str, suggestion: str) -> None:
        super().__init__(f"{found} {expected} {suggestion}")
        self.found = found
        self.expected = expected
        self.suggestion = suggestion

    def __reduce__(self):
        # The default would call __init__ with the one joined message: errors cross processes here.
        return type(self), (self.found, self.expected, self.suggestion)


def closest(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean …?" for a misspelt name, or the list of what is known.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What there is.
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean `{near[0]}`?"
    return "Known: " + ", ".join(f"`{choice}`" for choice in known) + "." if known else "There is none yet."
