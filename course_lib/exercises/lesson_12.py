"""Checks of lesson 12, "Transfer": equal images, a frozen body, rates by layer, where transfer stops."""

from __future__ import annotations

import math

from course_lib.exercises.answers import call, expect_array, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 12.1  As many images, more classes

# (pictures of each class, reserved classes, classes wanted, pictures of each): the labels are no row numbers,
# stand in no order, and some classes have too few pictures.
_STORES = (
    ({3: 8, 5: 8, 11: 8, 12: 8, 20: 8, 31: 8}, (5,), 3, 4),
    ({2: 9, 4: 3, 6: 9, 7: 2, 8: 9, 9: 12, 40: 9, 41: 9, 50: 9}, (6, 50), 2, 6),
    ({1: 5, 10: 5, 100: 5, 1000: 1, 7: 5, 70: 5}, (1000,), 4, 3),
)
_DRAWS = 40  # with so many generators every class that may be chosen has been, but for one in 100 million


def _verify_choice(answer):
    import numpy as np

    for number, (pictures, reserved, classes, per_class) in enumerate(_STORES):
        labels = np.repeat(list(pictures), list(pictures.values()))
        labels = np.random.default_rng(number).permutation(labels)
        told = f"for {classes} classes with {per_class} pictures each"

        def chosen(seed, labels=labels, classes=classes, per_class=per_class, reserved=reserved, told=told):
            random = np.random.default_rng(seed)
            given = call(answer, labels, classes, per_class, reserved=np.array(reserved), random=random)
            return _expect_rows(given, labels, classes, per_class, reserved, told)

        draws = [chosen(seed) for seed in range(_DRAWS)]
        if any(not np.array_equal(np.sort(draws[seed]), np.sort(chosen(seed))) for seed in range(2)):
            raise NotYet(
                "The same generator gives other rows the second time. Draw all lots from `random`, so that "
                "the choice can be repeated."
            )
        enough = {one for one, count in pictures.items() if count >= per_class and one not in reserved}
        met = {int(one) for rows in draws for one in labels[rows]}
        if len(met) == classes < len(enough):
            raise NotYet(
                f"With {_DRAWS} different generators it is always the same {classes} classes, of "
                f"{len(enough)} that have enough pictures. Let the lot decide."
            )
        if met != enough:
            raise NotYet(
                f"With {_DRAWS} different generators some classes are never chosen, although they have "
                "enough pictures and are not reserved."
            )
        for one in sorted(enough):
            rows = {int(row) for drawn in draws for row in drawn if labels[row] == one}
            if len(rows) == per_class < pictures[one]:
                raise NotYet(
                    f"Of each class it is always the same {per_class} pictures. Let the lot decide here too."
                )
    return (
        "Equal numbers of images: now wide and narrow differ in one thing. And no target class was seen "
        "before: else the test would ask for memory."
    )


def _expect_rows(given, labels, classes, per_class, reserved, told):
    """Return the rows as an array, or say what is wrong with them."""
    import numpy as np

    found = expect_array(given, name="the result", kind="any")
    if found.dtype.kind == "b":
        raise NotYet("The result is a mask of True and False. Return row numbers: `np.flatnonzero(…)`.")
    if found.ndim != 1:
        raise NotYet(f"The result has shape {found.shape}. Return one axis of row numbers: `.ravel()`.")
    if found.dtype.kind == "f" and found.size:
        raise NotYet("The result holds floats. Row numbers are whole.")
    wanted = classes * per_class
    counts = np.unique(labels, return_counts=True)
    few = {int(one) for one, count in zip(*counts, strict=True) if count < per_class}
    kinds, times = np.unique(found, return_counts=True)
    if len(found) == wanted and len(kinds) == classes and set(times) == {per_class}:
        raise NotYet("These are labels, each as often as it has pictures. Return the *rows* where they are.")
    if found.size and not (found.min() >= 0 and found.max() < len(labels)):
        raise NotYet(f"There are rows outside 0 to {len(labels) - 1} {told}.")
    here = labels[found.astype(int)]
    held = set(here.tolist())
    if held & set(reserved):
        raise NotYet(
            f"A reserved class is among them {told}. Whoever has seen a target class before the test has "
            "learnt it, not transferred."
        )
    if held & few:
        raise NotYet(
            f"A class was chosen that has fewer than {per_class} pictures {told}: then the numbers of images "
            "differ again. Choose among the classes that have enough."
        )
    if len(np.unique(found)) < len(found):
        raise NotYet(f"A row stands twice {told}: a picture seen twice is no second picture.")
    if len(held) != classes:
        raise NotYet(f"There are {len(held)} classes {told}. How many pictures come from where matters.")
    if len(found) != wanted:
        raise NotYet(
            f"There are {len(found)} pictures {told}, and {wanted} were asked for. With unequal numbers of "
            "images one compares numbers, and not diversity."
        )
    if set(np.unique(here, return_counts=True)[1].tolist()) != {per_class}:
        raise NotYet(f"The sum is right {told}, but some classes have more pictures than others.")
    return found.astype(int)


