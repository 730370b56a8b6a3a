"""Checks of lesson 02, "From the 1943 neuron to backpropagation": truth tables, gradients, and credit."""

from __future__ import annotations

import itertools
import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))

# ---------------------------------------------------------------------------------------------------------
# 02.1  All neurons


def _count(
    outputs,
    values,
    *,
    fires=lambda total: total >= 0,
    bias_sign=1,
    corners=_CORNERS,
    product=(0,),
    triples=None,
):
    """Return how many neurons have these answers; the arguments after `values` make the known slips."""
    return sum(
        all(
            fires(w1 * a + w2 * b + extra * a * b + bias_sign * bias) == bool(wanted)
            for (a, b), wanted in zip(corners, outputs, strict=True)
        )
        for w1, w2, bias in triples or itertools.product(values, repeat=3)
        for extra in product
    )


_WHOLE = list(range(-3, 4))
_COUNTED = (
    ((0, 0, 0, 1), [-4, -2, 1, 2, 3, 4]),
    ((0, 1, 1, 0), _WHOLE),
    ((0, 0, 1, 0), [-2, -1, 1, 4]),
    ((1, 1, 0, 1), [-2.5, -1.5, -0.5, 0.5, 1.5]),
    ((1, 0, 0, 1), [-2, -1, 1, 4]),
    ((0, 0, 0, 0), [1, 0, -1]),
    ((0, 1, 1, 1), [3, 2, -1, 1, -3, 4]),
    ((1, 0, 1, 1), [0, 1, 2, 3]),
)

# What a slip would count, and what to say. One is named only if it explains the answers to every question.
_COUNTING_SLIPS = (
    (
        lambda outputs, values: _count(outputs, values, fires=lambda total: total > 0),
        "Your neuron fires only if its sum is *above* zero. Here it fires at zero as well: `>=`.",
    ),
    (
        lambda outputs, values: sum(_count(outputs, values, product=(extra,)) for extra in values),
        "You gave the neuron a third input, the product x1 · x2. With it even XOR is easy, but then somebody "
        "else did the multiplying: a neuron only adds.",
    ),
    (
        lambda outputs, values: _count(outputs, values, product=(1,)),
        "The product x1 · x2 is among the inputs. A neuron only adds: two inputs, two weights, one bias.",
    ),
    (
        lambda outputs, values: _count(outputs, values, fires=lambda total: total <= 0),
        "Your neuron fires *below* zero: the comparison is turned round.",
    ),
    (
        lambda outputs, values: _count(outputs, values, bias_sign=-1),
        "The bias is subtracted, like a threshold. Here it is added: `w1 * x1 + w2 * x2 + bias`.",
    ),
    (
        lambda outputs, values: _count(outputs, values, corners=_CORNERS[::-1]),
        "The corners stand in another order: the outputs belong to (0, 0), (0, 1), (1, 0), (1, 1).",
    ),
    (
        lambda outputs, values: _count(outputs, values, bias_sign=0) // len(values),
        "The neurons have no bias in your search: three loops are needed, for two weights and the bias.",
    ),
    (
        lambda outputs, values: _count(outputs, _WHOLE),
        "It always searches the whole numbers from -3 to 3. Take the numbers from `values`.",
    ),
    (
        lambda outputs, values: _count(outputs, values, triples=list(itertools.combinations(values, 3))),
        "You try each *set* of three different numbers once. Both weights and the bias may be the same "
        "number, and it matters which of them is which: `itertools.product(values, repeat=3)`.",
    ),
    (
        lambda outputs, values: _count(
            outputs, values, triples=list(itertools.combinations_with_replacement(values, 3))
        ),
        "You try each three numbers in one order only. It matters which of them is a weight and which the "
        "bias: `itertools.product(values, repeat=3)`.",
    ),
    (
        lambda outputs, values: _count(outputs, values, triples=list(itertools.permutations(values, 3))),
        "You try three *different* numbers only. Both weights and the bias may be the same number: "
        "`itertools.product(values, repeat=3)`.",
    ),
    (
        lambda outputs, values: _count(outputs, values, triples=[(values[0],) * 3]),
        "It stops after the first neuron: a `return` stands inside the loop. Count in the loop, and return "
        "after it.",
    ),
    (
        lambda outputs, values: min(1, _count(outputs, values)),
        "It stops at the first neuron that fits. Go on to the end, and return how many there were.",
    ),
    (
        lambda outputs, values: _count(outputs, values) / len(values) ** 3,
        "That is a share of all neurons. Return the count.",
    ),
)


