"""`slider`: the figure is always there, every position is what `draw` draws, and nothing else moves."""

import random

import matplotlib

matplotlib.use("Agg")

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib import widgets
from course_lib.errors import CourseError
from course_lib.widgets import slider


@pytest.fixture(autouse=True)
def no_figures():
    yield
    plt.close("all")


ALT = "Line chart of one straight line."


def alt_of(picture):
    """The text form of a picture: its alt text in brackets."""
    return repr(picture)[1:-1]


class Shown:
    """What was displayed: the pictures in order, the later ones, the controls, and the scripts."""

    def __init__(self):
        self.things, self.updates, self.scripts = [], [], []

    def display(self, thing, display_id=False, raw=False):
        (self.scripts if raw else self.things).append(thing)
        return self

    def update(self, thing):
        self.updates.append(thing)

    @property
    def controls(self):
        return list(self.things[1].children)


@pytest.fixture
def shown(monkeypatch):
    shown = Shown()
    monkeypatch.setattr("IPython.display.display", shown.display)
    monkeypatch.setattr(widgets, "is_in_notebook", lambda: True)
    return shown


def line(k=3):
    _, ax = plt.subplots()
    ax.plot([0, k])
    return ax


def words(k):
    return f"Line chart that ends at {k}."


def test_the_figure_at_the_defaults_is_shown_first(shown):
    slider(line, alt=words, k=(1, 9))
    assert alt_of(shown.things[0]) == "Line chart that ends at 3."
    assert [control.value for control in shown.controls] == ["3"]


def test_without_a_notebook_or_widgets_the_figure_stands_alone(shown, monkeypatch):
    monkeypatch.setattr(widgets, "is_in_notebook", lambda: False)
    slider(line, alt=words, k=(1, 9))
    monkeypatch.setattr(widgets, "is_in_notebook", lambda: True)
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)  # as if it were not installed
    slider(line, alt=words, k=(1, 9))
    assert list(map(alt_of, shown.things)) == ["Line chart that ends at 3."] * 2


def test_moving_a_slider_redraws_the_figure_in_its_place(shown):
    slider(line, alt=words, k=(1, 9))
    (control,) = shown.controls
    for index, k in ((8, 9), (0, 1)):
        control.index = index
        assert alt_of(shown.updates[-1]) == f"Line chart that ends at {k}."
    assert len(shown.things) == 2  # no second figure


