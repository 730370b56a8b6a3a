"""Checks of lesson 16, "Multiple instances": pooling, gated attention, who localises, honest bags."""

from __future__ import annotations

import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 16.1  No order, no empty places


def _pooled(features, present, how):
    """Return the pooled features, bag by bag."""
    import numpy as np

    take = {"mean": np.mean, "max": np.max}[how]
    return np.stack([take(bag[there], axis=0) for bag, there in zip(features, present, strict=True)])


def _pooling_cases():
    """Return (features, present, how, what is new): no empty place, then empty ones full of leftovers."""
    import numpy as np

    random = np.random.default_rng(161)
    full = random.normal(size=(4, 3, 5))
    padded = random.normal(size=(5, 6, 2)) - 3  # mostly negative
    present = np.zeros((5, 6), dtype=bool)
    for bag, there in enumerate(([0, 1, 2], [1, 4], [5], range(6), [0, 2, 3, 5])):
        present[bag, list(there)] = True
    leftovers = np.where(present[..., None], padded, 7.0 + np.arange(6)[:, None])
    everywhere = np.ones((4, 3), dtype=bool)
    for how in ("mean", "max"):
        yield full, everywhere, how, "without any empty place"
        yield leftovers, present, how, "with leftovers in the empty places"
    deep = np.where(present[..., None], 1000 * padded - 1e6, 1000 * leftovers)
    yield deep, present, "max", "with features near −1,000,000"


def _verify_pooling(answer):
    import numpy as np

    for features, present, how, told in _pooling_cases():
        reference = _pooled(features, present, how)
        found = expect_array(call(answer, features, present, how=how), name="the result", kind="any")
        _expect_shape_of_bags(found, reference, features)
        mask = present[..., None]
        only_there = np.where(mask, features, np.nan)
        zeroed = np.where(mask, features, 0.0)
        largest = np.where(present, features.sum(axis=2), -np.inf).argmax(axis=1)
        first = present.argmax(axis=1)
        bags = np.arange(len(features))
        other = "max" if how == "mean" else "mean"
        # `how` that is not looked at is told apart from empty places that are.
        traps = [
            (
                _pooled(features, present, other),
                f'That is the {other}, and `how` is "{how}". Is it looked at?',
            ),
            (
                zeroed.sum(axis=1),
                "That is the sum over the instances. A bag with more of them gets larger numbers, whatever "
                "is in it: its size would become evidence.",
            ),
            (
                zeroed.mean(axis=1),
                "You divide by the number of places. Divide by the number of *instances*, or a small bag "
                "looks pale.",
            ),
            (
                zeroed.max(axis=1),
                "The empty places count as zero here, and zero beats every negative number. Give them what "
                "can never win: `-np.inf`.",
            ),
            (
                getattr(features, how)(axis=1),
                "The empty places take part. What stands in them means nothing: let `present` keep them out.",
            ),
            (
                np.nanmedian(only_there, axis=1),
                "That is the median. Asked are the mean and the largest value.",
            ),
            (
                np.nanmin(only_there, axis=1),
                "That is the smallest value of each feature. Asked is the largest.",
            ),
            (
                np.nanmax(np.abs(only_there), axis=1),
                "The sign is lost: the largest value, not the largest absolute one.",
            ),
            (
                features[bags, largest],
                "You choose *one* instance, the one whose features add up to most. The largest value is "
                "taken of each feature by itself, and may come from different instances.",
            ),
            (features[bags, first], "That is the first instance alone. A bag has no first."),
            (features[:, -1], "That is the last place alone. A bag has no last."),
            (
                np.broadcast_to(getattr(np, f"nan{how}")(only_there, axis=(0, 1)), reference.shape),
                "That pools over all bags together. Each bag gets a row of its own.",
            ),
        ]
        traps = [(wrong, message) for wrong, message in traps if not np.allclose(wrong, reference)]
        if not np.allclose(found, reference, rtol=1e-4, atol=1e-5, equal_nan=True):
            for wrong, message in traps:
                if np.allclose(found, wrong, rtol=1e-4, atol=1e-5):
                    raise NotYet(f"{message} ({how}, {told}.)")
            off = ~np.isclose(found, reference, rtol=1e-4, atol=1e-5)
            if how == "max" and (found[off] > reference[off]).all() and not off[present.all(axis=1)].any():
                raise NotYet(
                    "Where all instances lie low enough, an empty place wins. Give it what can never win: "
                    f"`-np.inf`. ({how}, {told}.)"
                )
            _say_what_it_depends_on(answer, features, present, how)
        expect_close(
            found,
            reference,
            name="the result",
            rtol=1e-4,
            atol=1e-5,
            otherwise=f"It is not the {how} over the instances of each bag, {told}.",
        )
    return (
        "Mean and largest value do not ask who stands where, nor how many places are empty. What comes "
        "behind them cannot depend on it either: the bag's score is invariant, whatever the network."
    )