def _verify_count(answer):
    counts = []
    for outputs, values in _COUNTED:
        found = call(answer, list(outputs), values=list(values))
        if isinstance(found, (list, tuple, set, dict)):
            raise NotYet("It returns the neurons themselves. Return how many there are: `len(…)`.")
        counts.append(expect_number(found, name="the count"))
    right = [_count(outputs, values) for outputs, values in _COUNTED]
    if not _agree(counts, right):
        for slip, message in _COUNTING_SLIPS:
            if _agree(counts, [slip(outputs, values) for outputs, values in _COUNTED]):
                raise NotYet(message)
    for found, wanted, (outputs, values) in zip(counts, right, _COUNTED, strict=True):
        table = "".join(map(str, outputs))
        expect_close(
            found,
            wanted,
            name=f"the count for the table {table}",
            rtol=0,
            atol=1e-9,
            otherwise=f"For the table {table} and {len(values)} values the count is not right. Does a neuron "
            "count only if all four answers agree?",
        )
    return "Right for eight tables. Now for all sixteen tables, and your prediction."


# ---------------------------------------------------------------------------------------------------------
# 02.2  Gradients

_BEGINS_WITH_THE_NUMBER = (
    "Your walk begins with the output's *number*. Begin with its slope with respect to itself, which is 1."
)
_MOST_LOOKS = 20_000  # many times what a graph of 130 values needs, if each is looked at a few times


class _TooManyLooks(Exception):
    """The answer walks along all paths instead of through all values."""


