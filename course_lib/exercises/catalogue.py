"""The exercises, and where they are: a lesson keeps its own in `lesson_NN.py`, as `EXERCISES`."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass

from course_lib.errors import CourseError, closest
from course_lib.exercises.sandbox import shortened

KINDS = ("complete", "change", "design", "audit", "debug", "leak")


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson: what its header says, its three hints, and how an answer is verified.

    Parameters
    ----------
    id : str
        Lesson, dot, number: `"01.2"`.
    title : str
        What it is about, in a few words.
    kind : str
        One of `KINDS`.
    minutes, difficulty : int
        How long it takes; 1 (easy) to 5.
    hints : tuple of str
        Exactly three: where to look, what to try, almost the line.
    verify : callable
        `verify(answer)` returns one sentence on what to notice, or raises `NotYet`.

    Raises
    ------
    CourseError
        If one of these is not so.
    """

    id: str
    title: str
    kind: str
    minutes: int
    difficulty: int
    hints: tuple[str, str, str]
    verify: Callable[[object], str]

    def __post_init__(self) -> None:
        hints = self.hints if isinstance(self.hints, tuple) else ()
        for fine, expected in (
            (re.fullmatch(r"\d\d\.[1-9]\d*", str(self.id)), 'an `id` of lesson, dot, number, as "01.2"'),
            (self.kind in KINDS, "a `kind` of " + ", ".join(f"`{kind}`" for kind in KINDS)),
            (self.minutes > 0 and self.difficulty in range(1, 6), "`minutes` above 0, `difficulty` 1 to 5"),
            (
                len(hints) == 3 and len({*filter(None, hints)}) == 3,
                "a tuple of three different hints",
            ),
            (self.title and callable(self.verify), "a title, and a function `verify(answer)`"),
        ):
            if not fine:
                raise CourseError(
                    f"Exercise `{self.id}` is not complete.", f"Expected {expected}.", "See CONTRIBUTING.md."
                )


class NotYet(Exception):
    """Say in one sentence why an answer is not right yet."""


def lesson_numbers() -> list[str]:
    """Return the numbers of the lessons that have exercises, such as ["00", "01"]."""
    import course_lib.exercises as here

    names = (module.name for module in pkgutil.iter_modules(here.__path__))
    return sorted(name[7:] for name in names if re.fullmatch(r"lesson_\d\d", name))


def exercises_of(number: str) -> dict[str, Exercise]:
    """Return the exercises of lesson `number` by id, in the order of the lesson.

    Raises
    ------
    CourseError
        If the lesson has no exercises, or two with one id, or one with another lesson's id.
    """
    if number not in lesson_numbers():
        raise CourseError(
            f"Lesson `{number}` has no exercises.",
            closest(number, lesson_numbers()),
            'The number has two digits: "01".',
        )
    listed = importlib.import_module(f"course_lib.exercises.lesson_{number}").EXERCISES
    by_id = {exercise.id: exercise for exercise in listed}
    if len(by_id) < len(listed) or not all(id.startswith(f"{number}.") for id in by_id):
        raise CourseError(
            f"`lesson_{number}.py` has the exercises " + ", ".join(exercise.id for exercise in listed) + ".",
            f"Expected ids that begin with `{number}.`, each once.",
            "Number them as in the lesson.",
        )
    return by_id


def find(id: str) -> Exercise:
    """Return the exercise with this id.

    Raises
    ------
    CourseError
        If there is none; with the id that was probably meant.
    """
    if not isinstance(id, str):
        raise CourseError(
            f"The id of the exercise is of type `{type(id).__name__}`.",
            "Expected its number in quotes, then your answer.",
            'Write it as in `cl.check("01.1", answer)`.',
        )
    number = id.partition(".")[0]
    known = exercises_of(number) if number in lesson_numbers() else {}
    if id in known:
        return known[id]
    everything = [other for number in lesson_numbers() for other in exercises_of(number)]
    raise CourseError(
        f"There is no exercise `{shortened(id, 40)}`.",
        closest(id, known or everything),
        "Its number stands above the exercise.",
    )
