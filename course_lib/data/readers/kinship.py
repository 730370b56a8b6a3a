"""Which rows belong together, because they share something: a name, a sequence, a piece of one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def linked(*labels: Sequence[Iterable[Hashable]]) -> np.ndarray:
    """Number the families of rows: two rows are of one family if a chain of shared labels joins them.

    Parameters
    ----------
    *labels : sequence of iterables
        For every row the labels it carries, as often as there are kinds of labels. Labels of different kinds
        never meet.

    Returns
    -------
    numpy.ndarray
        (B,) integers from 0.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(labels[0])
    numbers: dict[tuple[int, Hashable], int] = {}
    rows, columns = [], []
    for kind, carried in enumerate(labels):
        for row, some in enumerate(carried):
            for label in some:
                rows.append(row)
                columns.append(count + numbers.setdefault((kind, label), len(numbers)))
    size = count + len(numbers)
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
    family = connected_components(links, directed=False)[1][:count]
    return np.unique(family, return_inverse=True)[1]


def pieces(sequence: str, length: int) -> set[str]:
    """Return every run of `length` letters in a sequence, and the whole where it is shorter.

    Parameters
    ----------
    sequence : str
        The letters.
    length : int
        How many letters a run has.
    """
    return {sequence[start : start + length] for start in range(max(len(sequence) - length, 0) + 1)}
