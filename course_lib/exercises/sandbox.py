"""Run a student's code on a copy of the world, and stop it when it does not end.

What this is not: a prison. Code that wants to do harm can; code that is only wrong leaves no trace.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import io
import linecache
import os
import random
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator

from course_lib.seeding import same_random_states_after

SECONDS = 5.0  # how long an answer may compute, in seconds of the processor: a busy machine is not its fault
PATIENCE = 4  # how many times as long it may take on the clock, which ends what only waits
_TICK_SECONDS = 0.05  # how often we look whether it is the answer that computes
LINES_SHOWN = 20
_CHARACTERS_KEPT = 4_000


class TimeIsUp(BaseException):
    """End an answer that ran too long. No Exception, so that `except Exception` lets it pass."""


class Refused(Exception):
    """Say that the answer asked for something that a check cannot give."""


# --- whose code is it? --------------------------------------------------------------------------------------


def home_of(answer: object) -> dict:
    """Return the globals in which `answer` was written: those of a notebook where Python does not know."""
    while isinstance(answer, functools.partial):
        answer = answer.func
    if isinstance(answer, (list, tuple, dict)):
        parts = answer.values() if isinstance(answer, dict) else answer
        answer = next(filter(callable, parts), None)
    home = None
    with contextlib.suppress(Exception):  # an answer's own `__getattr__` may do what it likes
        answer = inspect.unwrap(answer) if callable(answer) else answer
        maker = answer if isinstance(answer, type) else type(answer)
        module = sys.modules.get(maker.__module__) if maker.__module__ != "builtins" else None
        home = getattr(getattr(answer, "__func__", answer), "__globals__", getattr(module, "__dict__", None))
    if home is None or str(home.get("__name__", "")).startswith("course_lib."):
        return vars(sys.modules["__main__"])
    return home


def is_students(frame: types.FrameType, home: dict) -> bool:
    """Return whether a frame runs the student's code: a notebook cell, or where the answer was written."""
    return frame.f_globals is home or frame.f_globals.get("__name__") == "__main__"


def place(frame: types.FrameType, line: int | None = None) -> str:
    """Return "line 3, `return total / n`" for a frame."""
    line = frame.f_lineno if line is None else line
    text = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
    return f"line {line}, `{shortened(text, 80)}`" if text else f"line {line}"


def shortened(text: str, length: int = 200) -> str:
    """Return the first line of a text, cut where it is long, without backticks that would end a code span."""
    first = text.strip().splitlines()[0].replace("`", "'") if text.strip() else ""
    return first if len(first) <= length else first[: length - 1] + "…"


# --- the copy of the world ----------------------------------------------------------------------------------


@contextlib.contextmanager
def same_world_after(home: dict) -> Iterator[None]:
    """Put back what an answer may change: random states, torch's settings, folder, figures, environment.

    Parameters
    ----------
    home : dict
        The globals of the answer: the random generators that are kept there are put back as well.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(same_random_states_after())
        _keep_python(stack)
        _keep_generators(stack, home)
        _keep_numpy(stack)
        _keep_torch(stack)
        _keep_matplotlib(stack)
        yield


def _keep_python(stack: contextlib.ExitStack) -> None:
    stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
    stack.callback(sys.settrace, sys.gettrace())
    stack.callback(_restore_environment, dict(os.environ))
    with contextlib.suppress(OSError):  # the folder may be gone already
        stack.callback(_go_back, os.getcwd())
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("default")  # an answer may warn: it is shown with what it prints, and is no error


def _restore_environment(before: dict[str, str]) -> None:
    for name in set(os.environ) - set(before):
        del os.environ[name]
    for name, value in before.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _go_back(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.chdir(folder)


def _keep_generators(stack: contextlib.ExitStack, home: dict) -> None:
    """Keep the state of a notebook's own generators: an answer may draw from a global `rng`."""
    for value in list(home.values()):
        if isinstance(value, random.Random):
            stack.callback(value.setstate, value.getstate())
        elif type(value).__module__.startswith("numpy.random") and hasattr(value, "bit_generator"):
            bits = value.bit_generator
            stack.callback(setattr, bits, "state", bits.state)
        elif type(value).__module__.startswith("torch") and type(value).__name__ == "Generator":
            stack.callback(value.set_state, value.get_state())


