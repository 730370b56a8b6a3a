"""A slider over any figure function, with the static figure always there.

The figure is an ordinary output of the notebook, which the sliders beneath it update. So it stands on a saved
page, on paper, and where no widget is shown: without them the lesson loses nothing but the play.
"""

from __future__ import annotations

import html
import inspect
import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.errors import CourseError, closest
from course_lib.seeding import same_random_states_after

__all__ = ["slider"]

_POSITIONS_WALKED = 25  # of one slider, under COURSE_STRICT: a longer one is walked in larger steps


def slider(draw: Callable[..., Any], *, alt: str | Callable[..., str], **ranges: Sequence) -> None:
    """Show the figure that a function draws, and a slider for each of its arguments.

    The figure begins at the function's own defaults. An error at one position is shown in the figure's
    place, and the sliders go on working. With COURSE_STRICT=1 the positions are walked at once, and an error
    at any of them is raised.

    Parameters
    ----------
    draw : callable
        `draw(**values)` returns matplotlib axes or a figure; each argument has a default, where it starts.
    alt : str or callable
        One sentence for those who cannot see the figure, or `alt(**values)` that returns it.
    **ranges : sequence
        For each argument (low, high), (low, high, step), or a list of choices.

    Raises
    ------
    CourseError
        If a range does not fit the function, or, with COURSE_STRICT=1, a position cannot be drawn.

    Notes
    -----
    **Source:** standard result (ipywidgets). **Shown in:** lesson 00, "Two pixels".
    """
    from IPython.display import display

    grid = {name: _positions(name, values) for name, values in ranges.items()}
    start = _starts(draw, grid)

    def picture(values: dict[str, Any]):
        with same_random_states_after():
            return _picture(draw, values, alt(**values) if callable(alt) else alt)

    if os.environ.get("COURSE_STRICT") == "1":
        _walk(picture, grid, start)
    shown = display(picture(start), display_id=True)

    def update(change=None) -> None:
        values = {name: control.value for name, control in controls.items()}
        try:
            shown.update(picture(values))
        except Exception as error:  # whatever it is, the sliders go on working
            shown.update(_Trouble(_position(values), error))

    try:
        import ipywidgets
    except ModuleNotFoundError:
        return
    controls = {name: _control(ipywidgets, name, grid[name], start[name]) for name in grid}
    for control in controls.values():
        control.observe(update, names="value")
    box = ipywidgets.VBox(list(controls.values()))
    box.add_class("course-slider")
    display(box)


def _positions(name: str, values: Sequence) -> list:
    """Return every position of one slider, in order."""
    if isinstance(values, list) and values:
        return values
    if isinstance(values, tuple) and len(values) in (2, 3) and all(_is_number(value) for value in values):
        low, high = values[:2]
        whole = all(isinstance(value, int) for value in values)
        step = values[2] if len(values) == 3 else 1 if whole else (high - low) / 20
        if low < high and step > 0:
            count = int((high - low) / step + 1e-9) + 1
            # Rounded, so that 0.1 * 3 is 0.3 on the slider, for the function, and in the alt text.
            return [low + step * n if whole else round(low + step * n, 10) for n in range(count)]
    raise CourseError(
        f"The range of `{name}` is {values!r}.",
        "Expected (low, high), (low, high, step) with low below high, or a list of choices.",
        f"For example `{name}=(1, 9)`.",
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _starts(draw: Callable, grid: dict[str, list]) -> dict[str, Any]:
    """Return the default of each argument of `draw` that has a slider."""
    parameters = inspect.signature(draw).parameters
    for name, positions in grid.items():
        if name not in parameters:
            raise CourseError(
                f"`{draw.__name__}` has no argument `{name}`.",
                "Expected a range for an argument of the function.",
                closest(name, parameters),
            )
        default = parameters[name].default
        if default is inspect.Parameter.empty or default not in positions:
            found = "no default" if default is inspect.Parameter.empty else f"the default {default!r}"
            raise CourseError(
                f"The argument `{name}` of `{draw.__name__}` has {found}.",
                "Expected a default that is one of the slider's positions: it starts there.",
                f"For example `{name}={positions[len(positions) // 2]!r}`.",
            )
    return {name: parameters[name].default for name in grid}


def _picture(draw: Callable, values: dict[str, Any], alt: str):
    """Draw one position, and close every figure that was opened for it."""
    import matplotlib.pyplot as plt

    from course_lib.plots import Picture, to_html

    before = plt.get_fignums()
    try:
        return Picture(to_html(draw(**values), alt), alt)
    finally:
        for number in set(plt.get_fignums()) - set(before):
            plt.close(number)


def _walk(picture: Callable[[dict], object], grid: dict[str, list], start: dict[str, Any]) -> None:
    """Draw every position of each slider with the others at their start, and all corners."""
    walked = [
        start | {name: positions[n]}
        for name, positions in grid.items()
        for n in _spread(len(positions), _POSITIONS_WALKED)
    ]
    corners = itertools.product(*({positions[0]: 0, positions[-1]: 0} for positions in grid.values()))
    walked += [dict(zip(grid, corner, strict=True)) for corner in corners]
    for values in walked:
        try:
            picture(values)
        except Exception as error:
            raise CourseError(
                f"The slider fails at {_position(values)} with `{type(error).__name__}: {error}`.",
                "Expected a figure at every position.",
                "Draw it there by hand, or narrow the range.",
            ) from error


def _spread(length: int, count: int) -> list[int]:
    """Return at most `count` indices spread evenly over a list, the first and the last among them."""
    count = min(length, count)
    return [n * (length - 1) // max(count - 1, 1) for n in range(count)]


def _position(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _control(ipywidgets, name: str, positions: list, start: object):
    """Return a slider that works alike in ipywidgets 7 and 8 and is reached by keyboard."""
    return ipywidgets.SelectionSlider(
        options=[(f"{value:g}" if isinstance(value, float) else str(value), value) for value in positions],
        value=start,
        description=name.replace("_", " "),
        continuous_update=False,  # one picture when the slider is let go, not one for each pixel of the way
        style={"description_width": "initial"},
    )


class _Trouble:
    """What stands in the figure's place where it could not be drawn."""

    def __init__(self, position: str, error: Exception) -> None:
        self._said = (
            f"No figure at {position}: {type(error).__name__}: {error}. Move the slider elsewhere to go on."
        )

    def __repr__(self) -> str:
        return self._said

    def _repr_html_(self) -> str:
        return f'<p role="alert">{html.escape(self._said)}</p>'
