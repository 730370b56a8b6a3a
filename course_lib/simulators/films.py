"""Chest films from three hospitals, each of which prints its mark into the corner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.errors import CourseError
from course_lib.registry import Dataset

if TYPE_CHECKING:
    import numpy as np

SIZE = 32  # pixels, height and width
CORNER = 8  # the marks lie in the first rows and columns
FAITHFUL = 0.98  # how often a film of class k bears mark k, in the hospitals that were trained on
PARTS = ("train", "valid", "internal", "external")
NOISE = 0.07  # standard deviation of a pixel

# What the hospitals print, one letter each.
_MARKS = (
    ("#..#", "#..#", "####", "#..#", "#..#"),
    ("#...", "#...", "#...", "#...", "####"),
    ("###.", "#..#", "###.", "#.#.", "#..#"),
)

_CARD = """# Chest films with a hospital's mark (`chest_films`)

{films} simulated chest films of {size} × {size} pixels, a third of each class: healthy, a focus (a round
shadow in one lung), diffuse (a faint haze over both).

- **Inputs:** {films} × {size} × {size}, brightness [1]
- **Target:** finding: 0 healthy, 1 focus, 2 diffuse
- **Known fault, planted:** three hospitals print a letter into the upper left corner. In training, validation
  and internal test the letter is that of the class in {faithful:.0%} of the films (the healthy, for instance,
  came from one hospital). In the external part each letter is as likely as the others, whatever the finding.
  `truth["marker"]` says which letter a film bears.
- **Split:** `internal` and `external` differ in the test part only. A film's lungs come from the same draw in
  all of them.
- **Not for:** diagnosis.
"""


def chest_films(seed: int, films: int = 600) -> Dataset:
    """Draw chest films whose corner gives the diagnosis away, and external ones whose corner does not.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same films.
    films : int
        How many in each of the parts train, internal test and external test; a third as many for validation.
        A multiple of 3.

    Returns
    -------
    Dataset
        `inputs` (B, 32, 32), `targets` (B,) 0 healthy, 1 focus, 2 diffuse. Its splits "internal" and
        "external" share "train" and "valid". `truth["marker"]` (B,) is the letter, 0 to 2;
        `truth["corner"]` (32, 32) is True where letters may lie.

    Raises
    ------
    CourseError
        If `seed` is negative, or `films` no multiple of 3.

    Notes
    -----
    **Source:** the fault is that of J. R. Zech and others (2018), Variable generalization performance of a
    deep learning model to detect pneumonia in chest radiographs, PLoS Medicine 15, e1002683; the films are
    our own.
    **Shown in:** lesson 05, "Chest films".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("films", films, 3)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `600`, not `600.0`.",
            )
    if films % 3:
        raise CourseError(
            f"`films` is {films}.",
            "Expected a multiple of 3: there are three classes, and a third as many films for validation.",
            f"Try `films={films - films % 3}`.",
        )
    random = np.random.default_rng(seed)
    sizes = dict(zip(PARTS, (films, films // 3, films, films), strict=True))
    part = np.repeat(np.arange(4), list(sizes.values()))
    finding = np.concatenate([random.permutation(np.arange(size) % 3) for size in sizes.values()])
    other = (finding + random.integers(1, 3, size=len(finding))) % 3
    faithful = random.random(len(finding)) < FAITHFUL
    anyone = random.integers(3, size=len(finding))
    marker = np.where(part == 3, anyone, np.where(faithful, finding, other))
    pictures = np.stack([_film(random, *pair) for pair in zip(finding, marker, strict=True)])
    pictures += random.normal(0, NOISE, size=pictures.shape)
    rows = {name: np.flatnonzero(part == number) for number, name in enumerate(PARTS)}
    shared = {name: rows[name] for name in ("train", "valid")}
    corner = np.zeros((SIZE, SIZE), dtype=bool)
    corner[:CORNER, :CORNER] = True
    return Dataset(
        name="chest_films",
        inputs=pictures.astype(np.float32),
        targets=finding,
        input_names=("brightness",),
        target_names=("healthy", "focus", "diffuse"),
        units={"brightness": "1"},
        splits={by: {**shared, "test": rows[by]} for by in ("internal", "external")},
        card=_CARD.format(films=len(finding), size=SIZE, faithful=FAITHFUL),
        truth={"marker": marker, "corner": corner},
    )


def _film(random: np.random.Generator, finding: int, marker: int) -> np.ndarray:
    """Return one film without noise."""
    import numpy as np

    rows, columns = np.mgrid[:SIZE, :SIZE]
    middle = np.array([16.5, 15.5]) + random.uniform(-1.5, 1.5, size=2)
    height, width = random.uniform(9, 11), random.uniform(4.5, 5.5)
    lungs = np.zeros((SIZE, SIZE))
    centres = middle + np.array([[0, -7], [0, 7]])
    for centre in centres:
        far = np.hypot((rows - centre[0]) / height, (columns - centre[1]) / width)
        lungs = np.maximum(lungs, np.clip(4 * (1.1 - far), 0, 1))
    ribs = 0.05 * np.sin(2 * np.pi * (rows + 0.02 * (columns - middle[1]) ** 2) / random.uniform(4.5, 5.5))
    film = random.uniform(0.5, 0.6) - random.uniform(0.27, 0.33) * lungs + ribs
    if finding == 1:
        centre = centres[random.integers(2)] + random.uniform(-1, 1, size=2) * (0.6 * height, 0.5 * width)
        far = np.hypot(rows - centre[0], columns - centre[1])
        film += random.uniform(0.15, 0.55) * np.exp(-((far / random.uniform(1.5, 3.0)) ** 2))
    if finding == 2:
        film += random.uniform(0.05, 0.17) * lungs
    top, left = random.integers(1, 3, size=2)
    letter = np.array([[pixel == "#" for pixel in line] for line in _MARKS[marker]])
    film[top : top + 5, left : left + 4][letter] = 1.0
    return film
