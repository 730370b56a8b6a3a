"""What the tests of a lesson's exercises share.

A lesson's `test_lesson_NN.py` holds two dictionaries and two tests:

    RIGHT = {"01.1": [first_style, second_style, third_style]}
    WRONG = {"01.1": [(answer, "words of its own message"), ...]}

    def test_right_answers_are_accepted(right_case):
        right_case.must_be_accepted()

    def test_wrong_answers_get_their_own_message(wrong_case):
        wrong_case.must_be_refused()

What holds for the exercises of every lesson is asked in `test_every_lesson.py`.
"""

from dataclasses import dataclass

import pytest

from course_lib.exercises.catalogue import find
from course_lib.exercises.engine import judge

# What the engine says where an error came out of the check and not out of the answer.
CHECK_FAILED = "The check could not use your answer"


@dataclass(frozen=True)
class Case:
    """An answer, and what its verdict must say."""

    id: str
    answer: object
    fragment: str = ""

    def must_be_accepted(self):
        """Fail unless the verdict is "correct", with a sentence on what to notice, and no warning."""
        verdict = judge(find(self.id), self.answer)
        assert verdict.outcome == "correct", verdict.message
        assert verdict.message.strip().endswith((".", "?")), f"no sentence to notice: {verdict.message!r}"
        assert "Warning:" not in verdict.printed, verdict.printed

    def must_be_refused(self):
        """Fail unless the verdict is "not yet", for the reason that was meant."""
        verdict = judge(find(self.id), self.answer)
        assert verdict.outcome == "not yet", verdict.outcome
        assert self.fragment.strip(), "write down what the message must say"
        assert self.fragment in verdict.message, verdict.message
        assert CHECK_FAILED not in verdict.message, verdict.message


def pytest_generate_tests(metafunc):
    """Give each right and each wrong answer of the module to the test that asks for it."""
    right, wrong = getattr(metafunc.module, "RIGHT", {}), getattr(metafunc.module, "WRONG", {})
    if "right_case" in metafunc.fixturenames:
        cases = [Case(id, answer) for id, answers in right.items() for answer in answers]
        metafunc.parametrize("right_case", cases, ids=_names(cases))
    if "wrong_case" in metafunc.fixturenames:
        cases = [Case(id, *pair) for id, pairs in wrong.items() for pair in pairs]
        metafunc.parametrize("wrong_case", cases, ids=_names(cases))


def _names(cases):
    return [f"{case.id}-{getattr(case.answer, '__name__', type(case.answer).__name__)}" for case in cases]


@pytest.fixture
def check_failed():
    """The words of a verdict on an answer that the check itself could not digest."""
    return CHECK_FAILED
