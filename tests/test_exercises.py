"""The engine of the exercises: three outcomes, on a copy of the world, whatever the answer does."""

# The answers here are meant to be bad.
# ruff: noqa: B012, E722, SIM105

import errno
import functools
import importlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import course_lib as cl
import course_lib.exercises
from course_lib.errors import CourseError
from course_lib.exercises import catalogue, display, engine, sandbox
from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet
from course_lib.exercises.engine import judge

# The package shows the function of this name, so the module is had by its full name.
progress = importlib.import_module("course_lib.exercises.progress")

LESSON = """
from course_lib.exercises.answers import call, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise
import numpy as np

def verify_mean(answer):
    values = np.array([1.0, 2.0, 6.0])
    found = expect_number(call(answer, values), name="your mean")
    expect_close(found, 3.0, name="your mean", traps=((9.0, "That is the sum."),))
    return "A mean has the unit of its values."

def verify_median(answer):
    return "Well."

hints = ("Where to look.", "What to try.", "Almost the line.")
EXERCISES = (
    Exercise("98.1", "The mean", "complete", 5, 1, hints, verify_mean),
    Exercise("98.2", "The median", "change", 10, 2, hints, verify_median),
)
"""


@pytest.fixture(autouse=True)
def lesson(tmp_path, monkeypatch):
    """A lesson 98 with two exercises, for the length of a test, and a kernel that has said nothing yet."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    (folder / "lesson_98.py").write_text(LESSON, encoding="utf-8")
    monkeypatch.setattr(course_lib.exercises, "__path__", [*course_lib.exercises.__path__, str(folder)])
    monkeypatch.setattr(engine, "_hints_given", {})
    monkeypatch.setattr(progress, "_said", set())
    yield folder
    sys.modules.pop("course_lib.exercises.lesson_98", None)


def exercise(verify):
    return Exercise("97.1", "A test", "complete", 1, 1, ("a", "b", "c"), verify)


MEAN = exercise(lambda answer: call(answer, np.array([1.0, 2.0, 6.0])) and "Good.")


def judged(answer, *arguments):
    """Return the verdict on a function that is called with `arguments`."""
    return judge(exercise(lambda answer: str(call(answer, *arguments))), answer)


# --- three outcomes -----------------------------------------------------------------------------------------


def test_a_right_answer_is_correct_and_says_what_to_notice(capsys):
    cl.check("98.1", lambda values: values.mean())
    said = capsys.readouterr()
    assert said.out == "Exercise 98.1: correct\nA mean has the unit of its values.\n"
    assert said.err == ""


def test_a_wrong_answer_is_not_yet_and_names_the_misconception(capsys):
    assert cl.check("98.1", lambda values: values.sum()) is None
    said = capsys.readouterr().out
    assert said.startswith("Exercise 98.1: not yet\nThat is the sum.\n")
    assert 'cl.hint("98.1")' in said


def blank(*arguments):
    raise NotImplementedError("your code here")


def uses_a_blank(values):
    return blank(values) + 1


def wraps_a_blank(values):
    try:
        return blank(values)
    except Exception as error:
        raise ValueError("no") from error


@pytest.mark.parametrize("answer", [blank, uses_a_blank, wraps_a_blank, lambda values: ..., ...])
def test_the_blank_anywhere_is_not_attempted(answer):
    verdict = judge(MEAN, answer)
    assert verdict.outcome == "not attempted"
    assert "blank" in verdict.message


def test_a_missing_operation_of_a_library_is_no_blank():
    def answer(values):
        raise NotImplementedError("Could not run 'aten::foo' with arguments from the 'CUDA' backend.")

    verdict = judge(MEAN, answer)
    assert verdict.outcome == "not yet"
    assert "aten::foo" in verdict.message


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("98.3", "Did you mean `98."),
        ("9.81", "There is no exercise `9.81`"),
        ("mean", "There is no exercise `mean`"),
        ("", "There is no exercise"),
        (98.1, "type `float`"),
        (len, "type `builtin_function_or_method`"),
    ],
)
def test_an_unknown_exercise_is_one_friendly_sentence(capsys, id, said):
    cl.check(id, len)
    assert said in capsys.readouterr().out
    cl.hint(id)
    assert said in capsys.readouterr().out


def test_the_reference_is_never_shown():
    verdict = judge(exercise(lambda answer: expect_close(answer, 3.25, name="it")), 4.0)
    assert "3.25" not in verdict.message
    array = np.array([1.25, 2.5])
    with pytest.raises(NotYet) as caught:
        expect_close([1.25, 9.0], array, name="your result")
    assert "1 of its 2 values differ" in str(caught.value)
    assert "2.5" not in str(caught.value)


# --- answers that go wrong ----------------------------------------------------------------------------------


def divides_by_zero(values):
    total = 1
    return total / 0


def calls_itself(values):
    return calls_itself(values)


def fails_in_a_library(values):
    return np.reshape(values, (7, 7))


def forgets_return(values):
    values.mean()


def changes_its_input(values):
    values -= values.mean()
    return 0.0


def sorts_a_list(values):
    values.sort()
    return values[0]


def asks(values):
    return float(input("mean?"))


def leaves(values):
    sys.exit(3)


def yields(values):
    yield values.mean()


async def waits(values):
    return values.mean()


def misses_a_name(values):
    return valeus.mean()  # noqa: F821


def catches_everything(values):
    raise BaseException("odd")


class Rude(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def is_rude(values):
    raise Rude


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (divides_by_zero, "`ZeroDivisionError: division by zero` in line {line+2}, `return total / 0`."),
        (calls_itself, "calls itself without end in line {line+1}, `return calls_itself(values)`"),
        (fails_in_a_library, "cannot reshape array of size 3 into shape (7,7)` in line {line+1}, `return np"),
        (forgets_return, "Did you forget `return`?"),
        (changes_its_input, "changes its input `values` in place"),
        (asks, "`input()`"),
        (leaves, "ends Python in line {line+1}, `sys.exit(3)`. Leave a function with `return`"),
        (yields, "`yield`"),
        (waits, "`async`"),
        (misses_a_name, "name 'valeus' is not defined"),
        (catches_everything, "`BaseException: odd`"),
        (is_rude, "`Rude` in line {line+1}"),
        (dict, "Your answer stopped with `TypeError: cannot convert"),
        (lambda: 3.0, "takes no argument, but the check calls it with 1 argument."),
        (lambda values, axis: 3.0, "takes `(values, axis)`, but the check calls it with 1 argument."),
        ("mean", "You passed the text `'mean'`. Pass the function, without quotes."),
        (3.0, "You passed a value of type `float`: perhaps what your function returned."),
        (np.ones(3), "You passed a value of type `ndarray`"),
        (None, "You passed nothing (`None`)"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:20],
)
def test_an_answer_that_goes_wrong_gets_one_helpful_sentence(answer, said):
    verdict = judge(MEAN, answer)
    assert verdict.outcome == "not yet"
    if "{line" in said:
        first = answer.__code__.co_firstlineno
        said = re.sub(r"\{line\+(\d)\}", lambda found: str(first + int(found[1])), said)
    assert said in verdict.message


def test_a_renamed_argument_is_told_of_its_name():
    by_name = exercise(lambda answer: call(answer, np.ones(3), axis=0) and "Good.")
    message = judge(by_name, lambda values, direction: 3.0).message
    assert "takes `(values, direction)`, but the check calls it with `axis` by name." in message


of_the_notebook = np.ones(9)


def confuses_its_input_with_the_notebooks(values):
    return of_the_notebook[len(values) + 7]


def test_an_answer_that_fails_is_told_what_it_was_called_with():
    message = judge(MEAN, confuses_its_input_with_the_notebooks).message
    assert "It was called with `values` of shape (3,)." in message
    assert "It also uses `of_the_notebook` of the notebook: did you mean what comes in?" in message
    assert "of the notebook" not in judge(MEAN, divides_by_zero).message


def counts_beyond_its_input_with_numpy(values):
    return values[np.size(values)]


def test_a_module_is_no_array_of_the_notebook():
    message = judge(MEAN, counts_beyond_its_input_with_numpy).message
    assert "It was called with `values` of shape (3,)." in message
    assert "of the notebook" not in message


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("the *logarithms*.", "the <em>logarithms</em>."),
        ("`a * b` is *one* of 2 * 3 * 4", "<code>a * b</code> is <em>one</em> of 2 * 3 * 4"),
        ("*x* < `*args`", "<em>x</em> &lt; <code>*args</code>"),
    ],
)
def test_emphasis_and_code_reach_the_page(text, page):
    assert display.marked_up(text) == page


def test_a_changed_list_is_noticed_too_and_the_checks_own_stays_as_it_was():
    values = [3, 1, 2]
    with pytest.raises(NotYet, match="changes its input `values`"):
        call(sorts_a_list, values)
    assert values == [3, 1, 2]


def test_a_changed_tensor_and_a_keyword_are_noticed():
    import torch

    with pytest.raises(NotYet, match="changes its input `x`"):
        call(lambda x: x.add_(1), torch.ones(2))
    with pytest.raises(NotYet, match="changes its input `table`"):
        call(lambda *, table: table.pop("a"), table={"a": 1})


def test_an_input_with_nan_that_is_left_alone_counts_as_unchanged():
    assert call(lambda x: 1.0, np.array([np.nan, 1.0])) == 1.0


def test_what_cannot_be_copied_is_passed_itself():
    lines = (line for line in ["a", "b"])
    assert call(list, lines) == ["a", "b"]


def test_methods_partials_and_builtins_are_functions_too():
    class Model:
        def mean(self, values):
            return values.mean()

    assert call(Model().mean, np.array([1.0, 3.0])) == 2.0
    assert call(functools.partial(np.mean, axis=0), np.array([1.0, 3.0])) == 2.0
    assert call(len, [1, 2]) == 2


def test_an_error_of_the_check_itself_never_reaches_the_student():
    verdict = judge(exercise(lambda answer: str(course_lib.nothing)), 3)
    assert verdict.outcome == "not yet"
    assert isinstance(verdict.error, AttributeError)
    namespace = {"__name__": "course_lib.exercises.lesson_96", "__builtins__": __builtins__}
    exec("def verify(answer):\n    return answer + 1", namespace)
    verdict = judge(exercise(namespace["verify"]), {})
    assert verdict.message.startswith("The check could not use your answer: `TypeError: unsupported operand")


def test_a_real_interrupt_goes_through_and_leaves_the_world_in_order():
    handler = signal.getsignal(signal.SIGALRM)
    stdout = sys.stdout

    def answer(values):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        cl.check("98.1", answer)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert sys.stdout is stdout


def test_an_answer_that_prints_without_end_is_cut(capsys):
    def answer(values):
        for line in range(50_000):
            print("line", line)
        return values.mean()

    cl.check("98.1", answer)
    said = capsys.readouterr().out
    assert "correct" in said
    assert "Your answer printed 50,000 lines; only the beginning is shown." in said
    assert len(said.splitlines()) < 30


def test_one_endless_line_is_cut(capsys):
    def answer(values):
        print("x" * 10_000_000)
        return values.mean()

    cl.check("98.1", answer)
    said = capsys.readouterr().out
    assert "only the beginning is shown" in said
    assert len(said) < 6_000


def test_what_an_answer_prints_is_shown_with_its_warnings(capsys):
    def answer(values):
        print("half-way", file=sys.stderr)
        warnings.warn("careful", RuntimeWarning, stacklevel=1)
        return values.mean()

    cl.check("98.1", answer)
    said = capsys.readouterr()
    assert "half-way\n" in said.out
    assert "RuntimeWarning: careful\n" in said.out
    assert "correct" in said.out
    assert said.err == ""


# --- a copy of the world ------------------------------------------------------------------------------------

rng = np.random.default_rng(5)  # as a notebook may have one


def torch_state():
    import torch

    return (
        torch.get_rng_state().tolist(),
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
        torch.get_float32_matmul_precision(),
    )


def figures():
    import matplotlib.pyplot as plt

    return sorted((n, id(plt.figure(n))) for n in plt.get_fignums()), plt.rcParams["lines.linewidth"]


WORLD = {
    "python's random state": (random.getstate, lambda: random.random()),
    "numpy's random state": (lambda: np.random.get_state()[1].tolist(), lambda: np.random.seed(1)),
    "a generator of the notebook": (lambda: rng.bit_generator.state, lambda: rng.random(3)),
    "numpy's error settings": (np.geterr, lambda: np.seterr(all="raise")),
    "the folder": (os.getcwd, lambda: os.chdir("/")),
    "the environment": (
        lambda: dict(os.environ),
        lambda: (os.environ.pop("PATH"), os.environ.update(COURSE_PROFILE="full", HOME="/")),
    ),
    "the warning filters": (lambda: list(warnings.filters), lambda: warnings.simplefilter("ignore")),
    "stdout": (lambda: sys.stdout, lambda: setattr(sys, "stdout", None)),
    "stderr": (lambda: sys.stderr, lambda: setattr(sys, "stderr", None)),
    "the recursion limit": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(5000)),
    "the tracing": (sys.gettrace, lambda: sys.settrace(lambda *event: None)),
    "the alarm's handler": (
        lambda: signal.getsignal(signal.SIGALRM),
        lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN),
    ),
    "torch": (torch_state, lambda: spoil_torch()),
    "the figures": (figures, lambda: spoil_figures()),
}


def spoil_torch():
    import torch

    torch.manual_seed(99)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("medium")


def spoil_figures():
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.figure()
    plt.figure()
    plt.rcParams["lines.linewidth"] = 9


@pytest.fixture
def two_figures():
    import matplotlib.pyplot as plt

    made = [plt.figure(3), plt.figure(7)]
    plt.figure(3)
    yield made
    plt.close("all")


@pytest.mark.parametrize("what", WORLD)
@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_the_world_is_as_before(what, ending, two_figures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state, spoil = WORLD[what]
    before = state()
    changed = []

    def answer(values):
        spoil()
        changed.append(state() != before)
        if ending == "raises":
            raise ValueError
        return values.mean()

    judge(MEAN, answer)
    after = state()
    assert changed == [True], "the answer did not spoil anything: the test shows nothing"
    assert after == before


def test_the_current_figure_stays_the_current_one(two_figures):
    import matplotlib.pyplot as plt

    judge(MEAN, lambda values: plt.figure(7).number)
    assert plt.gcf() is two_figures[0]


def test_a_hint_leaves_the_random_states_alone():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch_state()
    cl.hint("98.1")
    assert (random.getstate(), np.random.get_state()[1].tolist(), torch_state()) == before


def fresh(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    ).stdout


def test_a_library_is_touched_only_where_it_was_there_and_is_as_new_where_the_answer_brought_it():
    code = """
