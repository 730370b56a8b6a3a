"""Right and typical wrong answers to the exercises of lesson 04."""

import copy

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist
from torch import nn
from torch.nn.functional import cross_entropy

# --- 04.1  One step of Adam -------------------------------------------------------------------------------


def adam_by_formulas(
    weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8
):
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    corrected = mean / (1 - betas[0] ** step), square / (1 - betas[1] ** step)
    return weights - learning_rate * corrected[0] / (np.sqrt(corrected[1]) + eps), mean, square


def adam_by_lerp(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    mean = mean + (gradient - mean) * (1 - betas[0])
    square = square + (gradient * gradient - square) * (1 - betas[1])
    size = learning_rate / (1 - betas[0] ** step)
    return [weights - size * mean / ((square**0.5) / (1 - betas[1] ** step) ** 0.5 + eps), mean, square]


def adam_by_loop(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    out = [], [], []
    for w, g, m, s in zip(weights, gradient, mean, square, strict=True):
        m, s = betas[0] * m + (1 - betas[0]) * g, betas[1] * s + (1 - betas[1]) * g**2
        bottom = (s / (1 - betas[1] ** step)) ** 0.5 + eps
        for column, value in zip(
            out, (w - learning_rate * m / (1 - betas[0] ** step) / bottom, m, s), strict=True
        ):
            column.append(value)
    return tuple(np.array(column) for column in out)


def adam_by_torch(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    tensor = torch.tensor(weights)
    tensor.grad = torch.tensor(gradient)
    optimizer = torch.optim.Adam([tensor], lr=learning_rate, betas=betas, eps=eps)
    state = {"step": torch.tensor(float(step - 1))}
    state |= {"exp_avg": torch.tensor(mean), "exp_avg_sq": torch.tensor(square)}
    optimizer.state[tensor] = state
    optimizer.step()
    return tensor.numpy(), state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()


def adam_variant(change):
    """Return Adam with one thing changed: `change` gets a dict of all that the step is made of."""

    def answer(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
        parts = {"g": gradient, "g2": gradient**2, "t1": step, "t2": step, "lr": learning_rate, "eps": eps}
        parts |= {
            "b1": betas[0],
            "b2": betas[1],
            "inside": 0.0,
            "correct": (True, True),
            "sign": 1,
            "root": True,
        }
        parts |= change(gradient)
        if parts.get("turned"):
            mean = (1 - parts["b1"]) * mean + parts["b1"] * parts["g"]
            square = (1 - parts["b2"]) * square + parts["b2"] * parts["g2"]
        else:
            mean = parts["b1"] * mean + (1 - parts["b1"]) * parts["g"]
            square = parts["b2"] * square + (1 - parts["b2"]) * parts["g2"]
        m = mean / (1 - parts["b1"] ** parts["t1"]) if parts["correct"][0] else mean
        s = square / (1 - parts["b2"] ** parts["t2"]) if parts["correct"][1] else square
        s = s + (eps if parts["inside"] else 0)
        bottom = (np.sqrt(s) if parts["root"] else s) + (0 if parts["inside"] else parts["eps"])
        top = gradient if parts.get("rmsprop") else m
        new = weights - parts["sign"] * parts["lr"] * top / bottom
        return (new, m, s) if parts.get("give corrected") else (new, mean, square)

    return answer


def adam_counting_wrongly(weights, gradient, mean, square, step, **settings):
    return adam_by_formulas(weights, gradient, mean, square, step + 1, **settings)


def adam_swapped(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    how = {"learning_rate": learning_rate, "betas": betas[::-1], "eps": eps}
    return adam_by_formulas(weights, gradient, mean, square, step, **how)


def adam_weights_only(*arrays, **settings):
    return adam_by_formulas(*arrays, **settings)[0]


def adam_in_place(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
    mean *= betas[0]
    mean += (1 - betas[0]) * gradient
    square *= betas[1]
    square += (1 - betas[1]) * gradient**2
    bottom = np.sqrt(square / (1 - betas[1] ** step)) + eps
    return weights - learning_rate * mean / (1 - betas[0] ** step) / bottom, mean, square


def adam_other_order(*arrays, **settings):
    weights, mean, square = adam_by_formulas(*arrays, **settings)
    return weights, square, mean


def adam_change_only(weights, *arrays, **settings):
    new, mean, square = adam_by_formulas(weights, *arrays, **settings)
    return new - weights, mean, square


def adam_with_old_averages(
    weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8
):
    bottom = np.sqrt(square / (1 - betas[1] ** step)) + eps
    weights = weights - learning_rate * mean / (1 - betas[0] ** step) / bottom
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    return weights, mean, betas[1] * square + (1 - betas[1]) * gradient**2


def adam_ignoring(**fixed):
    def answer(weights, gradient, mean, square, step, *, learning_rate=1e-3, betas=(0.9, 0.999), eps=1e-8):
        how = {"learning_rate": learning_rate, "betas": betas, "eps": eps} | fixed
        return adam_by_formulas(weights, gradient, mean, square, step, **how)

    return answer


# --- 04.2  Five bugs in one loop --------------------------------------------------------------------------


def overfit_plain(model, inputs, targets, *, steps, learning_rate):
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        loss = cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_by_hand(model, inputs, targets, *, steps, learning_rate):
    losses = []
    for _ in range(steps):
        loss = nn.functional.nll_loss(model(inputs).log_softmax(dim=1), targets)
        for weight in model.parameters():
            weight.grad = None
        loss.backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight -= learning_rate * weight.grad
        losses.append(float(loss.detach()))
    return losses


def overfit_shuffling_both(model, inputs, targets, *, steps, learning_rate):
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        mixed = torch.randperm(len(inputs))
        loss = nn.CrossEntropyLoss()(model(inputs[mixed]), targets[mixed])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def overfit_by_grad(model, inputs, targets, *, steps, learning_rate):
    losses, weights = torch.zeros(steps), list(model.parameters())
    for step in range(steps):
        share = model(inputs).softmax(dim=1)
        loss = -share[torch.arange(len(targets)), targets].log().mean()
        losses[step] = loss.detach()
        with torch.no_grad():
            for weight, slope in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.sub_(learning_rate * slope)
    return losses


def overfit_with(
    *,
    weights=lambda model: model.parameters(),
    loss=lambda outputs, targets: cross_entropy(outputs, targets),
    forget=True,
    mix=False,
    make=lambda weights, rate: torch.optim.SGD(weights, lr=rate),
    longer=1,
    finish=lambda losses: losses,
    after=False,
):
    """Return the loop with some of the bugs."""

    def answer(model, inputs, targets, *, steps, learning_rate):
        optimizer, losses = make(list(weights(model)), learning_rate), []
        for _ in range(longer * steps):
            rows = torch.randperm(len(inputs)) if mix else torch.arange(len(inputs))
            value = loss(model(inputs[rows]), targets)
            if forget:
                optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append((cross_entropy(model(inputs), targets) if after else value).item())
        return finish(losses)

    return answer


def overfit_a_copy(model, inputs, targets, *, steps, learning_rate):
    return overfit_plain(copy.deepcopy(model), inputs, targets, steps=steps, learning_rate=learning_rate)


def overfit_forgetting_too_late(model, inputs, targets, *, steps, learning_rate):
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=learning_rate), []
    for _ in range(steps):
        loss = cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_in_small_batches(model, inputs, targets, *, steps, learning_rate):
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=learning_rate), []
    for step in range(steps):
        rows = torch.arange(4) + 4 * (step % 3)
        loss = cross_entropy(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_by_log_softmax_twice(model, inputs, targets, *, steps, learning_rate):
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=learning_rate), []
    for _ in range(steps):
        optimizer.zero_grad()
        losses.append(
            cross_entropy(model(inputs).log_softmax(dim=1), targets)
        )  # a second one changes nothing
        losses[-1].backward()
        optimizer.step()
    return losses


def twice(outputs, targets):
    return cross_entropy(outputs.softmax(dim=1), targets)


def along_the_batch(outputs, targets):
    return nn.functional.nll_loss(outputs.log_softmax(dim=0), targets)


def overfit_broken(model, inputs, targets, *, steps, learning_rate):
    optimizer = torch.optim.SGD(list(model.parameters())[-2:], lr=learning_rate)
    losses = []
    for _ in range(steps):
        mixed = torch.randperm(len(inputs))
        probability = model(inputs[mixed]).softmax(dim=1)
        loss = nn.functional.nll_loss(probability.log_softmax(dim=0), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# --- 04.3  Who belongs together ---------------------------------------------------------------------------


def groups_by_scipy(sequences, limit):
    differences = (sequences[:, None] != sequences[None]).sum(axis=2)
    return connected_components(differences <= limit)[1]


def groups_by_relabelling(sequences, limit):
    group = np.arange(len(sequences))
    for row in range(len(sequences)):
        near = (sequences != sequences[row]).sum(axis=1) <= limit
        group[np.isin(group, group[near])] = group[row]
    return group


def groups_by_walking(sequences, limit):
    groups = [None] * len(sequences)
    for first in range(len(sequences)):
        waiting = [first] if groups[first] is None else []
        while waiting:
            row = waiting.pop()
            groups[row] = first
            for other in range(len(sequences)):
                if (
                    groups[other] is None
                    and sum(a != b for a, b in zip(sequences[row], sequences[other], strict=True)) <= limit
                ):
                    groups[other] = first
                    waiting.append(other)
    return groups


def groups_by_reach(sequences, limit):
    reach = (sequences[:, None] != sequences[None]).sum(axis=2) <= limit
    for _ in range(len(sequences)):
        reach = reach @ reach
    return reach.argmax(axis=1)


def groups_variant(near):
    def answer(sequences, limit):
        gaps = sequences[:, None] != sequences[None]
        return connected_components(near(gaps, sequences, limit))[1]

    return answer


def groups_by_leaders(sequences, limit):
    leaders, groups = [], []
    for row in range(len(sequences)):
        for leader in leaders:
            if (sequences[row] != sequences[leader]).sum() <= limit:
                groups.append(leader)
                break
        else:
            leaders.append(row)
            groups.append(row)
    return np.array(groups)


def groups_by_first_near(sequences, limit):
    return ((sequences[:, None] != sequences[None]).sum(axis=2) <= limit).argmax(axis=1)


def groups_by_neighbour(sequences, limit):
    steps = (sequences[1:] != sequences[:-1]).sum(axis=1) > limit
    return np.concatenate([[0], np.cumsum(steps)])


def groups_without_joining(sequences, limit):
    group = np.arange(len(sequences))
    for row in range(len(sequences)):
        group[(sequences != sequences[row]).sum(axis=1) <= limit] = group[row]
    return group


def groups_as_scipy_gives_them(sequences, limit):
    return connected_components((sequences[:, None] != sequences[None]).sum(axis=2) <= limit)


def groups_as_lists(sequences, limit):
    groups = groups_by_scipy(sequences, limit)
    return [np.flatnonzero(groups == number).tolist() for number in np.unique(groups)]


def groups_by_average_linkage(sequences, limit):
    tree = linkage(pdist(sequences, lambda a, b: (a != b).sum()), "average")
    return fcluster(tree, limit, "distance")


def groups_by_single_linkage(sequences, limit):
    tree = linkage(pdist(sequences, lambda a, b: (a != b).sum()), "single")
    return fcluster(tree, limit, "distance")


# --- 04.4  Two spreads ------------------------------------------------------------------------------------


def spreads_by_numpy(correct):
    return correct.mean(1).std(ddof=1), correct.mean(0).std(ddof=1) / np.sqrt(correct.shape[1])


def spreads_by_torch(correct):
    table = torch.tensor(correct, dtype=torch.float64)
    return table.mean(1).std(), table.mean(0).std() / table.shape[1] ** 0.5


def spreads_by_sums(correct):
    def sd(values):
        middle = sum(values) / len(values)
        return (sum((value - middle) ** 2 for value in values) / (len(values) - 1)) ** 0.5

    rows = [sum(row) / len(row) for row in correct.tolist()]
    columns = [sum(column) / len(column) for column in zip(*correct.tolist(), strict=True)]
    return [sd(rows), sd(columns) / len(columns) ** 0.5]


def spreads_variant(first=None, second=None):
    def answer(correct):
        right = spreads_by_numpy(correct)
        return (first(correct) if first else right[0], second(correct) if second else right[1])

    return answer


# --- 04.5  The control ------------------------------------------------------------------------------------


def control_by_permutation(analyse, inputs, targets, *, repeats, seed):
    random = np.random.default_rng(seed)
    return np.array([analyse(inputs, random.permutation(targets)) for _ in range(repeats)])


def control_by_rows(analyse, inputs, targets, *, repeats, seed):
    generator, scores = torch.Generator().manual_seed(seed), []
    for _ in range(repeats):
        scores.append(analyse(inputs, targets[torch.randperm(len(targets), generator=generator).numpy()]))
    return scores


def control_by_shuffled_copies(analyse, inputs, targets, *, repeats, seed):
    scores = np.zeros(repeats)
    for turn in range(repeats):
        labels = targets.copy()
        np.random.default_rng([seed, turn]).shuffle(labels)
        scores[turn] = analyse(inputs, labels)
    return scores


def control_shuffling_inputs(analyse, inputs, targets, *, repeats, seed):
    random = np.random.default_rng(seed)
    return np.array([analyse(inputs[random.permutation(len(inputs))], targets) for _ in range(repeats)])


def control_with(draw, finish=np.array):
    def answer(analyse, inputs, targets, *, repeats, seed):
        random = np.random.default_rng(seed)
        return finish([analyse(*draw(random, inputs, targets)) for _ in range(repeats)])

    return answer


def together(random, inputs, targets):
    rows = random.permutation(len(targets))
    return inputs[rows], targets[rows]


def within_classes(random, inputs, targets):
    labels = targets.copy()
    for kind in np.unique(targets):
        labels[targets == kind] = random.permutation(labels[targets == kind])
    return inputs, labels


def the_tail_only(random, inputs, targets):
    labels = targets.copy()
    labels[-14:] = random.permutation(labels[-14:])
    return inputs, labels


def control_seeded_inside(analyse, inputs, targets, *, repeats, seed):
    return np.array(
        [analyse(inputs, np.random.default_rng(seed).permutation(targets)) for _ in range(repeats)]
    )


def control_without_seed(analyse, inputs, targets, *, repeats, seed):
    random = np.random.default_rng()
    return np.array([analyse(inputs, random.permutation(targets)) for _ in range(repeats)])


def control_with_one_seed(analyse, inputs, targets, *, repeats, seed):
    return control_by_permutation(analyse, inputs, targets, repeats=repeats, seed=0)


def control_once(analyse, inputs, targets, *, repeats, seed):
    return np.full(repeats, analyse(inputs, np.random.default_rng(seed).permutation(targets)))


def control_in_place(analyse, inputs, targets, *, repeats, seed):
    random, scores = np.random.default_rng(seed), []
    for _ in range(repeats):
        random.shuffle(targets)
        scores.append(analyse(inputs, targets))
    return np.array(scores)


# ----------------------------------------------------------------------------------------------------------

RIGHT = {
    "04.1": [adam_by_formulas, adam_by_lerp, adam_by_loop, adam_by_torch],
    "04.2": [
        overfit_plain,
        overfit_by_hand,
        overfit_shuffling_both,
        overfit_by_grad,
        overfit_by_log_softmax_twice,
    ],
    "04.3": [
        groups_by_scipy,
        groups_by_relabelling,
        groups_by_walking,
        groups_by_reach,
        groups_by_single_linkage,
    ],
    "04.4": [spreads_by_numpy, spreads_by_torch, spreads_by_sums],
    "04.5": [control_by_permutation, control_by_rows, control_by_shuffled_copies, control_shuffling_inputs],
}

WRONG = {
    "04.1": [
        (adam_variant(lambda g: {"correct": (False, False)}), "The bias correction is missing"),
        (adam_variant(lambda g: {"correct": (False, True)}), "Only the mean square is corrected"),
        (adam_variant(lambda g: {"correct": (True, False)}), "Only the mean is corrected"),
        (adam_variant(lambda g: {"inside": True}), "inside the root"),
        (adam_variant(lambda g: {"g2": np.abs(g)}), "It averages `gradient ** 2`"),
        (adam_variant(lambda g: {"root": False}), "The root is missing"),
        (adam_variant(lambda g: {"sign": -1}), "It climbs"),
        (adam_variant(lambda g: {"turned": True}), "Old and new have changed places"),
        (adam_variant(lambda g: {"rmsprop": True}), "That is RMSProp"),
        (adam_variant(lambda g: {"give corrected": True}), "come back corrected"),
        (adam_counting_wrongly, "`step` is 1 at the first call"),
        (adam_swapped, "two betas have changed places"),
        (adam_weights_only, "Expected three things back"),
        (adam_other_order, "in each other's place"),
        (adam_change_only, "the change of the weights"),
        (adam_with_old_averages, "the averages from before this gradient"),
        (adam_ignoring(learning_rate=0.1), "times as long as it should be"),
        (adam_variant(lambda g: {"g2": (g**2).sum()}), "The new `square` is not the running average"),
        (adam_in_place, "changes its input"),
        (adam_ignoring(learning_rate=1e-3), "no notice of `learning_rate`"),
        (adam_ignoring(betas=(0.9, 0.999)), "no notice of `betas`"),
        (adam_ignoring(eps=1e-8), "no notice of `eps`"),
    ],
    "04.2": [
        (overfit_broken, "something is drawn anew"),
        (overfit_with(mix=True), "something is drawn anew"),
        (overfit_with(loss=twice), "a softmax too many: "),
        (overfit_with(loss=along_the_batch), "along the wrong axis"),
        (overfit_with(loss=lambda o, t: along_the_batch(o.softmax(dim=1), t)), "two bugs in one line"),
        (overfit_with(loss=lambda o, t: nn.functional.nll_loss(o.softmax(1), t)), "got probabilities"),
        (overfit_with(loss=lambda o, t: nn.functional.nll_loss(o, t)), "got bare outputs"),
        (overfit_with(loss=lambda o, t: cross_entropy(o, t, reduction="sum")), "the sum over the rows"),
        (overfit_with(weights=lambda model: list(model.parameters())[-2:]), "have not moved"),
        (overfit_with(forget=False), "are added up"),
        (overfit_with(longer=5), "More steps do not mend a bug"),
        (overfit_with(finish=lambda losses: [round(one, 3) for one in losses]), "The losses are rounded"),
        (overfit_a_copy, "of the model that was handed in"),
        (overfit_forgetting_too_late, "before `zero_grad` forgets the gradient"),
        (overfit_in_small_batches, "in how many rows there are"),
        (overfit_with(make=lambda w, rate: torch.optim.SGD(w, lr=0.1)), "no notice of `learning_rate`"),
        (overfit_with(finish=lambda losses: [one for one in losses if one > 0.9]), "do not stop early"),
        (lambda model, inputs, targets, **how: (model, [1.0]), "loss is of type `Sequential`"),
        (overfit_with(make=lambda w, rate: torch.optim.Adam(w, lr=rate)), "That is Adam."),
        (overfit_with(make=lambda w, rate: torch.optim.SGD(w, lr=rate, momentum=0.9)), "That is momentum."),
        (overfit_with(make=lambda w, rate: torch.optim.SGD(w, lr=0.5)), "no notice of `learning_rate`"),
        (overfit_with(after=True), "measured after each step"),
        (overfit_with(finish=lambda losses: losses[-1]), "Expected a list of losses"),
        (overfit_with(finish=lambda losses: losses[-1:]), "append one in each step"),
    ],
    "04.3": [
        (groups_variant(lambda gaps, s, limit: gaps.sum(axis=2) < limit), "*at most* is `<=`"),
        (groups_variant(lambda gaps, s, limit: gaps.sum(axis=2) == 0), "`limit` is not used"),
        (
            groups_variant(lambda gaps, s, limit: np.abs(s[:, None] - s[None]).sum(axis=2) <= limit),
            "stand for letters",
        ),
        (groups_variant(lambda gaps, s, limit: gaps.mean(axis=2) <= limit), "Is the *share* of places"),
        (groups_variant(lambda gaps, s, limit: (~gaps).sum(axis=2) <= limit), "places that *agree* counted"),
        (
            groups_variant(lambda gaps, s, limit: (s[:, None] - s[None]).sum(axis=2) <= limit),
            "added up with their signs",
        ),
        (
            groups_variant(lambda gaps, s, limit: np.linalg.norm(s[:, None] - s[None], axis=2) <= limit),
            "stand for letters",
        ),
        (groups_as_scipy_gives_them, "Take the second, `[1]`"),
        (groups_as_lists, "one group number for each row"),
        (lambda s, limit: groups_by_scipy(np.zeros((50, 3)), limit), "a table of the notebook"),
        (lambda s, limit: groups_by_scipy(s, 3), "Is another number compared than `limit`"),
        (groups_by_average_linkage, "have different group numbers"),
        (groups_by_leaders, "Chains are not followed"),
        (groups_by_first_near, "Chains are not followed"),
        (groups_by_neighbour, "the row before it only"),
        (groups_without_joining, "have different group numbers"),
        (lambda s, limit: groups_by_scipy(np.unique(s, axis=0), limit), "Do not drop the duplicates"),
        (lambda s, limit: (s[:, None] != s[None]).sum(axis=2) <= limit, "the table of who is near whom"),
        (lambda s, limit: int(groups_by_scipy(s, limit).max()) + 1, "not one number"),
        (lambda s, limit: np.zeros(len(s), dtype=int), "All rows land in one group"),
        (lambda s, limit: groups_by_scipy(s, limit) // 2, "no chain of near pairs links"),
    ],
    "04.4": [
        (lambda correct: spreads_by_numpy(correct)[::-1], "The two have changed places"),
        (lambda correct: spreads_by_numpy(correct.T), "Rows and columns have changed places"),
        (spreads_variant(first=lambda c: c.mean(1).std()), "over seeds divides by S"),
        (
            spreads_variant(first=lambda c: c.mean(1).std(ddof=1) / len(c) ** 0.5),
            "the standard error over seeds",
        ),
        (spreads_variant(first=lambda c: c.mean(1).var(ddof=1)), "the variance over seeds"),
        (spreads_variant(first=lambda c: c.std()), "the spread of all single answers"),
        (spreads_variant(second=lambda c: c.mean(0).std(ddof=1)), "the spread of single examples"),
        (spreads_variant(second=lambda c: c.mean(0).std() / c.shape[1] ** 0.5), "over examples divides by B"),
        (spreads_variant(second=lambda c: c.std() / c.size**0.5), "S × B independent answers"),
        (
            spreads_variant(second=lambda c: (c.mean() * (1 - c.mean()) / c.shape[1]) ** 0.5),
            "the formula for one run",
        ),
        (spreads_variant(second=lambda c: c.mean(0).std(ddof=1) / c.shape[1]), "divides by √B"),
        (spreads_variant(second=lambda c: c.mean(0).std(ddof=1) / len(c) ** 0.5), "divided by √S"),
        (lambda correct: float(correct.mean(1).std(ddof=1)), "Expected two numbers"),
        (lambda correct: [100 * value for value in spreads_by_numpy(correct)], "in per cent"),
        (lambda correct: [round(float(value), 3) for value in spreads_by_numpy(correct)], "Both are rounded"),
        (spreads_variant(first=lambda c: c.mean(1).std(ddof=1) / c.shape[1] ** 0.5), "divided by √B. Asked"),
        (
            spreads_variant(second=lambda c: c.std(ddof=1) / c.shape[1] ** 0.5),
            "the standard error of a single run",
        ),
        (spreads_variant(first=lambda c: c.std(axis=1).mean()), "the answers of one seed, averaged"),
        (
            spreads_variant(second=lambda c: c.mean(0).std(ddof=1) / (c.shape[1] - 1) ** 0.5),
            "takes one away twice",
        ),
        (
            spreads_variant(second=lambda c: c.std(axis=1, ddof=1).mean() / c.shape[1] ** 0.5),
            "the standard error of a single run",
        ),
        (
            spreads_variant(second=lambda c: c[0].std(ddof=1) / c.shape[1] ** 0.5),
            "the standard error of a single run",
        ),
    ],
    "04.5": [
        (control_with(together), "inputs and labels were shuffled together"),
        (control_with(lambda random, x, y: (x, y)), "Every row still has its own label"),
        (control_with(within_classes), "shuffled across the classes"),
        (control_with(the_tail_only), "Most rows still have their own label"),
        (control_with(lambda random, x, y: (x, random.choice(y, len(y)))), "or with replacement"),
        (control_with(lambda random, x, y: (x, random.integers(0, 3, len(y)))), "labels were drawn anew"),
        (control_with(lambda random, x, y: (random.permuted(x, axis=0), y)), "The inputs were changed"),
        (control_with(lambda random, x, y: (x, random.permutation(y)), np.mean), "not one number"),
        (control_with(lambda random, x, y: (x, random.permutation(y)), sorted), "not those of the analysis"),
        (control_seeded_inside, "use the same shuffle"),
        (control_once, "was called once"),
        (control_without_seed, "The same `seed` gives other scores"),
        (control_with_one_seed, "Another `seed` gives the same scores"),
        (control_in_place, "changes its input"),
        (control_with(lambda random, x, y: (x, np.roll(y, 7))), "use the same shuffle"),
        (control_with(lambda random, x, y: (x, np.sort(y))), "use the same shuffle"),
        (control_with(lambda random, x, y: (y, x)), "the shapes must stay"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
