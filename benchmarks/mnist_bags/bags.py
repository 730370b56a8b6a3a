"""Bags as the authors draw them (`mnist_bags_loader.py` of AMLab-Amsterdam/AttentionDeepMIL).

Positive and negative bags by turns; lengths from a normal distribution, cut to whole numbers; images with
putting back. A positive bag is one that happened to hold a 9, so it is a little longer on average: `size_auc`
says how much that gives away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TARGET, MEAN_LENGTH, SD_LENGTH = 9, 10, 2
MEAN_INK, SD_INK = 0.1307, 0.3081  # of the training images, with which the authors scale


@dataclass(frozen=True)
class Bags:
    """Row numbers of each bag's images, and whether it holds a target."""

    rows: list[np.ndarray]
    labels: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Return how many images are in each bag."""
        return np.array([len(rows) for rows in self.rows])


def draw(digits: np.ndarray, count: int, random: np.random.Generator) -> Bags:
    """Draw bags from images with these digits: the first positive, then by turns."""
    others = np.flatnonzero(digits != TARGET)
    rows, labels = [], []
    while len(rows) < count:
        length = max(1, int(random.normal(MEAN_LENGTH, SD_LENGTH)))
        if len(rows) % 2:
            bag = random.choice(others, length)
        else:
            bag = random.integers(len(digits), size=length)
            if not np.any(digits[bag] == TARGET):
                continue
        labels.append(1 - len(rows) % 2)
        rows.append(bag)
    return Bags(rows, np.array(labels))


def scaled(images: np.ndarray) -> np.ndarray:
    """Return images (B, 28, 28) of ink from 0 to 1 as the authors' networks get them."""
    return ((images - MEAN_INK) / SD_INK).astype(np.float32)
