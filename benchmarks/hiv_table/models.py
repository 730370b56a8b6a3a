"""The models that see one drug at a time: logistic regression and four networks.

Each of `MODELS` is trained on the training fold of one drug and returns the probability that a test isolate
is resistant. Nothing is chosen on the way: there is no early stopping, and the settings are the same for all
drugs.

The loop is written out here, though `fit` would do the same: a change of `fit` would make hours of results
stale.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

from benchmarks.hiv_table.isolates import LETTERS, one_hot


class PositionBlind(nn.Module):
    """The published MLP: each letter embedded, averaged over all positions, then four layers."""

    def __init__(self, positions: int):
        super().__init__()
        units = 33 if positions < 200 else 99  # as published: protease, reverse transcriptase
        self.embedding = nn.Linear(LETTERS, units, bias=False)
        layers = [part for _ in range(4) for part in (nn.Linear(units, units), nn.ReLU())]
        self.head = nn.Sequential(*layers, nn.Linear(units, 1))

    def forward(self, letters):
        """Return one number per isolate from letters (B, T, letters); the mean of embeddings is linear."""
        return self.head(self.embedding(letters.mean(1)))


class Flat(nn.Module):
    """An MLP in which every position has weights of its own."""

    def __init__(self, positions: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(positions * LETTERS, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, 1),
        )

    def forward(self, letters):
        """Return one number per isolate from letters (B, T, letters)."""
        return self.layers(letters)


class Convolutions(nn.Module):
    """Embedding, two convolutions of width nine with pooling between them, flattened: as published."""

    def __init__(self, positions: int):
        super().__init__()
        self.embedding = nn.Linear(LETTERS, 32, bias=False)
        self.first = nn.Conv1d(32, 32, 9, padding=4)
        self.second = nn.Conv1d(32, 32, 9, padding=4)
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(32 * (positions // 5), 1))

    def forward(self, letters):
        """Return one number per isolate from letters (B, T, letters)."""
        hidden = F.max_pool1d(F.relu(self.first(self.embedding(letters).transpose(1, 2))), 5)
        return self.head(F.relu(self.second(hidden)).flatten(1))


class Recurrent(nn.Module):
    """A bidirectional GRU that reads three letters a step; its states at all steps are read out.

    One letter a step takes three times as long, and the last state alone has to carry what stood 240 letters
    before.
    """

    def __init__(self, positions: int, units: int = 32):
        super().__init__()
        self.embedding = nn.Linear(LETTERS, 16, bias=False)
        self.recurrent = nn.GRU(3 * 16, units, bidirectional=True, batch_first=True)
        steps = positions // 3
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(2 * units * steps, 1))

    def forward(self, letters):
        """Return one number per isolate from letters (B, T, letters); T is a multiple of three."""
        return self.head(self.recurrent(self.embedding(letters).unflatten(1, (-1, 3)).flatten(2))[0])


def train(
    model: nn.Module, letters: torch.Tensor, targets: torch.Tensor, *, steps: int, learning_rate: float
) -> None:
    """Minimise the log loss with AdamW, in as many steps for a small set as for a large one.

    A batch is 64 isolates, or a fifth of them where there are fewer than 320; the step size rises for a tenth
    of the steps and then falls along a cosine to zero.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.05, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    model.train()
    for rows in itertools.islice(_batches(len(letters)), steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(letters[rows])[:, 0], targets[rows]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.eval()


def _batches(count: int):
    """Yield rows in random order, epoch after epoch, without end."""
    while True:
        yield from torch.randperm(count).tensor_split(max(5, count // 64))


def logistic_regression(
    sequences: np.ndarray, labels: np.ndarray, asked: np.ndarray, seed: int
) -> np.ndarray:
    """Return probabilities of logistic regression on one-hot letters."""
    known, unknown = (one_hot(part).reshape(len(part), -1) for part in (sequences, asked))
    model = LogisticRegression(C=0.3, solver="liblinear").fit(known, labels)
    return model.predict_proba(unknown)[:, 1]


def position_blind(sequences: np.ndarray, labels: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    """Return probabilities of the published MLP, trained as published: 500 epochs, weighted classes."""
    torch.manual_seed(seed)
    model = PositionBlind(sequences.shape[1])
    # The average over positions does not change from epoch to epoch: it is taken once.
    known, unknown = (torch.tensor(one_hot(part).mean(1, keepdims=True)) for part in (sequences, asked))
    targets = torch.tensor(labels, dtype=torch.float32)
    weight = torch.tensor((1 - labels).sum() / labels.sum())
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    for _ in range(500):
        for rows in torch.randperm(len(known)).split(64):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(
                model(known[rows])[:, 0], targets[rows], pos_weight=weight
            ).backward()
            optimizer.step()
    with torch.no_grad():
        return model(unknown)[:, 0].sigmoid().double().numpy()


def network(make: Callable, **settings) -> Callable:
    """Return a function that trains a network on the labels of one drug and returns probabilities."""

    def fitted(sequences: np.ndarray, labels: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
        torch.manual_seed(seed)
        model = make(sequences.shape[1])
        train(
            model,
            torch.tensor(one_hot(sequences)),
            torch.tensor(labels, dtype=torch.float32),
            **settings,
        )
        with torch.no_grad():
            return model(torch.tensor(one_hot(asked)))[:, 0].sigmoid().double().numpy()

    return fitted


MODELS = {
    "logistic_regression": logistic_regression,
    "position_blind": position_blind,
    "flat": network(Flat, steps=800, learning_rate=2e-3),
    "cnn": network(Convolutions, steps=800, learning_rate=2e-3),
    "rnn": network(Recurrent, steps=300, learning_rate=4e-3),
}
