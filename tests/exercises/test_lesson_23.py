"""Right answers in several styles and typical wrong ones, for the checks of lesson 23."""

import itertools
import math
import random as chance

import numpy as np
import torch
from sklearn.linear_model import Ridge

# --- 23.1  Grad-CAM ---------------------------------------------------------------------------------------


def cam_by_broadcasting(activations, gradients):
    weights = gradients.mean(dim=(1, 2))
    return (weights[:, None, None] * activations).sum(dim=0).relu()


def cam_by_loop(activations, gradients):
    total = torch.zeros(activations.shape[1:])
    for channel, slopes in zip(activations, gradients, strict=True):
        total += slopes.mean() * channel
    return torch.clamp(total, min=0)


def cam_in_numpy(activations, gradients):
    a, g = activations.numpy(), gradients.numpy()
    return np.maximum(np.tensordot(g.reshape(len(g), -1).mean(axis=1), a, axes=1), 0)


def cam_by_einsum(activations, gradients):
    return torch.nn.functional.relu(torch.einsum("chw,c->hw", activations, gradients.mean((-2, -1))))


def cam_with(weigh=lambda g: g.mean(dim=(1, 2), keepdim=True), each=lambda x: x, end=lambda x: x.relu()):
    """Return an answer that weighs by `weigh`, changes the weighted channels by `each`, ends by `end`."""

    def answer(activations, gradients):
        return end(each(weigh(gradients) * activations).sum(dim=0))

    return answer


def cam_of_positive_activations(activations, gradients):
    return (gradients.mean(dim=(1, 2), keepdim=True) * activations.relu()).sum(dim=0).relu()


def cam_with_changed_places(activations, gradients):
    return cam_by_broadcasting(gradients, activations)


def cam_scaled(activations, gradients):
    found = cam_by_broadcasting(activations, gradients)
    return found / found.max()


def cam_of_the_mean(activations, gradients):
    return (gradients.mean(dim=(1, 2), keepdim=True) * activations).mean(dim=0).relu()


# --- 23.2  Does it point? ---------------------------------------------------------------------------------


def judged_by_loop(maps, boxes):
    count, height, width = maps.shape
    hits = centre = area = 0
    for one, (top, left, tall, wide) in zip(maps, boxes, strict=True):
        row, column = np.unravel_index(one.argmax(), one.shape)
        hits += top <= row < top + tall and left <= column < left + wide
        centre += top <= height // 2 < top + tall and left <= width // 2 < left + wide
        area += tall * wide
    return {
        "pointing": hits / count,
        "chance": area / (count * height * width),
        "centre": centre / count,
    }


