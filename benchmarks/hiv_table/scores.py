"""What a fold is judged by: accuracy, balanced accuracy, area under the curve; and their spread."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

MEASURES = ("accuracy", "balanced_accuracy", "auc")


def of_fold(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the scores of one test fold; an isolate counts as resistant from one half on."""
    said = (probabilities >= 0.5).astype(int)
    return {
        "accuracy": float(accuracy_score(labels, said)),
        "balanced_accuracy": float(balanced_accuracy_score(labels, said)),
        "auc": float(roc_auc_score(labels, probabilities)),
    }


def summary(seeds: list[list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return for each measure its mean, its spread between folds, and that between fold seeds.

    A seed has five folds. The first spread is the standard deviation over folds, averaged over the seeds; the
    second is that of the seeds' means, and is missing where there is one seed.
    """
    found = {}
    for measure in MEASURES:
        values = np.array([[fold[measure] for fold in folds] for folds in seeds])
        found[measure] = {"mean": values.mean(), "sd_folds": values.std(axis=1, ddof=1).mean()}
        if len(values) > 1:
            found[measure]["sd_seeds"] = values.mean(axis=1).std(ddof=1)
    return {measure: {name: float(v) for name, v in one.items()} for measure, one in found.items()}
