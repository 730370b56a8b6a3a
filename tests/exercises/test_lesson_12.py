"""Right answers in several styles and typical wrong ones, for the checks of lesson 12."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from course_lib.exercises import lesson_12

# ---------------------------------------------------------------------------------------------------------
# 12.1


def choice_by_counting(labels, classes, per_class, reserved, random):
    names, counts = np.unique(labels, return_counts=True)
    may = names[(counts >= per_class) & ~np.isin(names, reserved)]
    drawn = random.choice(may, classes, replace=False)
    rows = [random.choice(np.flatnonzero(labels == name), per_class, replace=False) for name in drawn]
    return np.concatenate(rows)


def choice_by_shuffling(labels, classes, per_class, reserved, random):
    by_class = {}
    for row in random.permutation(len(labels)):
        by_class.setdefault(int(labels[row]), []).append(int(row))
    names = [n for n, rows in by_class.items() if len(rows) >= per_class and n not in set(reserved.tolist())]
    names = random.permutation(sorted(names))[:classes]
    return [row for name in names for row in by_class[int(name)][:per_class]]


def choice_by_keys(labels, classes, per_class, reserved, random):
    keys = random.random(len(labels))
    order = np.argsort(keys)
    rank = np.empty(len(labels), dtype=int)
    for name in np.unique(labels):
        mine = order[labels[order] == name]
        rank[mine] = np.arange(len(mine))
    names = [n for n in np.unique(labels) if n not in reserved and (labels == n).sum() >= per_class]
    drawn = random.choice(names, size=classes, replace=False)
    return np.flatnonzero(np.isin(labels, drawn) & (rank < per_class)).astype(np.int32)


def choice_with(may=None, rows_of=None, finish=lambda rows, labels: rows):
    """Return a choice with another rule for the classes, for the rows of each, or for the end."""

    def variant(labels, classes, per_class, reserved, random):
        names, counts = np.unique(labels, return_counts=True)
        able = (counts >= per_class) & ~np.isin(names, reserved)
        names = names[able] if may is None else may(names, counts, per_class, reserved)
        drawn = random.choice(names, classes, replace=False)
        take = rows_of or (lambda rows, per_class, random: random.choice(rows, per_class, replace=False))
        rows = [take(np.flatnonzero(labels == name), per_class, random) for name in drawn]
        return finish(np.concatenate(rows), labels)

    return variant


def enough(names, counts, per_class, reserved):
    return names[counts >= per_class]


def more_than_enough(names, counts, per_class, reserved):
    return names[(counts > per_class) & ~np.isin(names, reserved)]


def not_reserved(names, counts, per_class, reserved):
    return names[~np.isin(names, reserved)]


def as_many_as_there_are(rows, per_class, random):
    return random.permutation(rows)[:per_class]


def choice_of_the_first_classes(labels, classes, per_class, reserved, random):
    names, counts = np.unique(labels, return_counts=True)
    names = names[(counts >= per_class) & ~np.isin(names, reserved)][:classes]
    rows = [random.choice(np.flatnonzero(labels == name), per_class, replace=False) for name in names]
    return np.concatenate(rows)


def choice_of_any_pictures(labels, classes, per_class, reserved, random):
    names, counts = np.unique(labels, return_counts=True)
    drawn = random.choice(names[(counts > per_class) & ~np.isin(names, reserved)], classes, replace=False)
    return random.choice(np.flatnonzero(np.isin(labels, drawn)), classes * per_class, replace=False)


def choice_from_the_global_generator(labels, classes, per_class, reserved, random):
    return choice_by_counting(labels, classes, per_class, reserved, np.random)


def choice_of_all_pictures(labels, classes, per_class, reserved, random):
    names, counts = np.unique(labels, return_counts=True)
    drawn = random.choice(names[(counts >= per_class) & ~np.isin(names, reserved)], classes, replace=False)
    return np.flatnonzero(np.isin(labels, drawn))


def choice_of_the_largest_classes(labels, classes, per_class, reserved, random):
    names, counts = np.unique(labels, return_counts=True)
    able = (counts >= per_class) & ~np.isin(names, reserved)
    names = names[able][np.argsort(-counts[able], kind="stable")][: classes + 1]
    drawn = random.choice(names, classes, replace=False)
    return np.concatenate(
        [random.choice(np.flatnonzero(labels == name), per_class, replace=False) for name in drawn]
    )


# ---------------------------------------------------------------------------------------------------------
# 12.2


class Frozen(nn.Module):
    """The lesson's own."""

    def __init__(self, body, weights=True, mode=True):
        super().__init__()
        self.body = body.eval()
        self.hold_mode = mode
        if weights:
            body.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        if self.hold_mode:
            self.body.eval()
        return self

    def forward(self, pictures):
        return self.body(pictures)