class _Node:
    """A value of a computation, as the lesson's `Value`; it counts how often its parents are looked at."""

    looks = 0

    def __init__(self, data, parents=()):
        self.data = data
        self._parents = tuple(parents)

    @property
    def parents(self):
        """Return pairs (parent, slope with respect to it)."""
        _Node.looks += 1
        if _Node.looks > _MOST_LOOKS:
            raise _TooManyLooks("looked at the values too often")
        return self._parents

    def __deepcopy__(self, memo):
        # The answer is a dictionary by object: it must get these very objects, not copies of them.
        return self

    def __add__(self, other):
        return _Node(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return _Node(self.data * other.data, ((self, other.data), (other, self.data)))

    def tanh(self):
        """Return the hyperbolic tangent of this value."""
        height = math.tanh(self.data)
        return _Node(height, ((self, 1 - height**2),))


def _simple(a, b):
    return a * b + a, {}


def _same_parent_twice(a, b):
    double = a + a
    return double * b, {"double": double}


def _used_early_and_late(a, b):
    """Make a value that is used at once and again much later: the order of the walk shows."""
    u = a * b
    v = u * u
    w = v.tanh()
    x = w * b
    y = x + v
    z = y * u
    return u * z + z, {"u": u, "v": v, "z": z}


def _used_late_first(a, b):
    """The same with the operands the other way round, so that the other walk goes wrong."""
    u = b * a
    v = u * u
    w = v.tanh()
    x = b * w
    y = v + x
    z = u * y
    return z + z * u, {"u": u, "v": v, "z": z}


def _doublings(a, b):
    value = a
    for _ in range(40):
        value = value + value
    return value * b, {}


def _random_record(seed):
    """Return a function that computes something arbitrary, the same for numbers of any kind."""
    import numpy as np

    random = np.random.default_rng(seed)
    plan = [(int(random.integers(3)), random.integers(0, 2 + k, size=2)) for k in range(24)]

    def compute(a, b):
        values = [a, b]
        for kind, (one, other) in plan:
            left, right = values[one], values[other]
            values.append((left + right).tanh() if kind == 0 else left * right if kind == 1 else left + right)
        total = values[2]
        for value in values[3:]:
            total = total + value.tanh()
        return total, {"an inner value": values[5], "another": values[9]}

    return compute


def _reference(compute, start):
    """Return the slopes with respect to a, b and the named inner values, by PyTorch."""
    import torch

    a, b = (torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in start)
    output, inner = compute(a, b)
    slopes = torch.autograd.grad(output, [a, b, *inner.values()], allow_unused=True)
    return [0.0 if slope is None else float(slope) for slope in slopes]


def _order(output):
    """Return the values in an order in which each comes before all that it was computed from."""
    order, seen = [], set()

    def visit(node):
        if node not in seen:
            seen.add(node)
            for parent, _ in node._parents:
                visit(parent)
            order.append(node)

    visit(output)
    return list(reversed(order))


def _overwritten(output):
    """Return the slopes with the misconception: the last share to come replaces the others."""
    total = {output: 1.0}
    for node in _order(output):
        for parent, step in node._parents:
            total[parent] = step * total[node]
    return total


def _unreversed(output):
    """Return the slopes with another slip: the right order, walked from its beginning."""
    order = list(reversed(_order(output)))
    total = dict.fromkeys(order, 0.0)
    total[output] = 1.0
    for node in order:
        for parent, step in node._parents:
            total[parent] += step * total[node]
    return total


def _expect_values_as_keys(found):
    if not isinstance(found, dict):
        raise NotYet(
            f"It returned something of type `{type(found).__name__}`. Expected a dictionary from each value "
            "to its slope."
        )
    if any(not isinstance(key, _Node) for key in found):
        raise NotYet(
            "The keys of the dictionary are not the values themselves. Use the objects as keys, not their "
            "`.data` (two values may hold the same number) and not their `id`."
        )


def _ask_slopes(answer, compute, start):
    """Return the slopes of the answer for a, b and the inner values, those of known slips, and the output."""
    a, b = (_Node(number) for number in start)
    output, inner = compute(a, b)
    _Node.looks = 0
    try:
        found = call(answer, output)
    except NotYet:
        if _Node.looks > _MOST_LOOKS:
            raise NotYet(
                "It looks at values again and again: with forty doublings there are 2⁴⁰ paths, and your walk "
                "takes them one by one. Put the values in order first, then hand the slope of each back once."
            ) from None
        raise
    _expect_values_as_keys(found)
    wanted = [a, b, *inner.values()]
    if output not in found:
        raise NotYet("The output itself is missing: its slope with respect to itself is 1.")
    missing = [node for node in wanted if node not in found]
    if missing:
        raise NotYet(
            "Values are missing from the dictionary. It holds every value that the output was computed from, "
            "the inputs (which have no parents) included."
        )
    slopes = [expect_number(found[node], name="a slope") for node in wanted]
    its_own = expect_number(found[output], name="a slope")
    if not math.isclose(its_own, 1.0):
        if math.isclose(its_own, output.data):
            raise NotYet(_BEGINS_WITH_THE_NUMBER)
        raise NotYet("The slope of the output with respect to itself must be 1: there the walk begins.")
    slips = {walk: [walk(output)[node] for node in wanted] for walk in (_overwritten, _unreversed)}
    return slopes, slips, output


def _agree(found, wanted):
    return all(
        math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9) for one, other in zip(found, wanted, strict=True)
    )


