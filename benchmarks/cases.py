"""What is trained in the benchmarks: models and data of the size that lessons have.

A fit of a case takes about half a second on one thread, long enough to be timed and short enough to be
repeated. No model draws random numbers while it learns, so that the loops can be held to the same losses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

Pair = tuple[torch.Tensor, torch.Tensor]

RESIDUES, LENGTH = 20, 240


@dataclass(frozen=True)
class Case:
    """A model, its data, and the settings that every loop trains it with (AdamW, cross-entropy).

    `precision`, `compile` and `channels_last` are what pays best for the case: the tuned loop has them, and
    `fit` beside it.
    """

    name: str
    title: str
    make_model: Callable[[], nn.Module]
    make_data: Callable[[], tuple[Pair, Pair]]
    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    device: str = "cpu"
    precision: str = "float32"
    compile: bool = False
    channels_last: bool = False

    loss = staticmethod(F.cross_entropy)

    def model(self) -> nn.Module:
        """Return the model, with the same weights every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return self.make_model()

    def data(self) -> tuple[Pair, Pair]:
        """Return the pairs to learn from and to be measured on."""
        return self.make_data()


# The data. Each is made once in a process.


@functools.cache
def digits() -> tuple[Pair, Pair]:
    """Return scikit-learn's digits as rows of 64 numbers."""
    from sklearn.datasets import load_digits

    found = load_digits()
    x = torch.from_numpy(found.data).float() / 16
    y = torch.from_numpy(found.target).long()
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, valid = rows[360:], rows[:360]
    return (x[train], y[train]), (x[valid], y[valid])


@functools.cache
def digit_images() -> tuple[Pair, Pair]:
    """Return the digits as images of shape (B, 1, 8, 8)."""
    return tuple((x.view(-1, 1, 8, 8), y) for x, y in digits())


@functools.cache
def sequences(train: int, valid: int) -> tuple[Pair, Pair]:
    """Return sequences of residues of shape (B, 240); in half of them six places hold one motif."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(RESIDUES, (train + valid, LENGTH), generator=generator)
    y = torch.arange(train + valid) % 2
    x[y == 1, 100:106] = torch.arange(6)
    return (x[:train], y[:train]), (x[train:], y[train:])


@functools.cache
def images(train: int, valid: int) -> tuple[Pair, Pair]:
    """Return noise of shape (B, 3, 32, 32) in ten classes that differ by a faint pattern."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(train + valid) % 10
    patterns = torch.randn(10, 3, 32, 32, generator=generator)
    x = torch.randn(train + valid, 3, 32, 32, generator=generator) + 0.3 * patterns[y]
    return (x[:train], y[:train]), (x[train:], y[train:])


# The models.


def mlp() -> nn.Module:
    """Return a network of 64, 64 and 10 units."""
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def cnn(channels: int = 1, side: int = 8, width: int = 8) -> nn.Module:
    """Return two convolutions, each followed by pooling, and a layer that decides."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * (side // 4) ** 2, 10),
    )


class Recurrent(nn.Module):
    """A GRU that reads residues, and a layer that decides on the mean of what it says."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(RESIDUES, 16)
        self.read = nn.GRU(16, 32, batch_first=True)
        self.decide = nn.Linear(32, 2)

    def forward(self, x):
        """Map residues (B, T) to logits (B, 2)."""
        return self.decide(self.read(self.embed(x))[0].mean(1))


class Attentive(nn.Module):
    """Two layers of attention over residues and their places, and a layer that decides on the mean."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(RESIDUES, 16)
        self.place = nn.Parameter(torch.randn(LENGTH, 16) / 10)
        self.layers = nn.Sequential(
            *(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True) for _ in range(2))
        )
        self.decide = nn.Linear(16, 2)

    def forward(self, x):
        """Map residues (B, T) to logits (B, 2)."""
        return self.decide(self.layers(self.embed(x) + self.place).mean(1))


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int):
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        same = channels == width and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels, width, 1, stride, bias=False)

    def forward(self, x):
        """Map (B, C, H, W) to (B, width, H/stride, W/stride)."""
        return F.relu(self.path(x) + self.shortcut(x))


def resnet(width: int = 8, blocks: int = 1) -> nn.Module:
    """Return a small ResNet: three stages of `blocks` blocks, each stage twice as wide and half as fine."""
    layers = [nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    channels = width
    for stage in range(3):
        for block in range(blocks):
            wide = width * 2**stage
            layers.append(Block(channels, wide, 2 if stage and not block else 1))
            channels = wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


CASES = (
    Case("mlp", "digits, MLP 64–64–10", mlp, digits, epochs=40, batch_size=64),
    Case(
        "cnn",
        "digits, two convolutions",
        cnn,
        digit_images,
        epochs=10,
        batch_size=64,
        channels_last=True,
    ),
    Case(
        "gru", "240 residues, GRU", Recurrent, functools.partial(sequences, 128, 32), epochs=5, batch_size=8
    ),
    Case(
        "transformer",
        "240 residues, Transformer",
        Attentive,
        functools.partial(sequences, 128, 32),
        epochs=5,
        batch_size=8,
    ),
    Case(
        "resnet",
        "32×32 images, ResNet",
        resnet,
        functools.partial(images, 256, 64),
        epochs=6,
        batch_size=16,
        channels_last=True,
    ),
)

# For the tests: every loop, in a moment.
TINY = Case("tiny", "digits, two epochs", mlp, digits, epochs=2, batch_size=64)

_ON_GPU = {"device": "cuda", "precision": "bfloat16", "compile": True, "channels_last": True}
GPU_CASES = (
    Case(
        "cnn",
        "32×32 images, two convolutions",
        functools.partial(cnn, 3, 32, 32),
        functools.partial(images, 25_600, 2_048),
        epochs=11,
        batch_size=256,
        **_ON_GPU,
    ),
    Case(
        "resnet",
        "32×32 images, ResNet",
        functools.partial(resnet, 32, 3),
        functools.partial(images, 25_600, 2_048),
        epochs=11,
        batch_size=256,
        **_ON_GPU,
    ),
)
