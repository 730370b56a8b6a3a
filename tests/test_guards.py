"""Each guard of the notebooks can fail: a planted fault is refused, a sound notebook passes."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

GUARD = "tests/guards/run_notebooks"


@pytest.fixture
def guarded(root, tmp_path):
    """Return a function that runs cells under the guards and gives (passed, what was said)."""

    def run(*cells: str, strict: bool = False) -> tuple[bool, str]:
        notebook = tmp_path / "planted.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), notebook)
        done = subprocess.run(
            [str(root / GUARD), sys.executable, "-n", "0", "--rootdir", str(root), str(notebook)],
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "COURSE_PROGRESS": "off"} | ({"COURSE_STRICT": "1"} if strict else {}),
        )
        return done.returncode == 0, done.stdout + done.stderr

    return run


def test_a_sound_notebook_passes(guarded):
    passed, said = guarded("import course_lib as cl", "print('hello')", "1 + 1")
    assert passed, said


def test_a_warning_on_stderr_is_refused(guarded):
    passed, said = guarded("import warnings\nwarnings.warn('the data have changed')")
    assert not passed
    assert "the data have changed" in said


def test_a_request_to_the_network_is_refused_even_when_the_notebook_hides_it(guarded):
    passed, said = guarded(
        "import contextlib, urllib.request\n"
        "with contextlib.suppress(OSError):\n"
        "    urllib.request.urlopen('http://example.org', timeout=2)"
    )
    assert not passed
    assert "asked the network: example.org" in said


def test_an_error_in_a_widget_callback_is_refused(guarded):
    passed, said = guarded(
        "import ipywidgets\nslider = ipywidgets.IntSlider(description='k')",
        "def draw(k):\n    return 1 / (3 - k)\nplayed = ipywidgets.interactive_output(draw, {'k': slider})",
        "slider.value = 3",
    )
    assert not passed
    assert "ZeroDivisionError" in said


PLANTED_SLIDER = (
    "import course_lib as cl, matplotlib.pyplot as plt",
    "def draw(k=1):\n    fig, ax = plt.subplots()\n    ax.plot([0, 1 / (3 - k)])\n    return ax",
    "cl.slider(draw, k=(1, 5), alt='A line whose height is one over three minus k.')",
)


def test_an_error_that_only_another_slider_position_brings_up_is_refused(guarded):
    passed, said = guarded(*PLANTED_SLIDER, strict=True)
    assert not passed
    assert "k=3" in said.replace(" ", "")


def test_a_claim_that_does_not_hold_is_refused_only_in_strict_mode(guarded):
    cells = (
        "import course_lib as cl",
        "cl.claim('two is more than three', 2, '>', 3, because='a planted falsehood')",
    )
    assert guarded(*cells)[0]
    passed, said = guarded(*cells, strict=True)
    assert not passed
    assert "two is more than three" in said