import sys
from course_lib.exercises.answers import call
from course_lib.exercises.catalogue import Exercise
from course_lib.exercises.engine import judge
exercise = Exercise("97.1", "A", "complete", 1, 1, ("a", "b", "c"), lambda answer: call(answer) and "Good.")
print(judge(exercise, lambda: 1).outcome, "torch" in sys.modules, "numpy" in sys.modules)

def first_to_import():
    import torch
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    import matplotlib.pyplot as plt
    plt.figure()
    return 1

print(judge(exercise, first_to_import).outcome)
import torch
print(sys.modules["matplotlib.pyplot"].get_fignums())
print(torch.get_default_dtype(), bool((torch.get_rng_state() == torch.Generator().get_state()).all()))
"""
    assert fresh(code).splitlines() == ["correct False False", "correct", "[]", "torch.float32 True"]


# --- the time limit -----------------------------------------------------------------------------------------


def counts_for_ever(values):
    n = 0
    while True:
        n += 1


def catches_all(values):
    while True:
        try:
            x = 1  # noqa: F841
        except:
            pass


def sleeps_and_catches_all(values):
    while True:
        try:
            time.sleep(0.01)
        except:
            pass


def nests(values):
    while True:
        try:
            try:
                time.sleep(0.01)
            except:
                pass
        except BaseException:
            pass


def nests_deeply(values):
    while True:
        try:
            while True:
                try:
                    while True:
                        try:
                            [time.sleep(0.001) for _ in range(3)]
                        except:
                            pass
                except:
                    continue
        except:
            pass


def goes_on_in_finally(values):
    while True:
        try:
            time.sleep(0.01)
        finally:
            continue


def keeps_the_errors(values):
    kept = []
    while True:
        try:
            time.sleep(0.01)
        except BaseException as error:
            kept.append(error)


def catches_around_a_function_that_catches(values):
    while True:
        try:
            nests(values)
        except:
            time.sleep(0.001)


def starts_anew(values):
    try:
        sleeps_and_catches_all(values)
    except:
        starts_anew(values)


def generates(values):
    def forever():
        while True:
            try:
                yield 1
            except:
                pass

    while True:
        try:
            for one in forever():
                time.sleep(one / 1000)
        except:
            pass


def suppresses(values):
    import contextlib

    while True:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)


def returns_after_all(values):
    try:
        time.sleep(60)
    except:
        return 3.0


def prints_for_ever(values):
    while True:
        print("more")


def waits_for_a_lock(values):
    threading.Event().wait()


LOOPS = [
    counts_for_ever,
    catches_all,
    sleeps_and_catches_all,
    nests,
    nests_deeply,
    goes_on_in_finally,
    keeps_the_errors,
    catches_around_a_function_that_catches,
    starts_anew,
    generates,
    suppresses,
    returns_after_all,
    prints_for_ever,
    waits_for_a_lock,
]


@pytest.fixture
def short(monkeypatch):
    """Make the limit short, so that the tests are."""
    monkeypatch.setattr(sandbox, "SECONDS", 0.3)


@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
def test_an_answer_without_end_is_stopped(loop, short):
    start = time.monotonic()
    verdict = judge(MEAN, loop)
    assert time.monotonic() - start < 3
    assert verdict.outcome == "not yet"
    assert re.search(r"still running after .* at line \d+, `", verdict.message), verdict.message
    assert sys.gettrace() is None
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert sys.exc_info()[1] is None, "an error is left behind as the cause of later ones"


def test_after_a_stopped_answer_nothing_is_traced_or_stopped_any_more(short):
    judge(MEAN, generates)
    judge(MEAN, keeps_the_errors)
    end = time.monotonic() + 0.7
    while time.monotonic() < end:
        pass
    assert judge(MEAN, lambda values: values.mean()).outcome == "correct"


def test_the_limit_is_five_seconds_of_computing():
    start = time.process_time()
    verdict = judge(MEAN, counts_for_ever)
    assert 4.9 < time.process_time() - start < 7
    assert re.search(r"after \d+ seconds", verdict.message)


def test_an_answer_that_the_machine_keeps_waiting_is_not_taken_for_endless(monkeypatch):
    monkeypatch.setattr(sandbox, "SECONDS", 0.3)

    def slow(values):
        time.sleep(0.6)  # as behind other processes: the clock runs, the processor does not
        return values.mean()

    assert judge(MEAN, slow).outcome == "correct"
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    assert judge(MEAN, slow).outcome == "not yet"


def test_the_checks_own_work_is_not_counted_against_the_student(short):
    def verify(answer):
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            sum(range(100))
        return str(call(answer, np.ones(2)))

    namespace = {"__name__": "course_lib.exercises.lesson_96"}
    slow = type(verify)(verify.__code__, globals() | namespace, closure=verify.__closure__)
    assert judge(exercise(slow), lambda values: values.mean()).outcome == "correct"


def test_an_earlier_alarm_goes_on():
    rung = []
    before = signal.signal(signal.SIGALRM, lambda *arguments: rung.append(True))
    try:
        started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 60)
        judge(MEAN, lambda values: time.sleep(0.15) or 1.0)
        left, gone = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic() - started
        assert gone >= 0.15
        assert left + gone == pytest.approx(60, abs=0.1)
        assert not rung
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(0.1)
        assert rung == [True]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_outside_the_main_thread_there_is_no_limit_and_the_verdict_says_so():
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(judge(MEAN, lambda values: values.mean())))
    thread.start()
    thread.join()
    assert verdicts[0].outcome == "correct"
    assert any("There is no time limit here" in note for note in verdicts[0].notes)
    assert judge(MEAN, lambda values: values.mean()).notes == ()


def test_without_an_alarm_signal_the_verdict_says_so(monkeypatch, capsys):
    monkeypatch.delattr(signal, "setitimer")  # as on Windows
    cl.check("98.1", lambda values: values.mean())
    said = capsys.readouterr().out
    assert "correct" in said
    assert "There is no time limit here" in said


# --- what verify functions are written with -----------------------------------------------------------------


def torch_tensor(values, **options):
    import torch

    return torch.tensor(values, **options)


@pytest.mark.parametrize(
    ("value", "options", "said"),
    [
        ([1, 2], {}, "`m` is of type `list`. Expected a NumPy array: `np.array(…)`."),
        (torch_tensor([1.0]), {}, "`m` is a torch tensor. Expected a NumPy array"),
        (
            np.ones(2),
            {"kind": "torch"},
            "`m` is a NumPy array. Expected a torch tensor: `torch.from_numpy(…)`.",
        ),
        ([1.0], {"kind": "torch"}, "`m` is of type `list`. Expected a torch tensor: `torch.tensor(…)`."),
        ("12", {"kind": "any"}, "`m` is of type `str`. Expected an array of numbers."),
        ([[1], [2, 3]], {"kind": "any"}, "rows have different lengths"),
        (np.array(["a"]), {}, "not made of numbers"),
        (np.ones((2, 3)), {"shape": (3, 2)}, "(2, 3). Expected (3, 2). The two axes have changed places."),
        (np.ones(3), {"shape": (3, 1)}, "`m` has shape (3,). Expected (3, 1)."),
        (np.ones(3), {"shape": (4,)}, "`m` has shape (3,). Expected (4,)."),
        (np.ones(3), {"shape": (None, 2)}, "Expected (any, 2)."),
        (np.ones(3), {"shape": ()}, "Expected (). Expected is one number."),
        (np.ones(3), {"dtype": "int"}, "`m` has the dtype `float64`. Expected `int`."),
        (np.ones(3), {"dtype": "float32"}, "`m` has the dtype `float64`. Expected `float32`."),
    ],
)
def test_an_unexpected_array_is_told_by_its_first_fault(value, options, said):
    with pytest.raises(NotYet) as caught:
        expect_array(value, name="`m`", **options)
    assert said in str(caught.value)


def test_expected_arrays_come_back_as_numpy():
    assert expect_array(np.eye(2), name="m", shape=(2, None), dtype="float").tolist() == [[1, 0], [0, 1]]
    weights = torch_tensor([1.5], requires_grad=True)
    assert expect_array(weights, name="m", kind="torch", dtype="float32").tolist() == [1.5]
    assert expect_array([True, False], name="m", kind="any", dtype="bool").tolist() == [True, False]
    assert expect_array(weights.detach().bfloat16(), name="m", kind="torch").tolist() == [1.5]


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), np.int64(3), np.array(3.0), torch_tensor(3.0)])
def test_every_kind_of_number_is_one(value):
    assert expect_number(value, name="it") == 3.0
    assert type(expect_number(value, name="it")) is float


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("3", "is the text `'3'`"),
        (True, "is `True`. Expected a number."),
        (np.True_, "is `True`. Expected a number."),
        ([3], "is of type `list`"),
        (3 + 1j, "is of type `complex`"),
        (np.ones(1), "has shape (1,). Expected one number. `.item()` takes it out."),
        (np.ones((2, 2)), "has shape (2, 2). Expected one number."),
        (None, "is of type `NoneType`"),
    ],
)
def test_what_is_no_number_is_told(value, said):
    with pytest.raises(NotYet) as caught:
        expect_number(value, name="it")
    assert said in str(caught.value)


def test_close_numbers_pass_in_either_precision():
    expect_close(np.float32(0.1) * np.ones(3, "float32"), [0.1, 0.1, 0.1], name="it")
    expect_close(2.0, 2.009, name="it", rtol=0.01)
    expect_close([np.nan, 1.0], [np.nan, 1.0], name="it")


def test_the_first_fitting_trap_speaks_before_shape_and_otherwise():
    traps = ((5.0, "five"), ([1.0, 2.0], "two of them"), (5.0, "never"))
    for value, said in (
        (5.0, "five"),
        ([1, 2], "two of them"),
        (7.0, "other"),
        ([7.0, 7.0, 7.0], "has shape"),
    ):
        with pytest.raises(NotYet, match=said):
            expect_close(value, 3.0, name="it", traps=traps, otherwise="other")


def test_nan_is_named():
    with pytest.raises(NotYet, match="NaN"):
        expect_close(float("nan"), 3.0, name="it", otherwise="other")


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1.1"},
        {"id": "01.0"},
        {"kind": "riddle"},
        {"minutes": 0},
        {"difficulty": 6},
        {"hints": ("a", "b")},
        {"hints": ("a", "b", "b")},
        {"hints": ("a", "b", "")},
        {"title": ""},
        {"verify": None},
    ],
)
def test_an_incomplete_exercise_is_refused_when_it_is_written(change):
    whole = {"id": "01.1", "title": "A", "kind": "debug", "minutes": 5, "difficulty": 2}
    whole |= {"hints": ("a", "b", "c"), "verify": len}
    Exercise(**whole)
    with pytest.raises(CourseError, match="not complete"):
        Exercise(**(whole | change))


def test_a_lesson_with_two_exercises_of_one_id_is_refused(lesson):
    text = LESSON.replace('"98.2"', '"98.1"')
    (lesson / "lesson_98.py").write_text(text, encoding="utf-8")
    sys.modules.pop("course_lib.exercises.lesson_98", None)
    with pytest.raises(CourseError, match="each once"):
        catalogue.exercises_of("98")


def test_exercises_are_found_by_number():
    assert "98" in catalogue.lesson_numbers()
    assert list(catalogue.exercises_of("98")) == ["98.1", "98.2"]
    with pytest.raises(CourseError, match="Lesson `97` has no exercises"):
        catalogue.exercises_of("97")


# --- hints --------------------------------------------------------------------------------------------------


def test_hints_come_one_at_a_time_and_then_end(capsys):
    said = []
    for _ in range(5):
        assert cl.hint("98.1") is None
        said.append(capsys.readouterr().out)
    assert ["Where to look." in said[0], "What to try." in said[1], "Almost the line." in said[2]] == [
        True
    ] * 3
    assert [text.count("Almost the line.") for text in said] == [0, 0, 1, 0, 0]
    assert "these were all three hints" in said[3]
    assert "`solutions`" in said[3]
    assert said[4] == said[3]
    cl.hint("98.2")
    assert "hint 1 of 3" in capsys.readouterr().out


# --- strict -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [blank, divides_by_zero, lambda values: values.sum()])
def test_strict_makes_every_check_that_is_not_correct_an_error_after_it_was_shown(
    answer, monkeypatch, capsys
):
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(CourseError, match=r"Exercise `98.1` is not"):
        cl.check("98.1", answer)
    assert "Exercise 98.1: not" in capsys.readouterr().out


def test_strict_lets_correct_pass_and_refuses_an_unknown_exercise(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    cl.check("98.1", lambda values: values.mean())
    with pytest.raises(CourseError, match="no exercise"):
        cl.check("98.9", len)


def test_an_answer_cannot_switch_strict_off(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")

    def answer(values):
        os.environ["COURSE_STRICT"] = "0"
        return values.sum()

    with pytest.raises(CourseError):
        cl.check("98.1", answer)


# --- claims -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "relation", "right", "margin", "holds"),
    [
        (0.91, ">", 0.26, 0.3, True),
        (0.91, ">", 0.26, 0.65, False),  # 0.91 - 0.26 is 0.65 but for rounding
        (0.91, ">=", 0.26, 0.65, True),
        (0.9, ">", 0.6, 0.3, False),
        (0.3, ">=", 0.2, 0.1, True),
        (1, ">", 1, 0, False),
        (1, ">=", 1, 0, True),
        (1, "<=", 1, 0, True),
        (1, "<", 2, 0.5, True),
        (1, "<", 2, 1, False),
        (1, "<=", 2, 1, True),
        (2, "<", 1, 0, False),
        (118.0, "==", 118.4, 0.5, True),
        (118.0, "==", 118.6, 0.5, False),
        (5, "==", 5, 0, True),
        (5, "==", 5.0000001, 0, False),
        (1e-300, ">", 0, 0, True),
        (float("inf"), ">", 1, 5, True),
        (float("inf"), "==", float("inf"), 0, True),
        (float("inf"), ">", float("inf"), 0, False),
        *[(float("nan"), relation, 1.0, 0, False) for relation in (">", ">=", "<", "<=", "==")],
        (float("nan"), "==", float("nan"), 0, False),
    ],
)
def test_a_claim_holds_exactly_when_its_arithmetic_does(capsys, left, relation, right, margin, holds):
    cl.claim("It is so", left, relation, right, margin=margin)
    said = capsys.readouterr().out
    assert said.startswith("Claim: It is so\n")
    assert ("\nHolds: " in said, "\nDoes not hold: " in said) == (holds, not holds)


@pytest.mark.parametrize(
    ("left", "relation", "right", "margin", "numbers"),
    [
        (0.9134, ">", 0.2613, 0.3, "0.91 > 0.26 by more than 0.30"),
        (1274.4, ">", 371.2, 100, "1274 > 371 by more than 100"),
        (118.0, "==", 118.2, 0.5, "118.0 = 118.2 to within 0.5"),
        (3, ">=", 3, 0, "3 ≥ 3"),
        (0.5, "==", 0.5, 0, "0.5 = 0.5"),
        (3e-9, "<", 4e-9, 0, "3e-09 < 4e-09"),
        (0.7, ">", 0.3999, 0.3, "0.7000 > 0.3999 by more than 0.3000"),
        (0.12345678, ">", 0.12345677, 0, "0.12345678 > 0.12345677"),
        (0.97, "<=", float("nan"), 0, "0.97 is not ≤ nan"),
        (0, "<", 1.5e8, 0, "0 < 150000000"),
    ],
)
def test_the_numbers_are_rounded_to_what_decides(capsys, left, relation, right, margin, numbers):
    cl.claim("It is so", left, relation, right, margin=margin)
    assert numbers + "." in capsys.readouterr().out


def test_a_claim_gives_the_reason_of_its_margin(capsys):
    cl.claim("It is so", 0.9, ">", 0.2, margin=0.3, because="three standard errors.")
    assert "Why this margin: three standard errors.\n" in capsys.readouterr().out
    cl.claim("It is so", 0.9, ">", 0.2, because="nothing lies between.")
    assert "\nWhy: nothing lies between.\n" in capsys.readouterr().out


def test_a_sentence_that_is_refuted_on_purpose_says_so(capsys):
    cl.claim("The network recognises digits", 0.26, ">", 0.9, expect="fails")
    assert "Does not hold, as we expected: 0.26 is not > 0.90." in capsys.readouterr().out
    cl.claim("The network recognises digits", 0.95, ">", 0.9, expect="fails")
    assert "Holds, although we expected that it fails: 0.95 > 0.90." in capsys.readouterr().out


@pytest.mark.parametrize("number", [np.float32(2), np.int64(2), np.array([2.0]), torch_tensor(2.0), 2])
def test_a_claim_takes_the_numbers_of_every_library(capsys, number):
    cl.claim("It is so", number, ">", 1)
    assert "Holds: 2 > 1." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("2", ">", 1), {}, "`left` is of type `str`"),
        ((2, ">", None), {}, "`right` is of type `NoneType`"),
        ((2, ">", True), {}, "`right` is of type `bool`"),
        ((np.ones(3), ">", 1), {}, "shape (3,)"),
        ((2, "=>", 1), {}, "`relation` is `=>`. Expected one of `>`, `>=`, `<`, `<=`, `==`."),
        ((2, None, 1), {}, "`relation` is `None`."),
        ((2, ">", 1), {"margin": -1}, "`margin` is -1.0"),
        ((2, ">", 1), {"margin": float("nan")}, "`margin` is nan"),
        ((2, ">", 1), {"expect": "fail"}, "Expected one of `holds`, `fails`."),
    ],
)
def test_a_claim_that_cannot_be_decided_is_an_error(arguments, options, said):
    with pytest.raises(CourseError) as caught:
        cl.claim("It is so", *arguments, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(("left", "expect", "wrong"), [(2, "holds", 0), (2, "fails", 3)])
def test_strict_makes_an_unexpected_claim_an_error_after_it_was_shown(
    left, expect, wrong, monkeypatch, capsys
):
    monkeypatch.setenv("COURSE_STRICT", "1")
    expected, unexpected = (2, 0) if expect == "holds" else (0, 2)
    cl.claim("It is so", expected, ">", 1, expect=expect)
    capsys.readouterr()
    with pytest.raises(CourseError, match=f"Expected that it {expect}"):
        cl.claim("It is so", unexpected, ">", 1, expect=expect)
    assert "Claim: It is so" in capsys.readouterr().out


# --- guesses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guess", "actual", "unit", "said"),
    [
        (None, 118, "", "No guess yet: "),
        (..., 118, "", "No guess yet: "),
        ("many", 118, "", "No guess yet: your guess is not a number"),
        (160, 118, "", "You guessed 160, the result is 118\nThe guess is 42 too high."),
        (100, 371.2, "ppm", "You guessed 100 ppm, the result is 371 ppm\nThe guess is 271 ppm too low."),
        (370, 371.2, "ppm", "the result is 371.2 ppm\nAs good as exact."),
        (0.5, np.float32(0.26), "", "You guessed 0.5, the result is 0.26\nThe guess is 0.24 too high."),
        (90, 26, "%", "You guessed 90%, the result is 26%\nThe guess is 64% too high."),
        (0, 0, "", "You guessed 0, the result is 0\nAs good as exact."),
    ],
)
def test_a_guess_is_compared_without_scolding(capsys, guess, actual, unit, said):
    cl.compare(guess, actual, unit=unit)
    assert said in capsys.readouterr().out


def test_a_result_that_is_no_number_is_the_authors_error():
    with pytest.raises(CourseError, match="`actual`"):
        cl.compare(3, "many")


# --- progress -----------------------------------------------------------------------------------------------


def state():
    return json.loads(progress.place_of_progress().read_text(encoding="utf-8"))


def test_progress_counts_tries_and_what_was_solved_stays_solved(capsys):
    for answer in (blank, lambda values: 0.0, lambda values: values.mean(), lambda values: 0.0):
        cl.check("98.1", answer)
    assert state() == {"98.1": {"solved": True, "tries": 3}}
    cl.check("98.2", None)
    cl.check("98.1", blank)
    capsys.readouterr()
    cl.progress()
    said = capsys.readouterr().out
    assert re.search(r"Lesson 98 +98.1 +The mean +solved\n", said)
    assert re.search(r"Lesson 98 +98.2 +The median +solved\n", said)
    assert said.startswith("2 of ")


def test_open_and_tried_exercises_are_told_apart(capsys):
    cl.check("98.1", lambda values: 0.0)
    cl.progress()
    said = capsys.readouterr().out
    assert re.search(r"98.1 +The mean +tried \(1 try\)", said)
    assert re.search(r"98.2 +The median +open", said)


def test_without_a_setting_progress_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_STATE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    cl.check("98.2", None)
    assert (tmp_path / ".course_lib" / "progress.json").exists()


def test_a_folder_as_place_gets_the_file_in_it(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_STATE", str(tmp_path))
    cl.check("98.2", None)
    assert "98.2" in json.loads((tmp_path / "progress.json").read_text())


@pytest.mark.parametrize("text", ["{", "[1]", '{"98.1": 3}', '{"98.1": {"tries": "x"}}', "\x00", ""])
def test_a_broken_file_is_put_aside_and_told_once(text, capsys):
    path = progress.place_of_progress()
    path.write_text(text, encoding="utf-8")
    cl.progress()
    assert "could not be read" in capsys.readouterr().out
    cl.check("98.2", None)
    said = capsys.readouterr().out
    assert "correct" in said
    assert said.count("was broken") == 1
    assert path.with_name(path.name + ".broken").read_text(encoding="utf-8") == text
    assert state() == {"98.2": {"solved": True, "tries": 1}}
    cl.check("98.2", None)
    assert "broken" not in capsys.readouterr().out


def no_space(*arguments, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_costs_one_quiet_sentence_and_not_what_was_there(monkeypatch, capsys):
    cl.check("98.2", None)
    before = state()
    monkeypatch.setattr(progress.os, "fsync", no_space)
    cl.check("98.1", lambda values: values.mean())
    cl.check("98.1", lambda values: values.mean())
    said = capsys.readouterr()
    assert said.out.count("could not be kept (no space left on device)") == 1
    assert said.out.count("correct") == 3
    assert said.err == ""
    assert state() == before
    assert sorted(path.name for path in progress.place_of_progress().parent.glob("course-state*")) == [
        "course-state.json"
    ]


@pytest.mark.parametrize("fails", ["mkdir", "open", "home"])
def test_a_place_that_cannot_be_written_costs_one_quiet_sentence(fails, monkeypatch, tmp_path, capsys):
    if fails == "mkdir":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("COURSE_STATE", str(tmp_path / "file" / "state.json"))
    elif fails == "open":

        def refuse(*arguments):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(progress.os, "open", refuse)
    else:
        monkeypatch.delenv("COURSE_STATE")

        def homeless():
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(progress.Path, "home", homeless)
    cl.check("98.2", None)
    cl.check("98.2", None)
    cl.progress()
    said = capsys.readouterr().out
    assert said.count("could not be kept") == 1
    assert said.count("correct") == 2


def test_a_lock_that_was_left_behind_is_not_waited_for_long(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_LOCK_SECONDS", 0.1)
    path = progress.place_of_progress()
    path.with_name(path.name + ".lock").write_text("")
    cl.check("98.2", None)
    assert state()["98.2"]["solved"]
    assert not path.with_name(path.name + ".lock").exists()


@pytest.mark.parametrize("disk", [0.0, 0.02])  # seconds that a slow one takes to write
def test_parallel_kernels_lose_nothing(disk):
    code = f"""
