"""What was chosen, and on what: alphabets of the minimal sets that the network was not trained on.

    python -m benchmarks.omniglot.choices places

trains a method on four alphabets of a minimal set and asks it about the fifth, twenty characters at a time,
one person's drawings shown and another's asked, as in the runs. No drawing of a run has a hand in this.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from benchmarks.omniglot import drawings, scores, training
from benchmarks.omniglot.drawings import MinimalSet

# Two alphabets of each set; each is held out alone. The large ones give episodes that differ.
HELD_OUT = (
    ("small1", "Balinese"),
    ("small1", "Korean"),
    ("small2", "Sanskrit"),
    ("small2", "Japanese_(katakana)"),
)
EPISODES = 30


def error(method: training.Method, data: MinimalSet, alphabet: str, *, seed: int = 0) -> float:
    """Return the error on one alphabet after training on the others of the set."""
    network = training.train(method, data.without(alphabet), seed=seed)
    held = data.only(alphabet).drawings
    found = []
    for characters, shows, asks in drawings.episodes(len(held), EPISODES, np.random.default_rng(0)):
        alike = training.alike(method, network, held[characters, shows], held[characters, asks])
        found.append(scores.error(alike, np.arange(len(characters))))
    return float(np.mean(found))


def main(words: list[str] | None = None) -> int:
    """Print the error of methods on each held-out alphabet."""
    torch.set_num_threads(1)
    for name in words or training.METHODS:
        errors = [error(training.METHODS[name], drawings.minimal_set(part), held) for part, held in HELD_OUT]
        said = "  ".join(f"{held} {value:.1%}" for (_, held), value in zip(HELD_OUT, errors, strict=True))
        print(f"{name:22} {np.mean(errors):.1%}  ({said})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
