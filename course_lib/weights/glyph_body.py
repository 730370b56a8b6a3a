"""Train the body whose weights lie beside this file, `glyph_body.pt`.

    python -m course_lib.weights.glyph_body

draws the alphabet, trains for about a quarter of a minute on one core, writes the file and prints its hash,
which belongs into `course_lib/weights/__init__.py`. Another processor rounds otherwise, so the bytes differ
from machine to machine; a test trains anew, and asks for features as good on glyphs of other alphabets.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.seeding import seed_everything
from course_lib.simulators import glyphs
from course_lib.training import fit

if TYPE_CHECKING:
    from torch import nn

SEED = 20_000  # an alphabet of its own: the lessons use small seeds
CLASSES, IMAGES, NOISE = 500, 20, 0.35
EPOCHS = 10


def new_body() -> nn.Sequential:
    """Return an untrained body: pictures (B, 1, 20, 20) become features (B, 128)."""
    from torch import nn

    def block(channels: int, maps: int) -> nn.Sequential:
        convolution = nn.Conv2d(channels, maps, 3, padding=1)
        return nn.Sequential(convolution, nn.BatchNorm2d(maps), nn.ReLU(), nn.MaxPool2d(2))

    return nn.Sequential(block(1, 8), block(8, 16), block(16, 32), nn.Flatten())


def train(classes: int = CLASSES, epochs: int = EPOCHS, seed: int = SEED) -> nn.Sequential:
    """Return a body trained to tell `classes` glyphs apart; its head is thrown away."""
    import torch
    from torch import nn

    seed_everything(seed)
    signs = glyphs(seed, classes=classes, images=IMAGES, noise=NOISE)
    body = new_body()
    fit(
        nn.Sequential(body, nn.Linear(128, classes)),
        (signs.inputs[:, None], signs.targets),
        loss=nn.functional.cross_entropy,
        epochs=epochs,
        schedule=lambda optimizer, steps: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=0.01, total_steps=steps
        ),
        device="cpu",
    )
    return body


if __name__ == "__main__":
    import torch

    target = Path(__file__).with_suffix(".pt")
    torch.save(train().state_dict(), target)
    print(f"{target.name}: {target.stat().st_size} bytes, sha256")
    print(hashlib.sha256(target.read_bytes()).hexdigest())
