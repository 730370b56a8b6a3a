"""HIV-1 drug resistance: the FASTA file of a drug, fold changes by sequence number, published results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.data.readers.letters import coded, read_fasta
from course_lib.registry import Parts, Record

# The twenty amino acids, unknown (X), and the other signs of the files: not read, insertion, deletion.
ALPHABET = "ACDEFGHIKLMNPQRSTVWYX.#~dl"
_RESULTS, _IMPORTANCE = "published_results_by_fold.csv", "published_importance_mean.csv"


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read one drug: letters as codes, resistant or not; fold change and published results as extras."""
    import numpy as np

    fasta = next(path for path in paths if path.startswith("fasta/"))
    table = next(path for path in paths if path.endswith("_stanford.csv"))
    headers, sequences = zip(*read_fasta(paths[fasta]), strict=True)
    isolates, labels = zip(*(header.rsplit("_", 1) for header in headers), strict=True)
    fold_change, mixtures = _phenotypes(paths[table], entry.member, isolates)
    count, other = len(sequences), sum(bool(set(one) & set(ALPHABET[20:])) for one in sequences)
    notes = [
        f"{np.sum(mixtures > 0)} of {count:,} sequences were mixtures at {mixtures[mixtures > 0].mean():.1f} "
        "positions on average. The publisher kept the first amino acid of each.",
        f"{other} of {count:,} sequences have a sign that is no amino acid ({' '.join(ALPHABET[20:])}). "
        "It has its own code.",
        f"{count - len(set(sequences))} of {count:,} sequences repeat another one. "
        "The default split keeps them together.",
    ]
    published = {
        name: _rows_of(paths[name], entry.member) for name in (_RESULTS, _IMPORTANCE) if name in paths
    }
    if len(published) < 2:
        notes.append("The published results by fold are only in a mirror, and none was found.")
    return Parts(
        inputs=coded(sequences, ALPHABET),
        targets=np.array(labels, dtype=np.int64),
        groups={"sequence": np.unique(sequences, return_inverse=True)[1]},
        extras={
            "alphabet": ALPHABET,
            "sequences": sequences,
            "isolates": isolates,
            "fold_change": fold_change,
            "mixtures": mixtures,
            "published_results": published.get(_RESULTS),
            "published_importance": published.get(_IMPORTANCE),
        },
        notes=notes,
    )


def _phenotypes(path: Path, drug: str, isolates: tuple[str, ...]) -> tuple[Any, Any]:
    """Return for each isolate the fold change of IC50, and at how many positions it was a mixture."""
    import pandas as pd

    # utf-8-sig: the file begins with a byte order mark, which would become part of the first name.
    table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False).set_index("SeqID")
    table = table.loc[list(isolates)]
    positions = table[[name for name in table if name[0] == "P" and name[1:].isdigit()]]
    mixtures = positions.apply(lambda column: column.str.len() > 1).sum(axis=1)
    return table[drug].astype(float).to_numpy(), mixtures.to_numpy()


def _rows_of(path: Path, drug: str) -> Any:
    import pandas as pd

    table = pd.read_csv(path)
    return table[table["drug"] == drug].drop(columns="drug").reset_index(drop=True)