def _verify_gradients(answer):
    alone = _Node(2.0)
    _Node.looks = 0
    only = call(answer, alone)
    _expect_values_as_keys(only)
    if only.get(alone) == alone.data:
        raise NotYet(_BEGINS_WITH_THE_NUMBER)
    if list(only) != [alone] or only[alone] != 1:
        raise NotYet(
            "For an output that is itself an input, a value without parents, the answer is `{output: 1.0}`."
        )
    start = (0.7, -1.3)
    for compute in (_simple, _same_parent_twice):
        found, slips, output = _ask_slopes(answer, compute, start)
        wanted = _reference(compute, start)
        if _agree(found, wanted):
            again = call(answer, output)
            if not math.isclose(sum(again.values()), sum(call(answer, output).values())):
                raise NotYet(
                    "Asked again about the same output it gives other slopes: something is kept on the "
                    "values and added to. Begin from zero in each call."
                )
            continue
        if _agree(found, slips[_overwritten]):
            raise NotYet(
                "A value that was used twice keeps only the share that came last: you overwrite. Over all "
                "paths slopes *add up*: `+=`."
            )
        if _agree(found, slips[_unreversed]):
            raise NotYet(
                "Only the parents of the output get a slope: your walk begins at the inputs, before there is "
                "anything to hand on. Begin at the output: take the order *reversed*."
            )
        if _agree([-slope for slope in found], wanted):
            raise NotYet("All signs are turned round. The slope is that of the output, as it is.")
        raise NotYet(
            "For `a * b + a`, or for `(a + a) * b`, the slopes are not right. Each value hands to each "
            "parent its own slope *times* the slope of that step."
        )
    for compute in (_used_early_and_late, _used_late_first):
        found, slips, _ = _ask_slopes(answer, compute, start)
        if not _agree(found, _reference(compute, start)):
            if _agree(found, slips[_overwritten]):
                raise NotYet(
                    "A value that was used twice keeps only one share: you overwrite. Over all paths slopes "
                    "*add up*: `+=`."
                )
            raise NotYet(
                "Right for short records, wrong where a value is used early and late: it hands its slope "
                "on before all of it has arrived. Go through the values in an order in which each one "
                "comes after everything that was computed from it."
            )
    found, _, _ = _ask_slopes(answer, _doublings, (0.7, -1.3))
    if not _agree(found, _reference(_doublings, start)):
        raise NotYet("After forty doublings the slope is not right: 2⁴⁰ times the other factor.")
    for seed in (1, 2, 3):
        compute = _random_record(seed)
        found, _, _ = _ask_slopes(answer, compute, (0.4, 0.9))
        if not _agree(found, _reference(compute, (0.4, 0.9))):
            raise NotYet("On a longer record, mixed at random, it disagrees with PyTorch by more than 1e-6.")
    return (
        "It agrees with PyTorch to 1e-6, and it looked at each value a few times only: one walk back gives "
        "all slopes, however many weights there are."
    )


# ---------------------------------------------------------------------------------------------------------
# 02.3  The gradient ratio


def _make_network(seed, widths, stale):
    import torch

    class Kept(torch.nn.Sequential):
        """A network that is not copied: a copy would lose the old gradients that lie in it."""

        def __deepcopy__(self, memo):
            return self

    generator = torch.Generator().manual_seed(seed)
    modules = []
    for n_in, n_out in itertools.pairwise(widths):
        layer = torch.nn.Linear(n_in, n_out)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(n_out, n_in, generator=generator) / math.sqrt(n_in))
            layer.bias.copy_(torch.randn(n_out, generator=generator))
        modules += [layer, torch.nn.Tanh()]
    network = Kept(*modules[:-1])
    if stale:
        for weights in network.parameters():
            weights.grad = torch.randn(weights.shape, generator=generator)
    inputs = torch.randn(12, widths[0], generator=generator)
    labels = torch.randint(0, widths[-1], (12,), generator=generator)
    return network, inputs, labels


def _measured(network, inputs, labels):
    """Return what a right or a mistaken answer would be made of."""
    import torch

    first, last = network[0], network[-1]
    loss = torch.nn.functional.cross_entropy(network(inputs), labels)
    wanted = [first.weight, first.bias, last.weight, last.bias, network[2].weight]
    slopes = torch.autograd.grad(loss, wanted)

    twice = torch.nn.functional.cross_entropy(network(inputs).softmax(dim=1), labels)
    of_twice = torch.autograd.grad(twice, [first.weight, last.weight])

    def length(*tensors):
        return float(torch.cat([tensor.detach().flatten() for tensor in tensors]).norm())

    return {
        "softmax first": length(of_twice[0]) / length(of_twice[1]),
        "right": length(slopes[0]) / length(slopes[2]),
        "turned": length(slopes[2]) / length(slopes[0]),
        "loss": float(loss.detach()),
        "weights": length(first.weight) / length(last.weight),
        "biases": length(slopes[0], slopes[1]) / length(slopes[2], slopes[3]),
        "second": length(slopes[0]) / length(slopes[4]),
        "squared": (length(slopes[0]) / length(slopes[2])) ** 2,
        "sums": float(slopes[0].abs().sum() / slopes[2].abs().sum()),
        "means": float(slopes[0].abs().mean() / slopes[2].abs().mean()),
        "largest": float(slopes[0].abs().max() / slopes[2].abs().max()),
        "only first": length(slopes[0]),
    }


