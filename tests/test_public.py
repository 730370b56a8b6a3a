"""The public list: explicit, documented, silent and quick to import."""

import inspect
import os
import re
import statistics
import subprocess
import sys

import pytest

import course_lib as cl


def public_objects():
    """Every public function and class, and those of the public modules."""
    for name in cl.__all__:
        thing = getattr(cl, name)
        if inspect.ismodule(thing):
            for inner in thing.__all__:
                if callable(getattr(thing, inner)):
                    yield f"{name}.{inner}", getattr(thing, inner)
        else:
            yield name, thing


PUBLIC = dict(public_objects())


def test_the_public_list_is_what_the_architecture_promises():
    lessons_call = {
        "pick_device",
        "seed_everything",
        "load",
        "fit",
        "evaluate",
        "show",
        "slider",
        "check",
        "hint",
    }
    assert lessons_call | {"compare", "claim", "metrics", "plots", "simulators"} <= set(cl.__all__)
    assert len(set(cl.__all__)) == len(cl.__all__)


def test_an_unknown_name_says_what_was_probably_meant():
    with pytest.raises(AttributeError, match="Did you mean `claim`"):
        cl.clame  # noqa: B018


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_docstring_is_complete(name):
    thing = PUBLIC[name]
    text = inspect.getdoc(thing) or ""
    first = text.splitlines()[0] if text else ""
    assert first.endswith((".", "?")), f"{name}: the first line is no sentence: {first!r}"
    parameters = [
        p for p in inspect.signature(thing).parameters.values() if p.name not in ("self", "args", "kwargs")
    ]
    if inspect.isfunction(thing):
        assert not first.split()[0].endswith("s"), (
            f"{name}: the first line is not in the imperative: {first!r}"
        )
        if parameters:
            assert "Parameters\n----------" in text, f"{name} does not describe its parameters"
        for parameter in parameters:
            assert re.search(rf"\b{parameter.name}\b", text), f"{name} does not describe `{parameter.name}`"
        assert "**Source:**" in text, f"{name} names no source"
        assert "**Shown in:**" in text, f"{name} does not say where it is shown"


def run(code: str, **environment) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return done.stdout + done.stderr


def test_the_import_is_silent_and_brings_no_heavy_library():
    heavy = ["torch", "numpy", "matplotlib", "sklearn", "pandas", "IPython", "ipywidgets"]
    said = run(f"import course_lib, sys; print([name for name in {heavy} if name in sys.modules])")
    assert said.strip() == "[]"


def test_the_import_changes_nothing():
    code = """
import os, random, sys, warnings
before = (random.getstate(), list(warnings.filters), dict(os.environ), os.getcwd(), sys.path[:])
import course_lib
print(before == (random.getstate(), list(warnings.filters), dict(os.environ), os.getcwd(), sys.path[:]))
"""
    assert run(code).strip() == "True"


def test_the_import_takes_less_than_fifty_milliseconds():
    code = "import time; start = time.perf_counter(); import course_lib; print(time.perf_counter() - start)"
    seconds = [float(run(code)) for _ in range(5)]
    assert statistics.median(seconds) < 0.050, seconds


def test_every_public_name_can_be_had():
    for name in cl.__all__:
        assert getattr(cl, name) is not None
        assert name in dir(cl)
