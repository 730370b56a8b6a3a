"""Skin lesions, nine benign ones to each malignant: three features that overlap, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError
from course_lib.registry import Dataset

if TYPE_CHECKING:
    import numpy as np

SIZE = 32  # pixels, height and width
FEATURES = ("asymmetry", "irregularity", "colours")
BEST_AUC = 0.85  # of the best possible score of the three features
MALIGNANT = 0.1  # the share of malignant lesions

_CARD = """# Skin lesions (`skin_lesions`)

{lesions} simulated photographs of {size} × {size} pixels, one lesion each; one in ten is malignant.

- **Inputs:** {lesions} × 3 × {size} × {size}: red, green, blue, 0 to 1
- **Target:** diagnosis: 0 benign, 1 malignant
- **Planted:** three features of a lesion, each standard normal where it is benign and shifted where it is
  malignant: how lopsided it is, how ragged its border, how different the colours of its two halves. The shift
  is such that the best possible score of the three has an AUC of {auc:g}. Size, shape, direction, skin,
  and a few hairs say nothing. `truth["features"]` holds the three.
- **Split:** by lot, half to learn from, half for the test; one in ten malignant in each
- **Not for:** diagnosis.
"""


def skin_lesions(seed: int, lesions: int = 4000) -> Dataset:
    """Draw photographs of lesions, one in ten malignant, with a known ceiling.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same lesions.
    lesions : int
        How many, B: a multiple of 20, so that one in ten is malignant in both parts.

    Returns
    -------
    Dataset
        `inputs` (B, 3, 32, 32), `targets` (B,), 0 benign and 1 malignant. `truth["features"]` (B, 3) are
        the planted features, `truth["best_auc"]` the AUC of their sum, which no score can beat on average.

    Raises
    ------
    CourseError
        If `seed` is negative, or `lesions` no multiple of 20.

    Notes
    -----
    Shifted by d in each of three independent features, two normal classes have AUC Φ(d √(3/2)).

    **Source:** W. Stolz and others (1994), the ABCD rule of dermatoscopy, European Journal of Dermatology 4,
    521, for the choice of the features; the pictures are our own.
    **Shown in:** lesson 05, "Moles".
    """
    from statistics import NormalDist

    import numpy as np

    for name, value, least in (("seed", seed, 0), ("lesions", lesions, 20)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `4000`, not `4000.0`.",
            )
    if lesions % 20:
        raise CourseError(
            f"`lesions` is {lesions}.",
            "Expected a multiple of 20: one in ten is malignant, in both halves.",
            f"Try `lesions={lesions - lesions % 20}`.",
        )
    random = np.random.default_rng(seed)
    half = lesions // 2
    malignant = np.concatenate([random.permutation(np.arange(half) < MALIGNANT * half) for _ in range(2)])
    shift = NormalDist().inv_cdf(BEST_AUC) * (2 / 3) ** 0.5
    features = random.standard_normal((lesions, 3)) + shift * malignant[:, None]
    pictures = np.stack([_lesion(random, *of_one) for of_one in features])
    return Dataset(
        name="skin_lesions",
        inputs=np.clip(pictures, 0, 1).astype(np.float32),
        targets=malignant.astype(np.int64),
        input_names=("red, green, blue",),
        target_names=("benign", "malignant"),
        units={"red, green, blue": "1"},
        splits={"random": {"train": np.arange(half), "test": np.arange(half, lesions)}},
        card=_CARD.format(lesions=lesions, size=SIZE, auc=BEST_AUC),
        truth={"features": features, "best_auc": BEST_AUC},
    )


def _lesion(random: np.random.Generator, asymmetry: float, irregularity: float, colours: float) -> np.ndarray:
    """Return one photograph, (3, H, W)."""
    import numpy as np

    rows, columns = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    rows, columns = rows - random.uniform(-1.5, 1.5), columns - random.uniform(-1.5, 1.5)
    turn = random.uniform(0, 2 * np.pi)
    along, across = (
        columns * np.cos(turn) + rows * np.sin(turn),
        rows * np.cos(turn) - columns * np.sin(turn),
    )
    stretch = random.uniform(1.0, 1.2)
    angle = np.arctan2(across, along)
    # From a standard normal number to a size that is never negative, without losing its order.
    lopsided, ragged, spotted = 1 / (1 + np.exp(-np.array([asymmetry, irregularity, colours]) + 0.4))
    border = random.uniform(6.5, 8.0) * np.ones((SIZE, SIZE))
    border *= 1 + 1.1 * lopsided * np.clip(np.cos(angle), 0, 1) ** 2  # a bulge to one side
    for waves in (5, 6, 7, 8):
        border *= 1 + 0.13 * ragged * np.sin(waves * angle + random.uniform(0, 2 * np.pi))
    inside = np.clip(border - np.hypot(along / stretch, across * stretch), 0, 1)
    skin = np.array([0.86, 0.68, 0.58]) + random.uniform(-0.06, 0.06)
    brown = np.array([0.50, 0.32, 0.22]) + random.uniform(-0.05, 0.05)
    other = brown + spotted * np.array([-0.30, -0.16, 0.20])  # towards blue-black
    side = random.uniform(0, 2 * np.pi)
    second = 1 / (1 + np.exp(-(along * np.cos(side) + across * np.sin(side)) / 1.0))
    colour = brown[:, None, None] * (1 - second) + other[:, None, None] * second
    photo = skin[:, None, None] * (1 - inside) + colour * inside
    for _ in range(random.poisson(1.0)):  # hairs
        slope, place = random.uniform(-1, 1), random.uniform(-12, 12)
        near = np.abs(rows - slope * columns - place) / np.hypot(1, slope) < 0.5
        photo[:, near] *= 0.6
    return photo + random.normal(0, 0.03, size=photo.shape)
