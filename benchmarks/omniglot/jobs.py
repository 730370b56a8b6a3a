"""The work in pieces, each for a process of its own: one distance, or one training, and all twenty runs."""

from __future__ import annotations

import time

import torch

from benchmarks.omniglot import drawings, scores, training
from benchmarks.omniglot.baselines import BASELINES

SEEDS = (1, 2, 3)


def baseline(name: str) -> dict:
    """Return the errors of a distance that learns nothing, run by run."""
    torch.set_num_threads(1)
    began = time.process_time()
    errors = [
        scores.error(BASELINES[name](run.shown, run.asked), run.answers) for run in drawings.published_runs()
    ]
    return {"method": name, "errors": errors, "seconds": time.process_time() - began}


def learned(name: str, part: str, seed: int) -> dict:
    """Return the errors of a network after training on one minimal set, run by run."""
    torch.set_num_threads(1)
    began = time.process_time()
    method = training.METHODS[name]
    network = training.train(method, drawings.minimal_set(part), seed=seed)
    errors = [
        scores.error(training.alike(method, network, run.shown, run.asked), run.answers)
        for run in drawings.published_runs()
    ]
    seconds = time.process_time() - began
    return {"method": name, "set": part, "seed": seed, "errors": errors, "seconds": seconds}
