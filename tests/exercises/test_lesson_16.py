"""Right answers in several styles and typical wrong ones, for the checks of lesson 16."""

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from course_lib.exercises import lesson_16

# ---------------------------------------------------------------------------------------------------------
# 16.1


def pool_bag_by_bag(features, present, how):
    rows = []
    for bag, there in zip(features, present, strict=True):
        kept = bag[there]
        rows.append(kept.mean(axis=0) if how == "mean" else kept.max(axis=0))
    return np.array(rows)


def pool_by_masks(features, present, how):
    there = present[:, :, None]
    if how == "max":
        return np.where(there, features, -np.inf).max(axis=1)
    return np.where(there, features, 0).sum(axis=1) / present.sum(axis=1)[:, None]


def pool_by_nan(features, present, how):
    seen = features.astype(float).copy()
    seen[~present] = np.nan
    return np.nanmean(seen, axis=1) if how == "mean" else np.nanmax(seen, axis=1)


def pool_by_masked_arrays(features, present, how):
    hidden = np.broadcast_to(~present[:, :, None], features.shape)
    masked = np.ma.array(features, mask=hidden)
    return np.asarray(getattr(masked, how)(axis=1))


def pool_by_torch(features, present, how):
    features, there = torch.tensor(features), torch.tensor(present)[..., None]
    if how == "max":
        return features.masked_fill(~there, -torch.inf).amax(dim=1)
    return (features * there).sum(dim=1) / there.sum(dim=1)


def pool_by_product(features, present, how):
    if how == "mean":
        return np.einsum("bn,bnd->bd", present / present.sum(axis=1, keepdims=True), features)
    return np.sort(np.where(present[..., None], features, -1e9), axis=1)[:, -1]


def pool_with(mean, largest=None):
    """Return an answer with another mean, and another largest value if one is given."""

    def variant(features, present, how):
        if how == "mean":
            return mean(features, present)
        if largest is None:
            return pool_by_masks(features, present, how)
        return largest(features, present)

    return variant


def right_mean(features, present):
    return pool_by_masks(features, present, "mean")


def zeroed(features, present):
    return features * present[:, :, None]


def largest_instance(features, present):
    place = np.where(present, features.sum(axis=2), -np.inf).argmax(axis=1)
    return features[np.arange(len(features)), place]


def largest_above_minus_100(features, present):
    return np.where(present[:, :, None], features, -100.0).max(axis=1)


def weighted_by_place(features, present):
    weight = np.arange(1, features.shape[1] + 1) * present
    return np.einsum("bn,bnd->bd", weight / weight.sum(axis=1, keepdims=True), features)


def diluted_by_places(features, present):
    return right_mean(features, present) * 3 / features.shape[1]


# ---------------------------------------------------------------------------------------------------------
# 16.2


def attention_in_loops(instances, V, U, w):
    scores = []
    for h in instances:
        side = np.tanh(V @ h)
        gate = 1 / (1 + np.exp(-(U @ h)))
        scores.append(float(np.sum(w * side * gate)))
    powers = [np.exp(score - max(scores)) for score in scores]
    weights = np.array(powers) / sum(powers)
    pooled = np.zeros(instances.shape[1])
    for weight, h in zip(weights, instances, strict=True):
        pooled += weight * h
    return weights, pooled


def attention_by_matrices(instances, V, U, w):
    scores = (np.tanh(instances @ V.T) * expit(instances @ U.T)) @ w
    weights = softmax(scores)
    return weights, weights @ instances


def attention_by_torch(instances, V, U, w):
    h, V, U, w = (torch.tensor(part) for part in (instances, V, U, w))
    scores = (torch.tanh(h @ V.T) * torch.sigmoid(h @ U.T)) @ w
    weights = scores.softmax(dim=0)
    return weights, weights @ h


def attention_by_einsum(instances, V, U, w):
    hidden = np.tanh(np.einsum("ld,nd->nl", V, instances)) * expit(np.einsum("ld,nd->nl", U, instances))
    scores = np.einsum("nl,l->n", hidden, w)
    weights = np.exp(scores - np.logaddexp.reduce(scores))
    return [weights, (weights[:, None] * instances).sum(axis=0)]


def attention_with(hidden=None, weigh=softmax, pool=None):
    """Return an attention with another hidden part, another softmax or another pooling."""

    def variant(instances, V, U, w):
        sides, gates = instances @ V.T, instances @ U.T
        scores = (hidden(sides, gates) if hidden else np.tanh(sides) * expit(gates)) @ w
        weights = weigh(scores)
        return weights, pool(weights, instances) if pool else weights @ instances

    return variant


