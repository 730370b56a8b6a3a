"""The isolates of a class of drugs: one row each, with every drug that it was measured for."""

from __future__ import annotations

import contextlib
import functools
import io
from dataclasses import dataclass

import numpy as np

from course_lib.data import load
from course_lib.data.readers.hiv import ALPHABET

CLASSES = {
    "PI": ("FPV", "ATV", "IDV", "LPV", "NFV", "SQV", "TPV", "DRV"),
    "NRTI": ("3TC", "ABC", "AZT", "D4T", "DDI", "TDF"),
    "NNRTI": ("EFV", "NVP", "ETR", "RPV"),
}
DRUGS = {drug: name for name, drugs in CLASSES.items() for drug in drugs}
LETTERS = len(ALPHABET)
CUT_OFF = 3.5  # fold change from which the authors call an isolate resistant


@dataclass(frozen=True)
class Table:
    """What is known of the isolates of a class.

    `sequences` (B, T) holds letter codes. `labels` (B, drugs) is 1 for resistant, 0 for susceptible, and NaN
    where an isolate was not measured; `log_fold` is log10 of the fold change, NaN at the same places.
    """

    drugs: tuple[str, ...]
    isolates: tuple[str, ...]
    sequences: np.ndarray
    labels: np.ndarray
    log_fold: np.ndarray

    def measured(self, drug: str) -> np.ndarray:
        """Return the rows that were measured for a drug."""
        return np.flatnonzero(~np.isnan(self.labels[:, self.drugs.index(drug)]))

    def label(self, drug: str, rows: np.ndarray) -> np.ndarray:
        """Return whether the isolates of these rows resist a drug."""
        return self.labels[rows, self.drugs.index(drug)].astype(int)


@functools.cache
def table(name: str) -> Table:
    """Read a class of drugs: the sequences that the authors published, fold changes by sequence number."""
    drugs = CLASSES[name]
    with contextlib.redirect_stdout(io.StringIO()):  # eighteen times the same notes
        sets = [load(f"hiv_resistance/{drug}") for drug in drugs]
    sequence_of = {}
    for one in sets:
        for isolate, sequence in zip(one.extras["isolates"], one.inputs, strict=True):
            if not np.array_equal(sequence_of.setdefault(isolate, sequence), sequence):
                raise ValueError(f"Isolate {isolate} has two sequences in the files of {name}.")
    isolates = tuple(sorted(sequence_of, key=int))
    row_of = {isolate: row for row, isolate in enumerate(isolates)}
    labels = np.full((len(isolates), len(drugs)), np.nan)
    log_fold = labels.copy()
    for column, one in enumerate(sets):
        rows = [row_of[isolate] for isolate in one.extras["isolates"]]
        labels[rows, column] = one.targets
        log_fold[rows, column] = np.log10(one.extras["fold_change"])
    sequences = np.stack([sequence_of[isolate] for isolate in isolates])
    return Table(drugs, isolates, sequences, labels, log_fold)


def one_hot(sequences: np.ndarray) -> np.ndarray:
    """Return letter codes (B, T) as ones and zeros (B, T, letters), single precision."""
    return np.eye(LETTERS, dtype=np.float32)[sequences]