def _verify_ratio(answer):
    for seed, widths, stale in (
        (1, (6, 9, 7, 4), False),
        (2, (5, 8, 3), False),
        (3, (6, 9, 7, 5, 4), True),
    ):
        network, inputs, labels = _make_network(seed, widths, stale)
        before = [weights.detach().clone() for weights in network.parameters()]
        old = [None if weights.grad is None else weights.grad.clone() for weights in network.parameters()]
        known = _measured(network, inputs, labels)
        found = expect_number(call(answer, network, inputs, labels), name="the ratio")
        if any((one != other).any() for one, other in zip(before, network.parameters(), strict=True)):
            raise NotYet("It changes the weights. Only measure: no optimiser step is needed.")
        traps = [
            (known["turned"], "That is the last layer over the first. Asked is the first over the last."),
            (
                known["loss"],
                "That is the loss. It says how wrong the network is, not whether the first layer hears of "
                "it.",
            ),
            (known["weights"], "That is the ratio of the weights themselves. Take their gradients: `.grad`."),
            (known["biases"], "The biases are in it. Take the gradient of `.weight` only."),
            (known["squared"], "That is the ratio of the squared lengths. Take the root."),
            (known["sums"], "That is the ratio of the sums of sizes. The length is the root of the squares."),
            (known["means"], "That is the ratio of the mean sizes. The length is the root of the squares."),
            (known["largest"], "That is the ratio of the largest entries. The length takes all of them."),
            (
                known["softmax first"],
                "A softmax before the cross-entropy is one too many: `cross_entropy` takes the network's "
                "outputs as they are, and makes probabilities of them itself.",
            ),
            (known["only first"], "That is the length for the first layer. Divide by that of the last one."),
        ]
        if len(widths) > 3:
            traps.append((known["second"], "You divide by the second layer. The last one is `network[-1]`."))
        if stale:
            import torch

            fresh = torch.autograd.grad(
                torch.nn.functional.cross_entropy(network(inputs), labels), list(network.parameters())
            )
            added = [one + other for one, other in zip(fresh, old, strict=True)]
            message = (
                "Old gradients lay in `.grad`, and PyTorch *adds* to them. Clear them first: "
                "`network.zero_grad()`."
            )
            traps.append((float(added[0].norm() / added[-2].norm()), message))
            traps.append(
                (
                    float(old[0].norm() / old[-2].norm()),
                    "These are the old gradients that lay in `.grad`. Compute new ones, with `.backward()`.",
                )
            )
        expect_close(
            found,
            known["right"],
            name="the ratio",
            rtol=1e-4,
            atol=0,
            traps=traps,
            otherwise="The ratio is not right. The gradient of the cross-entropy with respect to "
            "`network[0].weight`, its length, over the same for `network[-1].weight`.",
        )
    return (
        "Near 1 both ends of the network learn at a like pace; near zero the first layers stand still, "
        "whatever the loss says."
    )


# ---------------------------------------------------------------------------------------------------------
# 02.4  Two changes, one gain


