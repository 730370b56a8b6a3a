"""Drawings moved: to their centre and a common size, and, for training, a little out of shape.

An affine map here is a matrix (B, 2, 3) that says, in units of half a page, where a place of the new drawing
is looked up in the old one, as `torch.nn.functional.affine_grid` has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

KEPT, SIZE = 35, 28  # pixels along an edge: of drawings as they are kept, and as networks see them
SPREAD = 0.5  # of the ink around its centre, root mean square [half pages]

# The eight symmetries of a square: a turned or mirrored character is another character.
SYMMETRIES = torch.tensor(
    [
        [[1.0, 0.0], [0.0, 1.0]],
        [[0.0, -1.0], [1.0, 0.0]],
        [[-1.0, 0.0], [0.0, -1.0]],
        [[0.0, 1.0], [-1.0, 0.0]],
        [[-1.0, 0.0], [0.0, 1.0]],
        [[0.0, 1.0], [1.0, 0.0]],
        [[1.0, 0.0], [0.0, -1.0]],
        [[0.0, -1.0], [-1.0, 0.0]],
    ]
)


@dataclass(frozen=True)
class Strength:
    """How far a drawing is distorted at most; `bend` is a standard deviation. Zero is not at all."""

    turn: float = 0.0  # [rad]
    stretch: float = 0.0  # of the logarithm of the size, and of the ratio of the sides
    shear: float = 0.0
    shift: float = 0.0  # [half pages]
    bend: float = 0.0  # of the knots of a smooth field of displacements [half pages]


NONE = Strength()


def small(drawings) -> Tensor:
    """Return drawings (..., 105, 105) as shares of ink (..., 35, 35)."""
    pages = torch.as_tensor(drawings.copy())
    return F.avg_pool2d(pages.reshape(-1, 1, *pages.shape[-2:]), 3).reshape(*pages.shape[:-2], KEPT, KEPT)


def centred(drawings: Tensor) -> Tensor:
    """Return drawings (..., H, H) with their ink around the middle of the page, and as wide as `SPREAD`."""
    pages = drawings.reshape(-1, *drawings.shape[-2:])
    places = _places(pages.shape[-1])
    ink = pages.sum((1, 2)).clamp_min(1e-6)
    across, down = pages.sum(1) / ink[:, None], pages.sum(2) / ink[:, None]
    middle = torch.stack([across @ places, down @ places], 1)
    spread = (across * (places - middle[:, :1]) ** 2).sum(1) + (down * (places - middle[:, 1:]) ** 2).sum(1)
    maps = torch.zeros(len(pages), 2, 3)
    maps[:, 0, 0] = maps[:, 1, 1] = (spread.sqrt() / SPREAD).clamp(0.3, 1.8)
    maps[:, :, 2] = middle
    return seen(pages, maps, pages.shape[-1])[:, 0].reshape(drawings.shape)


def _places(size: int) -> Tensor:
    """Return the middle of each pixel along an edge [half pages]."""
    return (2 * torch.arange(size) + 1) / size - 1


def seen(pages: Tensor, maps: Tensor | None = None, size: int = SIZE, field: Tensor | None = None) -> Tensor:
    """Return drawings (B, H, H) through maps and a field of displacements, as images (B, 1, size, size)."""
    if maps is None:
        maps = torch.eye(2, 3).expand(len(pages), 2, 3)
    grid = F.affine_grid(maps, [len(pages), 1, size, size], align_corners=False)
    if field is not None:
        grid = grid + field
    return F.grid_sample(pages[:, None], grid, align_corners=False)


def affine(turn: Tensor, stretch: Tensor, ratio: Tensor, slant: Tensor, shift: Tensor) -> Tensor:
    """Return maps (B, 2, 3): a rotation times [[wide, slant × wide], [0, high]], and a shift (B, 2)."""
    wide, high = torch.exp(stretch + ratio / 2), torch.exp(stretch - ratio / 2)
    cos, sin = turn.cos(), turn.sin()
    across = torch.stack([cos * wide, cos * slant * wide - sin * high, shift[:, 0]], 1)
    down = torch.stack([sin * wide, sin * slant * wide + cos * high, shift[:, 1]], 1)
    return torch.stack([across, down], 1)


def views(strength: Strength) -> Tensor:
    """Return maps (V, 2, 3): none, then turned, stretched to one side and sheared, each both ways."""
    turn, ratio, slant = both = torch.zeros(3, 1 + 2 * 3)
    for place, limit in enumerate((strength.turn, strength.stretch, strength.shear)):
        both[place, 1 + 2 * place], both[place, 2 + 2 * place] = -limit, limit
    none = torch.zeros(len(turn))
    found = affine(turn, none, ratio, slant, torch.stack([none, none], 1))
    return found if strength != NONE else found[:1]


def maps(count: int, strength: Strength, random: torch.Generator) -> Tensor:
    """Draw affine maps (B, 2, 3)."""

    def within(limit: float) -> Tensor:
        return (2 * torch.rand(count, generator=random) - 1) * limit

    turn, stretch, ratio = within(strength.turn), within(strength.stretch), within(strength.stretch)
    slant, across, down = within(strength.shear), within(strength.shift), within(strength.shift)
    return affine(turn, stretch, ratio, slant, torch.stack([across, down], 1))


def after(first: Tensor, then: Tensor) -> Tensor:
    """Return the map that looks up `first` and, where that leads, `then`; `then` may be linear (B, 2, 2)."""
    linear = then[:, :, :2] @ first[:, :, :2]
    shift = then[:, :, :2] @ first[:, :, 2:]
    return torch.cat([linear, shift + then[:, :, 2:] if then.shape[2] == 3 else shift], 2)


def fields(count: int, strength: Strength, random: torch.Generator, size: int = SIZE) -> Tensor | None:
    """Draw smooth fields of displacements (B, size, size, 2)."""
    if not strength.bend:
        return None
    knots = torch.randn(count, 2, 5, 5, generator=random) * strength.bend
    return F.interpolate(knots, size=(size, size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