def _expect_shape_of_bags(found, reference, features):
    """Say over which axis was pooled instead."""
    bags, places, width = features.shape
    if found.shape == reference.shape:
        return
    messages = {
        (bags, places): "You pool over the features. Pool over the instances, axis 1.",
        (places, width): "You pool over the bags. Pool over the instances, axis 1.",
        (bags, 1, width): "Take the pooled axis away: no `keepdims`.",
        (bags,): "One number for each bag: the D features are pooled as well. Keep them.",
        (width,): "All bags became one. Each bag gets a row of its own.",
        (bags, places, width): "Nothing is pooled yet.",
    }
    what = messages.get(found.shape, "")
    raise NotYet(f"The result has shape {found.shape}. Expected {reference.shape}, (B, D). {what}".rstrip())


def _say_what_it_depends_on(answer, features, present, how):
    """Refuse an answer that changes with the order of the instances, or with a place more."""
    import numpy as np

    def ask(features, present):
        return expect_array(call(answer, features, present, how=how), name="the result", kind="any")

    before = ask(features, present)
    order = np.random.default_rng(0).permutation(features.shape[1])
    moved = ask(features[:, order], present[:, order])
    if moved.shape == before.shape and not np.allclose(moved, before, atol=1e-5):
        raise NotYet(
            f"When the places of a bag are shuffled, your {how} changes. A bag has no order: nothing may "
            "depend on who stands where."
        )
    more = np.concatenate([features, np.full_like(features[:, :1], 50.0)], axis=1)
    one_more = np.concatenate([present, np.zeros_like(present[:, :1])], axis=1)
    longer = ask(more, one_more)
    if longer.shape == before.shape and not np.allclose(longer, before, atol=1e-5):
        raise NotYet(f"When a bag gets one more *empty* place, your {how} changes. Who is not there is mute.")


# ---------------------------------------------------------------------------------------------------------
# 16.2  Gated attention


def _sigmoid(x):
    import numpy as np

    return 0.5 * (1 + np.tanh(x / 2))  # never overflows


def _softmax(scores):
    import numpy as np

    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _attention_cases():
    """Return (instances, V, U, w, what it is): a worked bag, usual ones, one instance, huge energies."""
    import numpy as np

    random = np.random.default_rng(162)
    yield (
        np.array([[2.0, 0.0], [0.0, 2.0], [1.0, -1.0]]),
        np.array([[1.0, 0.0], [0.5, -0.5]]),
        np.array([[0.0, 1.0], [1.0, 0.5]]),
        np.array([2.0, -1.0]),
        "a worked bag of three instances",
    )
    for size, told in ((5, "a bag of five instances"), (1, "a bag of one instance")):
        yield (
            random.normal(size=(size, 4)),
            random.normal(size=(3, 4)),
            random.normal(size=(3, 4)),
            2 * random.normal(size=3),
            told,
        )
    yield (
        random.normal(size=(6, 4)),
        random.normal(size=(3, 4)),
        random.normal(size=(3, 4)),
        3000 * random.normal(size=3),
        "a bag with energies in the thousands",
    )
    for sign in (1, -1):  # 874, 901 and 1611, and the same below zero: whoever cuts them off makes them equal
        yield (
            np.array([[0.3, 1.0], [0.31, -1.0], [0.6, 2.0]]),
            np.array([[1.0, 0.0]]),
            np.zeros((1, 2)),
            np.array([6000.0 * sign]),
            f"a bag with all energies {'above 800' if sign > 0 else 'below −800'}",
        )