def _verify_credit(answer):
    import numpy as np

    random = np.random.default_rng(24)
    means = (((0.15, 0.4), (0.3, 0.95)), ((0.2, 0.9), (0.8, 0.9)), ((0.5, 0.3), (0.9, 0.8)))
    for mean, starts in zip(means, (3, 1, 5), strict=True):
        accuracy = np.array(mean)[:, :, None] + 0.05 * random.exponential(size=(2, 2, starts)) * (starts > 1)
        found = call(answer, accuracy)
        if not isinstance(found, (tuple, list)) and getattr(found, "shape", None) != (2,):
            raise NotYet("Expected a pair: the credit of the activation, then that of the initialisation.")
        if len(found) != 2:
            raise NotYet(f"It returned {len(found)} numbers. Expected two.")
        if any(getattr(part, "size", 1) != 1 for part in found):
            raise NotYet("There is one number for each start. Take the mean over the starts first.")
        pair = [expect_number(part, name="a credit") for part in found]

        def credits(table):
            (oo, on), (no, nn) = table
            return {
                "right": (((no - oo) + (nn - on)) / 2, ((on - oo) + (nn - no)) / 2),
                "activation first": (no - oo, nn - no),
                "initialisation first": (nn - on, on - oo),
                "all": (nn - oo, 0.0),
                "all to initialisation": (0.0, nn - oo),
                "each alone": (no - oo, on - oo),
                "each last": (nn - on, nn - no),
                "not halved": ((no - oo) + (nn - on), (on - oo) + (nn - no)),
            }

        known = credits(accuracy.mean(axis=2))
        best = credits(accuracy.max(axis=2))["right"]
        middle = credits(np.median(accuracy, axis=2))["right"]
        right = known["right"]
        expect_close(
            np.array(pair),
            np.array(right),
            name="the pair",
            rtol=1e-6,
            atol=1e-9,
            traps=(
                (
                    known["all"],
                    "The whole gain goes to the activation, but the initialisation was changed as well: that "
                    "is the report's mistake.",
                ),
                (known["all to initialisation"], "The whole gain goes to the initialisation. Both changed."),
                (right[::-1], "The two have changed places: the first axis of `accuracy` is the activation."),
                (
                    known["activation first"],
                    "That is one order: the activation first, then the initialisation. The other order gives "
                    "other numbers; take the average of both.",
                ),
                (
                    known["initialisation first"],
                    "That is one order: the initialisation first, then the activation. The other order gives "
                    "other numbers; take the average of both.",
                ),
                (
                    known["each alone"],
                    "Each change is measured against the old recipe only, and the two do not add up to the "
                    "whole gain. Each has a second comparison: with the other one already changed.",
                ),
                (
                    known["each last"],
                    "Each change is measured as the last one only. Average it with the case in which it "
                    "comes first.",
                ),
                (known["not halved"], "The two orders are added. Their average is half of that."),
                (
                    best,
                    "That compares the best starts. Best of several favours whoever scatters more: use the "
                    "mean.",
                ),
                (middle, "That compares the medians. The mean over the starts was asked."),
            ),
            otherwise="The two numbers are not the credits. Write down four means, one for each corner of "
            "the table, and the two steps of either order.",
        )
    return (
        "The two credits add up to the gain. Where the orders differ much, the honest answer is the table "
        "with four corners, not the two credits."
    )


# ---------------------------------------------------------------------------------------------------------
# 02.5  Any truth table


def _answers(hidden, output, inputs):
    middle = (inputs @ hidden[:, :-1].T + hidden[:, -1] >= 0).astype(float)
    return (middle @ output[:-1] + output[-1] >= 0).astype(int)


def _ask_network(answer, inputs, outputs):
    import numpy as np

    found = call(answer, inputs, outputs)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise NotYet("Expected a pair: the array `hidden`, then the array `output`.")
    parts = []
    for value, name in zip(found, ("`hidden`", "`output`"), strict=True):
        value = np.asarray(value) if isinstance(value, (list, tuple)) else value
        parts.append(expect_array(value, name=name, kind="any").astype(float))
    hidden, output = parts
    n = inputs.shape[1]
    if hidden.ndim != 2:
        raise NotYet(
            f"`hidden` has shape {hidden.shape}. Expected (H, {n + 1}): a row for each hidden neuron."
        )
    if hidden.shape[1] == n:
        raise NotYet(
            f"`hidden` has {n} columns, so a bias is missing: n weights and the bias make {n + 1} columns."
        )
    if hidden.shape[1] == n + 2:
        raise NotYet(
            f"`hidden` has {n + 2} columns: one input too many. A product of inputs is no input; the hidden "
            "layer has to do without it."
        )
    if hidden.shape[1] != n + 1:
        raise NotYet(f"`hidden` has shape {hidden.shape}. Expected (H, {n + 1}) for {n} inputs.")
    if output.shape != (len(hidden) + 1,):
        raise NotYet(
            f"`output` has shape {output.shape}, with {len(hidden)} hidden neurons. Expected "
            f"({len(hidden) + 1},): a weight for each, then the bias."
        )
    if not (np.isfinite(hidden).all() and np.isfinite(output).all()):
        raise NotYet("Some weights are not finite numbers.")
    return hidden, output


