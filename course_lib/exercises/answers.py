"""What the `verify` functions of a lesson are written with: call an answer safely, and expect things of it.

Each of them raises `NotYet` with one sentence for the student.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Sequence

from course_lib.exercises.catalogue import NotYet
from course_lib.exercises.sandbox import Refused, home_of, is_students, place, shortened

BLANK = "your code here"


def call(function: Callable, *args: object, **kwargs: object) -> object:
    """Return what the student's function gives for copies of these arguments.

    Parameters
    ----------
    function : callable
        The student's.
    *args, **kwargs
        What it is called with; the caller's own stay as they are.

    Raises
    ------
    NotYet
        If it is no function, takes other arguments, raises, returns nothing, or changes its input.
    NotImplementedError
        If the blank is still there.
    """
    _expect_function(function)
    named = _named(function, args, kwargs)
    given = _copied((args, kwargs))
    try:
        result = function(*given[0], **given[1])
    except (Exception, SystemExit) as error:
        if is_blank(error):
            raise NotImplementedError(BLANK) from error
        story = what_happened(error, home_of(function))
        raise NotYet(f"{story} {_called_with(function, named, [*args, *kwargs.values()])}") from error
    if result is ...:
        raise NotImplementedError(BLANK)
    if result is None:
        raise NotYet(
            "Your function returned nothing (`None`). Did you forget `return`? `print` shows a value, but "
            "does not hand it on."
        )
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        result.close()
        raise NotYet("Your function gave no value yet: use `return`, and neither `yield` nor `async`.")
    for name, before, after in zip(
        named, [*args, *kwargs.values()], [*given[0], *given[1].values()], strict=True
    ):
        if not _same(before, after):
            raise NotYet(
                f"Your function changes its input {name} in place: whoever calls it loses their numbers. "
                "Make a new value, or work on a copy."
            )
    return result


def _expect_function(function: object) -> None:
    if callable(function):
        return
    if isinstance(function, str):
        raise NotYet(f"You passed the text `{shortened(function, 40)!r}`. Pass the function, without quotes.")
    kind = "nothing (`None`)" if function is None else f"a value of type `{type(function).__name__}`"
    raise NotYet(
        f"You passed {kind}: perhaps what your function returned. Pass the function itself, without "
        "parentheses."
    )


def _named(function: Callable, args: tuple, kwargs: dict) -> list[str]:
    """Return the parameters' names for the arguments, or say that the function does not take them."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return [f"number {n + 1}" for n in range(len(args))] + [f"`{name}`" for name in kwargs]
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        names = [str(parameter) for parameter in signature.parameters.values()]
        takes = f"takes `({', '.join(names)})`" if names else "takes no argument"
        count = len(args) + len(kwargs)
        calls_it_with = f"{count} argument{'s' * (count != 1)}"
        unknown = [f"`{name}`" for name in kwargs if name not in signature.parameters]
        if unknown and len(signature.parameters) == count:
            calls_it_with = f"{' and '.join(unknown)} by name"
        raise NotYet(
            f"Your function {takes}, but the check calls it with {calls_it_with}. "
            "Keep the first line of the function as the exercise gives it."
        ) from None
    positional = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    names = [f"`{positional[n]}`" if n < len(positional) else f"number {n + 1}" for n in range(len(args))]
    return names + [f"`{name}`" for name in kwargs]


def _called_with(function: Callable, named: list[str], values: Sequence[object]) -> str:
    """Return one sentence on the input that led to an error, and one on arrays taken from the notebook."""
    told_values = ", ".join(f"{name} {_brief(value)}" for name, value in zip(named, values, strict=True))
    sentence = f"It was called with {told_values}."
    home, code = home_of(function), getattr(function, "__code__", None)
    # An array's shape is a tuple; `np.shape` is a function.
    shapes = {name: getattr(home.get(name), "shape", None) for name in getattr(code, "co_names", ())}
    borrowed = [name for name, shape in shapes.items() if isinstance(shape, tuple)]
    if borrowed:
        borrowed = " and ".join(f"`{name}`" for name in borrowed)
        sentence += f" It also uses {borrowed} of the notebook: did you mean what comes in?"
    return sentence


