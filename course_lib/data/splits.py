"""Part the rows of a dataset by the rules of the registry: the same rows in every release, for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.registry import Parts, SplitRule

if TYPE_CHECKING:
    import numpy as np


def part_rows(rule: SplitRule, data: Parts) -> dict[str, np.ndarray]:
    """Return the row numbers of each part.

    Parameters
    ----------
    rule : SplitRule
        Shares, years or the publisher's own rows; its `why` is on the card.
    data : Parts
        What was read: rule "time" looks at the first column of `inputs`, "shuffled" and "groups" keep the
        shares in every class of `targets`, "groups" needs `data.groups[rule.by]`, and "published" and
        "prepared" need `data.splits[rule.name]`.

    Returns
    -------
    dict of str to numpy.ndarray
        Part to row numbers, in the order of the rule. Each row is in one part, or (published, prepared) in
        none.

    Raises
    ------
    ValueError
        If the parts that were read are not those that the registry says: a fault of ours.
    """
    import numpy as np

    if rule.rule in ("published", "prepared"):
        return _given(rule, data)
    rows, limits = np.arange(len(data.targets)), np.array(list(rule.parts.values()))
    if rule.rule == "time":
        part = np.searchsorted(limits, np.floor(np.asarray(data.inputs)[:, 0]))
    elif rule.rule == "blocks":
        part = _share(len(rows), limits)
    elif rule.rule == "groups":
        part = _whole_groups(np.asarray(data.groups[rule.by]), _classes(data.targets), limits)
    else:
        # RandomState: NumPy keeps its stream for ever, so the same rows are test rows in every release.
        rows = np.random.RandomState(0).permutation(rows)
        part = np.empty_like(rows)
        classes = _classes(data.targets)[rows]
        for one in np.unique(classes):
            part[classes == one] = _share(np.sum(classes == one), limits)
    return {name: rows[part == number] for number, name in enumerate(rule.parts)}


def _given(rule: SplitRule, data: Parts) -> dict[str, np.ndarray]:
    import numpy as np

    parts = {part: np.asarray(data.splits[rule.name][part]) for part in rule.parts}
    sizes = {part: len(rows) for part, rows in parts.items()}
    together = np.concatenate(list(parts.values()))
    if sizes != dict(rule.parts) or len(np.unique(together)) != len(together):
        raise ValueError(f"parts of `{rule.name}`: {sizes} instead of {dict(rule.parts)}, or a row in two")
    return parts


def _classes(targets: np.ndarray) -> np.ndarray:
    """Return the class of each row, and one class for all where the targets are no classes."""
    import numpy as np

    targets = np.asarray(targets) if isinstance(targets, np.ndarray) else np.zeros(len(targets))
    is_class = targets.dtype.kind in "iu" and targets.ndim == 1
    return targets if is_class else np.zeros(len(targets), dtype=int)


def _share(count: int, shares: np.ndarray) -> np.ndarray:
    """Number the part of each of `count` rows in a line, from the share of each part."""
    import numpy as np

    return np.searchsorted(np.round(np.cumsum(shares) * count), np.arange(count), side="right")


def _whole_groups(groups: np.ndarray, classes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Number the part of each row so that a group stays together and every class nears its shares.

    One group after the other, the largest first and equal ones in an order drawn at random, goes to the part
    where the chi-squared distance between the rows that are there and those that are wanted grows the least.
    So every part has large groups and small ones, and the smallest even out what is left.
    """
    import numpy as np

    _, group = np.unique(groups, return_inverse=True)
    _, kind = np.unique(classes, return_inverse=True)
    counts = np.zeros((group.max() + 1, kind.max() + 1))  # rows of each group in each class
    np.add.at(counts, (group, kind), 1)
    wanted = shares[:, None] * counts.sum(0)
    placed, part = np.zeros_like(wanted), np.empty(len(counts), dtype=int)
    order = np.random.RandomState(0).permutation(len(counts))
    for one in order[np.argsort(-counts.sum(1)[order], kind="stable")]:
        # ((placed + counts - wanted)² - (placed - wanted)²) / wanted, without what is the same for every part
        growth = (counts[one] * (2 * placed + counts[one]) / wanted).sum(1)
        part[one] = np.argmin(growth)
        placed[part[one]] += counts[one]
    return part[group]
