"""DNA sequences with a planted binding motif, and where it was planted."""

from __future__ import annotations

from course_lib.errors import CourseError
from course_lib.registry import Dataset

BASES = "ACGT"
MOTIF = "CGACCGAACTCC"  # the one that the primer on deep learning in genomics plants
LENGTH = 50  # bases in a sequence

_CARD = """# DNA with a planted motif (`planted_motif`)

{sequences} simulated sequences of {length} bases. Every base is drawn by lot; into half of the sequences the
motif {motif} is written, at a place drawn by lot.

- **Inputs:** {sequences} × {length}, positions in `{bases}`
- **Target:** binding: 0 no motif, 1 motif
- **Planted:** the motif and nothing else. `truth["start"]` says where it begins, counted from 0, and −1 where
  there is none. A rule of one line, "contains the motif", is perfect.
- **Split:** by lot: 60 % to train, 20 % for validation, 20 % for the test
- **Not for:** any statement about real binding, whose motifs vary from site to site.
"""


def planted_motif(seed: int, sequences: int = 2000) -> Dataset:
    """Draw DNA sequences, half of them with a motif at a known place.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same sequences.
    sequences : int
        How many, B: an even number from 10 on.

    Returns
    -------
    Dataset
        `inputs` (B, 50), whole numbers from 0 to 3 for A, C, G, T; `targets` (B,), 1 with the motif.
        `truth["start"]` (B,) is where the motif begins, −1 without one; `truth["motif"]` is its text.

    Raises
    ------
    CourseError
        If `seed` is negative, or `sequences` is odd or below 10.

    Notes
    -----
    **Source:** the shape and the motif are those of J. Zou and others (2019), A primer on deep learning in
    genomics, Nature Genetics 51, 12–18; the draws are our own.
    **Shown in:** lesson 23, "A motif".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("sequences", sequences, 10)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `2000`, not `2000.0`.",
            )
    if sequences % 2:
        raise CourseError(
            f"`sequences` is {sequences}.",
            "Expected an even number, because half of them have the motif.",
            f"Try `sequences={sequences + 1}`.",
        )
    random = np.random.default_rng(seed)
    motif = np.array([BASES.index(base) for base in MOTIF])
    bases = random.integers(0, 4, size=(sequences, LENGTH))
    binds = random.permutation(np.arange(sequences) % 2)
    start = np.where(binds == 1, random.integers(0, LENGTH - len(MOTIF) + 1, size=sequences), -1)
    for row in np.flatnonzero(binds):
        bases[row, start[row] : start[row] + len(motif)] = motif
    ends = [0, sequences * 3 // 5, sequences * 4 // 5, sequences]
    return Dataset(
        name="planted_motif",
        inputs=bases,
        targets=binds,
        input_names=("base",),
        target_names=("no motif", "motif"),
        units={"base": "letter code"},
        splits={
            "random": {
                part: np.arange(ends[number], ends[number + 1])
                for number, part in enumerate(("train", "valid", "test"))
            }
        },
        card=_CARD.format(sequences=sequences, length=LENGTH, motif=MOTIF, bases=BASES),
        truth={"start": start, "motif": MOTIF},
    )
