"""Runs that have to come out alike in one process and in several: `torchrun together.py FOLDER`, or `run`."""

import json
import os
import sys
from pathlib import Path

import torch
from small_runs import Rows, a_model, accuracy, classes
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from course_lib.training import fit

X, Y = classes()


class Branches(nn.Module):
    """A layer for all rows, one for a few of them, and one for none."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.always, self.sometimes, self.never = (nn.Linear(6, 3) for _ in range(3))

    def forward(self, x):
        outputs, rare = self.always(x), x[:, 0] > 1.6
        if rare.any():
            outputs = outputs.index_add(0, rare.nonzero()[:, 0], self.sometimes(x[rare]))
        return outputs


class Stream(IterableDataset):
    def __iter__(self):
        yield from zip(X, Y, strict=True)


def loader():
    return DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)


def cosine(optimizer, steps):
    return lr_scheduler.CosineAnnealingLR(optimizer, steps)


RUNS = {
    "a last batch of one row": dict(batch_size=23),
    "fewer rows to measure than processes": dict(valid=(X[:1], Y[:1])),
    "Dataset": dict(train=Rows(X, Y), valid=Rows(X, Y)),
    "Dataset, a last batch of one row": dict(train=Rows(X, Y), batch_size=23),
    "DataLoader": dict(train=loader, valid=loader),
    "stream without a length": dict(train=Stream()),
    "layers that are not always used": dict(model=Branches, batch_size=4, optimizer="adamw"),
    "clipped, along a schedule, with a seed": dict(clip_norm=0.1, schedule=cosine, seed=4),
    "doubles": dict(model=lambda: a_model().double(), train=(X.double(), Y), valid=(X.double(), Y)),
    "a stop in the second epoch": dict(on_epoch=lambda record: "stop" if record["epoch"] == 2 else None),
}


def run(name):
    """Return the losses and the weights of a run."""
    settings = {"model": a_model, "train": (X, Y), "valid": (X, Y), "batch_size": 16} | RUNS[name]
    model, train, valid = settings.pop("model")(), settings.pop("train"), settings.pop("valid")
    train, valid = (data() if callable(data) else data for data in (train, valid))
    torch.manual_seed(5)
    history = fit(
        model,
        train,
        valid,
        loss=F.cross_entropy,
        epochs=3,
        learning_rate=0.02,
        metrics={"accuracy": accuracy},
        progress=False,
        **settings,
    )
    losses = [[record[key] for key in ("train_loss", "valid_loss", "accuracy")] for record in history]
    return {"losses": losses, "weights": [p.tolist() for p in model.parameters()]}


class Dice(nn.Linear):
    """A layer that notes what it draws, as dropout would."""

    def forward(self, x):
        self.drawn = torch.rand(())
        return super().forward(x) + 0 * self.drawn


if __name__ == "__main__":
    rank = int(os.environ["RANK"])
    results = {name: run(name) for name in RUNS}
    torch.manual_seed(8)
    dice = Dice(6, 3)
    fit(dice, (X, Y), loss=F.cross_entropy, epochs=1, progress=False)
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))
    fit(a_model(), (X, Y), (X, Y), loss=weighted, epochs=1)
    results |= {"drawn": dice.drawn.item(), "drawn afterwards": torch.rand(()).item()}
    Path(sys.argv[1], f"{rank}.json").write_text(json.dumps(results))
