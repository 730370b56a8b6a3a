"""Checks of lesson 23, "Attribution": a map, its score, fair shares, random masks, a local line."""

from __future__ import annotations

import itertools
import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet


def _same(wrong, reference) -> bool:
    """Return whether a slip happens to give the right numbers here, and so is no slip."""
    import numpy as np

    return np.shape(wrong) == np.shape(reference) and np.allclose(wrong, reference, equal_nan=True)


def _real(traps, reference):
    """Return the traps that differ from the reference on this case."""
    return [trap for trap in traps if not _same(trap[0], reference)]


# ---------------------------------------------------------------------------------------------------------
# 23.1  Grad-CAM


def _cam_cases():
    """Yield (activations, gradients), each (C, h, w): several channels, one, and a layer without ReLU."""
    import torch

    generator = torch.Generator().manual_seed(231)
    for size, cut in (((4, 5, 3), True), ((1, 3, 4), True), ((3, 2, 6), False)):
        activations = torch.randn(size, generator=generator)
        gradients = (
            torch.randn(size, generator=generator)
            + torch.tensor([0.8, -0.6, 0.3, 0.9])[: size[0], None, None]
        )
        yield (activations.relu() if cut else activations), gradients


def _verify_cam(answer):
    import numpy as np

    for number, (activations, gradients) in enumerate(_cam_cases()):
        found = expect_array(call(answer, activations, gradients), name="the map", kind="any")
        a, g = activations.double().numpy(), gradients.double().numpy()
        weight = g.mean(axis=(1, 2))[:, None, None]
        signed = (weight * a).sum(axis=0)
        wanted = np.maximum(signed, 0)
        if found.shape != wanted.shape:
            _say_shape_of_cam(found, a)
        early = (
            "The ReLU comes *before* the sum over channels, on the weights or on each weighted channel. Then "
            "what speaks against the class cannot take back what speaks for it: add up first, "
            "cut off afterwards."
        )
        traps = [
            (signed, "The map keeps what speaks against the class. Cut off below zero, at the very end."),
            (
                np.maximum(weight * a, 0).sum(axis=0),
                early,
            ),
            (
                np.maximum((np.maximum(weight, 0) * a).sum(axis=0), 0),
                early,
            ),
            (
                np.maximum((weight * np.maximum(a, 0)).sum(axis=0), 0),
                "The ReLU is on the *activations*, before weighting. Cut off once, at the very end.",
            ),
            (
                np.maximum((np.maximum(g, 0).mean(axis=(1, 2))[:, None, None] * a).sum(axis=0), 0),
                "The gradients are cut off below zero before they are averaged. Cut off once, at the "
                "very end.",
            ),
            (np.abs(signed), "You take the absolute value. What speaks against the class becomes evidence."),
            (
                wanted * a[0].size,
                "The weight of a channel is the *sum* of its gradients. Take their mean over the places.",
            ),
            (
                np.maximum((g.max(axis=(1, 2))[:, None, None] * a).sum(axis=0), 0),
                "The weight of a channel is its largest gradient. Take the mean over the places.",
            ),
            (
                np.maximum((g * a).sum(axis=0), 0),
                "Gradient times activation, place by place, is another method. Here each channel has *one* "
                "weight, the mean of its gradients.",
            ),
            (np.maximum((weight * a).mean(axis=0), 0), "You average over the channels. Add them up."),
            (
                np.maximum((a.mean(axis=(1, 2))[:, None, None] * g).sum(axis=0), 0),
                "Activations and gradients have changed places: the gradients give the weights.",
            ),
            (np.maximum(a.sum(axis=0), 0), "The gradients are not used: every channel weighs the same."),
        ]
        if wanted.max() > 0:
            traps.append(
                (wanted / wanted.max(), "The map is scaled to 1. Leave its numbers; captum does, too.")
            )
        expect_close(
            found,
            wanted,
            name="the map",
            rtol=1e-4,
            atol=1e-5,
            traps=_real(traps, wanted),
            otherwise=(
                "It is not the channels, each times its mean gradient, added up and cut off below zero.",
                "Right for four channels, but not for one.",
                "Right where all activations are positive, but not where some are negative.",
            )[number],
        )
    return (
        "One number per channel says how much it speaks for the class, and where it was active says where. "
        "Whether the *network* needs that place is another question: cover it and see."
    )


