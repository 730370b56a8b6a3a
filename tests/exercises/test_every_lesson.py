"""What holds for the exercises of every lesson, whatever they ask."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from course_lib.exercises.catalogue import exercises_of, lesson_numbers
from course_lib.exercises.engine import judge

HERE = Path(__file__).parent
EXERCISES = [exercise for number in lesson_numbers() for exercise in exercises_of(number).values()]


def cases_of(number):
    """Return the RIGHT and WRONG dictionaries of a lesson's tests."""
    path = HERE / f"test_lesson_{number}.py"
    assert path.exists(), f"lesson {number} has exercises, and no tests of them: write {path.name}"
    spec = importlib.util.spec_from_file_location(f"cases_of_lesson_{number}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RIGHT, module.WRONG


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.id)
def exercise(request):
    return request.param


def test_there_are_exercises():
    assert EXERCISES


@pytest.mark.parametrize("number", lesson_numbers())
def test_every_exercise_has_three_right_styles_and_five_wrong_answers(number):
    right, wrong = cases_of(number)
    assert set(right) == set(wrong) == set(exercises_of(number))
    for id in right:
        assert len(right[id]) >= 3, f"{id}: {len(right[id])} right answers"
        messages = {fragment for _, fragment in wrong[id]}
        assert len(messages) >= 5, f"{id}: only {len(messages)} different messages to wrong answers"


@pytest.mark.parametrize("number", lesson_numbers())
def test_a_right_answer_is_checked_in_good_time(number):
    right, _ = cases_of(number)
    for id, answers in right.items():
        exercise = exercises_of(number)[id]
        judge(exercise, answers[0])  # the first one also imports what the check needs
        start = time.process_time()
        judge(exercise, answers[0])
        assert time.process_time() - start < 3, f"{id}: the student waits"


def returns(value):
    def answer(*args, **kwargs):
        return value

    return answer


def blank(*args, **kwargs):
    raise NotImplementedError("your code here")


def raises(*args, **kwargs):
    raise KeyError("lost")


def changes_everything(*args, **kwargs):
    for value in args:
        if isinstance(value, np.ndarray):
            value[...] = 0
    return 0.0


def test_the_blank_is_not_attempted(exercise):
    assert judge(exercise, blank).outcome == "not attempted"


RETURNED = (None, "text", 0, -1.5, float("nan"), True, [], {}, (1, "two"), [[1], [2, 3]])
# Named one by one: the processes of a parallel run must agree on the names.
ODD = {
    "nothing": None,
    "a number": 3,
    "a word": "answer",
    "a list": [],
    "an array": np.zeros(3),
    "a class": dict,
    "raises": raises,
    "changes its inputs": changes_everything,
    "returns a function": returns(returns(1)),
    "returns an array of NaN": returns(np.full((2, 3), np.nan)),
    "returns an array of words": returns(np.array(["a"])),
    **{f"returns {value!r}": returns(value) for value in RETURNED},
}


@pytest.mark.parametrize("name", ODD)
def test_no_odd_answer_is_correct_or_breaks_the_check(exercise, name, check_failed):
    verdict = judge(exercise, ODD[name])
    assert verdict.outcome == "not yet", verdict
    assert verdict.message
    assert check_failed not in verdict.message, verdict.message