def _verify_gated_attention(answer):
    import numpy as np

    for instances, v, u, w, told in _attention_cases():
        found = call(answer, instances, v, u, w)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise NotYet("Return two things: `weights, pooled`.")
        size, width = instances.shape
        shapes = [np.shape(part) for part in found]
        if shapes == [(width,), (size,)] and size != width:
            raise NotYet("The two have changed places: first the weights (N,), then what they pool (D,).")
        weights, pooled = (
            expect_array(part, name=name, kind="any")
            for part, name in zip(found, ("the weights", "the pooled vector"), strict=True)
        )
        _expect_shapes_of_attention(weights, pooled, instances, w)
        if np.isnan(weights).any():
            raise NotYet(
                f"The weights are NaN for {told}: e to the power of thousands overflows. Subtract the "
                "largest energy from all of them first; the softmax stays the same."
            )
        sides, gates = instances @ v.T, instances @ u.T  # (N, L) each
        scores = (np.tanh(sides) * _sigmoid(gates)) @ w
        right = _softmax(scores)
        raised = np.exp(np.clip(scores, -700, 700))
        wrongs = [
            (
                np.full(size, 1 / size),
                "All weights are equal: that is the mean."
                if np.abs(scores).min() < 800
                else "All weights are equal, and the energies are not. Were they cut off so that nothing "
                "overflows? Subtract the largest from all of them instead.",
            ),
            (_softmax(np.tanh(sides) @ w), "The gate is left out: that is attention without U."),
            (
                _softmax((np.tanh(sides) + _sigmoid(gates)) @ w),
                "The gate is added. It multiplies: where it is 0, nothing passes.",
            ),
            (
                _softmax((np.tanh(gates) * _sigmoid(sides)) @ w),
                "V and U have changed places: tanh belongs to V, the sigmoid to U.",
            ),
            (
                _softmax((np.tanh(sides) * np.tanh(gates)) @ w),
                "The gate is a tanh, from −1 to 1. It is a sigmoid, from 0 (shut) to 1 (open).",
            ),
            (
                _softmax((sides * _sigmoid(gates)) @ w),
                "The tanh is left out.",
            ),
            (
                _softmax(scores / math.sqrt(len(w))),
                "You divide the energies by the root of L, as Transformers do. Here nothing is divided.",
            ),
            (_softmax(-scores), "The sign of the energies is turned round."),
            (scores, "These are the energies. The softmax over the instances is still to come."),
            (_sigmoid(scores), "Each weight is a sigmoid of its own. Instances compete: softmax over them."),
            (scores / scores.sum(), "You divide the energies by their sum; they may be negative. Softmax."),
            (raised, "The powers of e are not divided by their sum yet."),
        ]
        wrongs = [(wrong, what) for wrong, what in wrongs if not np.allclose(wrong, right, atol=1e-4)]
        expect_close(
            weights,
            right,
            name="the weights",
            atol=1e-5,
            traps=[(wrong, f"{what} (For {told}.)") for wrong, what in wrongs],
            otherwise=_about_weights(weights, told),
        )
        bag = right @ instances
        wrongs = [
            (instances.mean(axis=0), "The weights are right, and the pooled vector does not use them."),
            (bag / size, "You divide by N once more: the weights sum to 1 already, so add up."),
            (instances[right.argmax()], "That is the heaviest instance alone. All take part, by weight."),
            (instances.max(axis=0), "That is the largest value of each feature. Add up, by weight."),
            (instances.sum(axis=0), "That is the sum without the weights."),
        ]
        expect_close(
            pooled,
            bag,
            name="the pooled vector",
            atol=1e-5,
            traps=[(wrong, what) for wrong, what in wrongs if not np.allclose(wrong, bag, atol=1e-4)],
            otherwise=f"The weights are right. The pooled vector is the sum of weight × instance ({told}).",
        )
    return (
        "That weights are positive and sum to 1 comes free with the softmax, in every bag, also in one that "
        "holds nothing of interest: a bag of one instance gives it the weight 1."
    )