def freeze_by_a_train_that_does_nothing(body):
    for parameter in body.parameters():
        parameter.requires_grad = False
    body.eval()
    body.train = lambda mode=True: body
    return body


class Aside(nn.Module):
    """Holds the body where `train` and the optimiser do not find it."""

    def __init__(self, body):
        super().__init__()
        self.held = [copy.deepcopy(body).eval()]

    @torch.no_grad()
    def forward(self, pictures):
        return self.held[0](pictures)


class EvalAtEachCall(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, pictures):
        with torch.no_grad():
            self.body.eval()
            return self.body(pictures)


def freeze_layer_by_layer(body):
    for layer in body.modules():
        layer.eval()
        for parameter in layer.parameters():
            parameter.requires_grad_(False)
        layer.train = lambda mode=True, layer=layer: layer
    return body


def freeze_weights_only(body):
    return body.requires_grad_(False)


def freeze_mode_only(body):
    return body.eval()


def freeze_mode_and_weights_once(body):
    return body.requires_grad_(False).eval()


def freeze_without_statistics(body):
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.track_running_stats = False
            layer.running_mean = layer.running_var = None
    return Frozen(body)


def freeze_at_zero(body):
    with torch.no_grad():
        for parameter in body.parameters():
            parameter.zero_()
    return Frozen(body)


class HeldFromTheFirstCallOfTrain(nn.Module):
    """What hint 3 said, with the line on the weights."""

    def __init__(self, body):
        super().__init__()
        self.body = body.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, pictures):
        return self.body(pictures)


