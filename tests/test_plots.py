"""Figures: readable, the same in every lesson, and never without their words."""

import base64
import html
import io
import re
from colorsys import rgb_to_hsv
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from course_lib import plots
from course_lib.errors import CourseError

ALT = "Line chart of loss against epoch: it falls."


@pytest.fixture(autouse=True)
def fresh_matplotlib():
    yield
    plt.close("all")
    matplotlib.rcdefaults()
    matplotlib.use("Agg")


class Page(HTMLParser):
    """The tags of a piece of HTML, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def pixels(markup) -> np.ndarray:
    source = dict(Page(markup).tags)["img"]["src"]
    return plt.imread(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))


def a_history(epochs=5, **more):
    return [
        {"epoch": e, "train_loss": 1 / e, "valid_loss": 2 / e, "learning_rate": 0.1, "seconds": 1.0, **more}
        for e in range(1, epochs + 1)
    ]


def test_importing_plots_changes_no_setting_and_use_style_is_undone_by_rcdefaults():
    before = dict(plt.rcParams)
    plots.use_style()
    assert dict(plt.rcParams) != before
    matplotlib.rcdefaults()
    matplotlib.use("Agg")
    assert dict(plt.rcParams) == before


def test_the_palette_is_that_of_okabe_and_ito():
    # The eight colours of their table, here in RGB as published.
    published = {(0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178)}
    published |= {(213, 94, 0), (204, 121, 167)}
    assert {tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in plots.PALETTE} == published


def test_the_style_hands_out_the_palette_in_order():
    plots.use_style()
    _, ax = plt.subplots()
    assert [ax.plot([0, 1])[0].get_color() for _ in plots.PALETTE] == list(plots.PALETTE)


def test_train_and_validation_differ_in_more_than_colour():
    for key in ("color", "linestyle", "marker"):
        assert plots.TRAIN_STYLE[key] != plots.VALID_STYLE[key]


def test_a_figure_becomes_html_with_its_picture_and_its_alt_text():
    fig, ax = plt.subplots(figsize=(4, 3))
    ax.plot([1, 2])
    alt = 'A line from "left" to <right> & up.'
    page = Page(plots.to_html(fig, alt))
    assert [tag for tag, _ in page.tags] == ["figure", "img"]
    assert page.tags[1][1]["alt"] == alt
    assert html.escape(alt) in plots.to_html(fig, alt)
    picture = pixels(plots.to_html(ax, alt))
    assert picture.shape[1] > 1.5 * int(page.tags[1][1]["width"])  # sharper than the page
    assert picture[0, 0].tolist() == [1, 1, 1, 1]  # white, also on a dark page
    assert plt.fignum_exists(fig.number)


def test_labels_stay_inside_the_picture_with_and_without_the_style():
    for style in (plots.use_style, lambda: None):
        style()
        fig, ax = plt.subplots()
        ax.set(xlabel="time (s)\nsecond line\nthird line", ylabel="a\nvery\nlong\nlabel", title="title")
        picture = pixels(plots.to_html(fig, ALT))[..., :3]
        frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert frame.min() == 1.0, "something is cut at the edge"


def contrast_with_white(rgb) -> float:
    """The contrast ratio of WCAG 2.2, from its definition."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


@pytest.mark.parametrize("color", plots.PALETTE)
def test_words_in_a_colour_of_the_palette_are_dark_enough_to_read_and_keep_their_hue(color):
    fig = plt.figure(figsize=(1, 1))
    word = fig.text(0.5, 0.5, "█", color=color, fontsize=60, ha="center", va="center")
    picture = pixels(plots.to_html(fig, ALT))
    found = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3]
    assert contrast_with_white(found) >= 4.45  # 4.5, and what is lost in whole steps of 255
    hue, drawn = (rgb_to_hsv(*rgb)[0] for rgb in (matplotlib.colors.to_rgb(color), found.tolist()))
    assert drawn == pytest.approx(hue, abs=0.02)
    assert word.get_color() == color  # the figure itself is as it was


def test_words_on_a_picture_or_in_a_colour_of_ones_own_are_left_alone():
    fig, (left, right) = plt.subplots(1, 2, figsize=(2, 1))
    left.imshow(np.zeros((2, 2)))
    yellow = left.text(0.5, 0.5, "on a dark picture", color=plots.PALETTE[7])
    white = right.text(0.5, 0.5, "chosen", color="white")
    drawn = []
    for text in (yellow, white):
        text.draw = lambda renderer, text=text: drawn.append(text.get_color())
    plots.to_html(fig, ALT)
    assert set(drawn) == {plots.PALETTE[7], "white"}