def _expect_shapes_of_attention(weights, pooled, instances, w):
    """Say which axis went wrong."""
    size, width = instances.shape
    if weights.shape != (size,):
        messages = {
            (size, 1): "Take the last axis away: `w` is a vector.",
            (1, size): "Take the first axis away.",
            (len(w),): "There is one for each of the L hidden numbers: `w` sums them up to one energy.",
            (size, len(w)): "There are L for each instance: `w` sums them up to one energy.",
            (width,): "There is one for each feature. Instances compete, not features.",
        }
        raise NotYet(
            f"The weights have shape {weights.shape}. Expected {(size,)}, one for each instance. "
            f"{messages.get(weights.shape, '')}".rstrip()
        )
    if pooled.shape != (width,):
        messages = {
            (size, width): "Weighted, but not added up over the instances yet.",
            (len(w),): "You pool the L hidden numbers. They only give the weights: pool the instances.",
        }
        raise NotYet(
            f"The pooled vector has shape {pooled.shape}. Expected {(width,)}, one for each feature. "
            f"{messages.get(pooled.shape, '')}".rstrip()
        )


def _about_weights(weights, told):
    """Return what to say of weights that fit no known slip."""
    if abs(float(weights.sum()) - 1) > 1e-4:
        return f"The weights sum to {float(weights.sum()):.4g}, not to 1. (For {told}.)"
    return (
        "The weights sum to 1, which any softmax does. These are not the ones of w · (tanh(V h) × "
        f"sigmoid(U h)). (For {told}.)"
    )


# ---------------------------------------------------------------------------------------------------------
# 16.3  Who localises?


def _bags_and_classifiers():
    """Return bags (B, N, 2, 2), their labels, where the targets are, and three classifiers of bags."""
    import numpy as np

    random = np.random.default_rng(182)  # no two slips fit alike on all three
    bags = random.normal(size=(90, 6, 2, 2))
    labels = np.zeros(90, dtype=int)
    labels[random.permutation(90)[:37]] = 1  # a prime number, so that few slips come to the same share
    is_target = np.zeros((90, 6), dtype=bool)
    for bag in np.flatnonzero(labels):
        is_target[bag, random.permutation(6)[: random.integers(1, 3)]] = True
    bags[is_target, 0, 0] += 1.1  # so that some targets stand out and some do not

    def by_mean(bags):
        return bags[:, :, 0, 0].mean(axis=1) - 0.5

    def by_largest(bags):
        return bags[:, :, 0, 0].max(axis=1) - 2.2 + 0.2 * bags[:, :, 1, 1].max(axis=1)

    def by_attention(bags):
        scores = 2 * np.tanh(bags[:, :, 0, 1])  # attends to what says little
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return (weights * (0.8 * bags[:, :, 0, 0] - 0.5 * bags[:, :, 1, 0])).sum(axis=1)

    return (
        bags,
        labels,
        is_target,
        {"attention": by_attention, "the largest value": by_largest, "the mean": by_mean},
    )


def _shares(score, bags, labels, is_target):
    """Return the share that is asked for, and pairs: what a slip makes of it, and what to say then."""
    import numpy as np

    count, size = bags.shape[:2]
    positive = labels == 1
    rows = np.arange(positive.sum())
    single = score(bags.reshape(-1, 1, *bags.shape[2:])).reshape(count, size)

    def top(values, picked=positive):
        """Return of each bag picked whether the instance with the largest value (B, N) is a target."""
        return is_target[picked][np.arange(picked.sum()), values[picked].argmax(axis=1)]

    whole = score(bags)
    without = np.stack([whole - score(np.delete(bags, place, axis=1)) for place in range(size)], axis=1)
    called = whole > 0
    hits = top(single)
    best = np.unravel_index(np.where(positive[:, None], single, -np.inf).argmax(), single.shape)
    swapped = []  # instances and bags change places on the way in or out, with all bags or the positive ones
    for kept in (single, single[positive]):
        for moved in (kept.T.reshape(kept.shape), kept.reshape(kept.shape[::-1]).T):
            of_positive = moved[positive] if kept is single else moved
            swapped.append(float(is_target[positive][rows, of_positive.argmax(axis=1)].mean()))
    slips = [
        (
            hits.sum() / count,
            "You divide by all bags. A negative bag has no target to find: count the positive ones.",
        ),
        (float(hits.sum()), "That is a count. Divide it by the number of positive bags."),
        (100 * hits.mean(), "That is in per cent. Return a share."),
        (1 - hits.mean(), "That is the share of misses."),
        (top(-single).mean(), "You take the instance with the *lowest* score."),
        (top(np.abs(single)).mean(), "The sign is lost: the highest score, not the largest absolute one."),
        (
            np.mean((whole > 0) == positive),
            "That is how many *bags* are classified rightly. Which instance was it?",
        ),
        (
            top(without).mean(),
            "You leave each instance out and look how far the bag's score falls. Asked is its score alone, "
            "as a bag of one.",
        ),
        (
            top(single, called).mean(),
            "You count among the bags that the classifier *calls* positive. Take those that are.",
        ),
        (
            (single[positive] > 0)[is_target[positive]].mean(),
            "That is the share of targets with a score above 0. Asked is only who is at the top.",
        ),
        (
            np.mean((single > 0) == is_target),
            "That compares each instance with a threshold. Asked is only who is at the top of its bag.",
        ),
        (
            hits.sum() / is_target.sum(),
            "You divide by the number of targets. A bag counts once: is its top instance a target?",
        ),
        (
            float(is_target[best]),
            "One instance is chosen out of all bags together. Each positive bag has a top of its own.",
        ),
        (
            is_target[positive].mean(),
            "That is the share of targets among the instances: what pointing at random gets.",
        ),
        (is_target[positive][rows, 0].mean(), "You always point at the first instance."),
    ]
    for share in swapped:
        slips.append(
            (
                share,
                "The scores go with the wrong instances. Keep the order on both ways: (B, N) becomes B × N "
                "bag by bag, and `.reshape(B, N)` brings the scores back, without a transpose.",
            )
        )
    return hits.mean(), slips


