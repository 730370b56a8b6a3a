"""One recipe for all drugs: several models of the fold change of a whole class, weighed on inner folds.

The isolates that a test fold leaves for training are cut into five inner folds, identical sequences together.
Each member is trained five times, each time without one inner fold, on every drug of the class at once or
drug by drug; what it says about the fold that it has not seen is what a logistic regression per drug learns to
weigh. A test isolate gets the mean of the five trainings of each member, weighed so. Nothing else is chosen,
and the test isolates have a hand in nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVR
from torch.nn import functional as F

from benchmarks.hiv_table import folds, models
from benchmarks.hiv_table.isolates import CUT_OFF, Table, one_hot

EPOCHS = 60
TREES = 100


def predict(isolates: Table, train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Return the probability that each test isolate resists each drug of its class, (test, drugs)."""
    folds.refuse_a_leak(isolates.sequences, train, test)
    held, asked = level_zero(isolates, train, test, seed)
    return np.stack(
        [_weigh(isolates.labels[train, c], held[:, c], asked[:, c]) for c in range(held.shape[1])], 1
    )


def level_zero(isolates: Table, train: np.ndarray, test: np.ndarray, seed: int):
    """Return what the members say of training isolates that they have not seen, and of the test isolates.

    Both are (rows, drugs, opinions).
    """
    inner = folds.by_class(isolates.sequences[train], isolates.labels[train], seed)
    held, asked = [], []
    for member in MEMBERS:
        unseen, of_test = None, 0.0
        for fold in range(folds.FOLDS):
            left_out = np.flatnonzero(inner == fold)
            rows = np.concatenate([train[left_out], test])
            said = member(isolates, train[inner != fold], rows, seed + 7919 * (fold + 1))
            if unseen is None:
                unseen = np.empty((len(train), *said.shape[1:]))
            unseen[left_out] = said[: len(left_out)]
            of_test = of_test + said[len(left_out) :] / folds.FOLDS
        held.append(unseen)
        asked.append(of_test)
    return np.concatenate(held, axis=2), np.concatenate(asked, axis=2)


def _weigh(labels: np.ndarray, held: np.ndarray, asked: np.ndarray) -> np.ndarray:
    known = ~np.isnan(labels)
    scale = held[known].std(axis=0)
    model = LogisticRegression(C=0.1).fit(held[known] / scale, labels[known])
    return model.predict_proba(asked / scale)[:, 1]


def _standard(isolates: Table, train: np.ndarray) -> np.ndarray:
    """Return log fold changes of the training rows, from the cut-off on, each drug in its own spread."""
    values = isolates.log_fold[train]
    return (values - np.log10(CUT_OFF)) / np.nanstd(values, axis=0)


def drug_by_drug(make: Callable, isolates: Table, train, rows, seed) -> np.ndarray:
    """Return the standardised log fold change that a scikit-learn model expects, (rows, drugs, 1)."""
    letters = one_hot(isolates.sequences).reshape(len(isolates.sequences), -1)
    letters = letters[:, letters[train].std(axis=0) > 0]
    targets, found = _standard(isolates, train), np.empty((len(rows), len(isolates.drugs), 1))
    for column in range(len(isolates.drugs)):
        known = ~np.isnan(targets[:, column])
        model = make(seed).fit(letters[train[known]], targets[known, column])
        found[:, column, 0] = model.predict(letters[rows])
    return found


def all_drugs(make: Callable, isolates: Table, train, rows, seed) -> np.ndarray:
    """Return log fold change and log odds that a network of all drugs expects, (rows, drugs, 2)."""
    torch.manual_seed(seed)
    count = len(isolates.drugs)
    model = make(isolates.sequences.shape[1], 2 * count)
    letters = torch.tensor(one_hot(isolates.sequences[train]))
    targets = np.stack([_standard(isolates, train), isolates.labels[train]], axis=1)
    models.train(
        model,
        letters,
        torch.tensor(targets, dtype=torch.float32),
        loss=_both,
        epochs=EPOCHS,
        batch_size=64,
        learning_rate=2e-3,
        weight_decay=0.05,
    )
    with torch.no_grad():
        said = model(torch.tensor(one_hot(isolates.sequences[rows])))
    return said.unflatten(1, (2, count)).transpose(1, 2).double().numpy()


def _both(outputs, targets):
    """Return the loss of fold changes and labels together, over what was measured."""
    said = outputs.unflatten(1, (2, targets.shape[2]))
    known = ~torch.isnan(targets[:, 1])
    errors = F.mse_loss(said[:, 0][known], targets[:, 0][known])
    return errors + F.binary_cross_entropy_with_logits(said[:, 1][known], targets[:, 1][known])


MEMBERS = (
    functools.partial(drug_by_drug, lambda seed: SVR(C=3, gamma=0.01, epsilon=0.1)),
    functools.partial(
        drug_by_drug,
        lambda seed: ExtraTreesRegressor(TREES, max_features=0.3, min_samples_leaf=2, random_state=seed),
    ),
    functools.partial(all_drugs, models.Flat),
    functools.partial(all_drugs, models.Convolutions),
)
