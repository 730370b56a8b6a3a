"""Style, palette and figure functions; `show` puts a figure on the page together with its alt text.

Figure functions take arrays or a `History`; a lesson that draws something of its own uses matplotlib itself.
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import re
from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from course_lib.errors import CourseError

__all__ = ["PALETTE", "TRAIN_STYLE", "VALID_STYLE", "history", "images", "show", "to_html", "use_style"]

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart: blue, vermilion, green,
# purple, orange, sky blue, black, yellow. The palest come last.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")

# Training and validation look the same in every lesson, also in black and white.
TRAIN_STYLE = {"color": PALETTE[0], "linestyle": "-", "marker": "o"}
VALID_STYLE = {"color": PALETTE[1], "linestyle": "--", "marker": "s"}

_READABLE = 4.5  # to 1: the least contrast of words, Web Content Accessibility Guidelines 2.2, 1.4.3
_PAGE_DPI = 100  # an inch of the figure on the page [px]
_SHARPNESS = 1.6  # pixels drawn for each pixel of the page: crisp on fine screens, small in a saved notebook


def use_style() -> None:
    """Set the style of the course: large type, few lines, and the palette in its order.

    It changes `matplotlib.rcParams` for the rest of the session; `matplotlib.rcdefaults()` undoes it.

    Notes
    -----
    **Source:** M. Okabe and K. Ito, Color Universal Design (2008), for the palette. **Shown in:** lesson 00,
    "Set-up".
    """
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 4.0),
            "figure.dpi": _PAGE_DPI,
            "figure.constrained_layout.use": True,
            "font.size": 13,
            "axes.titlesize": 13,
            "axes.titlelocation": "left",
            "axes.prop_cycle": plt.cycler(color=PALETTE),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "lines.linewidth": 2.0,
            "lines.markersize": 5.0,
            "legend.frameon": False,
            "image.cmap": "cividis",
        }
    )


def to_html(fig: Figure | Axes, alt: str) -> str:
    """Return a figure as an HTML `<figure>`: the picture inside it, and its alt text.

    The figure stays open. Words in a colour of the palette are drawn in a darker shade of it, since a colour
    that is strong enough for a line is too pale to be read.

    Parameters
    ----------
    fig : Figure or Axes
        What to draw.
    alt : str
        One sentence: the kind of figure, its axes, and what it shows.

    Returns
    -------
    str
        HTML that needs no other file.

    Raises
    ------
    CourseError
        If `fig` is not a figure, or `alt` is not a sentence.

    Notes
    -----
    **Source:** standard result: JupyterLab and nbconvert ignore alt text in the metadata of an output, and
    honour it in HTML. **Shown in:** lesson 00, "A picture and its words".
    """
    fig = _figure_of(fig)
    _require_sentence(alt)
    png = io.BytesIO()
    # A layout engine keeps every label inside the figure; without one the edges are cut to fit the labels.
    edges = "tight" if fig.get_layout_engine() is None else None
    with _readable_words(fig):
        fig.savefig(png, format="png", dpi=_PAGE_DPI * _SHARPNESS, facecolor="white", bbox_inches=edges)
    data = png.getvalue()
    width = round(int.from_bytes(data[16:20], "big") / _SHARPNESS)  # bytes 16 to 19 of a PNG: its width
    return (
        f'<figure style="margin: 0"><img alt="{html.escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto" '
        f'src="data:image/png;base64,{base64.b64encode(data).decode()}"></figure>'
    )


def show(fig: Figure | Axes, *, alt: str = "") -> None:
    """Display a figure with its alt text, and close it.

    Where no picture can be shown, in a terminal, the alt text stands in its place.

    Parameters
    ----------
    fig : Figure or Axes
        What to display.
    alt : str
        One sentence: the kind of figure, its axes, and what it shows.

    Raises
    ------
    CourseError
        If `fig` is not a figure, or `alt` is missing or not a sentence.

    Notes
    -----
    **Source:** standard result (Web Content Accessibility Guidelines, 1.1.1). **Shown in:** lesson 00, "A
    picture and its words".
    """
    from IPython.display import display

    picture = Picture(to_html(fig, alt), alt)
    plt.close(_figure_of(fig))
    display(picture)


class Picture:
    """An HTML figure whose text form is its alt text."""

    def __init__(self, markup: str, alt: str) -> None:
        self._markup, self._alt = markup, alt

    def __repr__(self) -> str:
        return f"[{self._alt}]"

    def _repr_html_(self) -> str:
        return self._markup


def history(h: Sequence[dict], ax: Axes | None = None) -> Axes:
    """Draw the losses of a training run against the epoch.

    Parameters
    ----------
    h : History
        What `fit` returned: records with `epoch`, `train_loss` and, where there is one, `valid_loss`.
    ax : Axes, optional
        Where to draw; a new figure if it is left out.

    Returns
    -------
    Axes
        With one labelled line for training and one for validation.

    Raises
    ------
    CourseError
        If no epoch was finished.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 00, "Train a network".
    """
    if not h:
        raise CourseError(
            "The history has no epoch.", "Expected at least one.", "Train with `epochs=1` or more first."
        )
    ax = ax or plt.subplots()[1]
    lines = [("train", "train_loss", TRAIN_STYLE)]
    if h[-1].get("valid_loss") is not None:
        lines.append(("validation", "valid_loss", VALID_STYLE))
    lines.sort(key=lambda line: h[-1][line[1]])
    for (label, key, style), place in zip(
        lines, ("top", "bottom") if len(lines) > 1 else ("center",), strict=True
    ):
        ax.plot(
            [r["epoch"] for r in h], [r[key] for r in h], label=label, markevery=max(1, len(h) // 15), **style
        )
        # The words stand at the ends of the lines, the higher line's above and the lower line's below.
        ax.annotate(
            label,
            (h[-1]["epoch"], h[-1][key]),
            xytext=(8, 0),
            textcoords="offset points",
            verticalalignment=place,
            color=style["color"],
        )
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    ax.set(xlabel="epoch", ylabel="loss")
    return ax


def images(batch, titles: Sequence[str] | None = None, *, ncols: int = 8) -> Figure:
    """Draw a batch of pictures in a grid, all on the same grey scale.

    Parameters
    ----------
    batch : array or tensor
        (B, H, W) or (B, 1, H, W) grey pictures, or (B, 3, H, W) coloured ones with values from 0 to 1.
    titles : sequence, optional
        One text or number above each picture.
    ncols : int
        Pictures in a row.

    Returns
    -------
    Figure
        To be given to `show`.

    Raises
    ------
    CourseError
        If the batch has another shape, no picture in it, or another number of titles.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 00, "The data".
    """
    pictures = np.asarray(batch.detach().cpu() if hasattr(batch, "detach") else batch)
    if pictures.ndim == 4 and pictures.shape[1] in (1, 3):
        pictures = pictures[:, 0] if pictures.shape[1] == 1 else np.moveaxis(pictures, 1, -1)
    elif pictures.ndim != 3:
        raise CourseError(
            f"`batch` has shape {pictures.shape}.",
            "Expected (B, H, W), (B, 1, H, W) or (B, 3, H, W).",
            "For a single picture write `picture[None]`; columns of pixels take `.reshape(-1, H, W)`.",
        )
    if len(pictures) == 0 or (titles is not None and len(titles) != len(pictures)):
        raise CourseError(
            f"There are {len(pictures)} pictures and {0 if titles is None else len(titles)} titles.",
            "Expected at least one picture, and one title for each if there are titles.",
            "Cut both alike: `images(batch[:8], titles[:8])`.",
        )
    ncols = min(ncols, len(pictures))
    nrows = -(-len(pictures) // ncols)
    cell = max(0.8, 6.4 / max(ncols, 4))  # [inch]
    fig, axes = plt.subplots(
        nrows,
        ncols,
        figsize=(cell * ncols, (cell + (0.3 if titles is not None else 0)) * nrows),
        squeeze=False,
    )
    for index, ax in enumerate(axes.flat):
        ax.axis("off")
        if index < len(pictures):
            ax.imshow(pictures[index], cmap="gray", vmin=pictures.min(), vmax=pictures.max())
            if titles is not None:
                ax.set_title(str(titles[index]), loc="center")
    return fig


@contextlib.contextmanager
def _readable_words(fig: Figure) -> Iterator[None]:
    """Darken words in the palette's colours for the while, where only the white page is behind them."""
    on_pictures = {
        text
        for ax in fig.axes
        if ax.images or any(isinstance(drawn, QuadMesh) for drawn in ax.collections)
        for text in ax.texts
    }
    changed = {}
    for text in fig.findobj(Text):
        color = to_hex(text.get_color()).upper()
        if color in PALETTE and text not in on_pictures and text.get_bbox_patch() is None:
            changed[text] = text.get_color()
            text.set_color(_dark_enough(color))
    try:
        yield
    finally:
        for text, color in changed.items():
            text.set_color(color)