def judged_at_once(maps, boxes):
    top, left, tall, wide = np.asarray(boxes).T
    rows, columns = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[2])

    def inside(rows, columns):
        return np.mean((top <= rows) & (rows < top + tall) & (left <= columns) & (columns < left + wide))

    return {
        "pointing": inside(rows, columns),
        "chance": np.mean(tall * wide) / maps[0].size,
        "centre": inside(maps.shape[1] // 2, maps.shape[2] // 2),
    }


def judged_by_masks(maps, boxes):
    masks = np.zeros(maps.shape, dtype=bool)
    for mask, (top, left, tall, wide) in zip(masks, boxes, strict=True):
        mask[top : top + tall, left : left + wide] = True
    best = maps == maps.max(axis=(1, 2), keepdims=True)
    middle = masks[:, maps.shape[1] // 2, maps.shape[2] // 2]
    return {
        "centre": float(middle.mean()),
        "chance": float(masks.mean()),
        "pointing": float((best & masks).any(axis=(1, 2)).mean()),
    }


def judged_with(**changes):
    """Return a right answer with entries replaced by functions of (maps, boxes)."""

    def answer(maps, boxes):
        return judged_at_once(maps, boxes) | {name: change(maps, boxes) for name, change in changes.items()}

    return answer


def share_inside(maps, boxes, extra=0):
    hits = []
    for one, (top, left, tall, wide) in zip(maps, boxes, strict=True):
        row, column = np.unravel_index(one.argmax(), one.shape)
        hits.append(top <= row < top + tall + extra and left <= column < left + wide + extra)
    return np.mean(hits)


def share_transposed(maps, boxes):
    hits = []
    for one, (top, left, tall, wide) in zip(maps, boxes, strict=True):
        column, row = np.unravel_index(one.argmax(), one.shape)
        hits.append(top <= row < top + tall and left <= column < left + wide)
    return np.mean(hits)


def share_of_mass(maps, boxes):
    shares = []
    for one, (top, left, tall, wide) in zip(np.maximum(maps, 0), boxes, strict=True):
        shares.append(one[top : top + tall, left : left + wide].sum() / one.sum())
    return np.mean(shares)


def share_divided_by_height(maps, boxes):
    """Take row and column from the pixel's number divided by the height: right only for squares."""
    hits = []
    for one, (top, left, tall, wide) in zip(maps, boxes, strict=True):
        row, column = divmod(int(one.argmax()), maps.shape[1])
        hits.append(top <= row < top + tall and left <= column < left + wide)
    return np.mean(hits)


def share_strictly_inside(maps, boxes):
    return share_inside(maps, boxes + np.array([1, 1, -1, -1]))


def share_of_signed_mass(maps, boxes):
    shares = []
    for one, (top, left, tall, wide) in zip(maps, boxes, strict=True):
        shares.append(one[top : top + tall, left : left + wide].sum() / one.sum())
    return np.mean(shares)


def share_at(row, column):
    """Return an entry that asks whether a pixel (H, W) -> (row, column) lies in the box."""

    def share(maps, boxes):
        top, left, tall, wide = boxes.T
        down, right = row(maps.shape[1]), column(maps.shape[2])
        return np.mean((top <= down) & (down < top + tall) & (left <= right) & (right < left + wide))

    return share


def centre_by_argmax(maps, boxes):
    return share_inside(np.ones_like(maps), boxes)


# --- 23.3  Fair shares ------------------------------------------------------------------------------------


def shares_by_orders(value, players):
    total = np.zeros(players)
    for order in itertools.permutations(range(players)):
        there = ()
        for player in order:
            total[player] += value((*there, player)) - value(there)
            there = (*there, player)
    return total / math.factorial(players)


def shares_by_coalitions(value, players):
    result = []
    for player in range(players):
        others = [other for other in range(players) if other != player]
        share = 0.0
        for size in range(players):
            weight = math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)
            for some in itertools.combinations(others, size):
                share += weight * (value({*some, player}) - value(set(some)))
        result.append(share)
    return result


def shares_by_sizes(value, players):
    """Average within each size first, then over the sizes."""
    worth = {}
    for number in range(2**players):
        worth[number] = value([k for k in range(players) if number >> k & 1])
    shares = torch.zeros(players, dtype=torch.float64)
    for player in range(players):
        gains = [[] for _ in range(players)]
        for number in range(2**players):
            if not number >> player & 1:
                gains[number.bit_count()].append(worth[number | 1 << player] - worth[number])
        shares[player] = np.mean([np.mean(of_size) for of_size in gains])
    return shares


def shares_with(weigh, empty=True):
    """Return an answer that weighs a coalition of size s of n players by `weigh(s, n)`."""

    def answer(value, players):
        shares = np.zeros(players)
        for player in range(players):
            others = [other for other in range(players) if other != player]
            for size in range(players):
                for some in itertools.combinations(others, size):
                    before = value(some) if some or empty else 0.0
                    shares[player] += weigh(size, players) * (value((*some, player)) - before)
        return shares

    return answer


def fair(size, players):
    return math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)


def equal_shares(value, players):
    return np.full(players, (value(range(players)) - value(())) / players)


def shares_alone(value, players):
    return np.array([value((player,)) - value(()) for player in range(players)])