# ---------------------------------------------------------------------------------------------------------
# 12.2  Frozen means frozen


def _body(with_dropout):
    """Return a small body with running statistics of its own, and pictures to show it."""
    import torch
    from torch import nn

    torch.manual_seed(122 + with_dropout)
    extra = [nn.Dropout(0.5)] if with_dropout else []
    body = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), *extra, nn.AdaptiveAvgPool2d(2)
    )
    body.append(nn.Flatten())
    with torch.no_grad():
        body[1].running_mean.uniform_(-1, 1)
        body[1].running_var.uniform_(0.2, 3)
    return body, 2 + 3 * torch.randn(6, 1, 6, 6)


def _features(body, pictures, train=False):
    """Return what a copy of a body gives, in either mode."""
    import copy

    import torch

    body = copy.deepcopy(body).train(train)
    with torch.no_grad():
        return body(pictures)


def _verify_freeze(answer):
    import torch
    from torch import nn

    for with_dropout in (False, True):
        body, pictures = _body(with_dropout)
        wanted = _features(body, pictures)
        frozen = call(answer, body)
        if not isinstance(frozen, nn.Module):
            raise NotYet(
                f"Return a module of torch that can stand in a network, and not a `{type(frozen).__name__}`."
            )
        network = nn.Sequential(frozen, nn.Linear(16, 3))
        for mode in ("eval", "train"):
            getattr(
                network, mode
            )()  # what `cl.fit` does before each epoch, and `evaluate` before it measures
            with torch.no_grad():
                found = frozen(pictures)
            _expect_features(found, wanted, body, pictures, mode, with_dropout)
        before = {name: value.clone() for name, value in frozen.state_dict().items()}
        # Weight decay would move a weight even where its gradient is zero.
        learner = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
        for _ in range(3):
            network.train()
            learner.zero_grad()
            scores = network(pictures)
            if not scores.requires_grad:
                raise NotYet(
                    "Gradients are switched off for everything, so that the head behind the body cannot "
                    "learn either. Take them from the weights of the body alone."
                )
            nn.functional.cross_entropy(scores, torch.arange(6) % 3).backward()
            learner.step()
        after = frozen.state_dict()
        for name, value in before.items():
            if not torch.equal(value, after[name]):
                raise NotYet(
                    f"After three steps of training `{name}` has moved. Take the gradient from every weight "
                    "of the body: `requires_grad_(False)`."
                )
        network.eval()
        with torch.no_grad():
            last = frozen(pictures)
        if not torch.allclose(last, wanted, atol=1e-5):
            raise NotYet("After three steps of training the body gives other features than before.")
    return (
        "Weights, running statistics, mode: three things to hold still, and `requires_grad` is only the "
        "first. A frozen body gives a picture the same features whatever stands beside it in the batch."
    )


def _expect_features(found, wanted, body, pictures, mode, with_dropout):
    """Say which of the known slips changed the features."""
    import torch

    if not isinstance(found, torch.Tensor) or found.shape != wanted.shape:
        raise NotYet(
            f"The frozen body gives {tuple(getattr(found, 'shape', ()))} and the body itself gives "
            f"{tuple(wanted.shape)}: hand the pictures on to it."
        )
    if torch.allclose(found, wanted, atol=1e-5):
        return
    if mode == "eval" and torch.allclose(found, _features(body, pictures, train=True), atol=1e-5):
        raise NotYet(
            "Even after `.eval()` BatchNorm uses the mean and the sd of the batch. A frozen body uses the "
            "running ones, which it learnt with its weights."
        )
    if mode == "eval":
        raise NotYet("The frozen body gives other features than `body` does: its weights must stay.")
    if with_dropout:
        raise NotYet(
            "Right for a body with BatchNorm alone. This one has a Dropout as well, and after `.train()` it "
            "drops features of the frozen body: hold *every* layer in evaluation mode."
        )
    if torch.allclose(found, _features(body, pictures, train=True), atol=1e-5):
        raise NotYet(
            "After `.train()`, which `cl.fit` calls before each epoch, BatchNorm is back in training mode: "
            "it normalises each picture by the batch around it. Keep the body in evaluation mode whatever is "
            "called."
        )
    raise NotYet("After `.train()` the frozen body gives other features than before.")


