"""One recipe for all drugs: several models of the fold change, weighed on inner folds.

The isolates that a test fold leaves for training are cut into five inner folds, identical sequences together.
Each member is trained five times, each time without one inner fold; what it says about the fold that it has
not seen is what a logistic regression per drug learns to weigh. A test isolate gets the mean of the five
trainings of each member, weighed so. Nothing else is chosen, and the test isolates have a hand in nothing.

All members regress the logarithm of the fold change, which tells more than the label that is cut from it:
how far an isolate is from the cut-off. Four of the five go by how much two sequences differ: two count every
position alike, two count it for as much as its letters explain of the fold changes of the training isolates.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import scipy.linalg
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVR

from benchmarks.hiv_table import folds
from benchmarks.hiv_table.isolates import CUT_OFF, Table, one_hot

ROUNDS = 100  # of boosting
NOISE = 0.05  # of a measurement, in the variance of the drug
APART = 2.5  # how many times the median distance two sequences are apart that are alike by 1/e
SHRUNK = 5.0  # isolates that a letter has to be found in until half of its mean is believed
FAR = 0.5  # from the cut-off, in decades of the fold change
LEAST = 0.003  # what a position counts that explains nothing


def predict(isolates: Table, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Return the probability that each test isolate resists each drug of its class, (test, drugs)."""
    folds.refuse_a_leak(isolates.sequences, train, test)
    held, asked = opinions(isolates, train, test, seed)
    return np.stack(
        [
            weigh(isolates.labels[train, column], _about(held, column), _about(asked, column))
            for column in range(len(isolates.drugs))
        ],
        axis=1,
    )


def opinions(isolates: Table, train: np.ndarray, test: np.ndarray, seed: int):
    """Return what the members say of training isolates that they have not seen, and of the test isolates.

    Both are (rows, drugs, members): log10 of the fold change, from the cut-off on.
    """
    inner = folds.by_class(isolates.sequences[train], isolates.labels[train], seed)
    held = np.empty((len(train), len(isolates.drugs), len(MEMBERS)))
    asked = np.zeros((len(test), *held.shape[1:]))
    for fold in range(folds.FOLDS):
        left_out = inner == fold
        rows = np.concatenate([train[left_out], test])
        for number, member in enumerate(MEMBERS):
            said = member(isolates, train[~left_out], rows, seed + 7919 * (fold + 1)) - np.log10(CUT_OFF)
            held[left_out, :, number] = said[: left_out.sum()]
            asked[:, :, number] += said[left_out.sum() :] / folds.FOLDS
    return held, asked


def _about(said: np.ndarray, column: int) -> np.ndarray:
    """Return what is weighed for one drug: each member's opinion on it, and their mean on every drug.

    The opinions on the drug itself level off: far beyond the cut-off it is no matter how far.
    """
    return np.concatenate([np.tanh(said[:, column] / FAR), said.mean(axis=2)], axis=1)