def shares_worth_alone(value, players):
    return np.array([value((player,)) for player in range(players)])


def shares_by_leaving(value, players):
    everybody = set(range(players))
    return np.array([value(everybody) - value(everybody - {player}) for player in range(players)])


def shares_first_and_last(value, players):
    return (shares_alone(value, players) + shares_by_leaving(value, players)) / 2


def shares_in_one_order(value, players):
    steps = [value(range(k)) for k in range(players + 1)]
    return np.diff(steps)


def shares_both_ways(value, players):
    back = [value(range(k, players)) for k in range(players + 1)]
    return (np.diff([value(range(k)) for k in range(players + 1)]) - np.diff(back)) / 2


def shares_of_places(value, players):
    """Add to the place in the order in place of the player."""
    total = np.zeros(players)
    for order in itertools.permutations(range(players)):
        for place in range(players):
            total[place] += value(order[: place + 1]) - value(order[:place])
    return total / math.factorial(players)


def shares_sampled(value, players):
    shares = np.zeros(players)
    for _ in range(601):  # an odd number: halves never come out exact by chance
        order, there = chance.sample(range(players), players), ()
        for player in order:
            shares[player] += (value((*there, player)) - value(there)) / 601
            there = (*there, player)
    return shares


def banzhaf_scaled(value, players):
    shares = shares_with(lambda s, n: 0.5 ** (n - 1))(value, players)
    return shares * (value(range(players)) - value(())) / shares.sum()


# --- 23.4  RISE -------------------------------------------------------------------------------------------


def rise_by_tensordot(masks, scores):
    return np.tensordot(scores, masks, axes=1) / masks.sum(axis=0)


def rise_by_average(masks, scores):
    return np.average(np.broadcast_to(scores[:, None, None], masks.shape), axis=0, weights=masks)


def rise_by_loops(masks, scores):
    upper, lower = np.zeros(masks.shape[1:]), np.zeros(masks.shape[1:])
    for mask, score in zip(masks, scores, strict=True):
        upper += score * mask
        lower += mask
    return upper / lower


def rise_as_in_the_paper(masks, scores):
    return (scores[:, None, None] * masks).mean(axis=0) / masks.mean()


def rise_with(of):
    """Return an answer made from `of(masks, scores as (N, 1, 1))`."""

    def answer(masks, scores):
        return of(masks, scores[:, None, None])

    return answer


# --- 23.5  LIME -------------------------------------------------------------------------------------------


def lime_by_ridge(kept, scores, width):
    distance = 1 - kept.mean(axis=1)
    return Ridge(alpha=1).fit(kept, scores, sample_weight=np.exp(-((distance / width) ** 2))).coef_


def lime_by_centring(kept, scores, width):
    weights = np.exp(-(((kept == 0).mean(axis=1) / width) ** 2))
    x, y = kept - np.average(kept, axis=0, weights=weights), scores - np.average(scores, weights=weights)
    return np.linalg.solve((weights * x.T) @ x + np.eye(x.shape[1]), (weights * x.T) @ y)


def lime_by_more_rows(kept, scores, width):
    """Write the penalty as rows of the table."""
    distance = 1 - kept.sum(axis=1) / kept.shape[1]
    root = np.sqrt(np.exp(-(distance**2) / width**2))[:, None]
    parts = kept.shape[1]
    table = np.vstack([root * np.column_stack([kept, np.ones(len(kept))]), np.eye(parts, parts + 1)])
    wanted = np.concatenate([root[:, 0] * scores, np.zeros(parts)])
    return list(np.linalg.lstsq(table, wanted, rcond=None)[0][:parts])


def lime_with(weigh=lambda far, width: np.exp(-((far / width) ** 2)), **settings):
    """Return an answer that weighs a picture by `weigh(share hidden, width)`."""

    def answer(kept, scores, width):
        weights = weigh(1 - kept.mean(axis=1), width) * np.ones(len(kept))
        return Ridge(**{"alpha": 1, **settings}).fit(kept, scores, sample_weight=weights).coef_

    return answer


