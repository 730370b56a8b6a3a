"""The drawings: five alphabets to learn from, twenty runs to be asked about, and episodes like those runs.

A minimal set is all that a network may learn from: five alphabets, each character drawn once by each of
twenty people. In a run, one person's drawings of twenty characters of a new alphabet are shown, and those of
another person are to be named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SETS = ("small1", "small2")
DRAWERS, WAYS = 20, 20


@dataclass(frozen=True)
class MinimalSet:
    """Drawings (K, 20, H, W) by character and drawer, 1 for ink, and the alphabet of each character."""

    drawings: np.ndarray
    alphabets: np.ndarray

    def without(self, alphabet: str) -> MinimalSet:
        """Return the characters of the other alphabets."""
        return self._of(self.alphabets != alphabet)

    def only(self, alphabet: str) -> MinimalSet:
        """Return the characters of one alphabet."""
        return self._of(self.alphabets == alphabet)

    def _of(self, rows: np.ndarray) -> MinimalSet:
        return MinimalSet(self.drawings[rows], self.alphabets[rows])


@dataclass(frozen=True)
class Run:
    """Drawings shown (N, H, W), drawings asked about (M, H, W), and which of the shown each of them is."""

    shown: np.ndarray
    asked: np.ndarray
    answers: np.ndarray


def minimal_set(name: str) -> MinimalSet:
    """Load one of the two minimal sets."""
    import course_lib as cl

    data = cl.load(f"omniglot/{name}")
    return by_drawer(data.inputs, data.targets, data.groups["alphabet"], data.groups["drawer"])


def by_drawer(
    inputs: np.ndarray, characters: np.ndarray, alphabets: np.ndarray, drawers: np.ndarray
) -> MinimalSet:
    """Sort drawings (B, H, W) by character and drawer; drawers are named "alphabet number"."""
    numbers = np.array([int(name.split()[-1]) - 1 for name in drawers])
    order = np.lexsort((numbers, characters))
    if not np.array_equal(
        numbers[order].reshape(-1, DRAWERS), np.tile(np.arange(DRAWERS), (len(order) // DRAWERS, 1))
    ):
        raise ValueError("not every character is drawn once by each drawer")
    return MinimalSet(
        inputs[order].reshape(-1, DRAWERS, *inputs.shape[1:]), np.asarray(alphabets)[order][::DRAWERS]
    )


def published_runs() -> list[Run]:
    """Load the twenty runs, in their order."""
    import course_lib as cl

    data = cl.load("omniglot/runs")
    shown, asked = (data.splits["published"][part] for part in ("train", "test"))
    run_of, found = data.groups["run"], []
    for name in np.unique(run_of):
        rows, questions = (part[run_of[part] == name] for part in (shown, asked))
        place = {int(code): at for at, code in enumerate(data.targets[rows])}
        answers = np.array([place[int(code)] for code in data.targets[questions]])
        found.append(Run(data.inputs[rows], data.inputs[questions], answers))
    return found


def episodes(characters: int, count: int, random: np.random.Generator) -> list[tuple[np.ndarray, int, int]]:
    """Draw episodes within one alphabet: up to twenty characters, who shows, and another who asks."""
    found = []
    for _ in range(count):
        chosen = random.choice(characters, min(WAYS, characters), replace=False)
        shows, asks = random.choice(DRAWERS, 2, replace=False)
        found.append((chosen, int(shows), int(asks)))
    return found
