"""Right answers in several styles and typical wrong ones, for the checks of lesson 02."""

import itertools

import numpy as np
import torch

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]

# ---------------------------------------------------------------------------------------------------------
# 02.1


def count_by_product(outputs, *, values):
    return sum(
        [int(w1 * a + w2 * b + bias >= 0) for a, b in CORNERS] == list(outputs)
        for w1, w2, bias in itertools.product(values, repeat=3)
    )


def count_by_loops(outputs, *, values):
    found = 0
    for w1 in values:
        for w2 in values:
            for bias in values:
                matches = True
                for (a, b), wanted in zip(CORNERS, outputs, strict=True):
                    if (w1 * a + w2 * b + bias >= 0) != (wanted == 1):
                        matches = False
                if matches:
                    found += 1
    return found


def count_by_broadcasting(outputs, *, values):
    v = np.array(values)
    w1, w2, bias = v[:, None, None, None], v[None, :, None, None], v[None, None, :, None]
    x = np.array(CORNERS)
    fires = w1 * x[:, 0] + w2 * x[:, 1] + bias >= 0
    return (fires == np.array(outputs, bool)).all(axis=-1).sum()


def count_by_torch(outputs, *, values):
    w = torch.cartesian_prod(*[torch.tensor(values, dtype=torch.float64)] * 3)
    x = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=torch.float64)
    return ((w @ x.T >= 0) == torch.tensor(outputs, dtype=torch.bool)).all(dim=1).sum()


def count_with(fires=lambda s: s >= 0, total=None, corners=CORNERS, chosen=None, finish=sum, free=3):
    """Return a search with one slip."""

    def variant(outputs, *, values):
        values = chosen or values
        add = total or (lambda w, a, b: w[0] * a + w[1] * b + w[2])
        hits = (
            [int(fires(add(w, a, b))) for a, b in corners] == list(outputs)
            for w in itertools.product(values, repeat=free)
        )
        return finish(hits)

    return variant


def count_over(triples):
    def variant(outputs, *, values):
        return sum(
            [int(w1 * a + w2 * b + bias >= 0) for a, b in CORNERS] == list(outputs)
            for w1, w2, bias in triples(values)
        )

    return variant


def return_in_the_loop(outputs, *, values):
    count = 0
    for w1, w2, bias in itertools.product(values, repeat=3):
        count += [int(w1 * a + w2 * b + bias >= 0) for a, b in CORNERS] == list(outputs)
        return count


def return_at_the_first(outputs, *, values):
    for w1, w2, bias in itertools.product(values, repeat=3):
        if [int(w1 * a + w2 * b + bias >= 0) for a, b in CORNERS] == list(outputs):
            return 1
    return 0


def count_any_three(outputs, *, values):
    return sum(
        sum(int(w1 * a + w2 * b + c >= 0) == o for (a, b), o in zip(CORNERS, outputs, strict=True)) >= 3
        for w1, w2, c in itertools.product(values, repeat=3)
    )


def neurons_themselves(outputs, *, values):
    return [
        w
        for w in itertools.product(values, repeat=3)
        if [int(w[0] * a + w[1] * b + w[2] >= 0) for a, b in CORNERS] == list(outputs)
    ]


def share_of_neurons(outputs, *, values):
    return count_by_product(outputs, values=values) / len(values) ** 3


# ---------------------------------------------------------------------------------------------------------
# 02.2


def slopes_by_recursion(output):
    order, seen = [], set()

    def visit(value):
        if value in seen:
            return
        seen.add(value)
        for parent, _ in value.parents:
            visit(parent)
        order.append(value)

    visit(output)
    total = {value: 0.0 for value in order}
    total[output] = 1.0
    for value in order[::-1]:
        for parent, step in value.parents:
            total[parent] += total[value] * step
    return total


def slopes_by_waiting_children(output):
    """Count the children of each value first; a value is ready when all have handed back their share."""
    waiting, found, stack = {output: 0}, {output}, [output]
    while stack:
        for parent, _ in stack.pop().parents:
            waiting[parent] = waiting.get(parent, 0) + 1
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    total, ready = {output: 1.0}, [output]
    while ready:
        value = ready.pop()
        for parent, step in value.parents:
            total[parent] = total.get(parent, 0.0) + step * total[value]
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
    return total


