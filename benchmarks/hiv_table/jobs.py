"""The work in pieces: each is done once, written down at once, and found again when a run starts anew."""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.hiv_table import folds, models, recipe, scores
from benchmarks.hiv_table.isolates import CLASSES, DRUGS, Table, table

PROTOCOLS = ("published", "grouped")
RECIPE = "recipe"
# What takes longest comes first, so that two processes end together.
ORDER = ("rnn", RECIPE, "cnn", "flat", "position_blind", "logistic_regression")


@dataclasses.dataclass(frozen=True)
class Job:
    """A model of one drug on five folds; for the recipe, all drugs of a class on one fold of five."""

    model: str
    protocol: str
    seed: int
    what: str  # a drug; for the recipe, a class
    fold: int | None = None

    @property
    def name(self) -> str:
        """Return the name of the file that keeps the result."""
        fold = [] if self.fold is None else [f"fold{self.fold}"]
        return "-".join([self.model, self.protocol, f"seed{self.seed}", self.what, *fold])


def jobs(protocol: str, seed: int) -> list[Job]:
    """Return all pieces of a protocol on the folds of one seed, the longest first.

    The recipe is trained on all drugs of a class, on folds that keep isolates and identical sequences
    together: the stricter protocol is its only one, and its numbers stand in both.
    """
    found = []
    for model in ORDER:
        if model == RECIPE:
            found += [
                Job(model, "grouped", seed, name, fold) for name in CLASSES for fold in range(folds.FOLDS)
            ]
        else:
            found += [Job(model, protocol, seed, drug) for drug in reversed(DRUGS)]
    return found


def work(job: Job) -> dict:
    """Return for each drug of a job the scores of its folds, and the processor time it took [s]."""
    started = time.process_time()
    found = _recipe(job) if job.model == RECIPE else {job.what: _one_drug(job)}
    return {"folds": found, "seconds": time.process_time() - started}


def _one_drug(job: Job) -> list[dict[str, float]]:
    isolates = table(DRUGS[job.what])
    rows = isolates.measured(job.what)
    labels, found = isolates.label(job.what, rows), []
    fold_of = fold_numbers(isolates, job.protocol, job.seed, rows, labels)
    for fold in range(folds.FOLDS):
        train, test = rows[fold_of != fold], rows[fold_of == fold]
        if job.protocol == "grouped":
            folds.refuse_a_leak(isolates.sequences, train, test)
        said = models.MODELS[job.model](
            isolates.sequences[train],
            isolates.label(job.what, train),
            isolates.sequences[test],
            seed=1000 * job.seed + fold,
        )
        found.append(scores.of_fold(isolates.label(job.what, test), said))
    return found


def fold_numbers(
    isolates: Table, protocol: str, seed: int, rows: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """Return the fold of each row of one drug under a protocol."""
    if protocol == "published":
        return folds.by_drug(labels, seed)
    return folds.by_class(isolates.sequences, isolates.labels, seed)[rows]


def _recipe(job: Job) -> dict[str, list[dict[str, float]]]:
    isolates = table(job.what)
    fold_of = folds.by_class(isolates.sequences, isolates.labels, job.seed)
    test = np.flatnonzero(fold_of == job.fold)
    said = recipe.predict(
        isolates, np.flatnonzero(fold_of != job.fold), test, seed=1000 * job.seed + job.fold
    )
    found = {}
    for column, drug in enumerate(isolates.drugs):
        measured = np.isin(test, isolates.measured(drug))
        found[drug] = [scores.of_fold(isolates.label(drug, test[measured]), said[measured, column])]
    return found


def run(todo: list[Job], folders: dict[str, Path], processes: int) -> Iterator[Job]:
    """Do what is not done yet, and return each piece when it is done.

    Each piece is a file in the folder of its model as soon as it is there.
    """
    todo = [job for job in todo if not is_done(job, folders)]
    if processes == 1:
        _one_thread()
        for job in todo:
            yield _keep(job, folders)
    elif todo:
        with multiprocessing.get_context("spawn").Pool(processes, _one_thread) as pool:
            yield from pool.imap_unordered(functools.partial(_keep, folders=folders), todo)


def is_done(job: Job, folders: dict[str, Path]) -> bool:
    """Return whether the file of a piece is there."""
    return _path(job, folders).exists()


def _path(job: Job, folders: dict[str, Path]) -> Path:
    return folders[job.model] / f"{job.name}.json"


def _keep(job: Job, folders: dict[str, Path]) -> Job:
    path = _path(job, folders)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(work(job)), encoding="utf-8")
    os.replace(part, path)  # a killed run leaves no half a result
    return job


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def rows(folders: dict[str, Path], runs: dict[str, list[int]]) -> list[dict]:
    """Return a row per drug, model and protocol from the files of the seeds that each protocol was run with.

    A row is one model on all seeds of its protocol; `seconds` is the processor time of one seed.
    """
    found = []
    for protocol, seeds in runs.items():
        for drug, name in DRUGS.items():
            isolates = table(name)
            labels = isolates.label(drug, isolates.measured(drug))
            for model in ORDER[::-1]:
                by_seed = [_of_seed(folders, model, protocol, seed, drug) for seed in seeds]
                found.append(
                    {
                        "drug": drug,
                        "class": name,
                        "model": model,
                        "protocol": protocol,
                        "isolates": len(labels),
                        "resistant": float(labels.mean()),
                        **scores.summary([one for one, _ in by_seed]),
                        "accuracy_by_seed": [
                            float(np.mean([fold["accuracy"] for fold in one])) for one, _ in by_seed
                        ],
                        "seconds": float(np.mean([seconds for _, seconds in by_seed])),
                    }
                )
    return found


def _of_seed(folders: dict[str, Path], model: str, protocol: str, seed: int, drug: str):
    """Return the five folds of a drug, and the seconds; of the recipe's time, each drug gets its share."""
    if model != RECIPE:
        said = _read(Job(model, protocol, seed, drug), folders)
        return said["folds"][drug], said["seconds"]
    name = DRUGS[drug]
    parts = [_read(Job(model, "grouped", seed, name, fold), folders) for fold in range(folds.FOLDS)]
    seconds = sum(part["seconds"] for part in parts) / len(CLASSES[name])
    return [part["folds"][drug][0] for part in parts], seconds


def _read(job: Job, folders: dict[str, Path]) -> dict:
    return json.loads(_path(job, folders).read_text(encoding="utf-8"))