def _keep_numpy(stack: contextlib.ExitStack) -> None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return
    stack.enter_context(numpy.errstate())
    stack.enter_context(numpy.printoptions())


def _keep(stack: contextlib.ExitStack, read: Callable, write: Callable) -> None:
    """Write back at the end what is read now, where it has changed."""
    before = read()
    stack.callback(lambda: read() == before or write(before))


def _keep_torch(stack: contextlib.ExitStack) -> None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "Generator"):  # not there, or an import that failed half-way
        stack.callback(_fresh_torch)
        return
    _keep(stack, torch.get_default_dtype, torch.set_default_dtype)
    _keep(
        stack,
        torch.get_default_device,
        # None, not "cpu", is how torch starts: a default device costs time at every call
        lambda device: torch.set_default_device(None if str(device) == "cpu" else device),
    )
    _keep(stack, torch.is_grad_enabled, torch.set_grad_enabled)
    _keep(stack, torch.get_num_threads, torch.set_num_threads)
    _keep(stack, torch.get_float32_matmul_precision, torch.set_float32_matmul_precision)
    _keep(stack, torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode)
    for flag in ("deterministic", "benchmark"):
        stack.callback(setattr, torch.backends.cudnn, flag, getattr(torch.backends.cudnn, flag))


def _fresh_torch() -> None:
    """Make torch as new where the answer was the first to import it."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "Generator"):
        torch.set_rng_state(torch.Generator().get_state())
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


def _keep_matplotlib(stack: contextlib.ExitStack) -> None:
    """Lay the open figures aside: an answer has its own, which are closed at the end."""
    if "matplotlib" in sys.modules:
        stack.enter_context(sys.modules["matplotlib"].rc_context())
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is not None:
        # Figures that are closed and opened again would get other numbers.
        stack.callback(setattr, helpers.Gcf, "figs", helpers.Gcf.figs)
        helpers.Gcf.figs = type(helpers.Gcf.figs)()
    stack.callback(_close_figures)


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and hasattr(pyplot, "close"):
        pyplot.close("all")


# --- what an answer prints, shows and asks ------------------------------------------------------------------


class Printed(io.TextIOBase):
    """Take what an answer prints: keep the first lines, count the rest, and never fill the memory."""

    def __init__(self) -> None:
        self.text = ""
        self.lines = 0
        self.displays = 0  # pictures and tables, which are only counted
        self.cut = False

    def writable(self) -> bool:
        """Return True: `print` may write here."""
        return True

    def write(self, text: str) -> int:
        """Keep `text` while there is room; count its lines in any case."""
        if not self.cut:
            kept = "".join(text[:_CHARACTERS_KEPT].splitlines(keepends=True)[: LINES_SHOWN - self.lines])
            kept = kept[: _CHARACTERS_KEPT - len(self.text)]
            self.text += kept
            self.cut = kept != text
        self.lines += text.count("\n")
        return len(text)

    def notes(self) -> list[str]:
        """Return a sentence for what is not shown."""
        notes = []
        if self.lines > LINES_SHOWN:
            notes.append(f"Your answer printed {self.lines:,} lines; only the beginning is shown.")
        elif self.cut:
            notes.append("Your answer printed a lot; only the beginning is shown.")
        if self.displays:
            notes.append(
                "Pictures and tables that your answer shows are left out here: call it in a cell of your own."
            )
        return notes


@contextlib.contextmanager
def captured() -> Iterator[Printed]:
    """Take what is printed and shown, refuse `input()`, and keep `exit()` from ending the kernel."""
    printed = Printed()

    def refuse(*args, **kwargs):
        raise Refused("it asks with `input()`, but nobody answers here; take the value as an argument")

    def count(*args, **kwargs):
        printed.displays += 1

    def tell(message, category, *args, **kwargs):
        print(f"{category.__name__}: {message}", file=printed)

    def leave(*args, **kwargs):
        raise SystemExit

    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        stack.enter_context(_replaced(builtins, "input", refuse))
        stack.enter_context(_replaced(warnings, "showwarning", tell))
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython is not None else None
        if shell is not None:
            stack.enter_context(_replaced(shell, "ask_exit", leave))
            stack.enter_context(_replaced(shell.display_pub, "publish", count))
        yield printed


@contextlib.contextmanager
def _replaced(owner: object, name: str, value: object) -> Iterator[None]:
    own = name in vars(owner)
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, before)
        else:
            delattr(owner, name)  # the method of its class shows again


# --- the time limit -----------------------------------------------------------------------------------------


class _Again:
    """A trace function of one frame that raises at its next line, and at the line after that.

    Python drops a trace function that raises, so a loop with a bare `except:` would get away with another
    round. But when it drops this one, `__del__` runs in the frame that got away and puts a new one in its
    place: once the time is up, no line of the answer does anything but end.
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    def __call__(self, frame: types.FrameType, event: str, arg: object) -> _Again | None:
        if event != "line" or not self.limit.over:
            return self  # an error on its way is left alone until a handler has caught it
        del self  # an answer may keep the error, and with its traceback this frame: it must not keep us
        raise TimeIsUp

    def __del__(self) -> None:
        frame = sys._getframe(1)
        if self.limit.over and self.limit.is_students(frame):
            frame.f_trace = _Again(self.limit)
            sys.settrace(self.limit.on_call)