def _verify_localisation(answer):
    bags, labels, is_target, classifiers = _bags_and_classifiers()
    found, right, slips = {}, {}, {}
    for name, score in classifiers.items():
        found[name] = expect_number(call(answer, score, bags, labels, is_target), name="the share")
        right[name], slips[name] = _shares(score, bags, labels, is_target)
    for name, value in found.items():
        if math.isclose(value, right[name], abs_tol=1e-9):
            continue
        if all(math.isclose(each, 1.0, abs_tol=1e-9) for each in found.values()):
            raise NotYet(
                "It is 1 for a classifier that often points elsewhere. `is_target` has a hand in the choice: "
                "it may grade the instance that was chosen, not choose it."
            )
        for number, (_, message) in enumerate(slips[name]):
            # For one classifier two slips may come to the same share, so one is named if it fits on all.
            if all(math.isclose(found[each], slips[each][number][0], abs_tol=1e-9) for each in found):
                raise NotYet(f"{message} (For a classifier that pools by {name}.)")
        if not 0 <= value <= 1:
            raise NotYet(f"A share lies from 0 to 1, and this one is {value:.4g}.")
        raise NotYet(
            "It is not the share of positive bags whose top instance is a target, for a classifier that "
            f"pools by {name}. Give `score` bags of one instance each: shape (B × N, 1, H, W)."
        )
    return (
        "No weight was looked at: every bag classifier can be asked about one instance, as a bag of one. So "
        "whatever attention is better for, it is not the only way to point."
    )


# ---------------------------------------------------------------------------------------------------------
# 16.4  Bags that give nothing away

_IMAGES, _COUNT = 600, 1000


def _verify_drawing(answer):
    import numpy as np

    random = np.random.default_rng(164)
    labels = random.permutation(np.arange(_IMAGES) % 10)
    for target, sizes in ((9, list(range(2, 21))), (3, [3, 4, 5])):
        found = call(answer, labels, target=target, count=_COUNT, sizes=sizes, seed=1)
        bags, kinds = _bags_of(found, labels)
        told = f"(Target {target}, sizes {sizes[0]} to {sizes[-1]}, {_COUNT} bags.)"
        _expect_the_rule(bags, kinds, labels, target, told)
        _expect_no_hint(bags, kinds, labels, target, sizes, told)
    first = call(answer, labels, target=9, count=_COUNT, sizes=[4, 5, 6], seed=1)
    again = call(answer, labels, target=9, count=_COUNT, sizes=[4, 5, 6], seed=1)
    other = call(answer, labels, target=9, count=_COUNT, sizes=[4, 5, 6], seed=2)

    def same(one, two):
        return all(np.array_equal(a, b) for a, b in zip(one[0], two[0], strict=True))

    if not same(first, again):
        raise NotYet("The same seed gave other bags: draw everything from `np.random.default_rng(seed)`.")
    if same(first, other):
        raise NotYet("Another seed gave the same bags: it is not used.")
    return (
        "Rate, size and place say nothing now, so a classifier has to read the images. In real studies "
        "nobody draws the bags: then these are the things to measure first."
    )


