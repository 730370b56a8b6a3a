"""Seeds: one call that makes a lesson repeat."""

from __future__ import annotations

import random
import sys


def seed_everything(seed: int) -> int:
    """Seed Python, NumPy's old global generator and PyTorch, and say so.

    `fit` without a seed of its own draws from PyTorch's generator, so this one call governs a lesson.
    New NumPy code makes its own generator instead: `np.random.default_rng(seed)`.

    Parameters
    ----------
    seed : int
        Any whole number from 0 to 2**32 - 1.

    Returns
    -------
    int
        The seed, to be passed on.

    Raises
    ------
    CourseError
        If `seed` is not such a number.

    Notes
    -----
    **Source:** PyTorch's note on reproducibility. **Shown in:** lesson 01, "Set-up".
    """
    import numpy as np

    from course_lib.errors import CourseError

    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise CourseError(
            f"`seed` is {seed!r}.", "Expected a whole number from 0 to 4294967295.", "Try `SEED = 0`."
        )
    seed = int(seed)
    random.seed(seed)
    np.random.seed(seed)
    import torch

    torch.manual_seed(seed)  # also every GPU's generator
    print(f"Seed {seed}: the same numbers at every run on this machine.", file=sys.stdout)
    return seed