def _tables(seed):
    """Return (name, inputs, outputs): all tables of two inputs, then some of three and four."""
    import numpy as np

    random = np.random.default_rng(seed)
    cases = []
    two = np.array(_CORNERS)
    for outputs in itertools.product((0, 1), repeat=4):
        cases.append(("the table " + "".join(map(str, outputs)), two, np.array(outputs)))
    # The easy ones first, so that what fails says something.
    cases.sort(key=lambda case: (sum(case[2]) in (0, 4), case[0].endswith(("0110", "1001"))))
    for n in (3, 4):
        every = np.array(list(itertools.product((0, 1), repeat=n)))
        every = every[random.permutation(len(every))]
        cases.append((f"the parity of {n} inputs", every, every.sum(axis=1) % 2))
        cases.append((f"a random table of {n} inputs", every, random.integers(0, 2, size=len(every))))
    return cases


def _verify_network(answer):
    import numpy as np

    right_for, wrong_for = [], []
    for name, inputs, outputs in _tables(5):
        try:
            hidden, output = _ask_network(answer, inputs, outputs)
        except NotYet as reason:
            if wrong_for and inputs.shape[1] > 2:
                break  # what went wrong with two inputs says more
            if len(set(outputs)) == 1 and right_for:
                raise NotYet(
                    f"For a table that is all {outputs[0]} it fails: {reason} Mind the case in which no row "
                    "fires, or all do."
                ) from reason
            raise
        found = _answers(hidden, output, inputs)
        if np.array_equal(found, outputs):
            right_for.append(name)
        else:
            wrong_for.append((name, inputs, outputs, found, hidden, output))
    if not wrong_for:
        return (
            "Any truth table, with one hidden neuron for each row that fires. For n inputs that can be "
            "half of 2ⁿ rows: it exists, and it may be enormous. Depth is one way to need fewer."
        )
    names = [case[0] for case in wrong_for]
    name, inputs, outputs, found, hidden, output = wrong_for[0]
    if right_for == ["the table 0110"]:
        raise NotYet("It is the network for XOR whatever the table is. Make it from `inputs` and `outputs`.")
    if len(set(outputs)) == 1:
        raise NotYet(f"Only {name} goes wrong: mind the case in which no row fires, or all do.")
    if set(names) <= {"the table 0110", "the table 1001"} | {n for n in names if "inputs" in n} and name in (
        "the table 0110",
        "the table 1001",
    ):
        raise NotYet(
            "It computes what one neuron can, and fails on XOR or its opposite. The hidden layer has to take "
            "the rows apart."
        )
    if all("inputs" in name for name in names):
        raise NotYet("Right for two inputs, wrong for three or four. Does anything in it count on two?")
    if np.array_equal(found, 1 - outputs):
        raise NotYet(f"For {name} every answer is turned round: it fires where it should be silent.")
    shuffled = _answers(np.roll(hidden, -1, axis=1), np.roll(output, -1), inputs)
    if np.array_equal(shuffled, outputs):
        raise NotYet("It would be right with the bias at the end: you put it first, in front of the weights.")
    needs_a_bias = np.array_equal(_answers(hidden, np.append(output[:-1], -0.5), inputs), outputs)
    if needs_a_bias and (found >= outputs).all():
        raise NotYet(
            f"For {name} the output neuron fires even where no hidden one does: its sum is zero there, and "
            "zero is enough. Give it a bias below zero."
        )
    reach = np.maximum(hidden[:, :-1], 0).sum(axis=1, keepdims=True)
    if np.array_equal(_answers(np.hstack([hidden[:, :-1], -reach]), output, inputs), outputs):
        raise NotYet(
            f"For {name} a hidden neuron never fires: its sum cannot get beyond the number of ones in its "
            "row. Take that number, with a minus, for its bias, and not the number of inputs."
        )
    if (found >= outputs).all():
        raise NotYet(
            f"For {name} it fires where it should, and elsewhere too. A hidden neuron for one row has to "
            "stay silent at all the others: where the row has a 0, a 1 must count *against* it."
        )
    if (found <= outputs).all():
        raise NotYet(
            f"For {name} it is silent where it should fire. Is one hidden neuron enough to make the output "
            "fire, or does it wait for all of them?"
        )
    raise NotYet(f"For {name} the network gives other answers than the table.")