class Limit:
    """Count the seconds in which the student's code computes, and end it after `SECONDS`.

    The clock stands while a check computes its own reference or imports a library. `works` is False where
    there is no alarm signal: on Windows, and outside the main thread. A single long call into C
    (`sum(itertools.count())`) hears no signal and is not stopped.
    """

    def __init__(self, home: dict) -> None:
        self.home = home
        self.works = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self.over = False
        self.where = ""  # the line that the answer had reached when its time was up
        self.waited = 0.0  # seconds on the clock
        self._computed = 0.0
        self._last = (0.0, 0.0)

    def is_students(self, frame: types.FrameType) -> bool:
        """Return whether a frame runs the student's code."""
        return is_students(frame, self.home)

    def run(self, function: Callable[[], object]) -> object:
        """Return `function()`, or raise TimeIsUp."""
        if not self.works:
            return function()
        started = time.monotonic()
        self._last = (started, time.process_time())
        trace, unraisable = sys.gettrace(), sys.unraisablehook
        handler = signal.signal(signal.SIGALRM, self._tick)
        others_left, others_interval = signal.setitimer(signal.ITIMER_REAL, _TICK_SECONDS, _TICK_SECONDS)
        try:
            # In a generator: code that is ended in the middle of an `except:` leaves its error behind as one
            # that is still being handled, and a generator takes it along when it goes.
            result = next(function() for _ in "1")
            if self.over:  # swallowed to the very end
                raise TimeIsUp
            return result
        finally:
            # A tick that comes now finds no frame of the student's, and does nothing.
            self.over = False
            sys.settrace(trace)
            sys.unraisablehook = unraisable
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)  # None: one that Python does not know
            if others_left:  # somebody else's alarm goes on, less the time that went by
                left = max(others_left - (time.monotonic() - started), 0.001)
                signal.setitimer(signal.ITIMER_REAL, left, others_interval)

    def on_call(self, frame: types.FrameType, event: str, arg: object) -> _Again | None:
        """Trace what the student's code calls of its own, once the time is up."""
        return _Again(self) if self.over and self.is_students(frame) else None

    def _tick(self, number: int, frame: types.FrameType | None) -> None:
        before, self._last = self._last, (time.monotonic(), time.process_time())
        frames = []
        while frame is not None and frame.f_code is not Limit.run.__code__:
            if self.is_students(frame):
                frames.append(frame)
            frame = frame.f_back
        if frame is None or not frames:
            return
        self.waited += self._last[0] - before[0]
        self._computed += self._last[1] - before[1]
        if self._computed < SECONDS and self.waited < PATIENCE * SECONDS:
            return
        self.over = True
        sys.unraisablehook = lambda _: None  # generators and `__del__` of the answer end like the rest
        self.where = self.where or place(frames[0])
        for student in frames:
            if not isinstance(student.f_trace, _Again):
                student.f_trace = _Again(self)
        sys.settrace(self.on_call)
        raise TimeIsUp
