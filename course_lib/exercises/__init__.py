"""Exercises that answer back: checks with three outcomes, hints, claims that run, and progress."""

from course_lib.exercises.claims import claim, compare
from course_lib.exercises.engine import check, hint
from course_lib.exercises.progress import progress

__all__ = ["check", "claim", "compare", "hint", "progress"]
