"""Weights that the course has trained itself: small files beside the script that makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.errors import CourseError, closest

if TYPE_CHECKING:
    import torch

__all__ = ["pretrained"]

_HERE = Path(__file__).resolve().parent
# Name to the sha256 of NAME.pt. `python -m course_lib.weights.NAME` makes the file anew and prints its hash.
_SHA256 = {"glyph_body": "1d9621dccd8871a2a64ec6bc15fb49682d7e9c1a223b61367fe7f469ffb602d5"}


def pretrained(name: str) -> dict[str, torch.Tensor]:
    """Return the weights of a network that the course has trained, for `load_state_dict`.

    The file is compared with its hash first. It is read as tensors and nothing else: a file of weights can
    hold a program, and `torch.load` would run it if one let it.

    Parameters
    ----------
    name : str
        "glyph_body": three blocks of convolution, batch norm, ReLU and pooling, trained to tell 500 glyphs
        apart; pictures (B, 1, 20, 20) become features (B, 128).

    Returns
    -------
    dict of str to torch.Tensor
        Name of a weight to its values, on the CPU. The network itself is defined where it is used.

    Raises
    ------
    CourseError
        If there are no weights of that name, or the file is not the one that was hashed.

    Notes
    -----
    **Source:** `course_lib/weights/NAME.py`, which made them. **Shown in:** lesson 12, "Somebody else's
    weights".
    """
    import torch

    if name not in _SHA256:
        raise CourseError(
            f"There are no weights `{name}`.",
            f"Expected one of {', '.join(f'`{known}`' for known in _SHA256)}.",
            closest(str(name), _SHA256),
        )
    path = _HERE / f"{name}.pt"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256[name]:
        raise CourseError(
            f"`{path.name}` has the hash {found[:12]}….",
            f"Expected {_SHA256[name][:12]}…: the file has changed since it was made.",
            f"Install the course again, or make it with `python -m course_lib.weights.{name}`.",
        )
    return torch.load(path, map_location="cpu", weights_only=True)
