"""The authors' network for a bag (`model.py` of AMLab-Amsterdam/AttentionDeepMIL), with five ways of pooling.

A LeNet reads each image; then come pooling and one linear layer. The two with attention are published as they
stand here; the other three differ from them in the pooling and in nothing else.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("attention", "gated attention", "mean", "max", "max of instances")
FEATURES, HIDDEN = 500, 128


class BagNetwork(nn.Module):
    """One bag (N, 1, 28, 28) becomes one log-odds."""

    def __init__(self, pooling: str):
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"`{pooling}` is none of {POOLINGS}")
        self.pooling = pooling
        self.encoder = nn.Sequential(
            *[nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)],
            *[nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2)],
            *[nn.Flatten(), nn.Linear(50 * 4 * 4, FEATURES), nn.ReLU()],
        )
        self.head = nn.Linear(FEATURES, 1)
        if "attention" in pooling:
            self.side = nn.Linear(FEATURES, HIDDEN)
            self.score = nn.Linear(HIDDEN, 1)
        if pooling == "gated attention":
            self.gate = nn.Linear(FEATURES, HIDDEN)

    def weights(self, features: Tensor) -> Tensor:
        """Return the attention that each of N instances gets."""
        hidden = torch.tanh(self.side(features))
        if self.pooling == "gated attention":
            hidden = hidden * torch.sigmoid(self.gate(features))
        return self.score(hidden)[:, 0].softmax(dim=0)

    def pool(self, features: Tensor) -> Tensor:
        """Return the log-odds of a bag with these features (N, D)."""
        if self.pooling == "max of instances":
            return self.head(features).amax()
        if self.pooling == "mean":
            pooled = features.mean(dim=0)
        elif self.pooling == "max":
            pooled = features.amax(dim=0)
        else:
            pooled = self.weights(features) @ features
        return self.head(pooled)[0]

    def forward(self, bag: Tensor) -> Tensor:
        """Return the log-odds that a bag holds a target."""
        return self.pool(self.encoder(bag))
