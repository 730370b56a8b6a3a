"""Ten columns in which the outcome hides where the data spread least."""

from __future__ import annotations

from course_lib.errors import CourseError
from course_lib.registry import Dataset

VARIANCES = (25.0, 9.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.04)  # the outcome hangs on the last
FLIPPED = 0.02  # share of the outcomes that are turned round

_CARD = """# An outcome in the quietest direction (`quiet_direction`)

{examples} simulated examples. Ten independent normal quantities with the variances {variances};
the outcome is the sign of the last one, the quietest, and {flipped:.0%} of the outcomes are turned round by
lot. Then all ten are rotated together, at random: each of the ten columns that we see is a mixture of all.

A rule along the right direction reaches {best:.0%}; a direction at right angles to it knows nothing.

- **Inputs:** {examples} × 10, without unit
- **Target:** outcome, 0 below, 1 above
- **Split:** one half to train, one half to test
- **Not for:** anything but testing a method. Real outcomes often do lie along large variances, and often not.
"""


def quiet_direction(seed: int, examples: int = 2000) -> Dataset:
    """Draw ten mixed columns whose direction of least variance decides the outcome.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same rotation and examples.
    examples : int
        How many, B: at least 2.

    Returns
    -------
    Dataset
        `inputs` (B, 10) and `targets` (B,), 0 or 1. `truth["direction"]` (10,) is the unit vector on which
        the outcome hangs, and `truth["best_accuracy"]` what a rule along it reaches on average.

    Raises
    ------
    CourseError
        If `seed` is negative or `examples` below 2.

    Notes
    -----
    **Source:** standard result: principal components are chosen without the outcome (Jolliffe 1982, A Note on
    the Use of Principal Components in Regression). **Shown in:** lesson 03, "Fewer columns".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("examples", examples, 2)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.",
                f"Expected a whole number from {least} on.",
                "Write it as `2000`, not `2000.0`.",
            )
    random = np.random.default_rng(seed)
    hidden = random.standard_normal((examples, len(VARIANCES))) * np.sqrt(VARIANCES)
    turned = random.random(examples) < FLIPPED
    rotation, upper = np.linalg.qr(random.standard_normal((len(VARIANCES),) * 2))
    rotation *= np.sign(np.diag(upper))  # without this the rotations would not be uniformly distributed
    rows = np.arange(examples)
    return Dataset(
        name="quiet_direction",
        inputs=hidden @ rotation.T,
        targets=((hidden[:, -1] > 0) != turned).astype(int),
        input_names=tuple(f"column {number}" for number in range(1, 11)),
        target_names=("below", "above"),
        units={f"column {number}": "1" for number in range(1, 11)},
        splits={"random": {"train": rows[: examples // 2], "test": rows[examples // 2 :]}},
        card=_CARD.format(
            examples=examples,
            variances=", ".join(f"{variance:g}" for variance in VARIANCES),
            flipped=FLIPPED,
            best=1 - FLIPPED,
        ),
        truth={"direction": rotation[:, -1], "best_accuracy": 1 - FLIPPED},
    )