def _brief(value: object) -> str:
    """Return the shape or length of a value, or a short value itself."""
    if getattr(value, "shape", None):
        return f"of shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple, dict, set)) and len(value) > 3:
        return f"of {len(value)} entries"
    return f"= `{shortened(repr(value), 40)}`"


def _copied(arguments: tuple[tuple, dict]) -> tuple[tuple, dict]:
    with contextlib.suppress(Exception):  # a generator, an open file: what cannot be copied is passed itself
        return copy.deepcopy(arguments)
    return arguments


def _same(before: object, after: object) -> bool:
    """Return whether an argument kept its numbers; what is neither array nor container counts as kept."""
    if type(before) is not type(after):
        return False
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, (int, float, complex, str, bytes, bytearray, set)):
        return before == after or before != before  # NaN
    if hasattr(before, "shape") and hasattr(before, "dtype"):
        return _same_array(_numpy(before), _numpy(after))
    return True


def _same_array(before, after) -> bool:
    import numpy as np

    if before.shape != after.shape or before.dtype != after.dtype:
        return False
    return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")


def _is_tensor(value: object) -> bool:
    return any(kind.__module__ == "torch" and kind.__name__ == "Tensor" for kind in type(value).__mro__)


def _numpy(value: object):
    """Return a tensor, array, list or number as a NumPy array."""
    import numpy as np

    if _is_tensor(value):
        value = value.detach().cpu().resolve_conj().resolve_neg()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return value.numpy()
    return np.asarray(value)


def expect_array(
    value: object,
    *,
    shape: Sequence[int | None] | None = None,
    dtype: str | None = None,
    name: str,
    kind: str = "numpy",
):
    """Return the student's array, tensor or (for "any") list as a NumPy array.

    Parameters
    ----------
    value : object
        What the student's function returned.
    shape : sequence of int or None, optional
        The shape it must have; None stands for any length.
    dtype : str, optional
        "float", "int", "bool" for the family, or an exact name as "float32".
    name : str
        What the sentence calls it: "`means`", "your result".
    kind : str
        "numpy", "torch" or "any".

    Raises
    ------
    NotYet
        With the first of kind, numbers, shape, dtype that is not as asked.
    """
    _expect_kind(value, name, kind)
    try:
        array = _numpy(value)
    except Exception:  # rows of different lengths, or anything else that is no array
        array = None
    if array is None or array.dtype.kind not in "biufc":
        raise NotYet(f"{name} is not made of numbers alone, or its rows have different lengths.")
    if shape is not None:
        _expect_shape(array.shape, tuple(shape), name)
    if dtype is not None:
        family = {"float": "f", "int": "iu", "bool": "b"}.get(dtype)
        if array.dtype.kind not in family if family else str(array.dtype) != dtype:
            raise NotYet(f"{name} has the dtype `{array.dtype}`. Expected `{dtype}`.")
    return array


def _expect_kind(value: object, name: str, kind: str) -> None:
    if kind == "any" and not isinstance(value, (str, bytes, dict, set)):
        return
    is_array = type(value).__module__ == "numpy" and hasattr(value, "shape")
    if _is_tensor(value):
        if kind != "torch":
            raise NotYet(f"{name} is a torch tensor. Expected a NumPy array: `.detach().numpy()`.")
        return
    if is_array and kind != "torch":
        return
    found = "a NumPy array" if is_array else f"of type `{type(value).__name__}`"
    remedy = {
        "numpy": "a NumPy array: `np.array(…)`",
        "torch": "a torch tensor: " + ("`torch.from_numpy(…)`" if is_array else "`torch.tensor(…)`"),
        "any": "an array of numbers",
    }[kind]
    raise NotYet(f"{name} is {found}. Expected {remedy}.")


def _expect_shape(found: tuple, expected: tuple, name: str) -> None:
    if len(found) == len(expected) and all(e in (None, f) for f, e in zip(found, expected, strict=True)):
        return
    wanted = "(" + ", ".join("any" if e is None else str(e) for e in expected)
    wanted += ",)" if len(expected) == 1 else ")"
    remark = ""
    if len(found) == 2 and found == expected[::-1]:
        remark = " The two axes have changed places."
    elif not expected:
        remark = " Expected is one number."
    raise NotYet(f"{name} has shape {found}. Expected {wanted}.{remark}")