@pytest.mark.parametrize(
    ("given", "default", "expected"),
    [
        ((1, 4), 2, [1, 2, 3, 4]),
        ((0, 10, 5), 5, [0, 5, 10]),
        ((0.0, 1.0, 0.25), 0.5, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ((0, 10, 4), 4, [0, 4, 8, 10]),  # the high end is always there
        ((0.0, 1.0, 0.5), 0.3, [0.0, 0.3, 0.5, 1.0]),  # and so is the start
        (["cat", "dog"], "dog", ["cat", "dog"]),
    ],
)
def test_a_range_has_its_ends_and_the_start(shown, given, default, expected):
    seen = []

    def draw(k=default):
        seen.append(k)
        return line()

    slider(draw, alt=ALT, k=given)
    (control,) = shown.controls
    assert seen == [default]
    for index in [*range(len(expected)), 0]:
        control.index = index
    assert sorted(set(seen), key=expected.index) == expected
    assert len(control.options) == len(expected)


def test_floats_without_a_step_have_fifty(shown):
    slider(line, alt=words, k=(0.0, 10.0))
    (control,) = shown.controls
    assert len(control.options) == 51


def test_two_sliders_move_independently(shown):
    def draw(left=0, right=5):
        return line(right - left)

    slider(draw, alt=lambda left, right: f"Line chart from {left} to {right}.", left=(0, 2), right=(5, 9, 2))
    left, right = shown.controls
    left.index, right.index = 2, 1
    assert alt_of(shown.updates[-1]) == "Line chart from 2 to 7."


def test_the_controls_can_be_named_read_and_reached_by_keyboard(shown):
    def draw(noise_level=0.5):
        return line(noise_level)

    slider(draw, alt=ALT, noise_level=(0.0, 1.0, 0.5))
    (control,) = shown.controls
    assert isinstance(control, ipywidgets.SelectionSlider)  # takes the arrow keys
    assert control.description == "noise level"
    assert not control.disabled
    assert "course-slider" in shown.things[1]._dom_classes


def test_the_handles_are_named_by_the_page_and_nothing_of_that_is_shown_as_text(shown):
    slider(line, alt=words, k=(1, 9))  # what a screen reader then finds is looked at in tests/browser
    (script,) = shown.scripts
    assert set(script) == {"application/javascript", "text/plain"}
    assert script["text/plain"] == ""


def test_a_draw_that_fails_later_says_so_in_the_figures_place_and_can_be_left_again(shown):
    def draw(k=3):
        return line(1 / (k - 5))

    slider(draw, alt=ALT, k=(1, 9))
    (control,) = shown.controls
    control.index = 4
    said = shown.updates[-1]
    assert "`draw(k=5)` failed with ZeroDivisionError" in alt_of(said)
    control.index = 5
    assert alt_of(shown.updates[-1]) == ALT


def test_html_in_an_error_is_shown_as_text(shown):
    def draw(k=3):
        if k > 3:
            raise ValueError("<script>alert(1)</script>")
        return line(k)

    slider(draw, alt=words, k=(1, 9))
    shown.controls[0].index = 8
    assert "<script>" not in shown.updates[-1]._repr_html_()


def test_strict_tries_every_position_when_the_slider_is_made(shown, monkeypatch):
    def draw(k=3):
        return line(1 / (k - 8))

    slider(draw, alt=ALT, k=(1, 9))
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(CourseError, match=r"`draw\(k=8\)` failed with ZeroDivisionError"):
        slider(draw, alt=ALT, k=(1, 9))


def test_strict_tries_a_large_grid_thinned_with_its_corners(shown, monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    monkeypatch.setattr(widgets, "_picture", lambda draw, alt, values, at_start: seen.append(values))
    seen = []

    def draw(a=0, b=0, c=0):
        raise AssertionError("replaced above")

    slider(draw, alt=ALT, a=(0, 99), b=(0, 99), c=(0, 99))
    tried = {tuple(values.values()) for values in seen}
    assert len(seen) <= 61
    assert {(a, b, c) for a in (0, 99) for b in (0, 99) for c in (0, 99)} <= tried


def test_every_position_starts_from_the_same_random_numbers_and_leaves_the_kernels_alone(shown):
    drawn = []

    def draw(k=3):
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
        return line(k)

    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    slider(draw, alt=words, k=(1, 9))
    random.random()
    torch.rand(7)
    between = random.getstate(), torch.get_rng_state()
    shown.controls[0].index = 0
    assert drawn[0] == drawn[1]
    assert random.getstate() == between[0]
    assert torch.equal(torch.get_rng_state(), between[1])
    assert np.array_equal(np.random.get_state()[1], states[1])


def test_open_figures_stay_open_and_drawn_ones_are_closed(shown):
    mine = plt.figure()
    slider(line, alt=words, k=(1, 9))
    shown.controls[0].index = 0
    assert plt.get_fignums() == [mine.number]
    assert plt.gcf() is mine


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: slider(3, k=(1, 9)), "a `int` for `draw`"),
        (lambda: slider(line, alt=words), "no range"),
        (lambda: slider(line, alt=words, n=(1, 9)), "`draw` has no `n`"),
        (lambda: slider(lambda k: line(k), alt=words, k=(1, 9)), "no default for `k`"),
        (lambda: slider(line, alt=words, k=(9, 1)), r"range of `k` is \(9, 1\)"),
        (lambda: slider(line, alt=words, k=(1, 9, 0)), r"range of `k` is \(1, 9, 0\)"),
        (lambda: slider(line, alt=words, k=4), "range of `k` is 4"),
        (lambda: slider(line, alt=words, k=(4, 9)), "`k` starts at 3. Expected a value from 4 to 9"),
        (lambda: slider(line, alt=words, k=[1, 2]), "`k` starts at 3. Expected one of its choices"),
        (lambda: slider(line, alt="", k=(1, 9)), "At `k=3`: `alt` is"),
        (lambda: slider(lambda k=3: None, alt=words, k=(1, 9)), "At `k=3`: `draw` returned nothing"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(shown, call, found):
    with pytest.raises(CourseError, match=found):
        call()
    assert not shown.things