def weigh(labels: np.ndarray, held: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return probabilities for `asked` from a logistic regression on `held`, both (rows, opinions)."""
    known = ~np.isnan(labels)
    scale = held[known].std(axis=0)
    model = LogisticRegression(max_iter=1000).fit(held[known] / scale, labels[known])
    return model.predict_proba(asked / scale)[:, 1]


def together(
    isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int, *, count: Callable
) -> np.ndarray:
    """Return what a Gaussian process over isolates and drugs expects, trained on the whole class.

    Two measurements are alike by how little the sequences differ, times how strongly the two drugs correlate
    over the training isolates that were measured for both.

    **Source:** E. V. Bonilla, K. M. A. Chai and C. K. I. Williams, Multi-task Gaussian process prediction,
    NIPS 2007; the correlation between drugs is estimated from the data here, without likelihood.
    """
    values = isolates.log_fold[train]
    middle, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    targets = (values - middle) / spread
    isolate, drug = np.nonzero(~np.isnan(targets))
    alike, weights = _correlation(targets), count(isolates.sequences[train], values)
    between, asked = _alike(isolates.sequences[train], isolates.sequences[rows], weights)
    covariance = between[np.ix_(isolate, isolate)] * alike[np.ix_(drug, drug)]
    covariance[np.diag_indices_from(covariance)] += NOISE
    factor = scipy.linalg.cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
    solved = np.zeros(targets.shape, dtype=np.float32)
    solved[isolate, drug] = scipy.linalg.cho_solve(factor, targets[isolate, drug].astype(np.float32))
    return asked @ solved @ alike * spread + middle


def evenly(sequences: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return how much each position counts: 1."""
    return np.ones(sequences.shape[1])


def by_effect(sequences: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return how much each position counts, 1 on average.

    It is the share of the variance of `values` (B, drugs) that the letters at this position explain, averaged
    over the drugs: by the mean of each letter, drawn towards the mean of all where few isolates have it.
    """
    letters = one_hot(sequences)
    explained = np.zeros(sequences.shape[1])
    for column in values.T:
        known = ~np.isnan(column)
        off = column[known] - column[known].mean()
        count = letters[known].sum(axis=0)
        total = np.einsum("b,btk->tk", off, letters[known])
        explained += (total**2 / (count + SHRUNK)).sum(axis=1) / (off**2).sum()
    found = explained / values.shape[1] + LEAST
    return found / found.mean()


def _alike(train: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how much training isolates are alike, and `rows` and they: exp(-d), in single precision.

    d is the sum of the weights of the positions at which two sequences differ, in units of 2.5 times its
    median over the training isolates.
    """
    root = np.sqrt(weights).astype(np.float32)[:, None]
    known, asked = ((one_hot(part) * root).reshape(len(part), -1) for part in (train, rows))
    between, across = (weights.sum() - part @ known.T for part in (known, asked))
    unit = APART * np.median(between)
    return np.exp(-between / unit).astype(np.float32), np.exp(-across / unit).astype(np.float32)


def _correlation(targets: np.ndarray) -> np.ndarray:
    """Return the correlation of every two drugs over isolates measured for both, made positive definite."""
    count = targets.shape[1]
    found = np.eye(count)
    for one in range(count):
        for other in range(one):
            both = ~np.isnan(targets[:, one] + targets[:, other])
            if both.sum() > 2:
                found[one, other] = found[other, one] = np.corrcoef(targets[both][:, [one, other]].T)[0, 1]
    values, vectors = np.linalg.eigh(found)
    return ((vectors * np.maximum(values, 1e-3)) @ vectors.T).astype(np.float32)


def vectors(
    isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int, *, count: Callable
) -> np.ndarray:
    """Return what support vector regression expects, drug by drug."""
    found = np.empty((len(rows), len(isolates.drugs)))
    for column in range(len(isolates.drugs)):
        measured = train[~np.isnan(isolates.log_fold[train, column])]
        values, sequences = isolates.log_fold[measured, column], isolates.sequences[measured]
        weights = count(sequences, values[:, None])
        between, asked = _alike(sequences, isolates.sequences[rows], weights)
        found[:, column] = SVR(kernel="precomputed", C=3, epsilon=0.1).fit(between, values).predict(asked)
    return found


def trees(isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return what gradient boosted trees expect, drug by drug."""
    letters = one_hot(isolates.sequences).reshape(len(isolates.sequences), -1)
    often = letters[train].sum(axis=0)
    letters = letters[:, (often >= 3) & (often <= len(train) - 3)]
    found = np.empty((len(rows), len(isolates.drugs)))
    for column in range(len(isolates.drugs)):
        measured = train[~np.isnan(isolates.log_fold[train, column])]
        model = HistGradientBoostingRegressor(
            max_iter=ROUNDS, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False
        )
        model.fit(letters[measured], isolates.log_fold[measured, column])
        found[:, column] = model.predict(letters[rows])
    return found


MEMBERS = (
    functools.partial(together, count=evenly),
    functools.partial(together, count=by_effect),
    functools.partial(vectors, count=evenly),
    functools.partial(vectors, count=by_effect),
    trees,
)