def test_show_closes_the_figure_and_prints_the_alt_text_where_there_is_no_page(capsys):
    fig, _ = plt.subplots()
    other, _ = plt.subplots()
    assert plots.show(fig, alt=ALT) is None
    assert capsys.readouterr().out == f"[{ALT}]\n"
    assert not plt.fignum_exists(fig.number)
    assert plt.fignum_exists(other.number)


def test_a_picture_offers_html_to_a_page_and_words_to_a_terminal():
    picture = plots.Picture("<figure></figure>", ALT)
    assert picture._repr_html_() == "<figure></figure>"
    assert repr(picture) == f"[{ALT}]"


@pytest.mark.parametrize(
    "alt",
    ["", None, "figure", "A line chart of loss", "Loss falls.", "   ", 5, "loss against the epoch it falls"],
)
def test_an_alt_text_that_is_no_sentence_is_refused_and_the_figure_stays(alt):
    fig, _ = plt.subplots()
    with pytest.raises(CourseError, match="Expected one sentence"):
        plots.show(fig, alt=alt)
    assert plt.fignum_exists(fig.number)


def test_a_missing_alt_text_is_refused_with_the_same_words():
    with pytest.raises(CourseError, match="`alt` is missing"):
        plots.show(plt.figure())


@pytest.mark.parametrize("alt", [ALT, "Does the loss fall with the epoch?", "A chart (of loss and epochs.)"])
def test_a_sentence_is_accepted(alt):
    plots.to_html(plt.figure(), alt)


def test_what_is_no_figure_is_refused():
    with pytest.raises(CourseError, match="`fig` is a `list`"):
        plots.show([1, 2], alt=ALT)


def test_history_draws_the_losses_with_words_at_the_lines():
    ax = plots.history(a_history(5))
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert set(lines) == {"train", "validation"}
    assert lines["train"].get_ydata() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])
    assert lines["validation"].get_ydata() == pytest.approx([2, 1, 2 / 3, 1 / 2, 2 / 5])
    assert lines["train"].get_color() == plots.TRAIN_STYLE["color"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert {text.get_text() for text in ax.texts} == {"train", "validation"}


def test_the_words_at_the_lines_do_not_overlap_even_where_the_lines_meet():
    records = [record | {"valid_loss": record["train_loss"]} for record in a_history(4)]
    ax = plots.history(records)
    ax.figure.canvas.draw()
    lower, upper = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert lower.y1 <= upper.y0


def test_history_draws_where_it_is_told_and_without_validation():
    _, ax = plt.subplots()
    records = [record | {"valid_loss": None} for record in a_history(1)]
    assert plots.history(records, ax) is ax
    assert [line.get_label() for line in ax.get_lines()] == ["train"]


def test_an_empty_history_is_refused():
    with pytest.raises(CourseError, match="no epoch"):
        plots.history([])


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 1, 8, 8), (5, 3, 8, 8)])
def test_images_shows_every_picture_of_a_batch(make, shape):
    batch = np.random.default_rng(0).random(shape)
    fig = plots.images(make(batch), titles=range(5), ncols=3)
    assert isinstance(fig, Figure)
    shown = [ax for ax in fig.axes if ax.images]
    assert len(fig.axes) == 6
    assert [ax.get_title() for ax in shown] == ["0", "1", "2", "3", "4"]
    for ax, picture in zip(shown, batch, strict=True):
        expected = picture[0] if shape[1] == 1 else np.moveaxis(picture, 0, -1) if shape[1] == 3 else picture
        assert np.allclose(ax.images[0].get_array(), expected)
        assert ax.images[0].get_clim() == (batch.min(), batch.max())


def test_images_refuses_a_wrong_shape_no_picture_and_too_few_titles():
    for batch, titles in (
        (np.zeros((8, 8)), None),
        (np.zeros((0, 8, 8)), None),
        (np.zeros((3, 8, 8)), ["a"]),
    ):
        with pytest.raises(CourseError, match=re.compile("Expected")):
            plots.images(batch, titles)
