"""Sequences of letters as text files give them, and as integer codes that a network reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def read_fasta(path: Path) -> list[tuple[str, str]]:
    """Return (header, sequence) for every record of a FASTA file, lines joined.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    """
    records: list[tuple[str, list[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(">"):
            records.append((line[1:].strip(), []))
        elif line.strip():
            records[-1][1].append(line.strip())
    return [(header, "".join(lines)) for header, lines in records]


def coded(sequences: Sequence[str], alphabet: str) -> np.ndarray:
    """Return (B, T) int64: the place of each letter in the alphabet.

    Parameters
    ----------
    sequences : sequence of str
        All of one length.
    alphabet : str
        Every letter that may occur, once.

    Raises
    ------
    ValueError
        If the lengths differ or a letter is not in the alphabet: the file is not what the registry says.
    """
    import numpy as np

    letters = np.array([list(sequence) for sequence in sequences])
    order = np.argsort(list(alphabet))
    place = np.searchsorted(np.array(list(alphabet))[order], letters)
    codes = order[np.minimum(place, len(alphabet) - 1)].astype(np.int64)
    if not (np.array(list(alphabet))[codes] == letters).all():
        raise ValueError(f"letters beyond {alphabet}: {sorted(set(letters.ravel()) - set(alphabet))}")
    return codes