EXERCISES = (
    Exercise(
        id="02.1",
        title="All neurons with a truth table",
        kind="complete",
        minutes=7,
        difficulty=2,
        hints=(
            "Two things are nested here: which neuron (three numbers), and which corner (four of them).",
            "`itertools.product(values, repeat=3)` gives every (w1, w2, bias). For each of them make the "
            "list of its four answers, and compare it with `outputs`.",
            "`answers = [int(w1 * x1 + w2 * x2 + bias >= 0) for x1, x2 in corners]`, and count where "
            "`answers == list(outputs)`.",
        ),
        verify=_verify_count,
    ),
    Exercise(
        id="02.2",
        title="Slopes in one walk back",
        kind="complete",
        minutes=12,
        difficulty=3,
        hints=(
            "Two steps: an order in which every value stands after its parents; then a walk through it from "
            "the end.",
            "For the order: a function that visits the parents of a value first and then appends the value, "
            "once. For the walk: a dictionary that begins with 1 at the output; each value adds to its "
            "parents.",
            "In `reversed(order)`, for each `parent, step` of `value.parents`: `total[parent] = "
            "total.get(parent, 0.0) + step * total[value]`.",
        ),
        verify=_verify_gradients,
    ),
    Exercise(
        id="02.3",
        title="Does the first layer hear of the error?",
        kind="complete",
        minutes=7,
        difficulty=2,
        hints=(
            "Three steps: the loss, its gradients, two lengths. Where does PyTorch leave a gradient?",
            "After `loss.backward()` the gradient of a layer lies in `layer.weight.grad`. What lay there "
            "before is still in it.",
            "`network.zero_grad()`, then `loss.backward()`, then `network[0].weight.grad.norm()` over the "
            "same for `network[-1]`.",
        ),
        verify=_verify_ratio,
    ),
    Exercise(
        id="02.4",
        title="Two changes, one gain",
        kind="audit",
        minutes=7,
        difficulty=3,
        hints=(
            "Draw the square of the four means, old and new, and both ways from one corner to the opposite "
            "one.",
            "On one way the activation changes first, on the other it changes last: two steps for it. "
            "Likewise for the initialisation.",
            "With `m = accuracy.mean(axis=2)` the activation's two steps are `m[1, 0] - m[0, 0]` and `m[1, "
            "1] - m[0, 1]`; average them.",
        ),
        verify=_verify_credit,
    ),
    Exercise(
        id="02.5",
        title="Any truth table",
        kind="design",
        minutes=10,
        difficulty=4,
        hints=(
            "Give each row that shall fire a hidden neuron of its own. What should the output neuron do with "
            "them?",
            "A neuron that fires at one row only: weight +1 where the row has a 1, -1 where it has a 0, "
            "and a bias that lets only this row reach zero. The output is an OR.",
            "`wanted = inputs[outputs == 1]`; weights `2 * wanted - 1`, bias `-wanted.sum(axis=1)`; the "
            "output has ones, and the bias -1.",
        ),
        verify=_verify_network,
    ),
)