def _bags_of(found, labels):
    """Return the bags as arrays of rows, and their labels, or say what else came."""
    import numpy as np

    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise NotYet("Return two things: a list of bags, and their labels.")
    bags, kinds = found
    kinds = expect_array(kinds, name="the bags' labels", kind="any")
    if not isinstance(bags, (list, tuple)) and not (hasattr(bags, "shape") and len(np.shape(bags)) == 2):
        raise NotYet(f"The bags are a `{type(bags).__name__}`. Expected a list of arrays of row numbers.")
    bags = [expect_array(bag, name="a bag", kind="any") for bag in bags]
    if len(bags) != _COUNT or kinds.shape != (_COUNT,):
        raise NotYet(
            f"There are {len(bags)} bags and labels of shape {kinds.shape}. Expected {_COUNT} of each."
        )
    if any(bag.ndim != 1 or bag.dtype.kind not in "iu" for bag in bags):
        raise NotYet("A bag is a line of whole numbers, the rows of its images.")
    if min(bag.min() for bag in bags if bag.size) < 0 or max(bag.max() for bag in bags if bag.size) >= len(
        labels
    ):
        raise NotYet(f"A bag holds a row that does not exist. Rows go from 0 to {len(labels) - 1}.")
    if max(bag.max() for bag in bags if bag.size) < 10:
        raise NotYet("The bags hold digits. Return the *rows* of the images: the labels must not get in.")
    if not np.isin(kinds, (0, 1)).all():
        raise NotYet("A bag's label is 0 or 1.")
    return bags, kinds.astype(int)


def _expect_the_rule(bags, kinds, labels, target, told):
    """Refuse labels that the rule does not give, a wrong rate, and an image twice in a bag."""
    import numpy as np

    held = np.array([(labels[bag] == target).sum() for bag in bags])
    strays = int(np.sum((held > 0) & (kinds == 0)))
    if strays and np.array_equal(kinds, (held == 0).astype(int)):
        raise NotYet(f"The labels are turned round: 1 stands for a bag *with* a target. {told}")
    if strays:
        raise NotYet(f"Of the negative bags, {strays} hold a target. By the rule they are positive. {told}")
    if np.any((held == 0) & (kinds == 1)):
        raise NotYet(
            f"Of the positive bags, {int(np.sum((held == 0) & (kinds == 1)))} hold no target. By the rule "
            f"they are negative. {told}"
        )
    if kinds.sum() != _COUNT / 2:
        raise NotYet(
            f"{kinds.mean():.1%} of the bags are positive. Expected half: with another rate, accuracy is "
            f"easily had by always saying the same. {told}"
        )
    if any(len(np.unique(bag)) < len(bag) for bag in bags):
        raise NotYet(f"An image stands twice in one bag: draw without putting back. {told}")