import importlib, os, sys, time
flush = os.fsync
os.fsync = lambda file: time.sleep({disk}) or flush(file)
record = importlib.import_module("course_lib.exercises.progress").record
for n in range(20):
    assert record(f"{{sys.argv[1]}}.{{n + 1}}", "correct") == record("99.1", "not yet") == []
"""
    kernels = [subprocess.Popen([sys.executable, "-c", code, f"{number:02d}"]) for number in range(3)]
    assert [kernel.wait(60) for kernel in kernels] == [0, 0, 0]
    kept = state()
    assert len(kept) == 61
    assert kept["99.1"] == {"solved": False, "tries": 60}


# --- what is shown ------------------------------------------------------------------------------------------


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("tone", display.TONES)
@pytest.mark.parametrize("page", ["#FFFFFF", "#111111", "#383838"])  # JupyterLab light and dark, Colab dark
def test_the_edge_is_seen_on_light_and_dark_pages(tone, page):
    lighter, darker = sorted((luminance(display.TONES[tone]), luminance(page)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 2.5 + 0.5 * (page != "#383838")


def test_the_box_escapes_what_a_student_wrote_and_leaves_the_text_its_pages_colour():
    box = display.box("A <b>", "`x < 1` & <script>", "good")
    assert "<script>" not in box
    assert "<code>x &lt; 1</code> &amp; &lt;script&gt;" in box
    assert not re.search(r"[^-]color:", box)
    assert "background" not in box


# --- in real kernels ----------------------------------------------------------------------------------------

SET_UP = """
import os, sys, time
import course_lib as cl, course_lib.exercises
course_lib.exercises.__path__.append({folder!r})
"""


def run_notebook(cells, folder, tmp_path, **environment):
    """Run cells in a kernel of its own and return the outputs of each."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook()
    sources = [SET_UP.format(folder=str(folder)), *cells]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    resources = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, kernel_name="python3", timeout=60, resources=resources)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of jupyter_client, about this test's own event loop
            client.execute()
    nbformat.validate(notebook)
    return [cell.outputs for cell in notebook.cells[1:]]