def slopes_by_depth(output):
    """Sort the values by their longest way from the inputs."""
    depth = {}

    def measure(value):
        if value not in depth:
            depth[value] = 1 + max((measure(parent) for parent, _ in value.parents), default=0)
        return depth[value]

    measure(output)
    total = dict.fromkeys(depth, 0.0)
    total[output] = 1.0
    for value in sorted(depth, key=depth.get, reverse=True):
        for parent, step in value.parents:
            total[parent] += step * total[value]
    return total


def slopes_on_the_values(output):
    """Keep the slopes in `.grad`, as micrograd does, and clear them first."""
    order, seen = [], set()

    def visit(value):
        if id(value) not in seen:
            seen.add(id(value))
            for parent, _ in value.parents:
                visit(parent)
            order.append(value)

    visit(output)
    for value in order:
        value.grad = 0.0
    output.grad = 1.0
    for value in reversed(order):
        for parent, step in value.parents:
            parent.grad += step * value.grad
    return {value: value.grad for value in order}


def slopes_with(hand, start=1.0, keys=lambda value: value, keep=lambda value, output: True):
    """Return a walk in the right order with one slip in what is handed back or returned."""

    def variant(output):
        total = slopes_by_recursion(output)
        order = sorted(total, key=lambda value: list(total).index(value), reverse=True)
        total = dict.fromkeys(order, 0.0)
        total[output] = output.data if start is None else start
        for value in order:
            for parent, step in value.parents:
                total[parent] = hand(total[parent], step, total[value], value)
        return {keys(value): slope for value, slope in total.items() if keep(value, output)}

    return variant


def slopes_not_reversed(output):
    order = sorted(slopes_by_depth(output), key=lambda value: bool(value.parents) + 2 * (value is output))
    total = dict.fromkeys(order, 0.0)
    total[output] = 1.0
    for value in order:
        for parent, step in value.parents:
            total[parent] += step * total[value]
    return total


def slopes_breadth_first(output):
    """Hand back in the order of discovery: some values are not complete yet."""
    order, queue = [], [output]
    while queue:
        value = queue.pop(0)
        if value not in order:
            order.append(value)
            queue += [parent for parent, _ in value.parents]
    total = dict.fromkeys(order, 0.0)
    total[output] = 1.0
    for value in order:
        for parent, step in value.parents:
            total[parent] += step * total[value]
    return total


def slopes_depth_first(output):
    order = []

    def visit(value):
        if value not in order:
            order.append(value)
            for parent, _ in value.parents:
                visit(parent)

    visit(output)
    total = dict.fromkeys(order, 0.0)
    total[output] = 1.0
    for value in order:
        for parent, step in value.parents:
            total[parent] += step * total[value]
    return total


def slopes_along_all_paths(output):
    total = {}

    def walk(value, slope):
        total[value] = total.get(value, 0.0) + slope
        for parent, step in value.parents:
            walk(parent, slope * step)

    walk(output, 1.0)
    return total


def slopes_never_cleared(output):
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for parent, _ in value.parents:
                visit(parent)
            order.append(value)

    visit(output)
    for value in order:
        value.grad = getattr(value, "grad", 0.0)
    output.grad = 1.0
    for value in reversed(order):
        for parent, step in value.parents:
            parent.grad += step * value.grad
    return {value: value.grad for value in order}


# ---------------------------------------------------------------------------------------------------------
# 02.3

cross_entropy = torch.nn.functional.cross_entropy


def ratio_by_backward(network, inputs, labels):
    network.zero_grad()
    cross_entropy(network(inputs), labels).backward()
    return (network[0].weight.grad.norm() / network[-1].weight.grad.norm()).item()


def ratio_by_autograd(network, inputs, labels):
    layers = [module for module in network if isinstance(module, torch.nn.Linear)]
    ends = [layers[0].weight, layers[-1].weight]
    first, last = torch.autograd.grad(cross_entropy(network(inputs), labels), ends)
    return first.norm() / last.norm()


def ratio_by_hand(network, inputs, labels):
    for weights in network.parameters():
        weights.grad = None
    loss = -torch.log_softmax(network(inputs), dim=1)[torch.arange(len(labels)), labels].sum()
    loss.backward()
    first, last = (network[end].weight.grad.numpy() for end in (0, -1))
    return np.sqrt((first**2).sum()) / np.sqrt((last**2).sum())


