"""Five folds, drawn twice: by drug as published, and once per class with identical sequences together."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedKFold

FOLDS = 5


def by_drug(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of each isolate of one drug, shuffled and stratified by its label."""
    fold = np.empty(len(labels), dtype=int)
    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels)
    for number, (_, test) in enumerate(cut):
        fold[test] = number
    return fold


def by_class(sequences: np.ndarray, labels: np.ndarray, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Return the fold of each isolate of a class, identical sequences in one, stratified for every drug.

    Parameters
    ----------
    sequences : array (B, T)
        One row per isolate of the class, whichever of its drugs it was measured for.
    labels : array (B, drugs)
        1 resistant, 0 susceptible, NaN not measured.
    seed : int
        The draw.
    folds : int
        How many.

    Returns
    -------
    array (B,)
        Numbers from 0 to `folds` - 1.

    Notes
    -----
    Each drug and label wants a fifth of its isolates in every fold. What is rarest is dealt out first, each
    group of identical sequences to the fold that still wants most of it.

    **Source:** K. Sechidis, G. Tsoumakas and I. Vlahavas, On the stratification of multi-label data, ECML
    PKDD 2011, with groups in place of single examples.
    """
    random = np.random.default_rng(seed)
    group = np.unique(sequences, axis=0, return_inverse=True)[1].reshape(-1)
    cells = np.concatenate([labels == 1, labels == 0], axis=1).astype(float)
    counts = np.zeros((group.max() + 1, cells.shape[1]))
    np.add.at(counts, group, cells)
    wanted = np.tile(counts.sum(0) / folds, (folds, 1))
    fold_of = np.full(len(counts), -1)
    while (waiting := fold_of < 0).any():
        left = counts[waiting].sum(0)
        if not left.any():  # measured for no drug at all
            fold_of[waiting] = random.integers(0, folds, waiting.sum())
            break
        rarest = int(np.argmin(np.where(left > 0, left, np.inf)))
        for one in random.permutation(np.flatnonzero(waiting & (counts[:, rarest] > 0))):
            order = np.lexsort((random.random(folds), wanted.sum(1), wanted[:, rarest]))
            fold_of[one] = order[-1]
            wanted[order[-1]] -= counts[one]
    return fold_of[group]


def refuse_a_leak(sequences: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Stop if a row, or a sequence letter for letter, is both trained on and tested.

    A multitask model is trained on everything that is known of its training rows, for every drug: one row of
    a test isolate among them would show it through another drug.
    """
    if common := np.intersect1d(train, test).size:
        raise ValueError(f"{common} isolates are in the training rows and in the test rows.")
    seen = {row.tobytes() for row in np.ascontiguousarray(sequences[train])}
    if twins := sum(row.tobytes() in seen for row in np.ascontiguousarray(sequences[test])):
        raise ValueError(f"{twins} test isolates have the sequence of a training isolate, letter for letter.")
