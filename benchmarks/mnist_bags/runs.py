"""One run: draw bags, train, and score on new bags of the test images.

The optimiser and its numbers are those of the authors' `main.py`: Adam, 0.0005, weight decay 0.0001, one bag
a step, 20 times through, no validation set and no early stopping.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from benchmarks.mnist_bags.bags import TARGET, Bags, draw, scaled
from benchmarks.mnist_bags.networks import BagNetwork

EPOCHS, LEARNING_RATE, WEIGHT_DECAY = 20, 5e-4, 1e-4
TEST_BAGS = 1000


@dataclass(frozen=True)
class Images:
    """Images ready for the networks, and their digits."""

    pictures: torch.Tensor
    digits: np.ndarray


@functools.cache
def mnist() -> tuple[Images, Images]:
    """Load the training file and the test file."""
    import course_lib as cl

    data = cl.load("mnist")
    parts = data.splits["published"]
    files = np.concatenate([parts["train"], parts["valid"]]), parts["test"]
    return tuple(
        Images(torch.from_numpy(scaled(data.inputs[rows])[:, None]), data.targets[rows]) for rows in files
    )


def run(pooling: str, count: int, repeat: int, files: tuple[Images, Images] | None = None) -> dict:
    """Train on `count` bags and return the scores of one run.

    The bags depend on `count` and `repeat` alone, so poolings are compared on the same ones.
    """
    torch.set_num_threads(1)
    training, test = files or mnist()
    random = np.random.default_rng([count, repeat])
    bags, new = draw(training.digits, count, random), draw(test.digits, TEST_BAGS, random)
    began = time.perf_counter()
    network = train(pooling, training, bags, seed=repeat)
    seconds = time.perf_counter() - began
    row = {"pooling": pooling, "bags": count, "repeat": repeat, "seconds": seconds}
    return row | scores(network, test, new)


def train(pooling: str, images: Images, bags: Bags, *, seed: int, epochs: int = EPOCHS) -> BagNetwork:
    """Train one network, a bag at a time."""
    torch.manual_seed(seed)
    network = BagNetwork(pooling)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.999), weight_decay=WEIGHT_DECAY, fused=True
    )
    labels = torch.tensor(bags.labels, dtype=torch.float32)
    for _ in range(epochs):
        for number in torch.randperm(len(bags.rows)).tolist():
            optimizer.zero_grad()
            odds = network(images.pictures[bags.rows[number]])
            F.binary_cross_entropy_with_logits(odds, labels[number]).backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def scores(network: BagNetwork, images: Images, bags: Bags) -> dict:
    """Return the AUC of the bags, and how often the top instance of a positive bag is a target.

    "Alone": by the bag classifier on one instance, which every pooling has. "By weight": by the attention.
    """
    # Each image once, however many bags it is in.
    used, place = np.unique(np.concatenate(bags.rows), return_inverse=True)
    features = torch.cat([network.encoder(part) for part in images.pictures[used].split(500)])
    of_bag = [torch.from_numpy(part) for part in np.split(place, np.cumsum(bags.lengths)[:-1])]
    odds = [network.pool(features[rows]).item() for rows in of_bag]
    alone = network.head(features)[:, 0]  # what every pooling gives a bag of one
    targets = torch.from_numpy(images.digits[used] == TARGET)
    positive = [rows for rows, label in zip(of_bag, bags.labels, strict=True) if label]

    def hits(values) -> float:
        return float(np.mean([bool(targets[rows[values(rows).argmax()]]) for rows in positive]))

    found = {
        "auc": float(roc_auc_score(bags.labels, odds)),
        "size_auc": float(roc_auc_score(bags.labels, bags.lengths)),
        "hits_alone": hits(lambda rows: alone[rows]),
        "hits_at_random": float(np.mean([targets[rows].float().mean().item() for rows in positive])),
    }
    if "attention" in network.pooling:
        found["hits_by_weight"] = hits(lambda rows: network.weights(features[rows]))
    return found