def lime_weighing_twice(kept, scores, width):
    weights = np.exp(-(((1 - kept.mean(axis=1)) / width) ** 2))
    return Ridge(alpha=1).fit(kept, scores, sample_weight=weights**2).coef_


def lime_counting_parts(kept, scores, width):
    weights = np.exp(-(((1 - kept).sum(axis=1) / width) ** 2))
    return Ridge(alpha=1).fit(kept, scores, sample_weight=weights).coef_


def lime_with_intercept(kept, scores, width):
    weights = np.exp(-(((1 - kept.mean(axis=1)) / width) ** 2))
    model = Ridge(alpha=1).fit(kept, scores, sample_weight=weights)
    return np.append(model.coef_, model.intercept_)


def lime_as_means(kept, scores, width):
    weights = np.exp(-(((1 - kept.mean(axis=1)) / width) ** 2))[:, None]
    return (weights * kept * scores[:, None]).sum(axis=0) / (weights * kept).sum(axis=0)


# ----------------------------------------------------------------------------------------------------------

RIGHT = {
    "23.1": [cam_by_broadcasting, cam_by_loop, cam_in_numpy, cam_by_einsum],
    "23.2": [judged_by_loop, judged_at_once, judged_by_masks],
    "23.3": [shares_by_orders, shares_by_coalitions, shares_by_sizes],
    "23.4": [rise_by_tensordot, rise_by_average, rise_by_loops, rise_as_in_the_paper],
    "23.5": [lime_by_ridge, lime_by_centring, lime_by_more_rows],
}

