"""One recipe for all drugs: several models of the fold change, weighed on inner folds.

The isolates that a test fold leaves for training are cut into five inner folds, identical sequences together.
Each member is trained five times, each time without one inner fold; what it says about the fold that it has
not seen is what a logistic regression per drug learns to weigh. A test isolate gets the mean of the five
trainings of each member, weighed so. Nothing else is chosen, and the test isolates have a hand in nothing.

All members regress the logarithm of the fold change, which tells more than the label that is cut from it:
how far an isolate is from the cut-off.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVR

from benchmarks.hiv_table import folds
from benchmarks.hiv_table.isolates import CUT_OFF, Table, one_hot

ROUNDS = 100  # of boosting
NOISE = 0.05  # of a measurement, in the variance of the drug
APART = 50.0  # letters by which two sequences differ that are alike by 1/e


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
    """Return what is weighed for one drug: each member's opinion on it, and their mean on every drug."""
    return np.concatenate([said[:, column], said.mean(axis=2)], axis=1)


def weigh(labels: np.ndarray, held: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return probabilities for `asked` from a logistic regression on `held`, both (rows, opinions)."""
    known = ~np.isnan(labels)
    scale = held[known].std(axis=0)
    model = LogisticRegression(max_iter=1000).fit(held[known] / scale, labels[known])
    return model.predict_proba(asked / scale)[:, 1]


def together(isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return what a Gaussian process over isolates and drugs expects, trained on the whole class.

    Two measurements are alike by how many letters of the sequences differ, times how strongly the two drugs
    correlate over the training isolates that were measured for both.

    **Source:** E. V. Bonilla, K. M. A. Chai and C. K. I. Williams, Multi-task Gaussian process prediction,
    NIPS 2007; the correlation between drugs is estimated from the data here, without likelihood.
    """
    values = isolates.log_fold[train]
    middle, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    targets = (values - middle) / spread
    isolate, drug = np.nonzero(~np.isnan(targets))
    alike, between = _correlation(targets), _alike(isolates.sequences, train, train)
    covariance = between[np.ix_(isolate, isolate)] * alike[np.ix_(drug, drug)]
    covariance[np.diag_indices_from(covariance)] += NOISE
    factor = scipy.linalg.cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
    weights = np.zeros(targets.shape, dtype=np.float32)
    weights[isolate, drug] = scipy.linalg.cho_solve(factor, targets[isolate, drug].astype(np.float32))
    return _alike(isolates.sequences, rows, train) @ weights @ alike * spread + middle


def _alike(sequences: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return exp(-d / 50), where two sequences differ in d letters; single precision."""
    length = sequences.shape[1]
    one, other = (one_hot(sequences[part]).reshape(len(part), -1) for part in (rows, columns))
    return np.exp((one @ other.T - length) / APART)


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


def apart(make, isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return what a scikit-learn regressor expects that is trained for each drug by itself."""
    letters = one_hot(isolates.sequences).reshape(len(isolates.sequences), -1)
    often = letters[train].sum(axis=0)
    letters = letters[:, (often >= 3) & (often <= len(train) - 3)]
    found = np.empty((len(rows), len(isolates.drugs)))
    for column in range(len(isolates.drugs)):
        values = isolates.log_fold[train, column]
        known = ~np.isnan(values)
        found[:, column] = make(seed).fit(letters[train[known]], values[known]).predict(letters[rows])
    return found


def vectors(isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return what support vector regression expects, drug by drug."""
    return apart(lambda seed: SVR(C=3, gamma=0.01, epsilon=0.1), isolates, train, rows, seed)


def trees(isolates: Table, train: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return what gradient boosted trees expect, drug by drug."""

    def make(seed):
        return HistGradientBoostingRegressor(
            max_iter=ROUNDS, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=5, early_stopping=False
        )

    return apart(make, isolates, train, rows, seed)


MEMBERS = (together, vectors, trees)