def overflowing_softmax(scores):
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(scores)
        return powers / powers.sum()


def attention_over_features(instances, V, U, w):
    over_features = softmax(instances.mean(axis=0))
    return over_features, over_features * instances.mean(axis=0)


def attention_without_w(instances, V, U, w):
    hidden = np.tanh(instances @ V.T) * expit(instances @ U.T)
    weights = softmax(hidden, axis=0)
    return weights, weights.mean(axis=1) @ instances


def attention_of_the_hidden(instances, V, U, w):
    hidden = np.tanh(instances @ V.T) * expit(instances @ U.T)
    weights = softmax(hidden @ w)
    return weights, weights @ hidden


def attention_turned(instances, V, U, w):
    weights, pooled = attention_by_matrices(instances, V, U, w)
    return pooled, weights


def attention_with_too_small_a_bias(instances, V, U, w):
    hidden = np.tanh(instances @ V.T) * expit(instances @ U.T - 0.5)
    weights = softmax(hidden @ w)
    return weights, weights @ instances


# ---------------------------------------------------------------------------------------------------------
# 16.3


def hits_by_reshaping(score, bags, labels, is_target):
    count, size = bags.shape[:2]
    alone = score(bags.reshape(count * size, 1, *bags.shape[2:])).reshape(count, size)
    top = alone.argmax(axis=1)
    return float(is_target[np.arange(count), top][labels == 1].mean())


def hits_by_loops(score, bags, labels, is_target):
    hits, positive = 0, 0
    for bag, label, targets in zip(bags, labels, is_target, strict=True):
        if label == 0:
            continue
        positive += 1
        scores = [score(instance[None, None])[0] for instance in bag]
        hits += bool(targets[int(np.argmax(scores))])
    return hits / positive


def hits_by_places(score, bags, labels, is_target):
    chosen = labels == 1
    columns = [score(bags[chosen][:, place : place + 1]) for place in range(bags.shape[1])]
    top = np.stack(columns, axis=1).argmax(axis=1)
    return np.take_along_axis(is_target[chosen], top[:, None], axis=1).mean()


def hits_by_sorting(score, bags, labels, is_target):
    answers = []
    for bag, targets in zip(bags[labels > 0], is_target[labels > 0], strict=True):
        scores = score(bag[:, None])
        answers.append(targets[np.argsort(scores)[-1]])
    return np.mean(answers)


def alone(score, bags):
    return score(bags.reshape(-1, 1, *bags.shape[2:])).reshape(bags.shape[:2])


def hits_of(values, is_target):
    return is_target[np.arange(len(values)), values.argmax(axis=1)]


def hits_with(value_of):
    """Return an answer from `value_of(single scores, whole-bag scores, positive, is_target)`."""

    def variant(score, bags, labels, is_target):
        return float(value_of(alone(score, bags), score(bags), labels == 1, is_target))

    return variant


def hits_by_leaving_out(score, bags, labels, is_target):
    falls = [score(bags) - score(np.delete(bags, place, axis=1)) for place in range(bags.shape[1])]
    return hits_of(np.stack(falls, axis=1)[labels == 1], is_target[labels == 1]).mean()


def hits_in_another_order(of, back):
    """Return an answer that turns the bags (on the way in, `of`) or the scores (on the way out, `back`)."""

    def variant(score, bags, labels, is_target):
        turned = np.swapaxes(bags, 0, 1) if of else bags
        scores = score(turned.reshape(-1, 1, *bags.shape[2:]))
        scores = scores.reshape(bags.shape[1::-1]).T if back else scores.reshape(bags.shape[:2])
        return hits_of(scores[labels == 1], is_target[labels == 1]).mean()

    return variant


def hits_of_positive_bags_in_another_order(of, back):
    """Return the same, but with the positive bags taken first."""

    def variant(score, bags, labels, is_target):
        chosen = labels == 1
        return hits_in_another_order(of, back)(score, bags[chosen], labels[chosen], is_target[chosen])

    return variant


def hits_of_one_for_all(score, bags, labels, is_target):
    values = np.where((labels == 1)[:, None], alone(score, bags), -np.inf)
    return float(is_target.ravel()[values.argmax()])


# ---------------------------------------------------------------------------------------------------------
# 16.4