def ratio_of(size, ends=(0, -1), clear=True, backward=True):
    """Return a ratio with one slip."""

    def variant(network, inputs, labels):
        if clear:
            network.zero_grad()
        if backward:
            cross_entropy(network(inputs), labels).backward()
        return float(size(network[ends[0]]) / size(network[ends[1]]))

    return variant


def length(layer):
    return layer.weight.grad.norm()


def ratio_as_loss(network, inputs, labels):
    return cross_entropy(network(inputs), labels).item()


def ratio_with_a_step(network, inputs, labels):
    ratio = ratio_by_backward(network, inputs, labels)
    with torch.no_grad():
        for weights in network.parameters():
            weights -= 0.1 * weights.grad
    return ratio


def ratio_after_softmax(network, inputs, labels):
    network.zero_grad()
    cross_entropy(torch.softmax(network(inputs), dim=1), labels).backward()
    return float(network[0].weight.grad.norm() / network[-1].weight.grad.norm())


def length_of_the_first(network, inputs, labels):
    network.zero_grad()
    cross_entropy(network(inputs), labels).backward()
    return float(length(network[0]))


# ---------------------------------------------------------------------------------------------------------
# 02.4


def credit_by_corners(accuracy):
    m = accuracy.mean(axis=2)
    activation = ((m[1, 0] - m[0, 0]) + (m[1, 1] - m[0, 1])) / 2
    return activation, m[1, 1] - m[0, 0] - activation


def credit_by_main_effects(accuracy):
    mean = np.asarray(accuracy).mean(axis=-1)
    return tuple(
        mean[1] @ [0.5, 0.5] - mean[0] @ [0.5, 0.5] if axis == 0 else np.diff(mean.mean(0))[0]
        for axis in (0, 1)
    )


def credit_by_orders(accuracy):
    table = {(i, j): float(np.mean(accuracy[i, j])) for i in (0, 1) for j in (0, 1)}
    shares = [0.0, 0.0]
    for order in itertools.permutations((0, 1)):
        state = [0, 0]
        for change in order:
            before = table[tuple(state)]
            state[change] = 1
            shares[change] += (table[tuple(state)] - before) / 2
    return np.array(shares)


def credit_variant(pick, reduce=lambda table: table.mean(axis=2)):
    """Return credits taken from the four corners by `pick(oo, on, no, nn)`."""

    def variant(accuracy):
        table = reduce(accuracy)
        return pick(table[0, 0], table[0, 1], table[1, 0], table[1, 1])

    return variant


def fair(oo, on, no, nn):
    return ((no - oo) + (nn - on)) / 2, ((on - oo) + (nn - no)) / 2


# ---------------------------------------------------------------------------------------------------------
# 02.5


def rows_that_fire(inputs, outputs):
    wanted = inputs[outputs == 1]
    hidden = np.column_stack([2 * wanted - 1, -wanted.sum(axis=1)])
    return hidden, np.append(np.ones(len(wanted)), -1)


def rows_that_are_silent(inputs, outputs):
    """Let the output fire unless one of the silent rows is recognised."""
    silent = [row for row, wanted in zip(inputs, outputs, strict=True) if not wanted]
    hidden = [[*(1.0 if bit else -1.0 for bit in row), 0.5 - sum(row)] for row in silent]
    return np.array(hidden).reshape(-1, inputs.shape[1] + 1), np.array([-1.0] * len(silent) + [0.5])


def staircase(inputs, outputs):
    """Number the rows in binary, and step up or down at each change of the output along the numbers."""
    n = inputs.shape[1]
    powers = 2 ** np.arange(n)
    by_number = dict(zip((inputs @ powers).tolist(), outputs.tolist(), strict=True))
    hidden, steps, before = [], [], 0
    for number in range(2**n):
        if by_number[number] != before:
            hidden.append([*powers, 0.5 - number])
            steps.append(by_number[number] - before)
            before = by_number[number]
    return torch.tensor(hidden).reshape(-1, n + 1), torch.tensor([*steps, -0.5])


def one_neuron(inputs, outputs):
    """Search one neuron and pass its answer on."""
    n = inputs.shape[1]
    for weights in itertools.product(range(-3, 4), repeat=n + 1) if n < 4 else ():
        if (((inputs @ weights[:-1] + weights[-1]) >= 0) == outputs).all():
            return np.array([weights]), np.array([1, -1])
    return np.zeros((1, n + 1)), np.array([1, -1])


