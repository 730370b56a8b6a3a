"""Seeds: one call that makes a lesson repeat, and random states that are put back."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator


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
    **Source:** PyTorch's note on reproducibility. **Shown in:** lesson 00, "Set-up".
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
    print(f"Seed {seed}: the same numbers at every run on this machine.")
    return seed


@contextlib.contextmanager
def same_random_states_after() -> Iterator[None]:
    """Put the random states of Python, NumPy and PyTorch back when the `with` block ends.

    A library that is not loaded yet has no state to keep, and is not loaded for it.
    """
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if not hasattr(torch, "get_rng_state"):  # not there, or an import that failed half-way
        torch = None
    with contextlib.ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        if numpy is not None:
            stack.callback(numpy.random.set_state, numpy.random.get_state())
        if torch is not None:
            stack.callback(torch.set_rng_state, torch.get_rng_state())
            if torch.cuda.is_available() and torch.cuda.is_initialized():
                stack.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        yield