# ---------------------------------------------------------------------------------------------------------
# 12.3  Rates by layer


def _networks():
    """Return (network, rate, factor): a plain one, one with layers without weights, one half frozen."""
    import torch
    from torch import nn

    class Network(nn.Sequential):
        def __deepcopy__(self, memo):
            return self  # groups name parameters by identity: `call` must not hand on a copy

    torch.manual_seed(123)

    def block(maps, more):
        return nn.Sequential(nn.Conv2d(maps, more, 3), nn.BatchNorm2d(more), nn.ReLU())

    plain = Network(nn.Linear(3, 5), nn.Linear(5, 4), nn.Linear(4, 2))
    deep = Network(block(1, 2), nn.MaxPool2d(2), block(2, 3), block(3, 4), nn.Flatten(), nn.Linear(4, 2))
    half = Network(block(1, 2), block(2, 3), nn.Flatten(), nn.Linear(3, 2))
    half[0].requires_grad_(False)
    half[1][0].bias.requires_grad_(False)
    return ((plain, 0.01, 0.5), (deep, 0.003, 0.1), (half, 0.02, 0.3))


def _verify_groups(answer):
    for number, (network, rate, factor) in enumerate(_networks()):
        groups = _expect_groups(call(answer, network, rate, factor=factor))
        rates = {}
        for group in groups:
            for parameter in group["params"]:
                if id(parameter) in rates:
                    raise NotYet("A parameter stands in two groups: torch refuses that.")
                rates[id(parameter)] = expect_number(group["lr"], name='`"lr"`')
        named = dict(network.named_parameters())
        if set(rates) - {id(parameter) for parameter in named.values()}:
            raise NotYet("A group holds something that is no parameter of the network, perhaps a copy.")
        for name, parameter in named.items():
            if not parameter.requires_grad and id(parameter) in rates:
                raise NotYet(
                    f"`{name}` is frozen (`requires_grad` is False) and stands in a group. Leave it out."
                )
            if parameter.requires_grad and id(parameter) not in rates:
                what = " A BatchNorm has weights too." if ".1." in name else ""
                raise NotYet(f"`{name}` is in no group, so it would never learn.{what}")
        _expect_rates(rates, network, rate, factor, number)
    return (
        "The head is new and learns fast; the first layer has seen thousands of pictures and is moved least. "
        "Whether that pays is a question for a measurement, and the lesson asks it next."
    )


def _expect_groups(given):
    """Return the groups with their parameters in lists."""
    import torch

    if not isinstance(given, (list, tuple)):
        raise NotYet(f"Return a list of dictionaries, not a `{type(given).__name__}`.")
    groups = []
    for group in given:
        if not isinstance(group, dict) or not {"params", "lr"} <= set(group):
            raise NotYet('Each group is a dictionary with `"params"` and `"lr"`, as torch expects.')
        params = group["params"]
        params = [params] if isinstance(params, torch.Tensor) else params
        try:
            params = list(params)
        except TypeError:
            raise NotYet('`"params"` holds the parameters themselves: `list(layer.parameters())`.') from None
        if any(not isinstance(parameter, torch.Tensor) for parameter in params):
            raise NotYet(
                '`"params"` holds something else than parameters. From `named_parameters()` take the second.'
            )
        groups.append({"params": params, "lr": group["lr"]})
    if not groups:
        raise NotYet("The list is empty: no layer would learn.")
    return groups