def draw_in_order(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    targets, others = np.flatnonzero(labels == target), np.flatnonzero(labels != target)
    bags, kinds = [], []
    for number in range(count):
        kind = number % 2
        size = int(random.choice(sizes))
        k = int(random.integers(1, 3)) if kind else 0
        some, rest = random.choice(targets, k, replace=False), random.choice(others, size - k, replace=False)
        bags.append(random.permutation(np.concatenate([some, rest])))
        kinds.append(kind)
    return bags, np.array(kinds)


def draw_one_target_into_a_place(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    targets, others = np.flatnonzero(labels == target), np.flatnonzero(labels != target)
    kinds = random.permutation(np.arange(count) < count // 2).astype(int)
    bags = []
    for kind in kinds:
        bag = random.choice(others, random.choice(sizes), replace=False)
        if kind:
            bag[random.integers(len(bag))] = random.choice(targets)
        bags.append(bag)
    return bags, kinds


def draw_by_shuffling(labels, *, target, count, sizes, seed):
    random = np.random.RandomState(seed)
    rows_of = {True: np.where(labels == target)[0], False: np.where(labels != target)[0]}
    bags, kinds = [], [1] * (count // 2) + [0] * (count - count // 2)
    for kind in kinds:
        size = sizes[random.randint(len(sizes))]
        bag = random.permutation(rows_of[False])[:size].tolist()
        if kind:
            bag[0] = int(random.permutation(rows_of[True])[0])
        random.shuffle(bag)
        bags.append(bag)
    return bags, kinds


def draw_by_rejection_at_fixed_sizes(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    drawn = random.choice(sizes, count)
    bags, kinds = [], []
    for number, size in enumerate(drawn):
        while True:
            bag = random.choice(len(labels), size, replace=False)
            if (labels[bag] == target).any() == bool(number % 2):
                break
        bags.append(bag)
        kinds.append(number % 2)
    return bags, np.array(kinds)


def natural_bags(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    bags = [random.choice(len(labels), random.choice(sizes), replace=False) for _ in range(count)]
    return bags, np.array([int((labels[bag] == target).any()) for bag in bags])


def natural_bags_until_half(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    kept = {0: [], 1: []}
    while min(map(len, kept.values())) < count // 2:
        bag = random.choice(len(labels), random.choice(sizes), replace=False)
        kept[int((labels[bag] == target).any())].append(bag)
    bags = kept[0][: count // 2] + kept[1][: count // 2]
    return bags, np.repeat([0, 1], count // 2)


def drawn_with(change):
    """Return an answer that draws rightly and then changes bags and labels."""

    def variant(labels, *, target, count, sizes, seed):
        bags, kinds = draw_in_order(labels, target=target, count=count, sizes=sizes, seed=seed)
        return change(bags, kinds, labels, target)

    return variant


def with_targets_in_front(bags, kinds, labels, target):
    return [bag[np.argsort(labels[bag] != target, kind="stable")] for bag in bags], kinds


def with_targets_at_the_end(bags, kinds, labels, target):
    return [bag[np.argsort(labels[bag] == target, kind="stable")] for bag in bags], kinds


def with_a_target_on_top(bags, kinds, labels, target):
    one = np.flatnonzero(labels == target)[:1]
    plain = [bag[labels[bag] != target] for bag in bags]
    free = np.flatnonzero(labels != target)
    full = [
        np.concatenate([rest, np.setdiff1d(free, rest)[: len(bag) - len(rest)]])
        for rest, bag in zip(plain, bags, strict=True)
    ]
    return [np.concatenate([bag, one]) if kind else bag for bag, kind in zip(full, kinds, strict=True)], kinds


def with_targets_among_negatives(bags, kinds, labels, target):
    spoilt = [bag.copy() for bag in bags]
    spoilt[0][0] = np.flatnonzero(labels == target)[0]
    return spoilt, kinds


def with_a_positive_bag_without(bags, kinds, labels, target):
    kinds = kinds.copy()
    kinds[0] = 1
    return bags, kinds


def with_nothing_but_targets(bags, kinds, labels, target):
    targets = np.flatnonzero(labels == target)
    return [targets[: len(bag)] if kind else bag for bag, kind in zip(bags, kinds, strict=True)], kinds


def with_one_other_class(bags, kinds, labels, target):
    zeros = np.flatnonzero(labels == (target + 1) % 10)
    return [bag if kind else zeros[: len(bag)] for bag, kind in zip(bags, kinds, strict=True)], kinds


def with_an_image_twice(bags, kinds, labels, target):
    spoilt = [bag.copy() for bag in bags]
    spoilt[0][1] = spoilt[0][0]
    return spoilt, kinds


def always_the_same_seed(labels, *, target, count, sizes, seed):
    return draw_in_order(labels, target=target, count=count, sizes=sizes, seed=0)


def without_a_seed(labels, *, target, count, sizes, seed):
    return draw_in_order(labels, target=target, count=count, sizes=sizes, seed=None)


def from_a_few_images(labels, *, target, count, sizes, seed):
    random = np.random.default_rng(seed)
    of_digit = [np.flatnonzero(labels == digit) for digit in range(10)]
    few = np.concatenate([random.choice(rows, 30, replace=False) for rows in of_digit])
    bags, kinds = draw_in_order(labels[few], target=target, count=count, sizes=sizes, seed=seed)
    return [few[bag] for bag in bags], kinds


def with_positive_bags_filled_from(part):
    """Return an answer that fills positive bags up from `part(others)` alone."""

    def variant(labels, *, target, count, sizes, seed):
        bags, kinds = draw_in_order(labels, target=target, count=count, sizes=sizes, seed=seed)
        random = np.random.default_rng(seed)
        some = part(np.flatnonzero(labels != target))
        for bag, kind in zip(bags, kinds, strict=True):
            rest = labels[bag] != target
            if kind:
                bag[rest] = random.choice(some, rest.sum(), replace=False)
        return bags, kinds

    return variant


def always_of_one_size(labels, *, target, count, sizes, seed):
    return draw_in_order(labels, target=target, count=count, sizes=[sizes[-1]], seed=seed)


RIGHT = {
    "16.1": [
        pool_bag_by_bag,
        pool_by_masks,
        pool_by_nan,
        pool_by_masked_arrays,
        pool_by_torch,
        pool_by_product,
    ],
    "16.2": [attention_in_loops, attention_by_matrices, attention_by_torch, attention_by_einsum],
    "16.3": [
        hits_by_reshaping,
        hits_by_loops,
        hits_by_places,
        hits_by_sorting,
        hits_in_another_order(True, True),  # turned on both ways: in order again
    ],
    "16.4": [
        draw_in_order,
        draw_one_target_into_a_place,
        draw_by_shuffling,
        draw_by_rejection_at_fixed_sizes,
    ],
}

WRONG = {
    "16.1": [
        (pool_with(lambda f, p: zeroed(f, p).mean(axis=1)), "the number of places"),
        (pool_with(lambda f, p: zeroed(f, p).sum(axis=1)), "its size would become evidence"),
        (pool_with(lambda f, p: f.mean(axis=1)), "The empty places take part"),
        (pool_with(right_mean, lambda f, p: f.max(axis=1)), "The empty places take part"),
        (pool_with(right_mean, lambda f, p: zeroed(f, p).max(axis=1)), "zero beats every negative number"),
        (pool_with(right_mean, largest_above_minus_100), "an empty place wins"),
        (pool_with(right_mean, right_mean), "Is it looked at?"),
        (pool_with(right_mean, largest_instance), "You choose *one* instance"),
        (pool_with(right_mean, lambda f, p: -pool_by_masks(-f, p, "max")), "That is the smallest value"),
        (pool_with(right_mean, lambda f, p: pool_by_masks(np.abs(f), p, "max")), "The sign is lost"),
        (
            pool_with(lambda f, p: np.stack([np.median(b[q], axis=0) for b, q in zip(f, p, strict=True)])),
            "That is the median",
        ),
        (pool_with(lambda f, p: f[:, 0]), "the first instance alone"),
        (pool_with(lambda f, p: f[:, -1]), "the last place alone"),
        (pool_with(lambda f, p: np.broadcast_to(f[p].mean(axis=0), (len(f), f.shape[2]))), "over all bags"),
        (pool_with(weighted_by_place), "When the places of a bag are shuffled"),
        (pool_with(diluted_by_places), "one more *empty* place"),
        (pool_with(lambda f, p: right_mean(f, p) + 0.1), "It is not the mean over the instances"),
        (pool_with(lambda f, p: f.mean(axis=2)), "You pool over the features"),
        (pool_with(lambda f, p: f.mean(axis=0)), "You pool over the bags"),
        (pool_with(lambda f, p: right_mean(f, p)[:, None]), "no `keepdims`"),
        (pool_with(lambda f, p: right_mean(f, p).mean(axis=1)), "One number for each bag"),
        (pool_with(lambda f, p: right_mean(f, p).mean(axis=0)), "All bags became one"),
        (pool_with(lambda f, p: f), "Nothing is pooled yet"),
    ],
    "16.2": [
        (attention_with(lambda s, g: np.tanh(s)), "The gate is left out"),
        (attention_with(lambda s, g: np.tanh(s) + expit(g)), "The gate is added"),
        (attention_with(lambda s, g: np.tanh(g) * expit(s)), "V and U have changed places"),
        (attention_with(lambda s, g: np.tanh(s) * np.tanh(g)), "The gate is a tanh"),
        (attention_with(lambda s, g: s * expit(g)), "The tanh is left out"),
        (attention_with(weigh=lambda e: softmax(e / np.sqrt(2 if len(e) == 3 else 3))), "the root of L"),
        (attention_with(weigh=lambda e: softmax(-e)), "The sign of the energies"),
        (attention_with(weigh=lambda e: e), "The softmax over the instances is still to come"),
        (attention_with(weigh=expit), "Each weight is a sigmoid of its own"),
        (attention_with(weigh=lambda e: e / e.sum()), "You divide the energies by their sum"),
        (attention_with(weigh=lambda e: np.exp(np.clip(e, -700, 700))), "not divided by their sum yet"),
        (attention_with(weigh=lambda e: np.full(len(e), 1 / len(e))), "that is the mean"),
        (attention_with(weigh=lambda e: softmax(np.clip(e, -500, 500))), "Were they cut off"),
        (attention_with(weigh=lambda e: softmax(np.minimum(e, 700))), "Were they cut off"),
        (attention_with(weigh=lambda e: softmax(np.maximum(e, -700))), "Were they cut off"),
        (attention_with(weigh=overflowing_softmax), "overflows"),
        (attention_with(weigh=lambda e: softmax(e) * 0.9), "not to 1"),
        (attention_with_too_small_a_bias, "which any softmax does"),
        (attention_with(pool=lambda a, h: h.mean(axis=0)), "does not use them"),
        (attention_with(pool=lambda a, h: (a @ h) / len(h)), "the weights sum to 1 already"),
        (attention_with(pool=lambda a, h: h[a.argmax()]), "the heaviest instance alone"),
        (attention_with(pool=lambda a, h: h.max(axis=0)), "the largest value of each feature"),
        (attention_with(pool=lambda a, h: h.sum(axis=0)), "the sum without the weights"),
        (attention_with(pool=lambda a, h: a[:, None] * h), "not added up over the instances yet"),
        (attention_with(pool=lambda a, h: a @ h + 0.1), "The pooled vector is the sum of weight"),
        (attention_of_the_hidden, "The pooled vector is the sum of weight"),
        (attention_over_features, "not features"),
        (attention_without_w, "There are L for each instance"),
        (attention_turned, "The two have changed places"),
        (lambda instances, V, U, w: attention_by_matrices(instances, V, U, w)[1], "Return two things"),
    ],
    "16.3": [
        (hits_with(lambda s, b, p, t: hits_of(s[p], t[p]).sum() / len(p)), "You divide by all bags"),
        (hits_with(lambda s, b, p, t: hits_of(s, t).mean()), "You divide by all bags"),
        (hits_with(lambda s, b, p, t: hits_of(s[p], t[p]).sum()), "That is a count"),
        (hits_with(lambda s, b, p, t: 100 * hits_of(s[p], t[p]).mean()), "in per cent"),
        (hits_with(lambda s, b, p, t: 1 - hits_of(s[p], t[p]).mean()), "the share of misses"),
        (hits_with(lambda s, b, p, t: hits_of(-s[p], t[p]).mean()), "the *lowest* score"),
        (hits_with(lambda s, b, p, t: hits_of(np.abs(s[p]), t[p]).mean()), "The sign is lost"),
        (
            hits_with(lambda s, b, p, t: hits_of(np.where(t[p], s[p], -np.inf), t[p]).mean()),
            "`is_target` has a hand in the choice",
        ),
        (hits_with(lambda s, b, p, t: np.mean((b > 0) == p)), "how many *bags* are classified rightly"),
        (hits_by_leaving_out, "You leave each instance out"),
        (hits_with(lambda s, b, p, t: hits_of(s[b > 0], t[b > 0]).mean()), "*calls* positive"),
        (hits_with(lambda s, b, p, t: (s[p] > 0)[t[p]].mean()), "the share of targets with a score above 0"),
        (hits_with(lambda s, b, p, t: np.mean((s > 0) == t)), "compares each instance with a threshold"),
        (hits_with(lambda s, b, p, t: hits_of(s[p], t[p]).sum() / t.sum()), "by the number of targets"),
        (hits_of_one_for_all, "has a top of its own"),
        (hits_in_another_order(True, False), "The scores go with the wrong instances"),
        (hits_in_another_order(False, True), "The scores go with the wrong instances"),
        (hits_of_positive_bags_in_another_order(True, False), "The scores go with the wrong instances"),
        (hits_of_positive_bags_in_another_order(False, True), "The scores go with the wrong instances"),
        (hits_with(lambda s, b, p, t: t[p].mean()), "what pointing at random gets"),
        (hits_with(lambda s, b, p, t: t[p][:, 0].mean()), "You always point at the first instance"),
        (hits_with(lambda s, b, p, t: 0.123), "Give `score` bags of one instance each"),
        (hits_with(lambda s, b, p, t: -0.5), "A share lies from 0 to 1"),
    ],
    "16.4": [
        (natural_bags, "of the bags are positive. Expected half"),
        (natural_bags_until_half, "their size gives them away"),
        (drawn_with(with_targets_in_front), "The targets stand early"),
        (drawn_with(with_targets_at_the_end), "The targets stand late"),
        (drawn_with(with_a_target_on_top), "a size that was not offered"),
        (drawn_with(with_targets_among_negatives), "hold a target. By the rule they are positive"),
        (drawn_with(with_a_positive_bag_without), "hold no target. By the rule they are negative"),
        (drawn_with(lambda bags, kinds, labels, target: (bags, 1 - kinds)), "The labels are turned round"),
        (drawn_with(with_nothing_but_targets), "nothing but targets"),
        (drawn_with(with_one_other_class), "told by its company"),
        (with_positive_bags_filled_from(lambda rows: rows[:40]), "from the same images"),
        (with_positive_bags_filled_from(lambda rows: rows[: len(rows) // 2]), "from the same images"),
        (with_positive_bags_filled_from(lambda rows: rows[::2]), "from the same images"),
        (drawn_with(with_an_image_twice), "An image stands twice"),
        (
            drawn_with(lambda bags, kinds, labels, target: ([labels[bag] for bag in bags], kinds)),
            "The bags hold digits",
        ),
        (drawn_with(lambda bags, kinds, labels, target: (bags[:-1], kinds[:-1])), "Expected 1000 of each"),
        (drawn_with(lambda bags, kinds, labels, target: bags), "Return two things"),
        (drawn_with(lambda bags, kinds, labels, target: (bags, 2 * kinds)), "A bag's label is 0 or 1"),
        (
            drawn_with(lambda bags, kinds, labels, target: ([bag + 20 for bag in bags], kinds)),
            "a row that does not exist",
        ),
        (
            drawn_with(lambda bags, kinds, labels, target: ([bag / 1 for bag in bags], kinds)),
            "a line of whole numbers",
        ),
        (drawn_with(lambda bags, kinds, labels, target: ({0: bags}, kinds)), "Expected a list of arrays"),
        (always_the_same_seed, "Another seed gave the same bags"),
        (without_a_seed, "The same seed gave other bags"),
        (from_a_few_images, "Many images are never drawn"),
        (always_of_one_size, "Some of the sizes are never drawn"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()


def test_the_worked_bag_of_the_lesson():
    V, U, w = np.array([[1.0, 0.0]]), np.zeros((1, 2)), np.array([2.0])
    weights, pooled = attention_in_loops(np.array([[2.0, 0.0], [0.0, 2.0]]), V, U, w)
    np.testing.assert_allclose(weights, [0.724, 0.276], atol=5e-4)  # as the task says
    np.testing.assert_allclose(pooled, [1.448, 0.552], atol=5e-4)


@pytest.mark.parametrize("name", ["the mean", "the largest value", "attention"])
def test_no_classifier_of_the_check_points_rightly_in_every_bag(name):
    bags, labels, is_target, classifiers = lesson_16._bags_and_classifiers()
    share = hits_by_loops(classifiers[name], bags, labels, is_target)
    assert is_target[labels == 1].mean() < share < 1