class OnlyBatchNormHeld(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        for layer in self.body.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self

    def forward(self, pictures):
        return self.body(pictures)


def freeze_everything_there_is(body):
    torch.set_grad_enabled(False)
    return Frozen(body)


def freeze_as_a_function(body):
    frozen = Frozen(body)
    return lambda pictures: frozen(pictures)


def freeze_a_part(body):
    return Frozen(body[:3])


# ---------------------------------------------------------------------------------------------------------
# 12.3


def groups_from_the_head(network, rate, factor):
    groups = []
    for layer in reversed(list(network)):
        if not list(layer.parameters()):
            continue
        params = [parameter for parameter in layer.parameters() if parameter.requires_grad]
        if params:
            groups.append({"params": params, "lr": rate})
        rate = rate * factor
    return groups


def groups_by_power(network, rate, factor):
    layers = [layer for layer in network if any(True for _ in layer.parameters())]
    return [
        {
            "params": filter(lambda parameter: parameter.requires_grad, layer.parameters()),
            "lr": rate * factor ** (len(layers) - 1 - place),
        }
        for place, layer in enumerate(layers)
    ]


def groups_by_parameter(network, rate, factor):
    named = [(name.split(".")[0], parameter) for name, parameter in network.named_parameters()]
    order = list(dict.fromkeys(layer for layer, _ in named))[::-1]
    return tuple(
        {"params": parameter, "lr": torch.tensor(rate * factor ** order.index(layer), dtype=torch.float64)}
        for layer, parameter in named
        if parameter.requires_grad
    )


def groups_with(
    rate_of=lambda rate, factor, d, place, count: rate * factor**d, params_of=None, layers_of=None
):
    """Return groups with another rate, other parameters, or other layers."""

    def variant(network, rate, factor):
        layers = [layer for layer in network if list(layer.parameters())]
        if layers_of:
            layers = layers_of(network)
        pick = params_of or (lambda layer: [p for p in layer.parameters() if p.requires_grad])
        count = len(layers)
        groups = [
            {"params": pick(layer), "lr": rate_of(rate, factor, count - 1 - place, place, count)}
            for place, layer in enumerate(layers)
        ]
        return [group for group in groups if group["params"]]

    return variant


def not_of_batch_norm(layer):
    held = [p for part in layer.modules() if isinstance(part, nn.BatchNorm2d) for p in part.parameters()]
    return [p for p in layer.parameters() if p.requires_grad and not any(p is other for other in held)]


def layers_inside(network):
    return [part for part in network.modules() if not list(part.children()) and list(part.parameters())]


def layers_that_learn(network):
    return [layer for layer in network if any(p.requires_grad for p in layer.parameters())]


def groups_with_the_head_twice(network, rate, factor):
    head = list(network)[-1]
    return [*groups_from_the_head(network, rate, factor), {"params": list(head.parameters()), "lr": rate}]


# ---------------------------------------------------------------------------------------------------------
# 12.4


def stop_by_loop(kept, scratch):
    for row, values in enumerate(kept):
        difference = values - scratch
        half = stats.t.ppf(0.975, len(difference) - 1) * difference.std(ddof=1) / math.sqrt(len(difference))
        if difference.mean() + half < 0:
            return row
    return len(kept)


def stop_by_scipy(kept, scratch):
    upper = [stats.ttest_rel(row, scratch).confidence_interval(0.95).high for row in kept]
    return next((row for row, end in enumerate(upper) if end < 0), len(kept))


def stop_by_p_value(kept, scratch):
    found = stats.ttest_1samp(kept - scratch, 0, axis=1)
    costs = (found.pvalue < 0.05) & (found.statistic < 0)
    return np.argmax(np.append(costs, True))


def stop_with(upper, end=lambda costs: int(np.argmax(np.append(costs, True)))):
    """Return a rule with another upper end of the interval, or another end."""

    def variant(kept, scratch):
        difference, count = kept - scratch, len(scratch)
        mean, sd = difference.mean(axis=1), difference.std(axis=1, ddof=1)
        t = stats.t.ppf(0.975, count - 1)
        return end(upper(mean, sd, t, count, kept, scratch) < 0)

    return variant


def usual(mean, sd, t, count, kept, scratch):
    return mean + t * sd / np.sqrt(count)


def unpaired(mean, sd, t, count, kept, scratch):
    error = np.sqrt((kept.var(axis=1, ddof=1) + scratch.var(ddof=1)) / count)
    return mean + stats.t.ppf(0.975, 2 * count - 2) * error


def stop_by_bootstrap(kept, scratch):
    drawn = np.random.default_rng(1).integers(len(scratch), size=(2000, len(scratch)))
    upper = np.quantile((kept - scratch)[:, drawn].mean(axis=2), 0.975, axis=1)
    return next((row for row, end in enumerate(upper) if end < 0), len(kept))


def row_after(kept, scratch):
    return min(stop_by_loop(kept, scratch) + 1, len(kept))


def last_good_row(kept, scratch):
    right = stop_by_loop(kept, scratch)
    return right - 1 if right < len(kept) else right


def stop_at_any_difference(kept, scratch):
    return int(np.argmax(np.append(stats.ttest_1samp(kept - scratch, 0, axis=1).pvalue < 0.05, True)))


RIGHT = {
    "12.1": [choice_by_counting, choice_by_shuffling, choice_by_keys],
    "12.2": [Frozen, freeze_by_a_train_that_does_nothing, Aside, EvalAtEachCall, freeze_layer_by_layer],
    "12.3": [groups_from_the_head, groups_by_power, groups_by_parameter],
    "12.4": [stop_by_loop, stop_by_scipy, stop_by_p_value],
}

WRONG = {
    "12.1": [
        (choice_with(may=more_than_enough), "A class with exactly 6 pictures is never chosen"),
        (choice_of_all_pictures, "With unequal numbers of images"),
        (choice_with(may=enough), "A reserved class is among them"),
        (choice_with(may=not_reserved, rows_of=as_many_as_there_are), "fewer than 6 pictures"),
        (
            choice_with(rows_of=lambda rows, per_class, random: random.choice(rows, per_class)),
            "A row stands twice",
        ),
        (choice_of_any_pictures, "some classes have more pictures than others"),
        (choice_of_the_first_classes, "it is always the same 3 classes"),
        (choice_of_the_largest_classes, "some classes are never chosen"),
        (choice_with(rows_of=lambda rows, per_class, random: rows[:per_class]), "always the same 4 pictures"),
        (choice_from_the_global_generator, "other rows the second time"),
        (choice_with(finish=lambda rows, labels: labels[rows]), "These are labels"),
        (
            choice_with(finish=lambda rows, labels: np.isin(np.arange(len(labels)), rows)),
            "a mask of True and False",
        ),
        (choice_with(finish=lambda rows, labels: rows.reshape(2, -1)), "one axis of row numbers"),
        (choice_with(finish=lambda rows, labels: rows + len(labels)), "rows outside 0 to"),
        (choice_with(finish=lambda rows, labels: rows.astype(float)), "Row numbers are whole"),
        (choice_with(finish=lambda rows, labels: rows[:4]), "There are 1 classes"),
    ],
    "12.2": [
        (freeze_weights_only, "is back in training mode"),
        (freeze_mode_only, "is back in training mode"),
        (freeze_mode_and_weights_once, "is back in training mode"),
        (lambda body: Frozen(body, weights=False), "has moved"),
        (OnlyBatchNormHeld, "it drops features of the frozen body"),
        (freeze_without_statistics, "Even after `.eval()`"),
        (HeldFromTheFirstCallOfTrain, "the body comes in training mode"),
        (freeze_at_zero, "its weights must stay"),
        (freeze_everything_there_is, "Gradients are switched off for everything"),
        (freeze_as_a_function, "Return a module of torch"),
        (lambda body: list(body.parameters()), "Return a module of torch"),
        (freeze_a_part, "hand the pictures on to it"),
    ],
    "12.3": [
        (groups_with(lambda rate, factor, d, place, count: rate * factor**place), "turned round"),
        (groups_with(lambda rate, factor, d, place, count: rate), "All layers have the same rate"),
        (groups_with(lambda rate, factor, d, place, count: rate / factor**d), "do not divide"),
        (groups_with(layers_of=list), "was counted as a step"),
        (groups_with(lambda rate, factor, d, place, count: rate * factor ** (d + 1)), "The head gets `rate`"),
        (
            groups_with(lambda rate, factor, d, place, count: rate * (factor if d else 1)),
            "Head and body have two rates",
        ),
        (
            groups_with(lambda rate, factor, d, place, count: rate * (1 - (1 - factor) * d)),
            "fall by a constant amount",
        ),
        (
            groups_with(lambda rate, factor, d, place, count: rate * factor * d if d else rate),
            "`factor` d times",
        ),
        (groups_with(lambda rate, factor, d, place, count: 0.5 * rate), "are not `rate · factor**d`"),
        (groups_with(params_of=lambda layer: list(layer.parameters())), "Leave it out"),
        (groups_with(params_of=not_of_batch_norm), "A BatchNorm has weights too"),
        (groups_with(layers_of=layers_that_learn), "A frozen layer was passed over"),
        (groups_with(layers_of=layers_inside), "Two parameters of one layer"),
        (groups_with_the_head_twice, "stands in two groups"),
        (groups_with(layers_of=lambda network: list(network)[-1:]), "so it would never learn"),
        (
            groups_with(params_of=lambda layer: [p.detach().clone() for p in layer.parameters()]),
            "perhaps a copy",
        ),
        (
            groups_with(params_of=lambda layer: list(layer.named_parameters())),
            "From `named_parameters()`",
        ),
        (groups_with(params_of=lambda layer: layer), "holds the parameters themselves"),
        (lambda network, rate, factor: {"params": list(network.parameters()), "lr": rate}, "Return a list"),
        (lambda network, rate, factor: [list(network.parameters())], "Each group is a dictionary"),
        (lambda network, rate, factor: [], "The list is empty"),
    ],
    "12.4": [
        (stop_with(unpaired), "two means with their own spreads"),
        (stop_with(lambda mean, sd, t, *_: mean + t * sd), "the spread of single draws"),
        (
            stop_with(lambda mean, sd, t, count, *_: mean + 1.96 * sd / np.sqrt(count)),
            "1.96 is for very many draws",
        ),
        (
            stop_with(lambda mean, sd, t, count, *_: mean + t * sd * np.sqrt((count - 1) / count / count)),
            "divide by N − 1",
        ),
        (
            stop_with(lambda mean, sd, t, count, *_: mean + stats.t.ppf(0.975, count) * sd / np.sqrt(count)),
            "degrees of freedom",
        ),
        (
            stop_with(
                lambda mean, sd, t, count, *_: mean + stats.t.ppf(0.95, count - 1) * sd / np.sqrt(count)
            ),
            "the quantile is 0.975",
        ),
        (stop_by_bootstrap, "That looks like a bootstrap"),
        (stop_at_any_difference, "at a gain too"),
        (row_after, "That is one more"),
        (last_good_row, "One layer too few"),
        (stop_with(lambda mean, *_: mean), "not yet a cost"),
        (
            stop_with(lambda mean, sd, t, count, *_: mean - t * sd / np.sqrt(count)),
            "a gain is no longer certain",
        ),
        (
            stop_with(lambda mean, sd, t, count, *_: -mean + t * sd / np.sqrt(count)),
            "The sign is turned round",
        ),
        (lambda kept, scratch: kept.mean(axis=1).argmax() + 1, "luck among equals"),
        (stop_with(usual, end=lambda costs: int((~costs).sum())), "You count every row"),
        (lambda kept, scratch: stop_by_loop(kept, scratch) + 1, "That is one more"),
        (lambda kept, scratch: stop_by_loop(kept, scratch) - 1, "One layer too few"),
        (lambda kept, scratch: len(kept), "layers can be kept before the first row"),
        (lambda kept, scratch: kept[0], "Expected one number"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()


@pytest.mark.parametrize("place", range(len(lesson_12._tables())))
def test_the_table_says_what_scipy_says(place):
    kept, scratch = lesson_12._tables()[place]
    assert lesson_12._stops(kept, scratch)[0] == stop_by_scipy(kept, scratch)


def test_no_two_slips_answer_all_tables_alike():
    answers = [lesson_12._stops(*table) for table in lesson_12._tables()]
    columns = [tuple(right for right, _ in answers)]
    columns += [
        tuple(where for _, where in of_tables) for of_tables in zip(*(s for _, s in answers), strict=True)
    ]
    assert len(set(columns)) == len(columns)