def _expect_rates(rates, network, rate, factor, number):
    """Compare the rates of the layers, counted from the end, with what known slips give."""
    layers = [layer for layer in network if any(True for _ in layer.parameters())]
    found = []
    for layer in layers:
        of_layer = {rates[id(parameter)] for parameter in layer.parameters() if parameter.requires_grad}
        if len(of_layer) > 1:
            raise NotYet(
                "Two parameters of one layer have different rates: a block of `network` is one layer, "
                "whatever stands inside."
            )
        found.append(of_layer.pop() if of_layer else None)
    count = len(layers)
    depth = [count - 1 - place for place in range(count)]  # 0 for the head
    children = list(network)
    with_all = [len(children) - 1 - children.index(layer) for layer in layers]

    def fits(wanted):
        return all(
            seen is None or math.isclose(seen, value, rel_tol=1e-6)
            for seen, value in zip(found, wanted, strict=True)
        )

    if fits([rate * factor**d for d in depth]):
        return
    where = ("", " Layers without parameters do not count.", " This network has a frozen layer.")[number]
    for wanted, message in (
        ([rate] * count, "All layers have the same rate."),
        (
            [rate * factor**place for place in range(count)],
            "The order is turned round: the first layer learns fastest. It has seen the most already; the "
            "head is new.",
        ),
        (
            [rate / factor**d for d in depth],
            "The rates grow towards the first layer: multiply by `factor`, do not divide.",
        ),
        (
            [rate * factor**d for d in with_all],
            "A layer without parameters (Flatten, MaxPool2d) was counted as a step.",
        ),
        ([rate * factor ** (d + 1) for d in depth], "The head gets `rate` itself, not `rate · factor`."),
        (
            [rate if d == 0 else rate * factor for d in depth],
            "Head and body have two rates. Each layer further down gets the factor once more.",
        ),
        (
            [rate * (1 - (1 - factor) * d) for d in depth],
            "The rates fall by a constant amount. Multiply by `factor` from layer to layer.",
        ),
        ([rate * factor * d if d else rate for d in depth], "Multiply by `factor` d times: `factor**d`."),
    ):
        if fits(wanted):
            raise NotYet(f"{message}{where}")
    raise NotYet(
        f"The rates from the first layer to the head are not `rate · factor**d`, d layers below the "
        f"head.{where}"
    )


# ---------------------------------------------------------------------------------------------------------
# 12.4  Where transfer stops


def _tables():
    """Return tables (kept, scratch); taken together, each known slip answers them in a way of its own."""
    import numpy as np

    random = np.random.default_rng(124)
    luck = np.linspace(-0.09, 0.09, 12)  # of the draw: it hits kept and scratch alike
    scratch = 0.85 + random.permutation(luck)
    wobble = random.permutation(np.linspace(-0.03, 0.03, 12))
    falling = np.stack([scratch + gain + wobble for gain in (0.02, 0.003, -0.003, -0.02, -0.047)])
    gap = np.stack([scratch + gain + wobble for gain in (0.0, -0.05, 0.01, -0.1)])
    never = np.stack([scratch + gain + wobble for gain in (-0.003, 0.02, 0.0)])
    at_once = np.stack([scratch + gain + wobble for gain in (-0.04, 0.0)])
    # Five draws: mean −0.02, standard error 0.009: below zero for z = 1.96, not for Student's t, 2.78.
    five = np.array([-0.4, -0.2, 0.0, 0.2, 0.4]) / math.sqrt(0.1) * 0.009 * math.sqrt(5)
    base = np.array([0.8, 0.9, 0.7, 0.85, 0.75])
    few = np.stack([base - 0.02 + five, base - 0.2 + five])
    return (falling, scratch), (gap, scratch), (never, scratch), (few, base), (at_once, scratch)


def _stops(kept, scratch):
    """Return where transfer stops, and where each known slip says that it does."""
    import numpy as np
    from scipy import stats

    difference, count = kept - scratch, len(scratch)
    mean, sd = difference.mean(axis=1), difference.std(axis=1, ddof=1)
    t, error = stats.t.ppf(0.975, count - 1), sd / math.sqrt(count)
    unpaired = np.sqrt(kept.var(axis=1, ddof=1) / count + scratch.var(ddof=1) / count)
    costs = mean + t * error < 0
    right = _first_true(costs)
    return right, {
        "You compare two means with their own spreads. The draws are the same, and their luck hits both: "
        "take the difference draw by draw first.": _first_true(
            mean + stats.t.ppf(0.975, 2 * count - 2) * unpaired < 0
        ),
        "You use the spread of single draws. The interval of a *mean* is narrower by the square root of "
        "their number.": _first_true(mean + t * sd < 0),
        "1.96 is for very many draws. With few of them Student's t is wider: `scipy.stats.t.ppf`.": (
            _first_true(mean + 1.959964 * error < 0)
        ),
        "A mean below zero is not yet a cost: the whole interval must lie below zero.": _first_true(mean < 0),
        "You stop where a gain is no longer certain. Asked is where a *cost* is certain.": (
            _first_true(mean - t * error < 0)
        ),
        "The sign is turned round: you stop where keeping layers certainly helps.": (
            _first_true(mean - t * error > 0)
        ),
        "That is the row with the best mean, which is luck among equals. Asked is where a cost is certain.": (
            int(mean.argmax()) + 1
        ),
        "You count every row without a certain cost, also one behind a row that has it. Stop at the first "
        "cost.": int((~costs).sum()),
        "That is one more: the first layer that costs, counted from 1. Asked is how many can be kept before "
        "it.": right + 1,
        "One layer too few: row 0 is for *one* layer kept.": right - 1,
    }