WRONG = {
    "23.1": [
        (cam_with(each=lambda x: x.relu()), "*before* the sum over channels"),
        (
            cam_with(weigh=lambda g: g.mean(dim=(1, 2), keepdim=True).relu()),
            "on the weights or on each weighted channel",
        ),
        (cam_of_positive_activations, "on the *activations*"),
        (cam_with(weigh=lambda g: g.relu().mean(dim=(1, 2), keepdim=True)), "before they are averaged"),
        (cam_with(end=lambda x: x), "speaks against the class"),
        (cam_with(end=lambda x: x.abs()), "absolute value"),
        (cam_with(weigh=lambda g: g.sum(dim=(1, 2), keepdim=True)), "the *sum* of its gradients"),
        (cam_with(weigh=lambda g: g.amax(dim=(1, 2), keepdim=True)), "its largest gradient"),
        (cam_with(weigh=lambda g: g), "another method"),
        (cam_with(weigh=lambda g: g.mean(dim=0)), "averaged over the *channels*"),
        (cam_with(weigh=lambda g: 1), "The gradients are not used"),
        (cam_of_the_mean, "You average over the channels"),
        (cam_with_changed_places, "changed places"),
        (cam_scaled, "scaled to 1"),
        (lambda activations, gradients: cam_by_broadcasting(activations, gradients)[None], "of length 1"),
        (lambda activations, gradients: gradients.mean(dim=(1, 2)), "weights of the channels"),
        (lambda activations, gradients: activations * gradients, "still has its"),
    ],
    "23.2": [
        (lambda maps, boxes: share_inside(maps, boxes), "A pointing share alone says nothing"),
        (lambda maps, boxes: {"pointing": share_inside(maps, boxes)}, "beside what a blind map gets"),
        (judged_with(pointing=lambda maps, boxes: 1.0), "Not by eye: count"),
        (judged_with(pointing=lambda maps, boxes: share_inside(np.abs(maps), boxes)), "*absolute* value"),
        (judged_with(pointing=lambda maps, boxes: share_inside(-maps, boxes)), "*smallest* value"),
        (judged_with(pointing=share_transposed), "those of the largest value or those of the boxes"),
        (
            judged_with(pointing=lambda maps, boxes: share_inside(maps, boxes[:, [1, 0, 3, 2]])),
            "a box is top, left, height, width",
        ),
        (judged_with(pointing=lambda maps, boxes: share_inside(maps, boxes, 1)), "use `<`"),
        (judged_with(pointing=share_of_mass), "share of the map's mass"),
        (judged_with(pointing=share_of_signed_mass), "share of the map's mass"),
        (judged_with(pointing=share_divided_by_height), "divide by the width"),
        (judged_with(pointing=share_strictly_inside), "begins *at* row top"),
        (judged_with(pointing=lambda maps, boxes: share_inside(maps, boxes, -1)), "too small"),
        (judged_with(pointing=lambda maps, boxes: round(share_inside(maps, boxes), 2)), "is it rounded?"),
        (
            judged_with(pointing=lambda maps, boxes: 0.9 * share_inside(maps, boxes)),
            'For 60 maps of 9 × 13 pixels `"pointing"` is 0.',
        ),
        (
            judged_with(chance=lambda maps, boxes: np.prod(boxes[:, 2:].mean(axis=0)) / maps[0].size),
            "mean height by mean width",
        ),
        (judged_with(centre=share_at(lambda h: (h - 1) // 2, lambda w: (w - 1) // 2)), "For even sides"),
        (judged_with(centre=share_at(lambda h: h // 2 - 1, lambda w: w // 2 - 1)), "too far left"),
        (judged_with(chance=lambda maps, boxes: 1 / maps[0].size), "hitting *one* pixel"),
        (judged_with(chance=lambda maps, boxes: 0.5), "not one half"),
        (
            judged_with(chance=lambda maps, boxes: np.mean(boxes[:, 2] / maps.shape[1])),
            "a ratio of heights",
        ),
        (judged_with(centre=centre_by_argmax), "upper left corner"),
        (
            judged_with(centre=lambda maps, boxes: judged_at_once(maps.transpose(0, 2, 1), boxes)["centre"]),
            "height and width have changed places",
        ),
        (judged_with(pointing=lambda maps, boxes: 100 * share_inside(maps, boxes)), "in per cent"),
        (judged_with(pointing=lambda maps, boxes: len(maps) * share_inside(maps, boxes)), "is a count"),
        (lambda maps, boxes: tuple(judged_at_once(maps, boxes).values()), "A pointing share alone"),
    ],
    "23.3": [
        (equal_shares, "Everybody gets the same"),
        (lambda value, players: np.full(players, value(range(players)) / players), "share of the whole"),
        (shares_alone, "what each earns *alone*"),
        (shares_worth_alone, "Take what each *adds*"),
        (shares_by_leaving, "which is occlusion"),
        (shares_first_and_last, "joining first and joining last"),
        (shares_with(lambda s, n: 0.5 ** (n - 1)), "the Banzhaf value"),
        (banzhaf_scaled, "still weigh the same"),
        (shares_in_one_order, "in *one* order"),
        (shares_both_ways, "forwards and backwards"),
        (shares_with(lambda s, n: fair(s, n) * math.factorial(n)), "not divided by n!"),
        (shares_with(lambda s, n: fair(s, n) * n), "n times too large"),
        (shares_with(fair, empty=False), "worth 0, or leave it out"),
        (lambda value, players: -shares_by_orders(value, players), "The sign is turned round"),
        (lambda value, players: np.abs(shares_by_orders(value, players)), "a player may do harm"),
        (shares_with(lambda s, n: fair(s, n) * (s < n - 1)), "*all* others is left out"),
        (shares_with(lambda s, n: fair(s, n) * (s > 0)), "The empty coalition is left out"),
        (shares_sampled, "the orders are sampled"),
        (shares_of_places, "`total[player]`"),
        (lambda value, players: shares_by_orders(value, players).sum(), "has shape ()"),
    ],
    "23.4": [
        (rise_with(lambda masks, scores: (scores * masks).sum(axis=0)), "nothing is divided"),
        (rise_with(lambda masks, scores: (scores * masks).mean(axis=0)), "not by the mean of the masks"),
        (
            rise_with(lambda masks, scores: (scores * (1 - masks)).sum(axis=0) / (1 - masks).sum(axis=0)),
            "turned round",
        ),
        (
            rise_with(
                lambda masks, scores: (
                    (scores * masks).sum(axis=0) / masks.sum(axis=0)
                    - (scores * (1 - masks)).sum(axis=0) / (1 - masks).sum(axis=0)
                )
            ),
            "the first term alone",
        ),
        (rise_with(lambda masks, scores: (scores * masks).sum(axis=0) / scores.sum()), "sum of the *scores*"),
        (
            rise_with(
                lambda masks, scores: (
                    (scores * (masks > 0.5)).sum(axis=0) / np.maximum((masks > 0.5).sum(axis=0), 1)
                )
            ),
            "Half shown counts half",
        ),
        (lambda masks, scores: rise_by_tensordot((masks > 0).astype(float), scores), "shown a little"),
        (lambda masks, scores: masks[scores.argmax()], "the one mask"),
        (lambda masks, scores: rise_by_tensordot(masks, scores - scores.mean()), "mean score is subtracted"),
        (lambda masks, scores: masks.mean(axis=0), "The scores are not used"),
        (
            lambda masks, scores: (
                (rise_by_loops(masks, scores) - rise_by_loops(masks, scores).min())
                / np.ptp(rise_by_loops(masks, scores))
            ),
            "stretched to 0 and 1",
        ),
    ],
    "23.5": [
        (lime_with(lambda far, width: 1.0), "there is no locality"),
        (lime_with(lambda far, width: np.exp(-(((1 - far) / width) ** 2))), "distance is turned round"),
        (lime_with(lambda far, width: np.exp(-far / width)), "distance is not squared"),
        (lime_with(lambda far, width: np.exp(-(far**2) / width)), "width is not squared"),
        (lime_with(lambda far, width: np.exp(-((far / width) ** 2) / 2)), "an extra ½"),
        (lime_counting_parts, "a *number* of hidden parts"),
        (lime_weighing_twice, "The weights count twice"),
        (lime_with(fit_intercept=False), "forced through zero"),
        (lime_with(alpha=1e-9), "Nothing is penalised"),
        (lambda kept, scores, width: -lime_by_ridge(kept, scores, width), "signs are turned round"),
        (lime_with_intercept, "leave the intercept out"),
        (lime_as_means, "as RISE does it"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()


def test_each_mistake_of_pointing_has_its_own_number():
    """Otherwise a message names a mistake that is not the reader's."""
    from course_lib.exercises.lesson_23 import _judged, _pointing_cases, _pointing_traps

    maps, boxes = next(_pointing_cases())
    traps = [wrong for wrong, message in _pointing_traps(maps, boxes)["pointing"]]
    numbers = [*traps, _judged(maps, boxes)["pointing"]]
    assert len(set(np.round(numbers, 6))) == len(numbers), sorted(numbers)


def test_the_fair_shares_of_the_check_are_captums():
    """The check's reference agrees with captum, on a game that is a function of five numbers."""
    from captum.attr import ShapleyValues

    from course_lib.exercises.lesson_23 import _by_orders, _Game

    def model(x):
        return x[:, 0] * x[:, 1] + x[:, 2].clamp(min=0.5) * x[:, 3] - x[:, 4] ** 2

    point = torch.tensor([[1.0, -2.0, 0.7, 3.0, 0.4]], dtype=torch.float64)

    def worth(there):
        kept = torch.tensor([[k in there for k in range(5)]])
        return model(point * kept).item()

    by_captum = ShapleyValues(model).attribute(point)[0].numpy()
    np.testing.assert_allclose(_by_orders(_Game(5, worth)), by_captum, atol=1e-5)  # captum adds up in float32
