"""What can be had without learning: the nearest drawing, by four distances."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor
from torch.nn import functional as F

from benchmarks.omniglot import distort
from benchmarks.omniglot.networks import deformed

GRID, REACH, PATCH = 24, 2, 3  # of the deformations: pixels along an edge, how far, what is compared


def by_pixels(shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (M, N): how alike drawings are, the Euclidean distance of their pixels with its sign turned."""
    one, other = (part.reshape(len(part), -1).astype(np.float64) for part in (asked, shown))
    return -np.linalg.norm(one[:, None] - other[None], axis=2)


def by_hausdorff(shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (M, N): the modified Hausdorff distance of the ink with its sign turned.

    Each drawing's ink is moved to its centre of mass first, as in `demo_classification.py` of
    brendenlake/omniglot. The distance is that of M.-P. Dubuisson and A. K. Jain (1994).
    """
    theirs, ours = ([(points, KDTree(points)) for points in map(ink, part)] for part in (shown, asked))
    return np.array([[-hausdorff(one, other) for other in theirs] for one in ours])


def ink(drawing: np.ndarray) -> np.ndarray:
    """Return the places (P, 2) of ink, from their centre."""
    points = np.argwhere(drawing > 0).astype(np.float64)
    return points - points.mean(axis=0)


def hausdorff(one: tuple[np.ndarray, KDTree], other: tuple[np.ndarray, KDTree]) -> float:
    """Return the larger of two means: how far the points of one are from the nearest of the other."""
    return max(other[1].query(one[0])[0].mean(), one[1].query(other[0])[0].mean())


def by_centred_pixels(shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (M, N): as `by_pixels`, of drawings that are centred and of one size."""
    return by_pixels(*(distort.centred(distort.small(part)).numpy() for part in (shown, asked)))


def by_deformation(shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return (M, N): the image deformation model of D. Keysers et al. (2007), its sign turned.

    Each pixel looks for its best counterpart nearby, by the gradients of the patch around it. Drawings are
    centred and of one size; deformations are taken in both directions and have no price.
    """
    one, other = (
        gradients(distort.seen(distort.centred(distort.small(part)), size=GRID)) for part in (asked, shown)
    )
    return -deformed(one, other, REACH, torch.zeros(2 * REACH + 1, 2 * REACH + 1)).numpy()


def gradients(images: Tensor) -> Tensor:
    """Return (B, 2 × 9, H, W): the Sobel gradients of images (B, 1, H, W) in a patch around each pixel."""
    right = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    found = F.conv2d(images, torch.stack([right, right.T])[:, None], padding=1)
    patches = F.unfold(found, PATCH, padding=PATCH // 2)
    return patches.unflatten(2, images.shape[2:])


BASELINES = {
    "pixels": by_pixels,
    "hausdorff": by_hausdorff,
    "centred_pixels": by_centred_pixels,
    "deformation": by_deformation,
}