def expect_number(value: object, *, name: str) -> float:
    """Return the student's number (of Python, NumPy or torch) as a float.

    Parameters
    ----------
    value : object
        What the student's function returned.
    name : str
        What the sentence calls it.

    Raises
    ------
    NotYet
        If it is no single real number.
    """
    if isinstance(value, (str, bytes)):
        raise NotYet(f"{name} is the text `{shortened(repr(value), 40)}`. Expected a number: `float(…)`.")
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise NotYet(f"{name} is `{value}`. Expected a number.")
    if hasattr(value, "shape") and tuple(value.shape):
        remark = " `.item()` takes it out." if tuple(value.shape) == (1,) else ""
        raise NotYet(f"{name} has shape {tuple(value.shape)}. Expected one number.{remark}")
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except Exception:
        raise NotYet(f"{name} is of type `{type(value).__name__}`. Expected one number.") from None


def expect_close(
    value: object,
    reference: object,
    *,
    name: str,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    traps: Sequence[tuple[object, str]] = (),
    otherwise: str = "",
) -> None:
    """Compare the student's numbers with the reference, which is never shown.

    Parameters
    ----------
    value, reference : number or array
        The student's and the check's own.
    name : str
        What the sentence calls the student's.
    rtol, atol : float
        What counts as equal: `|value - reference| <= atol + rtol * |reference|`.
    traps : sequence of (wrong value, message)
        What known misconceptions lead to, and what to say to each.
    otherwise : str
        What to say to any other wrong number; the default counts the values that differ.

    Raises
    ------
    NotYet
        With the message of the first trap that fits; else of shape, NaN, or `otherwise`.
    """
    import numpy as np

    found, wanted = expect_array(value, name=name, kind="any"), _numpy(reference)

    def close(other) -> bool:
        other = _numpy(other)
        return found.shape == other.shape and np.allclose(found, other, rtol, atol, equal_nan=True)

    if close(wanted):
        return
    for wrong, message in traps:
        if close(wrong):
            raise NotYet(message)
    _expect_shape(found.shape, wanted.shape, name)
    if np.isnan(found).any() and not np.isnan(wanted).any():
        raise NotYet(f"{name} is NaN (not a number), or has NaN in it: look for 0/0, or a log of 0.")
    if otherwise:
        raise NotYet(otherwise)
    differ = int((~np.isclose(found, wanted, rtol, atol, equal_nan=True)).sum())
    which = f"{differ} of its {found.size} values differ" if found.size > 1 else "it differs"
    raise NotYet(f"{name} is not what the check computes: {which}.")


def is_blank(error: BaseException | None) -> bool:
    """Return whether the blank's NotImplementedError led to `error`, directly or through other errors."""
    seen = []
    while error is not None and not any(error is other for other in seen):
        seen.append(error)
        # torch raises this error too, for an operation that a device does not have: that is no blank.
        if isinstance(error, NotImplementedError) and list(map(str, error.args)) in ([], [BLANK]):
            return True
        error = error.__cause__ or error.__context__
    return False


def what_happened(error: BaseException, home: dict) -> str:
    """Return one sentence for an error that the student's code raised, with its line where there is one."""
    at = f" in {line}" if (line := line_of(error, home)) else ""
    if isinstance(error, Refused):
        return f"Your answer could not run: {error}."
    if isinstance(error, SystemExit):
        return f"Your answer ends Python{at}. Leave a function with `return`."
    if isinstance(error, RecursionError):
        return f"Your answer calls itself without end{at}. It needs a case in which it stops."
    if isinstance(error, NameError):
        return f"Your answer stopped with {told(error)}{at}. Has the cell that defines it been run?"
    return f"Your answer stopped with {told(error)}{at}."


def line_of(error: BaseException, home: dict) -> str:
    """Return the last line of the student's that led to an error, or "" if there is none."""
    line, traceback = "", error.__traceback__
    while traceback is not None:
        if is_students(traceback.tb_frame, home):
            line = place(traceback.tb_frame, traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def told(error: BaseException) -> str:
    """Return "`ValueError: what it says`"."""
    said = ""
    with contextlib.suppress(Exception):  # an error class of the student's own may fail at that too
        said = shortened(str(error))
    return f"`{type(error).__name__}: {said}`" if said else f"`{type(error).__name__}`"
