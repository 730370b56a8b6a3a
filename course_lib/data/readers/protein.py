"""Deep mutational scan of a protein: variants as sequences, the published rows, the contact graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.data.readers.letters import coded
from course_lib.registry import Parts, Record

if TYPE_CHECKING:
    import numpy as np

ALPHABET = "ACDEFGHIKLMNPQRSTVWY*"
# avGFP as the publisher numbers it, from 0: letter p is the residue that a variant such as A108D replaces.
WILD_TYPE = (
    "SKGEELFTGVVPILVELDGDVNGHKFSVSGEGEGDATYGKLTLKFICTTGKLPVPWPTLVTTLSYGVQCFSRYPDHMKQHDFFKSAMPEGYVQERTI"
    "FFKDDGNYKTRAEVKFEGDTLVNRIELKGIDFKEDGNILGHKLEYNYNSHNVYIMADKQKNGIKVNFKIRHNIEDGSVQLADHYQQNTPIGDGPVLL"
    "PDNHYLSTQSALSKDPNEKRDHMVLLEFVTAAGITHGMDELYK"
)
_HELD_OUT = 0.4  # of the positions; with fewer, hardly any variant has all its mutations among them


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read the variants: letters as codes (B, 237), log brightness, and three ways to part them."""
    import pandas as pd

    table = pd.read_csv(paths["avgfp.tsv"], sep="\t")
    inputs = _mutated(table["variant"])
    stops = int((inputs == ALPHABET.index("*")).any(axis=1).sum())
    return Parts(
        inputs=inputs,
        targets=table["score"].to_numpy(),
        splits={
            "positions": _by_position(inputs),
            "published": {
                part: _rows(paths[f"splits_main/{name}.txt"])
                for part, name in {"train": "train", "valid": "tune", "test": "stest"}.items()
            },
        },
        extras={
            "alphabet": ALPHABET,
            "wild_type": WILD_TYPE,
            "variants": tuple(table["variant"]),
            "mutations": table["num_mutations"].to_numpy(),
            "contacts": _contacts(paths["structure_graph_7A.gexf"]),
        },
        notes=[f"{stops:,} of {len(table):,} variants have a stop (*) in the sequence. It has its own code."],
    )


def _mutated(variants: object) -> np.ndarray:
    """Return (B, T) int64, and see that each mutation replaces what the wild type has there."""
    import numpy as np

    wild = coded([WILD_TYPE], ALPHABET)[0]
    codes = np.tile(wild, (len(variants), 1))
    for row, variant in enumerate(variants):
        for mutation in variant.split(","):
            was, position, now = mutation[0], int(mutation[1:-1]), mutation[-1]
            if WILD_TYPE[position] != was:
                raise ValueError(f"{mutation}: the wild type has {WILD_TYPE[position]} there")
            codes[row, position] = ALPHABET.index(now)
    return codes


def _by_position(codes: np.ndarray) -> dict[str, np.ndarray]:
    """Train on mutations at some positions, test on mutations at others; mixed variants are in neither."""
    import numpy as np

    mutated = codes != coded([WILD_TYPE], ALPHABET)
    held_out = np.zeros(len(WILD_TYPE), dtype=bool)
    held_out[np.random.RandomState(0).permutation(len(held_out))[: round(_HELD_OUT * len(held_out))]] = True
    known = np.flatnonzero(~(mutated & held_out).any(axis=1))
    known = np.random.RandomState(0).permutation(known)
    cut = round(0.8 * len(known))
    new = np.flatnonzero(~(mutated & ~held_out).any(axis=1))
    return {"train": np.sort(known[:cut]), "valid": np.sort(known[cut:]), "test": new}


def _rows(path: Path) -> np.ndarray:
    import numpy as np

    return np.array(path.read_text(encoding="utf-8").split(), dtype=np.int64)


def _contacts(path: Path) -> np.ndarray:
    """Return (2, E) int64: the pairs of residues that lie close to each other, each pair once."""
    from xml.etree import ElementTree

    import numpy as np

    edges = [
        (int(edge.get("source")), int(edge.get("target")))
        for edge in ElementTree.parse(path).iter()
        if edge.tag.endswith("}edge")
    ]
    return np.array(edges, dtype=np.int64).T
