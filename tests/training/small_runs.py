"""Models, rows and runs that are small enough to be trained hundreds of times."""

import functools
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from course_lib.training import fit

quiet = functools.partial(fit, progress=False)


def a_model(inputs=6, outputs=3, dropout=0.0):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(inputs, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, outputs))


def classes(rows=70, inputs=6, outputs=3):
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, inputs, generator=generator)
    return x, x[:, :outputs].argmax(1)


def accuracy(outputs, targets):
    return (outputs.argmax(1) == targets).float().mean()


def weights(model):
    return [tensor.clone() for tensor in model.state_dict().values()]


def same(first, second):
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def column(history, name):
    return [record[name] for record in history]


def by_hand(model, x, y, loss, optimizer, epochs, batch_size, generator=None, clip=None, schedule=None):
    """Train as a beginner would write it, and return the mean loss over the rows of each epoch."""
    means = []
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator)
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            optimizer.zero_grad()
            value = loss(model(x[rows]), y[rows])
            value.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if schedule:
                schedule.step()
            total += value.item() * len(rows)
        means.append(total / len(x))
    return means


class Rows(Dataset):
    """Rows made one by one, with some noise of NumPy's and Python's if asked for."""

    def __init__(self, x, y, noise=0.0):
        self.x, self.y, self.noise = x, y, noise

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        if not self.noise:  # draws nothing, so that it can be compared with rows in memory
            return self.x[index], self.y[index]
        shift = self.noise * (np.random.rand() + random.random() + torch.rand(()).item())
        return self.x[index] + shift, self.y[index]


X, Y = classes()