def _expect_no_hint(bags, kinds, labels, target, sizes, told):
    """Refuse bags whose size, order or other images tell the label."""
    import numpy as np

    lengths = np.array([len(bag) for bag in bags])
    strange = sorted(set(lengths.tolist()) - set(sizes))
    if strange:
        raise NotYet(
            f"There are bags of {strange[0]} images, a size that was not offered. Does the target come *on "
            f"top* of a bag that is full? {told}"
        )
    if set(lengths.tolist()) != set(sizes):
        raise NotYet(f"Some of the sizes are never drawn. {told}")
    positive, negative = lengths[kinds == 1], lengths[kinds == 0]
    apart = positive.mean() - negative.mean()
    if abs(apart) > 5 * math.sqrt(lengths.var() * 4 / _COUNT):
        larger = "more" if apart > 0 else "fewer"
        raise NotYet(
            f"Positive bags hold {abs(apart):.1f} images {larger} than negative ones on average, far beyond "
            "chance: their size gives them away. A large bag drawn at random holds a target more often; draw "
            f"the label first, then the size. {told}"
        )
    places = np.concatenate(
        [
            np.flatnonzero(labels[bag] == target) / (len(bag) - 1)
            for bag, kind in zip(bags, kinds, strict=True)
            if kind
        ]
    )
    if abs(places.mean() - 0.5) > 5 * places.std() / math.sqrt(len(places)) + 1e-9:
        where = "early" if places.mean() < 0.5 else "late"
        raise NotYet(
            f"The targets stand {where} in their bags: their place gives them away to whoever reads in "
            f"order. Shuffle each bag. {told}"
        )
    others = [
        np.concatenate([labels[bag] for bag, kind in zip(bags, kinds, strict=True) if kind == one])
        for one in (0, 1)
    ]
    if len(set(others[1].tolist())) == 1:
        raise NotYet(f"The positive bags hold nothing but targets. One is enough, among others. {told}")
    wanted = set(labels.tolist()) - {target}
    if any(set(seen.tolist()) - {target} != wanted for seen in others):
        raise NotYet(
            f"The other images are not drawn from all other classes, so a bag is told by its company. {told}"
        )
    used = np.array(
        [
            np.bincount(
                np.concatenate([bag for bag, kind in zip(bags, kinds, strict=True) if kind == one]),
                minlength=len(labels),
            )[labels != target]
            for one in (0, 1)
        ]
    )  # (2, other images): how often each stands in a negative and in a positive bag
    used = used[:, used.sum(axis=0) > 0]
    share = used[1].sum() / used.sum()
    surplus = (used[1] - share * used.sum(axis=0)) ** 2 / (used.sum(axis=0) * share * (1 - share))
    if surplus.mean() > 1.6:  # about 1 if both draw alike, give or take 0.06
        raise NotYet(
            "Some of the other images stand in positive bags far more often, or far less, than in negative "
            f"ones, so a bag is told by its company. Fill both up from the same images. {told}"
        )
    if len({int(row) for bag in bags for row in bag}) < 0.9 * len(labels):
        raise NotYet(f"Many images are never drawn. Draw each bag from all of them. {told}")


EXERCISES = (
    Exercise(
        id="16.1",
        title="No order, no empty places",
        kind="complete",
        minutes=8,
        difficulty=2,
        hints=(
            "Which axis do the instances of a bag stand on? It has to go, and the features have to stay.",
            "For the mean: set what is not there to 0, add up, and divide by how many are there, bag by bag. "
            "For the largest: what must an empty place hold so that it never wins?",
            "`there = present[:, :, None]` has shape (B, N, 1). `np.where(there, features, -np.inf)` serves "
            "the one, `np.where(there, features, 0)` and `there.sum(axis=1)`, shape (B, 1), the other.",
        ),
        verify=_verify_pooling,
    ),
    Exercise(
        id="16.2",
        title="Gated attention",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "Go from shape to shape: instances (N, D), hidden numbers (N, L), energies (N,), weights (N,), "
            "pooled (D,). Which matrix product makes each?",
            "`instances @ V.T` has shape (N, L). Multiply its tanh, element by element, with the sigmoid of "
            "the same with U; then `@ w`. The softmax goes over the N energies.",
            "`powers = np.exp(energies - energies.max())` does not overflow; divide by the sum. The pooled "
            "vector is a product of `weights` and `instances`.",
        ),
        verify=_verify_gated_attention,
    ),
    Exercise(
        id="16.3",
        title="Who localises?",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "`score` takes bags of any size. What is the smallest bag in which one instance can be asked "
            "about?",
            "Give the N instances of B bags a shape of B × N bags with one instance each, score them, and "
            "bring the scores back to (B, N). Then the largest of each row.",
            "`bags.reshape(-1, 1, *bags.shape[2:])` are the bags of one. With `top` the place of the highest "
            "score in each row, `is_target[np.arange(len(bags)), top]` says who was right; which bags count?",
        ),
        verify=_verify_localisation,
    ),
    Exercise(
        id="16.4",
        title="Bags that give nothing away",
        kind="design",
        minutes=10,
        difficulty=3,
        hints=(
            "Decide in this order: the label of the bag, then its size, then its images. What would happen "
            "the other way round?",
            "Two pools of rows: targets and others. A positive bag takes one or more from the first and "
            "fills up from the second; a negative bag takes all from the second. Without putting back.",
            "For each bag: `size = random.choice(sizes)`, `some = random.choice(targets, k, replace=False)` "
            "with k = 0 for a negative bag, `size - k` from the others, then `random.permutation` of both "
            "together.",
        ),
        verify=_verify_drawing,
    ),
)