def data(outputs):
    return [output.data for output in outputs if output.output_type == "display_data"]


def test_a_kernel_shows_words_and_records(lesson, tmp_path):
    outputs = run_notebook(
        [
            'cl.check("98.1", lambda values: values.mean())',
            'cl.check("98.1", lambda values: values.sum())',
            'cl.claim("<It> is so", 0.9134, ">", float("nan"), margin=0.3, because="a reason")',
            'cl.hint("98.1")',
            "cl.progress()",
            "cl.compare(3, 4)",
        ],
        lesson,
        tmp_path,
    )
    assert all(output.output_type == "display_data" for cell in outputs for output in cell)
    correct, not_yet, claim = (data(cell)[0] for cell in outputs[:3])
    assert correct["text/plain"].startswith("Exercise 98.1: correct")
    assert "<strong>Exercise 98.1: correct</strong>" in correct["text/html"]
    assert correct["application/vnd.course.check+json"] == {
        "id": "98.1",
        "outcome": "correct",
        "message": "A mean has the unit of its values.",
    }
    assert not_yet["application/vnd.course.check+json"]["outcome"] == "not yet"
    assert not_yet["application/vnd.course.check+json"]["message"] == "That is the sum."
    record = claim["application/vnd.course.claim+json"]
    assert record == {
        "sentence": "<It> is so",
        "left": 0.9134,
        "relation": ">",
        "right": "nan",
        "margin": 0.3,
        "because": "a reason",
        "expect": "holds",
        "holds": False,
    }
    assert np.isnan(float(record["right"]))
    assert "Claim: &lt;It&gt; is so" in claim["text/html"]
    assert "hint 1 of 3" in data(outputs[3])[0]["text/html"]
    table = data(outputs[4])[0]["text/html"]
    assert "<caption" in table
    assert '<th scope="col"' in table
    assert "too low" in data(outputs[5])[0]["text/plain"]


