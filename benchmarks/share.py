"""One process that trains the compute-bound case with `fit`, alone or beside others, and times the call.

    python -m benchmarks.share FOLDER COUNT

waits until COUNT such processes are ready, trains, and writes FOLDER/<name>.json. Under `torchrun` the
processes find each other through `fit`.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.cases import Case, images
from course_lib.training import fit


def wide_cnn(width: int = 64) -> nn.Module:
    """Return three wide convolutions and a layer that decides on the mean over the places."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, width, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 10),
    )


# For two processes: much arithmetic (0.1 GFLOP for a row's way forward), few weights to send (0.3 MB a step),
# no batch statistics, which would differ between the two. The largest activation (120 rows of 64 channels of
# 32×32, 30 MiB) is a piece that the C library keeps when it is freed, for one process as for two.
SHARED = Case(
    "shared",
    "32×32 images, three wide convolutions",
    wide_cnn,
    functools.partial(images, 480, 64),
    epochs=3,
    batch_size=120,
)


def train(folder: Path, count: int) -> dict:
    """Return the time inside `fit` [s], the losses, and the largest batch that the loss was given."""
    torch.set_num_threads(1)
    largest = [0]

    def loss(outputs, targets):
        if outputs.requires_grad:  # so not while it measures on more rows at a time
            largest[0] = max(largest[0], len(targets))
        return F.cross_entropy(outputs, targets)

    def call(model, train, valid, epochs):
        return fit(
            model,
            train,
            valid,
            loss=loss,
            epochs=epochs,
            batch_size=SHARED.batch_size,
            seed=0,
            progress=False,
        )

    model, (train, valid) = SHARED.model(), SHARED.data()
    # At a first call torch loads parts of itself, and the processes find one another.
    call(
        SHARED.model(), *(tuple(tensor[: SHARED.batch_size] for tensor in part) for part in (train, valid)), 1
    )
    (folder / f"{os.getpid()}.ready").touch()
    while len(list(folder.glob("*.ready"))) < count:
        time.sleep(0.001)
    started = time.perf_counter()
    history = call(model, train, valid, SHARED.epochs)
    return {
        "seconds": time.perf_counter() - started,
        "losses": [record["train_loss"] for record in history],
        "largest_batch": largest[0],
    }


if __name__ == "__main__":
    place = Path(sys.argv[1])
    said = train(place, int(sys.argv[2]))
    (place / f"{os.getpid()}.json").write_text(json.dumps(said), encoding="utf-8")
