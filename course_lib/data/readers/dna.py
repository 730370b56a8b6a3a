"""DNA windows with a label each: planted motifs, splice junctions, promoters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from course_lib.data.readers.kinship import linked, pieces
from course_lib.data.readers.letters import coded, read_fasta
from course_lib.registry import Parts, Record

# Shorter runs are shared by chance: among four letters, 20 in a row repeat once in a million million pairs.
_OVERLAP = 20


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read one set: letters as codes (B, T), classes in the order of the registry."""
    return {"genomics_primer": _primer, "splice_junction": _splice}.get(entry.name, _promoters)(entry, paths)


def _primer(entry: Record, paths: Mapping[str, Path]) -> Parts:
    import numpy as np

    sequences = paths["sequences.txt"].read_text(encoding="utf-8").split()
    labels = paths["labels.txt"].read_text(encoding="utf-8").split()
    return Parts(
        inputs=coded(sequences, "ACGT"),
        targets=np.array(labels, dtype=np.int64),
        extras={"alphabet": "ACGT", "sequences": tuple(sequences)},
    )


def _splice(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Keep together what comes from one GenBank entry or overlaps: windows of one gene know each other."""
    import numpy as np

    lines = paths["splice.data"].read_text(encoding="utf-8").split()
    labels, names, sequences = zip(*(line.split(",") for line in lines), strict=True)
    alphabet = "ACGTDNRS"
    unclear = sum(bool(set(sequence) - set("ACGT")) for sequence in sequences)
    count = len(sequences)
    return Parts(
        inputs=coded(sequences, alphabet),
        targets=np.array([entry.classes.index(label) for label in labels]),
        groups={
            "gene": linked(
                [[name.split("-")[0]] for name in names],
                [pieces(sequence, _OVERLAP) for sequence in sequences],
            )
        },
        extras={"alphabet": alphabet, "sequences": sequences, "names": names},
        notes=[
            f"{unclear} of {count:,} sequences have letters for an unclear base (D N R S). "
            "Each has its own code.",
            f"{count - len(set(sequences))} of {count:,} sequences repeat another one. "
            "The default split keeps them together.",
        ],
    )


def _promoters(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read promoters and other pieces of one genome; pieces that overlap belong together."""
    import numpy as np

    other, promoter = sorted(paths, key=lambda path: "non_prom" not in path)
    records = [read_fasta(paths[other]), read_fasta(paths[promoter])]  # in the order of the classes
    names, sequences = zip(*(record for part in records for record in part), strict=True)
    family = linked([pieces(sequence, _OVERLAP) for sequence in sequences])
    alone = np.bincount(family)[family] == 1
    return Parts(
        inputs=coded(sequences, "ACGT"),
        targets=np.repeat(np.arange(len(records)), [len(part) for part in records]),
        groups={"overlap": family},
        extras={"alphabet": "ACGT", "sequences": sequences, "names": names},
        notes=[
            f"{np.sum(~alone):,} of {len(alone):,} sequences share {_OVERLAP} bases in a row with another "
            "one. The default split keeps them together."
        ],
    )