def _dark_enough(color: str) -> tuple[float, ...]:
    """Return the lightest shade of a colour, in steps of a hundredth, that can be read on white."""
    shades = (np.array(to_rgb(color)) * share / 100 for share in range(100, -1, -1))
    return tuple(next(shade for shade in shades if 1.05 / (_luminance(shade) + 0.05) >= _READABLE))


def _luminance(rgb: np.ndarray) -> float:
    """Return the relative luminance of an sRGB colour: 0 for black, 1 for white."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def _figure_of(fig: Figure | Axes) -> Figure:
    found = fig.figure if isinstance(fig, Axes) else fig
    if not isinstance(found, Figure):
        raise CourseError(
            f"`fig` is a `{type(fig).__name__}`.",
            "Expected a matplotlib figure, or axes on one.",
            "Make one with `fig, ax = plt.subplots()`.",
        )
    return found


def _require_sentence(alt: str) -> None:
    if not isinstance(alt, str) or len(alt.split()) < 5 or not re.search(r"[.?!…][\"”’')\]]*\s*$", alt):
        raise CourseError(
            "`alt` is missing or empty." if not alt else f"`alt` is {alt!r}, which is not a sentence.",
            "Expected one sentence for those who cannot see the figure, ending with a full stop.",
            'Name the kind of figure, the axes, the finding: `alt="Line chart: the loss falls by epoch."`.',
        )