def _say_shape_of_cam(found, a):
    channels, height, width = a.shape
    if found.shape == a.shape:
        raise NotYet(f"The map still has its {channels} channels. Add them up: (h, w).")
    if found.shape == (channels,):
        raise NotYet("These are the weights of the channels, (C,). Multiply, and add up to a map, (h, w).")
    if found.shape in ((1, height, width), (1, 1, height, width)):
        raise NotYet(f"The map has shape {found.shape}. Take the axes of length 1 away: (h, w).")
    if found.shape == (width, height):
        raise NotYet("Rows and columns have changed places.")
    raise NotYet(f"The map has shape {found.shape}. Expected (h, w) = {(height, width)}.")


# ---------------------------------------------------------------------------------------------------------
# 23.2  Does it point?

_ENTRIES = ("pointing", "chance", "centre")


def _pointing_cases():
    """Yield (maps, boxes): odd sizes, no ties, negative values that are large, boxes at the border."""
    import numpy as np

    random = np.random.default_rng(232)
    for count, height, width in ((12, 9, 13), (15, 11, 7)):
        maps = random.normal(size=(count, height, width)) - 0.4
        size = random.integers(2, 5, size=(count, 2))
        top = random.integers(0, height - size[:, 0] + 1)
        left = random.integers(0, width - size[:, 1] + 1)
        boxes = np.column_stack([top, left, size])
        boxes[0] = (0, 0, 2, 3)
        boxes[1] = (height // 2, width // 2, 2, 2)  # the centre is its first pixel
        boxes[2] = (height // 2 - 2, width // 2 - 1, 2, 3)  # and lies one row below this one
        for row, kind in enumerate(random.permutation(count)):
            t, le, h, w = boxes[row]
            spots = {
                0: (t, le),
                1: (t + h - 1, le + w - 1),
                2: (min(t + h, height - 1), le),
                3: (t, min(le + w, width - 1)),
            }
            if kind in spots:
                maps[row][spots[kind]] = 5.0
            elif kind < 8:
                maps[row, t + h // 2, le] = 4.0
        yield maps, boxes


def _inside(place, box, extra=0):
    return box[0] <= place[0] < box[0] + box[2] + extra and box[1] <= place[1] < box[1] + box[3] + extra


def _judged(maps, boxes):
    """Return the three shares by the definitions, picture by picture."""
    import numpy as np

    height, width = maps.shape[1:]
    tops = [divmod(int(one.argmax()), width) for one in maps]
    return {
        "pointing": float(np.mean([_inside(*pair) for pair in zip(tops, boxes, strict=True)])),
        "chance": float(np.mean([box[2] * box[3] / (height * width) for box in boxes])),
        "centre": float(np.mean([_inside((height // 2, width // 2), box) for box in boxes])),
    }


def _pointing_traps(maps, boxes):
    import numpy as np

    height, width = maps.shape[1:]

    def share(places, extra=0, which=boxes):
        return float(np.mean([_inside(place, box, extra) for place, box in zip(places, which, strict=True)]))

    tops = [divmod(int(one.argmax()), width) for one in maps]
    mass = []
    for one, (t, le, h, w) in zip(np.maximum(maps, 0), boxes, strict=True):
        mass.append(one[t : t + h, le : le + w].sum() / one.sum())
    corner = [box[:2] for box in boxes]
    return {
        "pointing": [
            (
                share([divmod(int(np.abs(one).argmax()), width) for one in maps]),
                "You take the largest *absolute* value. A strongly negative place speaks against the class: "
                "take the largest value.",
            ),
            (
                share([divmod(int(one.argmin()), width) for one in maps]),
                "That points to the *smallest* value.",
            ),
            (
                share([place[::-1] for place in tops]),
                "Rows and columns have changed places, those of the largest value or those of the boxes: a "
                "box is top, left, height, width.",
            ),
            (
                share([divmod(int(one.argmax()), height) for one in maps]),
                "The number of the pixel is divided by the height. Pixels are counted row by row: divide by "
                "the width (or use `np.unravel_index`).",
            ),
            (
                share(tops, extra=1),
                "A box is one row and one column too large. It ends *before* top + height: use `<`.",
            ),
            (
                share(tops, which=np.column_stack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])),
                "Height and width are read as the row and column where the box ends.",
            ),
            (
                float(np.mean(mass)),
                "That is the share of the map's mass in the box. Only its top counts here.",
            ),
            (
                float(np.mean([math.dist(place, c) < 3 for place, c in zip(tops, corner, strict=True)])),
                "You measure how near the top is to the box. Inside or outside, nothing else.",
            ),
        ],
        "chance": [
            (1 / (height * width), "`chance` is that of hitting *one* pixel. A box has many."),
            (0.5, "`chance` is not one half: a random pixel is rarely in the box. Area over area."),
            (1 / len(maps), "`chance` divides by the number of pictures. Divide the box's area by theirs."),
            (
                float(np.mean(boxes[:, 2] / height)),
                "`chance` is a ratio of heights. Take areas: a random pixel has a row *and* a column.",
            ),
            (
                float(boxes[0, 2] * boxes[0, 3] / (height * width)),
                "`chance` is that of the first box. The boxes differ: average over them.",
            ),
            (
                float(np.mean(boxes[:, 2]) * np.mean(boxes[:, 3]) / (height * width)),
                "`chance` multiplies mean height by mean width. Take the mean of the areas.",
            ),
        ],
        "centre": [
            (
                share([(0, 0)] * len(boxes)),
                "`centre` points to the upper left corner: `argmax` of a constant map is its first pixel.",
            ),
            (
                share([(width // 2, height // 2)] * len(boxes)),
                "`centre`: height and width have changed places.",
            ),
            (
                share([(height // 2, width // 2)] * len(boxes), extra=1),
                "`centre` counts boxes that end just before the centre: use `<`.",
            ),
        ],
    }


def _verify_pointing(answer):
    for number, (maps, boxes) in enumerate(_pointing_cases()):
        found = call(answer, maps, boxes)
        if not isinstance(found, dict):
            kind = getattr(type(found), "__name__", "")
            raise NotYet(
                f"You return one value of type `{kind}`. A pointing share alone says nothing: return a "
                'dictionary with "pointing", "chance" and "centre".'
            )
        for name in _ENTRIES:
            if name not in found:
                raise NotYet(
                    f'The entry `"{name}"` is missing. '
                    + (
                        "Whether 0.4 is much or little shows only beside what a blind map gets."
                        if name != "pointing"
                        else "It is the share of maps whose top lies in the box."
                    )
                )
        wanted = _judged(maps, boxes)
        traps = _pointing_traps(maps, boxes)
        for name in _ENTRIES:
            value = expect_number(found[name], name=f'`"{name}"`')
            close = 0.005 if name == "chance" else 1e-6
            if abs(value - wanted[name]) <= close:
                continue
            if name == "pointing" and value == 1:
                raise NotYet('`"pointing"` is 1 for maps of which some hit and some miss. Not by eye: count.')
            scaled = [
                (100 * wanted[name], f'`"{name}"` is in per cent. Return shares, from 0 to 1.'),
                (len(maps) * wanted[name], f'`"{name}"` is a count. Divide by the number of pictures.'),
                (1 - wanted[name], f'`"{name}"` is the share of *misses*. Take one minus it.'),
            ]
            for wrong, message in [*traps[name], *scaled]:
                if abs(wrong - wanted[name]) > close and math.isclose(value, wrong, abs_tol=1e-6):
                    raise NotYet(message)
            raise NotYet(
                f'`"{name}"` is not what the check counts'
                + ("." if number == 0 else " for pictures that are higher than wide.")
            )
    return (
        "A blind map that always points to the middle beats chance, because things stand in the middle. "
        "Whoever reports a pointing share without it lets the photographer do the work."
    )


# ---------------------------------------------------------------------------------------------------------
# 23.3  Fair shares


class _Game:
    """A game of n players that keeps what it is asked; `worth` takes a frozenset."""

    def __init__(self, players, worth):
        self.players, self.worth, self.asked = players, worth, set()

    def __deepcopy__(self, memo):
        return self

    def __call__(self, coalition):
        try:
            members = [int(member) for member in coalition]
        except TypeError:
            raise TypeError(f"a coalition is a group of players, such as (0, 2); got {coalition!r}") from None
        if len(set(members)) < len(members):
            raise ValueError(f"a player stands twice in the coalition {members}")
        if not set(members) <= set(range(self.players)):
            raise ValueError(f"there are players 0 to {self.players - 1}; the coalition was {members}")
        self.asked.add(frozenset(members))
        return float(self.worth(frozenset(members)))


def _table_game(players, seed):
    """Return a game whose coalitions are worth random amounts, the empty one as well."""
    import numpy as np

    random = np.random.default_rng(seed)
    worth = {
        frozenset(some): float(random.normal(2, 3))
        for size in range(players + 1)
        for some in itertools.combinations(range(players), size)
    }
    return _Game(players, worth.__getitem__)


def _games():
    """Yield (game, what it is), each with a known answer or one by brute force."""
    yield (
        _Game(3, lambda s: 1.0 + 6.0 * ({0, 1} <= s) + 2.0 * (2 in s)),
        "A game in which players 0 and 1 earn 6 only together, player 2 always 2, and 1 is there anyway",
    )
    yield (
        _Game(4, lambda s: 1 + sum((0.5, 0.0, -2.0, 3.0)[k] for k in s)),
        "Four players who add what they add, whoever is there: 0.5, 0, -2 and 3",
    )
    yield _table_game(5, 233), "A game of five players with random worths"
    yield _Game(2, lambda s: 4.0 * len(s) ** 2 + 1.5), "Two players who do the same"
    yield _Game(1, lambda s: 3.0 if s else 1.0), "A game of one player"


def _by_orders(game):
    """Return the Shapley values as means over all orders, and the sums of a few known slips."""
    import numpy as np

    n, total = game.players, np.zeros(game.players)
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        there = frozenset()
        for player in order:
            total[player] += game.worth(there | {player}) - game.worth(there)
            there |= {player}
    return total / len(orders)


def _in_order(game, order):
    import numpy as np

    share, there = np.zeros(game.players), frozenset()
    for player in order:
        share[player] = game.worth(there | {player}) - game.worth(there)
        there |= {player}
    return share


def _share_traps(game):
    import numpy as np

    n, worth = game.players, game.worth
    everybody, nobody = frozenset(range(n)), frozenset()
    alone = np.array([worth(frozenset({k})) - worth(nobody) for k in range(n)])
    last = np.array([worth(everybody) - worth(everybody - {k}) for k in range(n)])
    gains = [
        [
            (len(some), worth(frozenset(some) | {k}) - worth(frozenset(some)))
            for size in range(n)
            for some in itertools.combinations(sorted(everybody - {k}), size)
        ]
        for k in range(n)
    ]
    right = _by_orders(game)
    plain = np.array([np.mean([gain for _, gain in of_one]) for of_one in gains])
    factorial = math.factorial
    unscaled = np.array(
        [sum(factorial(s) * factorial(n - s - 1) * gain for s, gain in of_one) for of_one in gains]
    )
    grand = worth(everybody) - worth(nobody)
    sizes = (
        "Each *size* of coalition weighs the same, and within a size each coalition: the weight of one of "
    )
    sizes += "size s is s! (n − s − 1)! / n!."
    traps = [
        (
            np.full(n, grand / n),
            "Everybody gets the same. That adds up as well, so adding up proves nothing: a player who never "
            "changes anything must get 0.",
        ),
        (
            np.full(n, worth(everybody) / n),
            "Everybody gets the same share of the whole. A player who never changes anything must get 0.",
        ),
        (alone, "That is what each earns *alone*. Who earns only together with others gets nothing then."),
        (
            np.array([worth(frozenset({k})) for k in range(n)]),
            "That is the worth of each alone. Take what each *adds*, to every coalition of the others.",
        ),
        (
            last,
            "That is what is lost when each leaves the whole group, which is occlusion. Where two do "
            "the same, "
            "or need each other, it counts nothing or counts twice.",
        ),
        ((alone + last) / 2, "That is the mean of joining first and joining last. There are places between."),
        (plain, "All coalitions weigh the same (that is the Banzhaf value). " + sizes),
        (
            plain * grand / plain.sum() if abs(plain.sum()) > 1e-9 else plain,
            "Scaled so that it adds up, but all coalitions still weigh the same. " + sizes,
        ),
        (_in_order(game, range(n)), "The players join in *one* order. Average over all orders."),
        (_in_order(game, range(n)[::-1]), "The players join in *one* order. Average over all orders."),
        (
            (_in_order(game, range(n)) + _in_order(game, range(n)[::-1])) / 2,
            "Two orders, forwards and backwards, are averaged. Take all of them.",
        ),
        (unscaled, "The weights are not divided by n!, so the shares do not add up to the whole."),
        (right * n, "The shares are n times too large. What do your weights add up to for one player?"),
        (right / n, "The shares are n times too small. What do your weights add up to for one player?"),
        (-right, "The sign is turned round: with the player minus without."),
        (np.abs(right), "The sign is lost: a player may do harm."),
    ]
    # The empty coalition taken for worthless: only the first to join gets another amount.
    zero = _Game(n, lambda s: worth(s) if s else 0.0)
    traps.append(
        (
            _by_orders(zero),
            "You take the empty coalition to be worth 0, or leave it out. Ask `value(())`: with nothing "
            "known a model still predicts something.",
        )
    )
    skipped = np.array(
        [
            sum(factorial(s) * factorial(n - s - 1) / factorial(n) * gain for s, gain in of_one if s < n - 1)
            for of_one in gains
        ]
    )
    traps.append((skipped, "The coalition of *all* others is left out: sizes go from 0 to n − 1."))
    started = np.array(
        [
            sum(factorial(s) * factorial(n - s - 1) / factorial(n) * gain for s, gain in of_one if s)
            for of_one in gains
        ]
    )
    traps.append((started, "The empty coalition is left out: sizes go from 0 to n − 1."))
    return traps


def _verify_shapley(answer):
    import numpy as np

    for game, told in _games():
        found = expect_array(call(answer, game, game.players), name="the result", kind="any")
        if found.shape != (game.players,):
            raise NotYet(f"The result has shape {found.shape}. Expected one share per player, (n,).")
        wanted = _by_orders(game)
        if np.allclose(found, wanted, rtol=1e-7, atol=1e-7):
            continue
        if np.isnan(found).any():
            raise NotYet(f"{told}: a share is NaN.")
        for wrong, message in _real(_share_traps(game), wanted):
            if np.allclose(found, wrong, rtol=1e-7, atol=1e-7):
                raise NotYet(message)
        scale = np.abs(wanted).max()
        if np.abs(found - wanted).max() < 0.35 * scale and not np.allclose(
            found, call(answer, game, game.players)
        ):
            raise NotYet(
                "It is near, and another call gives another result: the orders are sampled. For so few "
                "players go through all of them."
            )
        if np.allclose(found, wanted, rtol=2e-2, atol=2e-2):
            raise NotYet("It is near, but not exact: are numbers rounded, or some orders left out?")
        total = game.worth(frozenset(range(game.players))) - game.worth(frozenset())
        adds_up = "add up as they must" if math.isclose(found.sum(), total, abs_tol=1e-6) else "do not add up"
        raise NotYet(
            f"{told}: the shares {adds_up}, and they are not the mean of what a player adds, over all orders "
            "in which the players may join."
        )
    return (
        "Adding up is only one of the rules, and equal shares keep it too. Together with three more "
        "(who adds "
        "nothing gets nothing, equals get the same, games add) it leaves this one answer."
    )


# ---------------------------------------------------------------------------------------------------------
# 23.4  RISE


def _mask_cases():
    """Yield (masks, scores): masks that show some pixels more often than others, scores that vary."""
    import numpy as np

    random = np.random.default_rng(234)
    for count, height, width in ((40, 4, 5), (25, 3, 3)):
        shown = random.uniform(0.15, 0.7, size=(height, width))
        masks = np.clip(random.normal(shown, 0.3, size=(count, height, width)), 0, 1)
        yield masks, random.uniform(0.1, 0.9, size=count) ** 2


def _verify_rise(answer):
    import numpy as np

    by_paper = False
    for masks, scores in _mask_cases():
        found = expect_array(call(answer, masks, scores), name="the map", kind="any")
        weighed = np.einsum("nhw,n->hw", masks, scores)
        wanted = weighed / masks.sum(axis=0)
        if found.shape == wanted.shape and np.allclose(found, weighed / masks.mean() / len(masks), rtol=1e-6):
            by_paper = True
            continue
        hidden = 1 - masks
        plain = weighed / len(masks)
        traps = [
            (
                weighed,
                "The scores are added up and nothing is divided. Then a pixel that was shown often looks "
                "important: divide by how much it was shown, the sum of the masks.",
            ),
            (
                plain,
                "You divide by the number of masks and not by the mean of the masks. A pixel that was shown "
                "often looks important then: divide by how much it was shown.",
            ),
            (
                np.einsum("nhw,n->hw", hidden, scores) / hidden.sum(axis=0),
                "The masks are turned round: 1 means shown, 0 hidden. That is the mean score *without* the "
                "pixel.",
            ),
            (
                wanted - np.einsum("nhw,n->hw", hidden, scores) / hidden.sum(axis=0),
                "With the pixel minus without it: a fine idea, but RISE is the first term alone.",
            ),
            (
                np.einsum("nhw,n->hw", masks, scores / scores.sum()),
                "You divide by the sum of the *scores*: a mean mask. Divide by the sum of the masks: a mean "
                "score.",
            ),
            (
                np.einsum("nhw,n->hw", masks > 0.5, scores) / np.maximum((masks > 0.5).sum(axis=0), 1),
                "The masks are cut into 0 and 1. Half shown counts half.",
            ),
            (
                masks[scores.argmax()],
                "That is the one mask with the best score. Average over all of them.",
            ),
            (
                np.einsum("nhw,n->hw", masks, scores - scores.mean()) / masks.sum(axis=0),
                "The mean score is subtracted. The order of the pixels stays, the numbers do not: leave it.",
            ),
            (
                (wanted - wanted.min()) / np.ptp(wanted),
                "The map is stretched to 0 and 1. Leave its numbers: they are mean scores.",
            ),
            (masks.mean(axis=0), "The scores are not used: that is how often each pixel was shown."),
        ]
        expect_close(
            found,
            wanted,
            name="the map",
            rtol=1e-6,
            traps=_real(traps, wanted),
            otherwise="It is not, pixel by pixel, the mean of the scores weighted by how much of the pixel "
            "was shown.",
        )
    remark = "You divide by the mean of *all* masks, as the paper does; pixel by pixel is a little steadier. "
    return (
        (remark if by_paper else "")
        + "RISE asks no gradient and opens no network. It asks hundreds of questions instead, and its answer "
        "carries the noise of the draw."
    )


# ---------------------------------------------------------------------------------------------------------
# 23.5  LIME


def _line(kept, scores, weights, ridge=1.0, intercept=True):
    """Return the coefficients of a weighted ridge regression, by its normal equations."""
    import numpy as np

    table = np.column_stack([kept, np.ones(len(kept))]) if intercept else np.asarray(kept, float)
    penalty = ridge * np.eye(table.shape[1])
    if intercept:
        penalty[-1, -1] = 0
    return np.linalg.solve(table.T @ (weights[:, None] * table) + penalty, table.T @ (weights * scores))


def _local_cases():
    """Yield (kept, scores, width): a score with a kink, so that near and far pictures disagree."""
    import numpy as np

    random = np.random.default_rng(235)
    for count, parts, width in ((60, 5, 0.25), (45, 4, 0.5)):
        kept = (random.random((count, parts)) < random.uniform(0.3, 0.9, size=(count, 1))).astype(float)
        kept[0] = 1
        scores = np.where(kept.mean(axis=1) > 0.6, kept @ np.arange(parts), 2 - kept[:, 0] * 3)
        yield kept, scores + random.normal(0, 0.1, size=count), width


def _verify_lime(answer):
    import numpy as np

    for kept, scores, width in _local_cases():
        found = expect_array(call(answer, kept, scores, width), name="the result", kind="any")
        parts = kept.shape[1]
        far = 1 - kept.mean(axis=1)
        weights = np.exp(-((far / width) ** 2))
        whole = _line(kept, scores, weights)
        wanted = whole[:-1]
        if found.shape == (parts + 1,):
            raise NotYet("One number too many: leave the intercept out, and return one per part.")
        if found.shape == (len(kept),):
            raise NotYet("One number per picture? Return one coefficient per part of the picture.")

        def line(weights, ridge=1.0, intercept=True, kept=kept, scores=scores, parts=parts):
            return _line(kept, scores, weights, ridge, intercept)[:parts]

        traps = [
            (
                line(np.ones(len(kept))),
                "All pictures weigh the same: there is no locality. A picture with most parts gone "
                "says little "
                "about this one; give it the weight exp(−(distance / width)²).",
            ),
            (
                line(np.exp(-(((1 - far) / width) ** 2))),
                "The distance is turned round: it is the share of parts that are *hidden*, 0 for the picture "
                "itself.",
            ),
            (line(np.exp(-far / width)), "The distance is not squared in the weight."),
            (line(np.exp(-(far**2) / width)), "The width is not squared: (distance / width)²."),
            (line(np.exp(-((far / width) ** 2) / 2)), "The weight has an extra ½ in its exponent."),
            (
                line(np.exp(-((far * parts / width) ** 2))),
                "The distance is a *number* of hidden parts. Take their share, from 0 to 1.",
            ),
            (
                line(weights**2),
                "The weights count twice: the pictures or their scores are multiplied as well.",
            ),
            (line(np.sqrt(weights)), "The square root of the weights is used where the weights belong."),
            (
                line(weights, intercept=False),
                "The line is forced through zero. Without any part the score is something, too: fit an "
                "intercept.",
            ),
            (line(weights, 1e-9), "Nothing is penalised. The task asks for a ridge with `alpha=1`."),
            (
                (weights[:, None] * kept * scores[:, None]).sum(axis=0)
                / np.maximum((weights[:, None] * kept).sum(axis=0), 1e-9),
                "That is a weighted mean of scores, part by part, as RISE does it. Fit one line to "
                "all parts.",
            ),
        ]
        expect_close(
            found,
            wanted,
            name="the result",
            rtol=1e-4,
            atol=1e-5,
            traps=_real(traps, wanted),
            otherwise="It is not the coefficients of a ridge regression (alpha 1, with intercept) whose "
            "pictures weigh exp(−(distance / width)²).",
        )
    return (
        "The width decides which question is asked: a narrow one is about this picture, a wide one about all "
        "maskings. LIME has no right width, so report it."
    )


EXERCISES = (
    Exercise(
        id="23.1",
        title="Grad-CAM",
        kind="complete",
        minutes=10,
        difficulty=2,
        hints=(
            "Each channel gets one weight, the mean of its gradients over all places. What does a negative "
            "weight say?",
            "`gradients.mean(dim=(1, 2))` has shape (C,). Give it two more axes, multiply, and add "
            "up over the "
            "channels.",
            "`(weights[:, None, None] * activations).sum(dim=0)`, and only then `.relu()`.",
        ),
        verify=_verify_cam,
    ),
    Exercise(
        id="23.2",
        title="Does it point?",
        kind="audit",
        minutes=8,
        difficulty=2,
        hints=(
            "Where is the largest value of a map, as row and column? A blind map points to the same place in "
            "every picture.",
            "`np.unravel_index(one.argmax(), one.shape)` gives row and column. Inside means top ≤ "
            "row < top + "
            "height, and the same for columns.",
            'For `"chance"`: the mean of height × width of the box, over H × W. For `"centre"`: test '
            "the pixel `(H // 2, W // 2)` in place of the top.",
        ),
        verify=_verify_pointing,
    ),
    Exercise(
        id="23.3",
        title="Fair shares",
        kind="complete",
        minutes=15,
        difficulty=4,
        hints=(
            "Let the players join one after the other, in some order. Each adds something to those who are "
            "there already. What is the mean over all orders?",
            "`itertools.permutations(range(players))` gives the orders. (Or go through the "
            "coalitions without "
            "the player: one of size s stands for s! (n − s − 1)! of the n! orders.)",
            "For each order start with `there = ()`; for each player in it add `value((*there, player)) - "
            "value(there)` to the player's sum, then let the player join. Divide by n!.",
        ),
        verify=_verify_shapley,
    ),
    Exercise(
        id="23.4",
        title="RISE",
        kind="complete",
        minutes=6,
        difficulty=2,
        hints=(
            "A pixel's value is a mean score: over the masks, each counted by how much of the pixel "
            "it shows.",
            "A weighted mean is a sum of weight × value over the sum of the weights. The weights of a pixel "
            "are the masks at this pixel.",
            "`np.tensordot(scores, masks, axes=1)` is the upper sum, `masks.sum(axis=0)` the lower one.",
        ),
        verify=_verify_rise,
    ),
    Exercise(
        id="23.5",
        title="LIME, and what local means",
        kind="complete",
        minutes=8,
        difficulty=3,
        hints=(
            "Two steps: a weight for each masked picture, then a line through the scores that follows the "
            "heavy ones.",
            "The distance of a masked picture is the share of its parts that are hidden: `1 - "
            "kept.mean(axis=1)`. Near ones weigh most.",
            "`Ridge(alpha=1).fit(kept, scores, sample_weight=np.exp(-(distance / width) ** 2))`, then its "
            "`coef_`.",
        ),
        verify=_verify_lime,
    ),
)