def test_a_kernel_survives_what_answers_do_to_it(lesson, tmp_path):
    outputs = run_notebook(
        [
            "from course_lib.exercises import sandbox\nsandbox.SECONDS = 0.5",
            "def answer(values):\n    exit()",
            'cl.check("98.1", answer)',
            "def answer(values):\n    return input()",
            'cl.check("98.1", answer)',
            "def answer(values):\n    while True:\n        try:\n            time.sleep(0.01)\n"
            "        except:\n            pass",
            'cl.check("98.1", answer)',
            "import matplotlib.pyplot as plt\ndef answer(values):\n    plt.plot(values)\n    plt.show()\n"
            "    display(3)\n    return values.mean()",
            'fig = plt.figure()\nbefore = plt.get_fignums()\ncl.check("98.1", answer)\n'
            "print(before == plt.get_fignums())\nplt.close(fig)",
            "def answer(values):\n    print('looking')\n    return values[7]",
            'cl.check("98.1", answer)',
            'print("alive")',
        ],
        lesson,
        tmp_path,
    )
    exits, asks, loops, draws, prints = (outputs[n] for n in (2, 4, 6, 8, 10))
    assert "ends Python in line 2, `exit()`" in data(exits)[0]["text/plain"]
    assert "`input()`" in data(asks)[0]["text/plain"]
    assert re.search(r"still running after .* at line 4, `time.sleep", data(loops)[0]["text/plain"])
    assert [list(found) for found in data(draws)] == [
        ["text/plain", "text/html", "application/vnd.course.check+json"]
    ]
    assert "Pictures and tables that your answer shows are left out" in data(draws)[0]["text/plain"]
    assert draws[1].text == "True\n"
    assert prints[0].text == "looking\n"
    assert "line 3, `return values[7]`" in data(prints)[0]["text/plain"]
    assert outputs[-1][0].text == "alive\n"


def test_an_untouched_and_a_solved_exercise_leave_the_same_random_numbers(lesson, tmp_path):
    seed = "import random, numpy as np, torch\nrng = np.random.default_rng(0)\ncl.seed_everything(0)"
    untouched = 'def answer(values):\n    raise NotImplementedError("your code here")'
    draws = "random.random(); np.random.rand(); torch.rand(3); rng.random()"
    solved = f"def answer(values):\n    {draws}\n    return values.mean()"
    check = 'cl.check("98.1", answer)\ncl.hint("98.1")'
    numbers = "print(random.random(), np.random.rand(), torch.rand(1).item(), rng.random())"
    cells = [seed, untouched, check, numbers, seed, solved, check, numbers]
    outputs = run_notebook(cells, lesson, tmp_path)
    assert [data(outputs[n])[0]["text/plain"].splitlines()[0] for n in (2, 6)] == [
        "Exercise 98.1: not attempted",
        "Exercise 98.1: correct",
    ]
    assert outputs[3][0].text == outputs[7][0].text