def always_xor(inputs, outputs):
    n = inputs.shape[1]
    hidden = np.zeros((2, n + 1))
    hidden[0, [0, 1, -1]] = 1, 1, -1
    hidden[1, [0, 1, -1]] = -1, -1, 1
    return hidden, np.array([1, 1, -2])


def with_product(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    return np.column_stack([hidden[:, :1], hidden]), output


def without_bias(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    return hidden[:, :-1], output


def bias_first(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    return np.roll(hidden, 1, axis=1), np.roll(output, 1)


def zero_for_zero(inputs, outputs):
    wanted = inputs[outputs == 1]
    return np.column_stack([wanted, -wanted.sum(axis=1)]), np.append(np.ones(len(wanted)), -1)


def output_waits_for_all(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    output[-1] = -(len(output) - 1)
    return hidden, output


def turned_round(inputs, outputs):
    return rows_that_fire(inputs, 1 - outputs)


def output_without_bias(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    return hidden, output[:-1]


def output_without_threshold(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    output[-1] = 0
    return hidden, output


def bias_of_all_inputs(inputs, outputs):
    wanted = inputs[outputs == 1]
    bias = np.full((len(wanted), 1), -inputs.shape[1])
    return np.hstack([2 * wanted - 1, bias]), np.append(np.ones(len(wanted)), -1)


def xor_in_numbers(inputs, outputs):
    return np.array([[1, 1, -1], [-1, -1, 1]]), np.array([1, 1, -2])


def two_inputs_only(inputs, outputs):
    hidden, output = rows_that_fire(inputs, outputs)
    hidden[:, 2:-1] = 0
    return hidden, output


def stacked(inputs, outputs):
    rows = [np.append(2 * row - 1, -row.sum()) for row in inputs[outputs == 1]]
    return np.stack(rows), np.append(np.ones(len(rows)), -1)


# ---------------------------------------------------------------------------------------------------------

RIGHT = {
    "02.1": [count_by_product, count_by_loops, count_by_broadcasting, count_by_torch],
    "02.2": [slopes_by_recursion, slopes_by_waiting_children, slopes_by_depth, slopes_on_the_values],
    "02.3": [ratio_by_backward, ratio_by_autograd, ratio_by_hand],
    "02.4": [credit_by_corners, credit_by_main_effects, credit_by_orders],
    "02.5": [rows_that_fire, rows_that_are_silent, staircase],
}

WRONG = {
    "02.1": [
        (count_with(fires=lambda s: s > 0), "fires at zero as well"),
        (count_with(total=lambda w, a, b: w[0] * a + w[1] * b + w[2] + w[3] * a * b, free=4), "third input"),
        (count_with(total=lambda w, a, b: w[0] * a + w[1] * b + w[2] + a * b), "product x1 · x2 is among"),
        (count_with(total=lambda w, a, b: w[0] * a + w[1] * b - w[2]), "The bias is subtracted"),
        (count_with(total=lambda w, a, b: w[0] * a + w[1] * b, free=2), "no bias"),
        (count_with(corners=CORNERS[::-1]), "stand in another order"),
        (count_with(chosen=range(-3, 4)), "always searches the whole numbers"),
        (count_with(fires=lambda s: s <= 0), "turned round"),
        (count_over(lambda values: itertools.combinations(values, 3)), "each *set* of three different"),
        (count_over(lambda values: itertools.combinations_with_replacement(values, 3)), "in one order only"),
        (count_over(lambda values: itertools.permutations(values, 3)), "three *different* numbers only"),
        (return_in_the_loop, "stands inside the loop"),
        (return_at_the_first, "stops at the first neuron that fits"),
        (count_any_three, "only if all four answers agree"),
        (neurons_themselves, "returns the neurons themselves"),
        (count_with(finish=any), "Expected a number"),
        (share_of_neurons, "a share of all neurons"),
    ],
    "02.2": [
        (slopes_with(lambda old, step, slope, value: step * slope), "you overwrite"),
        (slopes_breadth_first, "before all of it has arrived"),
        (slopes_depth_first, "before all of it has arrived"),
        (slopes_along_all_paths, "takes them one by one"),
        (slopes_never_cleared, "Begin from zero in each call"),
        (slopes_with(lambda old, step, slope, value: old + step), "*times* the slope of that step"),
        (slopes_with(lambda old, step, slope, value: old + slope), "*times* the slope of that step"),
        (slopes_with(lambda old, step, slope, value: old + step * slope, start=-1.0), "itself"),
        (
            slopes_with(lambda old, step, slope, value: old + step * slope, keys=lambda value: value.data),
            "two values may hold the same number",
        ),
        (slopes_with(lambda old, step, slope, value: old + step * slope, start=None), "output's *number*"),
        (slopes_not_reversed, "take the order *reversed*"),
        (
            slopes_with(
                lambda old, step, slope, value: old + step * slope,
                keep=lambda value, output: value.parents or value is output,
            ),
            "Values are missing",
        ),
        (
            slopes_with(
                lambda old, step, slope, value: old + step * slope,
                keep=lambda value, output: value is not output or not value.parents,
            ),
            "The output itself is missing",
        ),
        (lambda output: list(slopes_by_recursion(output).values()), "something of type `list`"),
    ],
    "02.3": [
        (ratio_of(length, ends=(-1, 0)), "last layer over the first"),
        (ratio_as_loss, "That is the loss"),
        (ratio_of(lambda layer: layer.weight.norm()), "the weights themselves"),
        (
            ratio_of(lambda layer: torch.cat([layer.weight.grad.flatten(), layer.bias.grad]).norm()),
            "The biases are in it",
        ),
        (ratio_of(length, ends=(0, 2)), "divide by the second layer"),
        (ratio_of(lambda layer: (layer.weight.grad**2).sum()), "squared lengths"),
        (ratio_of(lambda layer: layer.weight.grad.abs().sum()), "sums of sizes"),
        (ratio_of(lambda layer: layer.weight.grad.abs().mean()), "mean sizes"),
        (ratio_of(lambda layer: layer.weight.grad.abs().max()), "largest entries"),
        (ratio_after_softmax, "takes the network's outputs as they are"),
        (ratio_of(length, clear=False), "Clear them first"),
        (ratio_with_a_step, "It changes the weights"),
        (length_of_the_first, "Divide by that of the last one"),
    ],
    "02.4": [
        (credit_variant(lambda oo, on, no, nn: (nn - oo, 0.0)), "the report's mistake"),
        (credit_variant(lambda oo, on, no, nn: (no - oo, nn - no)), "the activation first"),
        (credit_variant(lambda oo, on, no, nn: (nn - on, on - oo)), "the initialisation first"),
        (credit_variant(lambda oo, on, no, nn: (no - oo, on - oo)), "against the old recipe only"),
        (credit_variant(lambda oo, on, no, nn: (nn - on, nn - no)), "as the last one only"),
        (credit_variant(lambda *corners: fair(*corners)[::-1]), "changed places"),
        (
            credit_variant(lambda *corners: tuple(2 * part for part in fair(*corners))),
            "The two orders are added",
        ),
        (credit_variant(fair, lambda table: table.max(axis=2)), "compares the best starts"),
        (credit_variant(fair, lambda table: np.median(table, axis=2)), "compares the medians"),
        (lambda accuracy: fair(*accuracy.reshape(4, -1)), "one number for each start"),
        (lambda accuracy: fair(*accuracy.mean(axis=2).ravel())[0], "Expected a pair"),
        (lambda accuracy: (0.3, 0.4), "not the credits"),
    ],
    "02.5": [
        (one_neuron, "what one neuron can"),
        (always_xor, "the network for XOR whatever"),
        (with_product, "one input too many"),
        (without_bias, "a bias is missing"),
        (bias_first, "you put it first"),
        (zero_for_zero, "and elsewhere too"),
        (output_waits_for_all, "does it wait for all of them"),
        (turned_round, "turned round"),
        (output_without_bias, "`output` has shape"),
        (output_without_threshold, "even where no hidden one does"),
        (bias_of_all_inputs, "never fires"),
        (xor_in_numbers, "the network for XOR whatever"),
        (two_inputs_only, "count on two"),
        (stacked, "in which no row fires"),
        (lambda inputs, outputs: rows_that_fire(inputs, outputs)[0], "Expected a pair"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
