"""The check engine: try an answer on a copy of the world, and say one helpful thing."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.exercises.answers import BLANK, is_blank, line_of, told, what_happened
from course_lib.exercises.catalogue import Exercise, NotYet, find
from course_lib.exercises.display import show, strict
from course_lib.exercises.progress import record
from course_lib.exercises.sandbox import Limit, TimeIsUp, captured, home_of, same_world_after

MIME = "application/vnd.course.check+json"
_TONE = {"correct": "good", "not yet": "bad", "not attempted": "calm"}
_hints_given: dict[str, int] = {}


@dataclass(frozen=True)
class Verdict:
    """What came of one answer: the outcome, the sentence, what else to say, what the answer printed."""

    id: str
    outcome: str  # "not attempted" | "not yet" | "correct"
    message: str
    notes: tuple[str, ...] = ()
    printed: str = ""
    error: BaseException | None = None  # what led to it, for strict runs and tests


def judge(exercise: Exercise, answer: object) -> Verdict:
    """Return the verdict on an answer. Nothing is shown or kept, and the world is as before.

    Only a real Ctrl-C gets through.
    """
    home = home_of(answer)
    limit = Limit(home)
    error: BaseException | None = None
    with same_world_after(home), captured() as printed:
        try:
            if answer is ...:
                raise NotImplementedError(BLANK)
            outcome, message = "correct", limit.run(lambda: exercise.verify(answer))
        except KeyboardInterrupt:
            raise
        except BaseException as raised:
            outcome, message = _judge_error(raised, home, limit)
            # The traceback of a stopped answer would keep its generators, to end at some later time.
            error = TimeIsUp() if isinstance(raised, TimeIsUp) else raised
    notes = printed.notes()
    if not limit.works:
        notes.append(
            "There is no time limit here (no alarm signal on this system or in this thread): "
            "stop a loop that does not end with the ■ button."
        )
    return Verdict(exercise.id, outcome, str(message), tuple(notes), printed.text, error)


def _judge_error(error: BaseException, home: dict, limit: Limit) -> tuple[str, str]:
    if is_blank(error):
        return "not attempted", (
            f'The blank is still there. Put your code in place of `raise NotImplementedError("{BLANK}")`, '
            "then run that cell and this one."
        )
    if isinstance(error, TimeIsUp):
        return "not yet", (
            f"Your answer was still running after {limit.waited:.0f} seconds, at {limit.where}. "
            "Is there a loop that never ends?"
        )
    if isinstance(error, NotYet):
        return "not yet", str(error)[:1].upper() + str(error)[1:]
    if isinstance(error, Exception) and not line_of(error, home):
        return "not yet", f"The check could not use your answer: {told(error)}."
    return "not yet", what_happened(error, home)


def check(id: str, answer: object) -> None:
    """Say whether an answer is correct, not yet, or not attempted, and what to look at.

    The answer runs on a copy of the world, for at most five seconds of computing. Nothing that it does is an
    error here, unless COURSE_STRICT is 1.

    Parameters
    ----------
    id : str
        The number of the exercise: `"01.2"`.
    answer : object
        What the exercise asks for: mostly your function itself, without parentheses.

    Raises
    ------
    CourseError
        Only with COURSE_STRICT=1: if the answer is not correct or there is no such exercise.

    Notes
    -----
    **Source:** three outcomes after Kaggle's learntools (standard practice). **Shown in:** lesson 00, "How a
    lesson works".
    """
    try:
        exercise = find(id)
    except CourseError as error:
        show("No check was made", str(error), tone="calm")
        if strict():
            raise
        return
    verdict = judge(exercise, answer)
    quiet_word = record(id, verdict.outcome)
    if verdict.printed:
        print(verdict.printed, end="" if verdict.printed.endswith("\n") else "\n")
    notes = [*verdict.notes, *quiet_word]
    if verdict.outcome == "not yet":
        notes.append(f'A hint: `cl.hint("{id}")`.')
    show(
        f"Exercise {id}: {verdict.outcome}",
        "\n".join([verdict.message, *notes]),
        tone=_TONE[verdict.outcome],
        record=(MIME, {"id": id, "outcome": verdict.outcome, "message": verdict.message}),
    )
    if strict() and verdict.outcome != "correct":
        raise CourseError(
            f"Exercise `{id}` is {verdict.outcome}.", verdict.message, "COURSE_STRICT makes this an error."
        ) from verdict.error


def hint(id: str) -> None:
    """Show the next of the three hints for an exercise.

    Parameters
    ----------
    id : str
        The number of the exercise: `"01.2"`.

    Notes
    -----
    **Source:** standard practice. **Shown in:** lesson 00, "How a lesson works".
    """
    try:
        exercise = find(id)
    except CourseError as error:
        show("No hint", str(error), tone="calm")
        return
    given = _hints_given.get(id, 0)
    if given < 3:
        _hints_given[id] = given + 1
        more = "" if given < 2 else " This was the last one."
        show(f"Exercise {id}, hint {given + 1} of 3", exercise.hints[given] + more, tone="calm")
    else:
        show(
            f"Exercise {id}: these were all three hints",
            "Read once more what stands above the exercise, try your function on an input so small that you "
            "know the result, and talk it over with somebody. After that, the notebook of the same name in "
            "the folder `solutions` shows one way.",
            tone="calm",
        )