def _verify_stop(answer):
    tables = _tables()
    values = [expect_number(call(answer, *table), name="the result") for table in tables]
    rights, slips = zip(*(_stops(*table) for table in tables), strict=True)
    if list(rights) == values:
        return (
            "Not finding a cost is no proof that there is none: with few draws the interval is wide, and one "
            "keeps more layers than one should."
        )
    for message in slips[0]:
        if values == [of_table[message] for of_table in slips]:
            raise NotYet(message)
    number = next(k for k, value in enumerate(values) if value != rights[k])
    kept, scratch = tables[number]
    raise NotYet(
        f"For a table of {len(kept)} rows and {len(scratch)} draws it is not the number of layers before the "
        "first row whose 95 % interval lies below zero."
    )


def _first_true(flags):
    """Return the place of the first True, or the length."""
    flags = list(flags)
    return flags.index(True) if True in flags else len(flags)


EXERCISES = (
    Exercise(
        id="12.1",
        title="As many images, more classes",
        kind="complete",
        minutes=8,
        difficulty=2,
        hints=(
            "Two lots are drawn, one after the other: first the classes, then the pictures of each. Which "
            "classes may take part in the first?",
            "`np.unique(labels, return_counts=True)` gives classes and counts. Drop those in `reserved` "
            "(`np.isin`) and those with too few pictures; `random.choice(…, replace=False)` draws.",
            "`may = names[(counts >= per_class) & ~np.isin(names, reserved)]`, then for each class drawn "
            "from `may`: `random.choice(np.flatnonzero(labels == name), per_class, replace=False)`, and all "
            "of them joined into one array.",
        ),
        verify=_verify_choice,
    ),
    Exercise(
        id="12.2",
        title="Frozen means frozen",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "Print `body.state_dict().keys()`. Which of these does an optimiser move, and which move by "
            "themselves whenever a batch goes through in training mode?",
            "Weights: `requires_grad_(False)`. Mode: `network.train()` calls `.train()` of every module in "
            "it. Write a module of your own around `body` whose `train` does not pass it on.",
            "A class with `forward` that returns `self.body(pictures)`, and `def train(self, mode=True):` "
            "that calls `super().train(mode)`, then `self.body.eval()`, and returns `self`. What is missing "
            "is the line on the weights.",
        ),
        verify=_verify_freeze,
    ),
    Exercise(
        id="12.3",
        title="A rate for each layer",
        kind="complete",
        minutes=8,
        difficulty=3,
        hints=(
            "Go through the layers from the head to the front. When does the rate change, and when does it "
            "stay because there was nothing to learn?",
            "`reversed(list(network))` begins with the head. Layers whose `list(layer.parameters())` is "
            "empty are passed over; all others take a step down, also a frozen one.",
            'Begin with `r = rate`. For each layer with parameters append `{"params": […those with '
            'requires_grad…], "lr": r}`, then `r = r * factor`. A group without parameters is better left '
            "out.",
        ),
        verify=_verify_groups,
    ),
    Exercise(
        id="12.4",
        title="Which layer stops transferring?",
        kind="design",
        minutes=10,
        difficulty=3,
        hints=(
            "The same draw of labels gave one number of each row and one of `scratch`. What should be "
            "subtracted before anything is averaged?",
            "`difference = kept - scratch`, shape (L, N). Per row: mean, `std(ddof=1)` divided by √N, times "
            "`scipy.stats.t.ppf(0.975, N - 1)`. A row costs where even the upper end is below zero.",
            "`upper = mean + t * sd / np.sqrt(N)`; a loop over the rows that returns its number at the first "
            "`upper[row] < 0`, and `len(kept)` behind the loop.",
        ),
        verify=_verify_stop,
    ),
)
