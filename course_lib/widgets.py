"""A slider over any figure function; the figure at its start is always on the page."""

from __future__ import annotations

import contextlib
import html
import inspect
import itertools
import os
from collections.abc import Callable, Iterator

import matplotlib.pyplot as plt
import torch

from course_lib.errors import CourseError, closest
from course_lib.plots import Picture, to_html
from course_lib.training.bar import is_in_notebook
from course_lib.training.messages import first_line
from course_lib.training.random_state import random_state, set_random_state

__all__ = ["slider"]

_MOST_WALKED = 60  # positions that are tried under `COURSE_STRICT`: about six seconds

# The handle of ipywidgets' slider has no name for a screen reader, and for its value the position's number.
# The words beside it can be typed into, and nothing comes of that. This gives the handle the words, and makes
# them read-only. A slider may be drawn after this has run, so it waits for ten seconds.
_NAME_THE_HANDLES = """
(function name(tries) {
  document.querySelectorAll('.course-slider .widget-slider').forEach((slider) => {
    const handle = slider.querySelector('.noUi-handle');
    const [label, value] = ['.widget-label', '.widget-readout'].map((part) => slider.querySelector(part));
    if (!handle || !label || !value || handle.hasAttribute('aria-label')) return;
    const say = () => {
      if (handle.getAttribute('aria-valuetext') !== value.textContent)
        handle.setAttribute('aria-valuetext', value.textContent);
    };
    handle.setAttribute('aria-label', label.textContent);
    value.contentEditable = 'false';
    new MutationObserver(say).observe(handle, {attributeFilter: ['aria-valuetext']});
    new MutationObserver(say).observe(value, {childList: true, characterData: true, subtree: true});
    say();
  });
  if (tries > 1) setTimeout(name, 200, tries - 1);
})(50);
"""


def slider(draw: Callable, *, alt: str | Callable[..., str] = "", **ranges) -> None:
    """Show the figure that `draw` makes, with a slider under it for each range.

    The figure at the defaults of `draw` is always shown, also where there are no widgets. Each position
    starts from the same random numbers, and a `draw` that fails says so in the figure's place. With
    `COURSE_STRICT=1` the positions are all tried at once, or 60 of them, the ends included.

    Parameters
    ----------
    draw : callable
        `draw(**values)` returns a Figure or Axes. Its defaults are where the sliders start.
    alt : str or callable
        One sentence on the figure, or `alt(**values)` that returns one for each position.
    ranges : tuple or list
        For each value its name and `(low, high)`, `(low, high, step)`, or a list of choices.

    Raises
    ------
    CourseError
        If a range and `draw` do not fit together, or `draw` fails at the start (strict: at any position).

    Notes
    -----
    Random numbers of Python, NumPy's old generator and torch are as before afterwards, and so are the open
    figures. A generator that `draw` shares with other cells is not: make it inside `draw`, from a seed.

    **Source:** standard result. **Shown in:** lesson 00, "Two pixels to the right".
    """
    positions, start = _positions(draw, ranges)
    at_start = _world()
    values = {name: positions[name][index] for name, index in start.items()}
    picture = _picture(draw, alt, values, at_start)
    if os.environ.get("COURSE_STRICT") == "1":
        for some in itertools.product(*map(_thinned, positions.values(), itertools.repeat(len(positions)))):
            _picture(draw, alt, dict(zip(positions, some, strict=True)), at_start)

    from IPython.display import display

    handle = display(picture, display_id=True)
    if is_in_notebook():
        with contextlib.suppress(ImportError):
            display(_controls(draw, alt, positions, start, at_start, handle))
            display({"application/javascript": _NAME_THE_HANDLES, "text/plain": ""}, raw=True)


def _positions(draw, ranges) -> tuple[dict[str, list], dict[str, int]]:
    """Return the positions of each slider, and the index of the one where it starts."""
    if not callable(draw) or not ranges:
        raise CourseError(
            f"`slider` got {'no range' if callable(draw) else f'a `{type(draw).__name__}` for `draw`'}.",
            "Expected a function that draws, and a range for one of its arguments.",
            "Write, for example, `slider(draw, alt=..., k=(1, 9))`.",
        )
    parameters = inspect.signature(draw).parameters
    positions, start = {}, {}
    for name, given in ranges.items():
        if name not in parameters or parameters[name].default is inspect.Parameter.empty:
            raise CourseError(
                f"`draw` has no {'default for ' if name in parameters else ''}`{name}`.",
                "Expected an argument with the value that the slider starts from.",
                f"Write `def draw({name}=...)`." if name in parameters else closest(name, parameters),
            )
        positions[name], start[name] = _range(name, given, parameters[name].default)
    return positions, start


