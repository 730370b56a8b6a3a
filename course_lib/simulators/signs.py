"""Glyphs: an alphabet that nobody has seen, as large as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError
from course_lib.registry import Dataset

if TYPE_CHECKING:
    import numpy as np

SIZE = 20  # pixels, height and width
PEN = 0.035  # standard deviation of the pen's ink across a stroke [share of the width]
STROKES = 3  # at most; one glyph in two has two
POINTS = 32  # along a stroke: nearer to each other than the pen is wide

_CARD = """# Glyphs of an unknown alphabet (`glyphs`)

{classes} simulated glyphs, {images} pictures of each, {size} × {size} pixels, glyph after glyph: the first
{images} rows are glyph 0.

- **Inputs:** {rows} × {size} × {size}, ink [1]: 0 none, 1 full, before noise
- **Target:** which glyph, 0 to {last}
- **Planted:** a glyph is two or three strokes, equally likely. A stroke is a quadratic Bézier curve with
  three control points, uniform in a square of 0.76 of the width. In each picture the control points are moved
  (sd 0.035 of the width), the whole is turned (sd 0.15 radians), scaled (0.85 to 1.1) and shifted (sd 0.04),
  and drawn with a soft pen; then noise of sd {noise:g} is added to every pixel.
- **Split:** none. Part it by glyph: pictures of one glyph on both sides ask another question than new glyphs.
- **Not for:** any statement about people's writing. Omniglot holds such.
"""


def glyphs(seed: int, classes: int = 200, images: int = 20, *, noise: float = 0.0) -> Dataset:
    """Draw pictures of the glyphs of an alphabet.

    Parameters
    ----------
    seed : int
        The alphabet and the draw. The first glyphs are the same ones however many are asked for, and however
        many pictures of each.
    classes : int
        How many glyphs, K.
    images : int
        How many pictures of each: B = K · `images`.
    noise : float
        Standard deviation of what is added to each pixel [ink].

    Returns
    -------
    Dataset
        `inputs` (B, 20, 20) and `targets` (B,), glyph after glyph. It comes in one piece: part it by glyph.
        `truth["control_points"]` (K, 3, 3, 2) holds x and y of each stroke's three points, NaN where a glyph
        has no third stroke.

    Raises
    ------
    CourseError
        If `seed` or `noise` is negative, or `classes` or `images` is below 1.

    Notes
    -----
    **Source:** after the idea of B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum (2015), Human-level concept
    learning through probabilistic program induction, Science 350, 1332: a sign is a program of strokes. The
    strokes are our own.
    **Shown in:** lesson 12, "Signs that nobody has seen".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("classes", classes, 1), ("images", images, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `200`, not `200.0`.",
            )
    if isinstance(noise, bool) or not isinstance(noise, (int, float, np.number)) or not 0 <= noise < np.inf:
        raise CourseError(
            f"`noise` is {noise!r}.",
            "Expected a standard deviation from 0 on, in units of full ink.",
            "Try `noise=0.35`.",
        )
    # Three streams, and rows of one length: a glyph does not depend on how many others there are.
    of_classes, of_images, of_noise = np.random.default_rng(seed).spawn(3)
    drawn = of_classes.random((classes, 1 + STROKES * 6))
    points = 0.12 + 0.76 * drawn[:, 1:].reshape(classes, STROKES, 3, 2)
    points[drawn[:, 0] < 0.5, -1] = np.nan  # two strokes only
    pictures = np.concatenate([_pictures(of_images, glyph, images) for glyph in points])
    pictures += noise * of_noise.standard_normal(pictures.shape, dtype=np.float32)
    return Dataset(
        name="glyphs",
        inputs=pictures,
        targets=np.repeat(np.arange(classes), images),
        input_names=("ink",),
        target_names=tuple(f"glyph {number}" for number in range(classes)),
        units={"ink": "1"},
        splits={},
        card=_CARD.format(
            classes=classes, images=images, rows=classes * images, size=SIZE, last=classes - 1, noise=noise
        ),
        truth={"control_points": points},
    )


def _pictures(random: np.random.Generator, glyph: np.ndarray, images: int) -> np.ndarray:
    """Return pictures (N, 20, 20) of one glyph, given by its control points (3, 3, 2), without noise."""
    import numpy as np

    glyph = glyph[~np.isnan(glyph[:, 0, 0])]
    moved = glyph + random.normal(0, 0.035, size=(images, *glyph.shape))
    angle = random.normal(0, 0.15, size=images)
    scale = random.uniform(0.85, 1.1, size=images)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)
    shift = random.normal(0, 0.04, size=(images, 1, 1, 2))
    return _inked(np.einsum("nij,nspj->nspi", turn, moved - 0.5) + 0.5 + shift)


def _inked(strokes: np.ndarray) -> np.ndarray:
    """Return pictures (N, 20, 20) of strokes, given by their control points (N, S, 3, 2).

    The pen leaves ink in proportion to the way it goes, spread as a Gaussian: along a straight line that is
    exp(−d² / (2 · PEN²)) at distance d. Where strokes cross, the paper takes no more than full ink.
    """
    import numpy as np

    count = len(strokes)
    t = ((np.arange(POINTS) + 0.5) / POINTS)[:, None]  # middles of equal steps
    first, middle, last = (strokes[:, :, number, None] for number in range(3))  # (N, S, 1, 2)
    path = (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last  # (N, S, T, 2)
    speed = 2 * (1 - t) * (middle - first) + 2 * t * (last - middle)
    way = np.hypot(speed[..., 0], speed[..., 1]) / POINTS  # (N, S, T)
    ink = (way / (PEN * np.sqrt(2 * np.pi))).reshape(count, -1, 1)
    pixel = (np.arange(SIZE) + 0.5) / SIZE
    across, down = (
        np.exp(-((path[..., axis].reshape(count, -1, 1) - pixel) ** 2) / (2 * PEN**2)) for axis in (0, 1)
    )
    return np.minimum(1, (ink * down).transpose(0, 2, 1) @ across).astype(np.float32)
