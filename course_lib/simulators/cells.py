"""Micrographs of neurons, alive or dead, with the labels of a rater who errs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError
from course_lib.registry import Dataset

if TYPE_CHECKING:
    import numpy as np

SIZE = 48  # pixels, height and width
DEATH = 0.5  # how likely a cell is dead
RATER_ERROR = 0.15  # how often the rater's label is the wrong one, whatever the picture
PHOTONS = 60  # counted in a pixel of brightness 1

_CARD = """# Micrographs of neurons, alive or dead (`neurons`)

{cells} simulated fluorescence micrographs of {size} × {size} pixels, each with one neuron in the middle. It
is dead with probability {death:g}.

- **Inputs:** {cells} × {size} × {size}, brightness [1], where 1 is about {photons} photons
- **Target:** state: 0 alive, 1 dead
- **Planted:** a living neuron has a round soma (radius 4 to 6 pixels) with two to four neurites; a dead one
  has broken into bright blebs, without neurites, and a faint ring of its nucleus is left (a twentieth of
  full brightness). Neurites of neighbours run through every picture, and debris lies about, whatever the
  state. All is blurred, and photons are counted.
- **A rater:** `extras["rater"]` holds labels of which {error:.0%} are wrong, **by lot**: an easy cell as
  often as a hard one. Errors of real raters gather on hard cells.
- **Split:** half and half, by lot
- **Not for:** any statement about cells.
"""


def neurons(seed: int, cells: int = 1600) -> Dataset:
    """Draw micrographs of living and dead neurons.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same cells.
    cells : int
        How many, B: at least 4.

    Returns
    -------
    Dataset
        `inputs` (B, 48, 48), `targets` (B,), 0 alive and 1 dead; `extras["rater"]` (B,) what a rater says.
        `truth["rater_wrong"]` (B,) tells where the rater errs.

    Raises
    ------
    CourseError
        If `seed` is negative, or there are fewer than four cells.

    Notes
    -----
    **Source:** the question of J. W. Linsley and others (2021), Superhuman cell death detection with
    biomarker-optimized neural networks, Science Advances 7, eabf8142; the pictures are our own.
    **Shown in:** lesson 05, "Living and dead neurons".
    """
    import numpy as np
    from scipy.ndimage import gaussian_filter

    for name, value, least in (("seed", seed, 0), ("cells", cells, 4)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `1600`, not `1600.0`.",
            )
    random = np.random.default_rng(seed)
    dead = random.random(cells) < DEATH
    pictures = np.stack([_cell(random, bool(is_dead)) for is_dead in dead])
    blurred = gaussian_filter(pictures, (0, 0.8, 0.8))
    wrong = random.random(cells) < RATER_ERROR
    order = random.permutation(cells)
    return Dataset(
        name="neurons",
        inputs=random.poisson(PHOTONS * blurred).astype(np.float32) / PHOTONS,
        targets=dead.astype(np.int64),
        input_names=("brightness",),
        target_names=("alive", "dead"),
        units={"brightness": "1"},
        splits={
            "random": {"train": np.sort(order[: cells // 2]), "test": np.sort(order[cells // 2 :])},
        },
        card=_CARD.format(cells=cells, size=SIZE, death=DEATH, photons=PHOTONS, error=RATER_ERROR),
        truth={"rater_wrong": wrong},
        extras={"rater": (dead ^ wrong).astype(np.int64)},
    )


def _cell(random: np.random.Generator, is_dead: bool) -> np.ndarray:
    """Return one picture before blur and noise."""
    import numpy as np

    picture = np.full((SIZE, SIZE), 0.08)
    for _ in range(random.integers(1, 4)):  # neurites of neighbours: from edge to edge, past the middle
        angle, miss = random.uniform(0, 2 * np.pi), random.uniform(8, 18)
        middle = SIZE / 2 + miss * np.array([np.cos(angle), np.sin(angle)])
        _line(random, picture, middle, angle + np.pi / 2, length=30)
        _line(random, picture, middle, angle - np.pi / 2, length=30)
    for _ in range(random.poisson(1.5)):  # debris
        angle, far = random.uniform(0, 2 * np.pi), random.uniform(12, 22)
        where = SIZE / 2 + far * np.array([np.cos(angle), np.sin(angle)])
        _disc(picture, where, radius=random.uniform(1, 2.5), brightness=random.uniform(0.4, 1.0))
    centre = SIZE / 2 + random.uniform(-3, 3, size=2)
    brightness = random.uniform(0.5, 1.0)
    if is_dead:
        _ring(picture, centre, radius=random.uniform(5, 7), brightness=0.05)
        for _ in range(random.integers(4, 8)):
            where = centre + random.normal(0, 3, size=2)
            _disc(picture, where, radius=random.uniform(1.2, 2.8), brightness=1.15 * brightness)
    else:
        _disc(picture, centre, radius=random.uniform(4, 6), brightness=brightness)
        for _ in range(random.integers(2, 5)):
            _line(random, picture, centre, random.uniform(0, 2 * np.pi), length=random.uniform(12, 22))
    return picture


def _distance(centre: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from a point [pixels]."""
    import numpy as np

    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.hypot(rows - centre[0], columns - centre[1])


def _disc(picture, centre, *, radius, brightness) -> None:
    """Put a disc with a soft edge into the picture, where it is brighter than what lies there."""
    import numpy as np

    np.maximum(picture, brightness * np.clip(radius + 0.5 - _distance(centre), 0, 1), out=picture)


def _ring(picture, centre, *, radius, brightness) -> None:
    """Add a ring, one pixel wide."""
    import numpy as np

    picture += brightness * np.clip(1 - np.abs(_distance(centre) - radius), 0, 1)


def _line(random, picture, start, angle, *, length) -> None:
    """Draw a thin wavering line, pixel by pixel."""
    import numpy as np

    steps = int(length * 2)
    angles = angle + np.cumsum(random.normal(0, 0.06, size=steps))
    path = start + 0.5 * np.cumsum(np.stack([np.cos(angles), np.sin(angles)], axis=1), axis=0)
    rows, columns = np.round(path).astype(int).T
    inside = (rows >= 0) & (rows < SIZE) & (columns >= 0) & (columns < SIZE)
    brightness = random.uniform(0.25, 0.5)
    picture[rows[inside], columns[inside]] = np.maximum(picture[rows[inside], columns[inside]], brightness)