def _range(name, given, default) -> tuple[list, int]:
    if isinstance(given, list):
        if default not in given:
            raise CourseError(
                f"`{name}` starts at {default!r}.",
                f"Expected one of its choices: {given}.",
                "Add it to the list.",
            )
        return given, given.index(default)
    fits = isinstance(given, tuple) and len(given) in (2, 3)
    if not fits or not given[0] < given[1] or not all(step > 0 for step in given[2:]):
        raise CourseError(
            f"The range of `{name}` is {given!r}.",
            "Expected `(low, high)`, `(low, high, step)`, or a list of choices.",
            f"Try `{name}=(1, 9)`.",
        )
    low, high = given[:2]
    if not low <= default <= high:
        raise CourseError(
            f"`{name}` starts at {default!r}.",
            f"Expected a value from {low} to {high}.",
            "Change one of the two.",
        )
    are_whole = all(isinstance(number, int) for number in given)
    step = given[2] if len(given) == 3 else 1 if are_whole else (high - low) / 50
    steps = int((high - low) / step + 1e-9)
    grid = [low + index * step if are_whole else round(low + index * step, 12) for index in range(steps + 1)]
    grid = sorted({*grid, default, high})
    return grid, grid.index(default)


def _thinned(positions, axes) -> list:
    """Return as many positions, the ends included, as leave the whole grid small."""
    most = max(2, int(_MOST_WALKED ** (1 / axes) + 1e-9))
    if len(positions) <= most:
        return positions
    return [positions[round(index * (len(positions) - 1) / (most - 1))] for index in range(most)]


def _picture(draw, alt, values, at_start) -> Picture:
    where = ", ".join(f"{name}={value!r}" for name, value in values.items())
    with _untouched(at_start):
        try:
            drawn = draw(**values)
            sentence = alt(**values) if callable(alt) else alt
            if drawn is None:
                raise CourseError(
                    "`draw` returned nothing.", "Expected the axes or the figure.", "Add `return ax`."
                )
            return Picture(to_html(drawn, sentence), sentence)
        except CourseError as error:
            raise CourseError(f"At `{where}`: {error.found}", error.expected, error.suggestion) from error
        except Exception as error:
            raise CourseError(
                f"`draw({where})` failed with {type(error).__name__}: {first_line(error)}",
                "Expected a figure and its alt text at every position.",
                "Call `draw` by itself with these values.",
            ) from error


def _world() -> dict:
    return random_state(_generator_device())


def _generator_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_initialized() else "cpu")


@contextlib.contextmanager
def _untouched(at_start) -> Iterator[None]:
    """Draw from the random numbers of the start, and leave those of now, and the open figures, alone."""
    now, open_figures = _world(), plt.get_fignums()
    current = plt.gcf().number if open_figures else None
    set_random_state(at_start, _generator_device())
    try:
        yield
    finally:
        set_random_state(now, _generator_device())
        for number in set(plt.get_fignums()) - set(open_figures):
            plt.close(number)
        if current is not None and plt.fignum_exists(current):
            plt.figure(current)


def _controls(draw, alt, positions, start, at_start, handle):
    import ipywidgets

    sliders = {
        name: ipywidgets.SelectionSlider(
            options=[f"{v:.4g}" if isinstance(v, float) else str(v) for v in values],
            index=start[name],
            description=name.replace("_", " "),
            style={"description_width": "initial"},
            layout=ipywidgets.Layout(width="30em"),
        )
        for name, values in positions.items()
    }

    def redraw(_change) -> None:
        values = {name: positions[name][control.index] for name, control in sliders.items()}
        try:
            picture = _picture(draw, alt, values, at_start)
        except CourseError as error:
            picture = Picture(f'<p role="alert">{html.escape(str(error))}</p>', str(error))
        handle.update(picture)

    for control in sliders.values():
        control.observe(redraw, names="index")
    box = ipywidgets.VBox(list(sliders.values()))
    box.add_class("course-slider")
    return box
