"""Gene expression without a signal: what a selection step can make of pure noise."""

from __future__ import annotations

from course_lib.errors import CourseError
from course_lib.registry import Dataset

_CARD = """# Genes of pure noise (`noise_genes`)

{patients} simulated patients, {genes} simulated genes. Every value is drawn from the standard normal
distribution, independently of all others. Half of the patients are called sick, drawn by lot.

No gene knows anything about the diagnosis: a rule that was not fitted to these patients is right for half of
them on average, and whatever is reported above that was put in by the method.

- **Inputs:** {patients} × {genes}, expression [standard deviations]
- **Target:** diagnosis, 0 healthy, 1 sick
- **Not for:** anything but testing a method.
"""


def noise_genes(seed: int, patients: int = 50, *, genes: int = 5000) -> Dataset:
    """Draw a diagnosis that no gene knows anything about.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same patients.
    patients : int
        How many, B: an even number, because half of them are sick.
    genes : int
        How many values are measured in each patient, D.

    Returns
    -------
    Dataset
        `inputs` (B, D), standard normal; `targets` (B,), half 0 and half 1 in random order. It comes in one
        piece: cross-validate. `truth["informative"]` (D,) is False for each gene, and
        `truth["best_accuracy"]` is what the best possible rule reaches on new patients.

    Raises
    ------
    CourseError
        If `seed` is negative, `patients` is odd or below 2, or there is no gene.

    Notes
    -----
    **Source:** Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), 7.10.2:
    50 patients in two equal classes, 5000 independent genes.
    **Shown in:** lesson 01, "A diagnosis from nothing".
    """
    import numpy as np

    _whole(seed, "seed", 0)
    _whole(patients, "patients", 2)
    _whole(genes, "genes", 1)
    if patients % 2:
        raise CourseError(
            f"`patients` is {patients}.",
            "Expected an even number, because half of them are sick.",
            f"Try `patients={patients + 1}`.",
        )
    # Two streams: the diagnoses are the same whatever the number of genes, and know nothing of the values.
    of_values, of_diagnoses = np.random.default_rng(seed).spawn(2)
    return Dataset(
        name="noise_genes",
        inputs=of_values.standard_normal((patients, genes), dtype=np.float32),
        targets=of_diagnoses.permutation(np.arange(patients) % 2),
        input_names=tuple(f"gene {number}" for number in range(1, genes + 1)),
        target_names=("healthy", "sick"),
        units={f"gene {number}": "standard deviations" for number in range(1, genes + 1)},
        splits={},
        card=_CARD.format(patients=patients, genes=genes),
        truth={"informative": np.zeros(genes, dtype=bool), "best_accuracy": 0.5},
    )


def _whole(value: int, name: str, least: int) -> None:
    """Refuse what is not a whole number of at least `least`."""
    import numpy as np

    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise CourseError(
            f"`{name}` is {value!r}.",
            f"Expected a whole number from {least} on.",
            "Write it as `50`, not `50.0`.",
        )
