"""Checks of lesson 04, "The deep learning workflow": a step, a loop, groups, spreads, and a control."""

from __future__ import annotations

import copy
import itertools
import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 04.1  One step of Adam

_ADAM_SLIPS = {
    "uncorrected": "The bias correction is missing: both averages start at zero and are too small at first. "
    "Divide by `1 - beta ** step`.",
    "mean uncorrected": "Only the mean square is corrected. The running mean starts at zero as well: "
    "divide it by `1 - betas[0] ** step`.",
    "square uncorrected": "Only the mean is corrected. The running square starts at zero as well: divide "
    "it by `1 - betas[1] ** step`.",
    "eps in root": "`eps` stands inside the root. It is added after it: `sqrt(square) + eps`.",
    "not squared": "The running square is updated with the gradient itself. It averages `gradient ** 2`.",
    "no root": "The root is missing: the step divides by the root of the mean square.",
    "ascent": "It climbs: the step goes against the gradient, so subtract it.",
    "counted from 0": "The correction uses `step - 1` or `step + 1`. `step` is 1 at the first call: use "
    "it as it is.",
    "swapped": "The two betas have changed places: `betas[0]` belongs to the mean, `betas[1]` to the square.",
    "weights swapped": "Old and new have changed places: keep the share `beta` of the old average and take "
    "`1 - beta` of the new.",
    "no mean": "The step uses the gradient itself. That is RMSProp: Adam uses the running mean of the "
    "gradient.",
    "fixed rate": "It takes no notice of `learning_rate`.",
    "fixed betas": "It takes no notice of `betas`.",
    "fixed eps": "It takes no notice of `eps`.",
}


def _adam(weights, gradient, mean, square, step, rate, betas, eps, slip=""):
    """Return one step of Adam in plain Python, one weight at a time, or with one of the common slips."""
    first, second = reversed(betas) if slip == "swapped" else betas
    rate = 1e-3 if slip == "fixed rate" else rate
    first, second = (0.9, 0.999) if slip == "fixed betas" else (first, second)
    eps = 1e-8 if slip == "fixed eps" else eps
    out = []
    for w, g, m, s in zip(weights, gradient, mean, square, strict=True):
        keep, take = (1 - first, first) if slip == "weights swapped" else (first, 1 - first)
        m = keep * m + take * g
        keep, take = (1 - second, second) if slip == "weights swapped" else (second, 1 - second)
        s = keep * s + take * (abs(g) if slip == "not squared" else g * g)
        count = step + 1 if slip == "counted from 0" else step
        m_hat = g if slip == "no mean" else m
        m_hat = (
            m_hat if slip in ("uncorrected", "mean uncorrected", "no mean") else m_hat / (1 - first**count)
        )
        s_hat = s if slip in ("uncorrected", "square uncorrected") else s / (1 - second**count)
        root = math.sqrt(s_hat + eps) if slip == "eps in root" else math.sqrt(s_hat) + eps
        root = s_hat + eps if slip == "no root" else root
        change = rate * m_hat / root
        out.append((w + change if slip == "ascent" else w - change, m, s))
    return [list(column) for column in zip(*out, strict=True)]


def _verify_adam(answer):
    import numpy as np
    import torch

    def ask(weights, gradient, mean, square, step, rate, betas, eps):
        arrays = [np.array(values, float) for values in (weights, gradient, mean, square)]
        given = call(answer, *arrays, step, learning_rate=rate, betas=betas, eps=eps)
        if not isinstance(given, (tuple, list)) or len(given) != 3:
            raise NotYet("Expected three things back: the new `weights`, `mean` and `square`, in this order.")
        names = ("the new `weights`", "the new `mean`", "the new `square`")
        shape = (len(weights),)
        return [expect_array(value, shape=shape, name=name) for value, name in zip(given, names, strict=True)]

    cases = (
        ([1.0, -2.0], [3.0, -0.02], [0.0, 0.0], [0.0, 0.0], 1, 0.1, (0.9, 0.999), 1e-8),
        ([0.3, 0.7, -1.0], [0.5, -1.5, 0.2], [0.1, -0.2, 0.3], [0.2, 0.4, 0.1], 3, 0.02, (0.8, 0.95), 1e-2),
    )
    for case in cases:
        found = ask(*case)
        wanted = _adam(*case)
        if not np.allclose(found, wanted, rtol=1e-6, atol=1e-9):
            for slip, message in _ADAM_SLIPS.items():
                if np.allclose(found, _adam(*case, slip=slip), rtol=1e-6, atol=1e-9):
                    raise NotYet(message)
            first, second = case[6]
            corrected = [
                np.array(wanted[1]) / (1 - first ** case[4]),
                np.array(wanted[2]) / (1 - second ** case[4]),
            ]
            if np.allclose(found[0], wanted[0], rtol=1e-6) and any(
                np.allclose(found[k], corrected[k - 1], rtol=1e-6) for k in (1, 2)
            ):
                raise NotYet(
                    "The weights are right, but the averages come back corrected, so the next step corrects "
                    "them again. Keep the correction to the step."
                )
            if np.allclose(found[1], wanted[2], rtol=1e-6) and np.allclose(found[2], wanted[1], rtol=1e-6):
                raise NotYet(
                    "`mean` and `square` come back in each other's place: the weights first, then the mean, "
                    "then the square."
                )
            order = {"mean": 1, "square": 2}
            for name, k in order.items():
                if not np.allclose(found[k], wanted[k], rtol=1e-6, atol=1e-9):
                    raise NotYet(
                        f"The new `{name}` is not the running average: `beta` times the old one plus `1 - "
                        f"beta` times the new {'gradient' if k == 1 else 'gradient squared'}."
                    )
            if np.allclose(found[0], np.array(wanted[0]) - case[0], rtol=1e-6):
                raise NotYet("That is the change of the weights. Asked are the new weights: old plus change.")
            corrected = [np.array(case[k]) / (1 - beta ** case[4]) for k, beta in ((2, first), (3, second))]
            late = case[0] - case[5] * corrected[0] / (np.sqrt(corrected[1]) + case[7])
            if np.allclose(found[0], late, rtol=1e-6):
                raise NotYet(
                    "The step uses the averages from before this gradient. Update `mean` and `square` first, "
                    "then correct them."
                )
            length = (case[0] - found[0]) / (np.array(case[0]) - wanted[0])
            times = f" It is {length[0]:.3g} times as long as it should be."
            raise NotYet(
                "The two averages are right, and the step is not: the corrected mean, divided by the root "
                "of the corrected square plus `eps`, times `learning_rate`."
                + times
                * bool(np.allclose(length, length[0], rtol=1e-3))
            )

    start = [-9.0, 2.0, 0.5]
    tensor = torch.tensor(start, dtype=torch.float64)
    optimizer = torch.optim.Adam([tensor], lr=0.3, betas=(0.9, 0.99))
    weights, mean, square = np.array(start), np.zeros(3), np.zeros(3)
    for step in range(1, 21):
        gradient = weights * np.array([1.0, 20.0, 0.0])
        tensor.grad = torch.tensor(gradient)
        optimizer.step()
        weights, mean, square = ask(weights, gradient, mean, square, step, 0.3, (0.9, 0.99), 1e-8)
        expect_close(
            weights,
            tensor,
            name="the new `weights`",
            rtol=1e-6,
            otherwise=f"It parts from `torch.optim.Adam` at step {step} of 20. Does it keep anything between "
            "calls that was not handed in?",
        )
    return (
        "Twenty steps equal to `torch.optim.Adam`. At the first step the correction makes the step "
        "exactly the rate, whatever the size of the gradient: only its sign counts."
    )


# ---------------------------------------------------------------------------------------------------------
# 04.2  Five bugs in one loop


def _classifier(seed, inputs=6, classes=3):
    """Return a small network whose first copy is itself, so that a check sees it trained, rows and labels."""
    import torch
    from torch import nn

    class Watched(nn.Sequential):
        handed_out = False

        def __deepcopy__(self, memo):
            # The first copy is that of `call`. Another one is the student's: then this model does not move.
            if not self.handed_out:
                self.handed_out = True
                return self
            return nn.Sequential(*(copy.deepcopy(layer, memo) for layer in self))

    Watched.__name__ = "Sequential"  # what a message may call it
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = Watched(nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, classes))
    rows = torch.randn(12, inputs)
    labels = torch.arange(12) % classes
    torch.random.set_rng_state(state)
    return model, rows, labels


def _descent(seed, steps, rate, *, forget=True, optimizer="SGD", **sizes):
    """Return the losses of the right loop, or of one that adds up gradients, or uses another optimiser."""
    import torch
    from torch.nn.functional import cross_entropy

    model, rows, labels = _classifier(seed, **sizes)
    parameters = list(model.parameters())
    made = {
        "SGD": lambda: torch.optim.SGD(parameters, lr=rate),
        "momentum": lambda: torch.optim.SGD(parameters, lr=rate, momentum=0.9),
        "Adam": lambda: torch.optim.Adam(parameters, lr=rate),
        "AdamW": lambda: torch.optim.AdamW(parameters, lr=rate),
    }[optimizer]()
    losses = []
    for _ in range(steps + 1):
        loss = cross_entropy(model(rows), labels)
        if forget:
            made.zero_grad()
        loss.backward()
        made.step()
        losses.append(loss.item())
    return losses


def _verify_overfit(answer):
    import numpy as np
    import torch
    from torch.nn.functional import cross_entropy, nll_loss

    def ask(seed, steps, rate, **sizes):
        model, rows, labels = _classifier(seed, **sizes)
        before = [weight.detach().clone() for weight in model.parameters()]
        losses = call(answer, model, rows, labels, steps=steps, learning_rate=rate)
        if not isinstance(losses, (list, tuple)) and not hasattr(losses, "shape"):
            raise NotYet(
                f"Expected a list of losses, one for each step, and not a `{type(losses).__name__}`."
            )
        if hasattr(losses, "shape") and losses.ndim != 1:
            raise NotYet("Expected a list of losses, one for each step, and not a single number or a table.")
        losses = [expect_number(loss, name="a loss") for loss in losses]
        if len(losses) > steps:
            raise NotYet(
                f"`steps` is {steps}, and there are {len(losses)} losses. More steps do not mend a bug: "
                "train for exactly `steps` of them."
            )
        if len(losses) < steps:
            raise NotYet(
                f"`steps` is {steps}, and there are only {len(losses)} losses: append one in each step, and "
                "do not stop early."
            )
        moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
        return losses, moved, model

    for seed, steps, rate, sizes in ((1, 12, 0.3, {}), (2, 12, 0.1, {"inputs": 9, "classes": 4})):
        losses, moved, trained = ask(seed, steps, rate, **sizes)
        wanted = _descent(seed, steps, rate, **sizes)
        model, rows, labels = _classifier(seed, **sizes)
        outputs = model(rows).detach()

        def first(value, losses=losses):
            return math.isclose(losses[0], value.item(), rel_tol=1e-4)

        again, _, _ = ask(seed, steps, rate, **sizes)
        if not np.allclose(losses, again, rtol=1e-4):
            raise NotYet(
                "Two runs from the same weights differ: something is drawn anew in each step, and rows "
                "and labels no longer belong together. Shuffle both by the same numbers, or neither."
            )
        if not first(cross_entropy(outputs, labels)):
            share = outputs.softmax(dim=1)
            reasons = (
                (
                    nll_loss(share.log_softmax(dim=0), labels),
                    "The first loss is that of two bugs in one line: a softmax too many, and one that "
                    "sums to 1 over the batch (`dim=0`). `cross_entropy` takes the bare outputs.",
                ),
                (
                    cross_entropy(share, labels),
                    "There is a softmax too many: `cross_entropy` and `log_softmax` take the bare outputs "
                    "of the model.",
                ),
                (
                    nll_loss(outputs.log_softmax(dim=0), labels),
                    "The softmax runs along the wrong axis: the shares of one *row* must sum to 1, which "
                    "is `dim=1`.",
                ),
                (
                    nll_loss(outputs.softmax(dim=0).log(), labels),
                    "The softmax runs along the wrong axis: the shares of one *row* must sum to 1, which "
                    "is `dim=1`.",
                ),
                (
                    nll_loss(share, labels),
                    "`nll_loss` wants logarithms of probabilities, and got probabilities. Use "
                    "`cross_entropy` on the bare outputs.",
                ),
                (
                    nll_loss(outputs, labels),
                    "`nll_loss` wants logarithms of probabilities, and got bare outputs. Use "
                    "`cross_entropy`.",
                ),
                (
                    cross_entropy(outputs, labels, reduction="sum"),
                    "That is the sum over the rows. Take the mean: then the rate does not depend on the "
                    "batch size.",
                ),
                (
                    torch.tensor(wanted[1]),
                    "The losses are measured after each step. Measure before it: the first one is that of "
                    "the untrained model.",
                ),
            )
            for value, message in reasons:
                if first(value):
                    raise NotYet(message)
            if losses[0] in [round(wanted[0], digits) for digits in (1, 2, 3, 4)]:
                raise NotYet("The losses are rounded. Return them as they are, and round when you print.")
            raise NotYet(
                "The first loss is not the mean cross-entropy of the untrained model over all rows, so what "
                "is wrong is in the loss, in which label goes with which row, or in how many rows there are. "
                "Compute it once outside the loop and compare."
            )
        if not any(moved):
            raise NotYet(
                "No weight of `model` has moved. The optimiser has to get `model.parameters()` of the "
                "model that was handed in, and to `step` after `backward`, before `zero_grad` forgets the "
                "gradient."
            )
        if not all(moved):
            raise NotYet(
                f"{moved.count(False)} of {len(moved)} tensors of weights have not moved: the optimiser "
                "did not get all of `model.parameters()`."
            )
        if np.allclose(losses, _descent(seed, steps, rate, forget=False, **sizes)[:-1], rtol=1e-4):
            raise NotYet(
                "The gradients of all steps are added up: `backward` adds to `.grad`. Forget the last "
                "ones in each step: `zero_grad`."
            )
        if not np.allclose(losses, wanted[:-1], rtol=1e-3, atol=1e-6):
            for name in ("momentum", "Adam", "AdamW"):
                if np.allclose(losses, _descent(seed, steps, rate, optimizer=name, **sizes)[:-1], rtol=1e-3):
                    raise NotYet(
                        f"That is {name}. Keep plain SGD: another optimiser hides a bug, and mends none."
                    )
            for other in (0.5, 0.1, 0.01, 1e-3, 1.0):
                if other != rate and np.allclose(
                    losses, _descent(seed, steps, other, **sizes)[:-1], rtol=1e-3
                ):
                    raise NotYet("It takes no notice of `learning_rate`.")
            raise NotYet(
                "The first loss is right, and the later ones are not those of plain SGD with this "
                "`learning_rate` on the whole batch. Is anything left of the shuffling, or a step taken "
                "twice?"
            )
        if not math.isclose(cross_entropy(trained(rows), labels).item(), wanted[-1], rel_tol=1e-2):
            raise NotYet("The losses are right, but the model that was handed in did not take the last step.")
    losses, _, _ = ask(5, 200, 0.5)
    if losses[-1] > 0.05:
        raise NotYet("After 200 steps the loss on twelve rows is still above 0.05.")
    return (
        "The loss on one batch goes to nearly zero, and each of the five bugs would have kept it up. More "
        "epochs would have mended none of them."
    )


# ---------------------------------------------------------------------------------------------------------
# 04.3  Who belongs together


def _partition(near):
    """Return group numbers for a table of neighbours, by walking from row to row."""
    groups = [-1] * len(near)
    for row in range(len(near)):
        if groups[row] >= 0:
            continue
        waiting = [row]
        while waiting:
            here = waiting.pop()
            if groups[here] < 0:
                groups[here] = row
                waiting += [other for other in range(len(near)) if near[here][other]]
    return groups


def _leaders(near):
    """Return group numbers if each row joins the first earlier leader that is near: no chains."""
    leaders, groups = [], []
    for row in range(len(near)):
        found = next((leader for leader in leaders if near[row][leader]), None)
        if found is None:
            leaders.append(row)
        groups.append(row if found is None else found)
    return groups


def _nearest_first(near):
    """Return for each row the first row that is near it: no chains, and no leaders either."""
    return [next(other for other in range(len(near)) if near[row][other]) for row in range(len(near))]


def _sequence_cases():
    """Yield (sequences, limit): chains, mixed; identical only; all alone; one long chain; the example."""
    import numpy as np

    random = np.random.default_rng(4)
    founders = random.integers(0, 20, (9, 12))
    rows = []
    for founder in founders:
        row = founder
        for _ in range(random.integers(1, 6)):
            row = row.copy()
            changed = random.choice(12, random.integers(1, 3), replace=False)
            row[changed] = (row[changed] + random.integers(1, 4, len(changed))) % 20
            rows.append(row)
    rows += [founders[0], founders[3], rows[-1]]
    mixed = np.array(rows)[random.permutation(len(rows))]
    yield mixed, 2
    yield mixed, 0
    yield random.integers(0, 20, (7, 30)), 3
    # The two ends of a chain, and only later the rows between them.
    chain = np.zeros((7, 6), dtype=int)
    for row, ones in enumerate((0, 6, 1, 5, 2, 4, 3)):
        chain[row, :ones] = 9
    yield chain, 1
    yield np.array([[1, 1, 1], [1, 1, 2], [1, 3, 2], [7, 7, 7]]), 1


def _same_groups(found, groups):
    pairs = list(zip(found, groups, strict=True))
    return len(set(pairs)) == len(set(found)) == len(set(groups))


def _verify_groups(answer):
    import numpy as np

    for sequences, limit in _sequence_cases():
        count = len(sequences)
        given = call(answer, sequences, limit)
        if isinstance(given, tuple) and len(given) == 2 and np.shape(given[1]) == (count,):
            raise NotYet(
                "That is a pair: SciPy's `connected_components` returns how many groups there are, and then "
                "the group numbers. Take the second, `[1]`."
            )
        if isinstance(given, (list, tuple)) and any(isinstance(one, (list, tuple, set)) for one in given):
            raise NotYet(
                "Those are the groups, each with its rows. Expected is one group number for each row, in the "
                "order of the rows: (B,)."
            )
        array = expect_array(given, name="your result", kind="any")
        if array.ndim == 0:
            raise NotYet(
                "Expected a group number for each row, and not one number, such as how many groups there are."
            )
        if array.shape == (count, count):
            raise NotYet(
                "That is the table of who is near whom. Follow its chains, and give each row one group "
                "number."
            )
        if array.ndim == 1 and len(array) > count:
            raise NotYet(
                f"There are {count} rows and {len(array)} group numbers. Does it use a table of the "
                "notebook, such as `differences`, in place of the `sequences` that come in?"
            )
        if array.ndim == 1 and len(array) < count:
            raise NotYet(
                f"There are {count} rows and {len(array)} group numbers. Do not drop the duplicates: "
                "which of them to keep, and on which side, is decided when the data are cut."
            )
        array = expect_array(array, shape=(count,), name="your result")
        if np.isnan(array.astype(float)).any():
            raise NotYet("Some group numbers are NaN (not a number).")
        found = array.tolist()
        differences = (sequences[:, None] != sequences[None]).sum(axis=2)
        near = differences <= limit
        wanted = _partition(near.tolist())
        if _same_groups(found, wanted):
            continue
        step = sequences[:, None] - sequences[None]
        size = np.abs(step).sum(axis=2)
        following = [0]
        for row in range(1, count):
            following.append(following[-1] + (not near[row - 1, row]))
        traps = (
            (
                _partition((differences < limit).tolist()),
                "Rows that differ in exactly `limit` places are left apart: *at most* is `<=`.",
            ),
            (
                _leaders(near.tolist()),
                "Chains are not followed: each row is compared with the first of a group only. If a is "
                "near b and b is near c, all three belong together.",
            ),
            (
                _nearest_first(near.tolist()),
                "Chains are not followed: each row takes the number of one row that is near it. If a is "
                "near b and b is near c, all three belong together.",
            ),
            (
                following,
                "Each row is compared with the row before it only. Twins may stand anywhere in the file.",
            ),
            (
                _partition((differences == 0).tolist()),
                "Only identical rows share a group: `limit` is not used.",
            ),
            (
                _partition((size <= limit).tolist()),
                "The *sizes* of the differences count here. The numbers stand for letters, and 3 is no "
                "nearer to 4 than to 17: count the places that differ.",
            ),
            (
                _partition((np.sqrt((step.astype(float) ** 2).sum(axis=2)) <= limit).tolist()),
                "The *sizes* of the differences count here. The numbers stand for letters, and 3 is no "
                "nearer to 4 than to 17: count the places that differ.",
            ),
            (
                [0] * count,
                "All rows land in one group. Is the *share* of places compared with `limit`, where their "
                "number is meant, or are the places that *agree* counted, or differences added up with "
                "their signs?",
            ),
        )
        for groups, message in traps:
            if _same_groups(found, groups):
                raise NotYet(message)
        for a, b in itertools.combinations(range(count), 2):
            if near[a, b] and found[a] != found[b]:
                raise NotYet(
                    f"Rows {a} and {b} differ in {differences[a, b]} places, with `limit={limit}`, and "
                    "have different group numbers. Are two groups joined when a row turns up that is near "
                    "both?"
                )
        raise NotYet(
            "Rows share a group that no chain of near pairs links. Is another number compared than `limit`, "
            "or do all rows that stand alone share one group?"
        )
    return (
        "No two rows of different groups are nearer than the limit, so whole groups may be put on either "
        "side. A chain may also link what is not related: look at the size of the largest group."
    )


# ---------------------------------------------------------------------------------------------------------
# 04.4  Two spreads


def _verify_spreads(answer):
    import numpy as np

    random = np.random.default_rng(44)
    hard = random.random(60)
    tables = (
        (random.random((7, 60)) < hard * np.linspace(0.7, 1.0, 7)[:, None]).astype(int),
        np.array([[1, 1, 0, 1], [1, 0, 0, 1]]),
    )
    for table in tables:
        given = call(answer, table)
        if not isinstance(given, (tuple, list)) and not (hasattr(given, "shape") and np.shape(given) == (2,)):
            raise NotYet("Expected two numbers: the spread over seeds, then the one from the examples.")
        if len(given) != 2:
            raise NotYet(f"Expected two numbers, and there are {len(given)}.")
        seeds, examples = table.shape
        of_seed, of_example = table.mean(axis=1), table.mean(axis=0)
        found = [
            expect_number(value, name=name)
            for value, name in zip(given, ("the spread over seeds", "the spread from examples"), strict=True)
        ]
        sd_seed, sd_example = of_seed.std(ddof=1), of_example.std(ddof=1)
        error = sd_example / np.sqrt(examples)
        if np.allclose(found, (error, sd_seed), rtol=1e-4):
            raise NotYet(
                "The two have changed places: first the spread over seeds, then the one from the examples."
            )
        if any(found == [round(sd_seed, digits), round(error, digits)] for digits in (2, 3, 4)):
            raise NotYet("Both are rounded. Return them as they are, and round when you print.")
        if np.allclose(found, (100 * sd_seed, 100 * error), rtol=1e-4):
            raise NotYet("Both are in per cent. Asked are shares: an accuracy is a number from 0 to 1.")
        if np.allclose(found, (sd_example, sd_seed / np.sqrt(seeds)), rtol=1e-4):
            raise NotYet("Rows and columns have changed places: a row is a seed, a column is a test example.")
        expect_close(
            found[0],
            sd_seed,
            name="the spread over seeds",
            traps=(
                (
                    of_seed.std(),
                    "The spread over seeds divides by S. With few seeds divide by S − 1: `ddof=1`.",
                ),
                (
                    sd_seed / np.sqrt(seeds),
                    "That is the standard error over seeds. Asked is the standard deviation.",
                ),
                (
                    sd_seed / np.sqrt(examples),
                    "The first number is divided by √B. Asked is the standard deviation over seeds as it is.",
                ),
                (sd_seed**2, "That is the variance over seeds. Take its root."),
                (
                    table.std(ddof=1),
                    "That is the spread of all single answers. Take the accuracy of each seed first.",
                ),
                (
                    table.std(),
                    "That is the spread of all single answers. Take the accuracy of each seed first.",
                ),
                (
                    sd_example,
                    "That is the spread over columns. The accuracy of a seed is the mean of its row.",
                ),
                *(
                    (
                        table.std(axis=1, ddof=ddof).mean(),
                        "That is the spread of the answers of one seed, averaged. Take the accuracy of each "
                        "seed first, then their spread.",
                    )
                    for ddof in (0, 1)
                ),
            ),
            otherwise="The first number is not the standard deviation over seeds of the accuracy.",
        )
        accuracy = table.mean()
        expect_close(
            found[1],
            error,
            name="the standard error from the examples",
            traps=(
                (
                    sd_example,
                    "The second number is the spread of single examples. An accuracy is a mean of B of "
                    "them: divide by √B.",
                ),
                (
                    of_example.std() / np.sqrt(examples),
                    "The spread over examples divides by B. Divide by B − 1: `ddof=1`.",
                ),
                (error**2, "The second number is a variance. Take its root."),
                (
                    table.std(ddof=1) / np.sqrt(table.size),
                    "It counts S × B independent answers. All seeds answer the *same* B examples: average "
                    "over seeds first.",
                ),
                (
                    table.std() / np.sqrt(table.size),
                    "It counts S × B independent answers. All seeds answer the *same* B examples: average "
                    "over seeds first.",
                ),
                (
                    np.sqrt(accuracy * (1 - accuracy) / table.size),
                    "It counts S × B independent answers. All seeds answer the *same* B examples: average "
                    "over seeds first.",
                ),
                (
                    np.sqrt(accuracy * (1 - accuracy) / examples),
                    "That is the formula for one run, √(p(1 − p)/B). For the accuracy averaged over seeds "
                    "take the spread of each example's mean.",
                ),
                (sd_example / examples, "The second number is divided by B. A standard error divides by √B."),
                (
                    sd_example / np.sqrt(examples - 1),
                    "The second number takes one away twice: `ddof=1` has done it in the spread, and the "
                    "root is that of B.",
                ),
                *(
                    (
                        one / np.sqrt(examples),
                        "That is the standard error of a single run. For the accuracy averaged over seeds "
                        "take the mean of each column first, then its spread.",
                    )
                    for ddof in (0, 1)
                    for one in (
                        table.std(axis=1, ddof=ddof).mean(),
                        table[0].std(ddof=ddof),
                        table.std(ddof=ddof),
                    )
                ),
                (
                    sd_example / np.sqrt(seeds),
                    "The second number is divided by √S. There are B examples: divide by √B.",
                ),
            ),
            otherwise="The second number is not the standard error that comes from the B examples.",
        )
    return (
        "Two questions, two numbers: would another training change the result, and would another test "
        "set? Neither knows of patients, writers or years that examples share."
    )


# ---------------------------------------------------------------------------------------------------------
# 04.5  The control with shuffled labels


def _verify_control(answer):
    import numpy as np

    random = np.random.default_rng(45)
    targets = np.repeat([0, 1, 2], [40, 20, 10])[random.permutation(70)]
    inputs = np.column_stack([np.arange(70.0), targets + random.normal(0, 0.1, 70)])
    seen: list[tuple] = []

    def analyse(inputs, targets):
        inputs, targets = np.array(inputs), np.array(targets)
        seen.append((inputs, targets))
        if inputs.shape != (70, 2) or targets.shape != (70,):
            return float("nan")
        return float(np.corrcoef(inputs[:, 1], targets)[0, 1])

    def ask(seed, repeats=6):
        seen.clear()
        given = call(answer, analyse, inputs, targets, repeats=repeats, seed=seed)
        array = expect_array(given, name="your result", kind="any")
        if array.ndim == 0:
            raise NotYet(
                "Expected all scores, one for each repeat, and not one number: their spread is what one "
                "needs."
            )
        if not seen:
            raise NotYet("The analysis was not called: `analyse(inputs, shuffled)` returns a score.")
        if len(seen) == 1 and repeats > 1:
            raise NotYet("The analysis was called once. Call it `repeats` times, each on a new shuffle.")
        return expect_array(array, shape=(repeats,), name="your result"), list(seen)

    scores, calls = ask(0)
    for rows, labels in calls:
        if rows.shape != inputs.shape or labels.shape != targets.shape:
            raise NotYet("The analysis has to get all rows and one label for each: the shapes must stay.")
        if sorted(labels.tolist()) != sorted(targets.tolist()):
            raise NotYet(
                "The classes no longer have the same number of rows: labels were drawn anew, or with "
                "replacement. Shuffle the ones that are there: `permutation`."
            )
        if sorted(rows[:, 0].tolist()) != sorted(inputs[:, 0].tolist()) or {tuple(r) for r in rows} != {
            tuple(r) for r in inputs
        }:
            raise NotYet("The inputs were changed, or their columns mixed. Only the labels lose their rows.")
        own = labels == targets[rows[:, 0].astype(int)]
        if own.all():
            raise NotYet(
                "Every row still has its own label: inputs and labels were shuffled together, or not at "
                "all. Shuffle the labels alone."
                if not np.array_equal(rows, inputs)
                else "Every row still has its own label. Was the shuffled array handed on, and was it "
                "shuffled across the classes?"
            )
        if own.mean() > 0.75:
            raise NotYet(
                "Most rows still have their own label. Shuffle all of them, the training rows as well."
            )
    shuffles = {(tuple(rows[:, 0]), tuple(labels)) for rows, labels in calls}
    if len(shuffles) < len(calls):
        raise NotYet(
            "Some repeats use the same shuffle: the generator is made anew inside the loop, or the "
            "shuffle stands before it. Make one generator before the loop, and draw from it in each turn."
        )
    if len(calls) != 6:
        raise NotYet(f"With `repeats=6` the analysis was called {len(calls)} times.")
    if not np.allclose(scores, [analyse(*pair) for pair in calls]):
        raise NotYet("The scores that come back are not those of the analysis, in order.")
    if not np.array_equal(ask(0)[0], scores):
        raise NotYet(
            "The same `seed` gives other scores: make the generator from it, `np.random.default_rng(seed)`."
        )
    if np.array_equal(ask(1)[0], scores):
        raise NotYet("Another `seed` gives the same scores: it is not used.")
    ask(3, repeats=2)
    return (
        "Whatever the analysis still finds here, it did not find in the data. It finds leaks that use "
        "labels; twins and shortcuts it does not."
    )


EXERCISES = (
    Exercise(
        id="04.1",
        title="One step of Adam",
        kind="complete",
        minutes=8,
        difficulty=3,
        hints=(
            "Four lines, one for each formula: two running averages, two corrections; then the step.",
            "Update `mean` and `square` first and keep them as they are; put the corrected ones into new "
            "names.",
            "`mean = betas[0] * mean + (1 - betas[0]) * gradient`, the same with `betas[1]` and "
            "`gradient**2`; the corrected ones are divided by `1 - beta**step`.",
        ),
        verify=_verify_adam,
    ),
    Exercise(
        id="04.2",
        title="Five bugs in one loop",
        kind="debug",
        minutes=10,
        difficulty=3,
        hints=(
            "Ask each line: which weights, which rows with which labels, along which axis, since when?",
            "Two bugs sit in the loss, one in the order of rows, one in the optimiser's list, and one "
            "line is missing.",
            "`torch.optim.SGD(model.parameters(), lr=learning_rate)`; in the loop "
            "`cross_entropy(model(inputs), targets)`, and `zero_grad()` before `backward()`.",
        ),
        verify=_verify_overfit,
    ),
    Exercise(
        id="04.3",
        title="Who belongs together",
        kind="leak",
        minutes=10,
        difficulty=3,
        hints=(
            "For one row, which rows are near it? `(sequences != sequences[row]).sum(axis=1)` counts the "
            "differences.",
            "Begin with a group for each row. Go through the rows; all groups that have a member near "
            "this row become one.",
            "`group[np.isin(group, group[near])] = group[row]` joins every group that one of the rows "
            "`near` belongs to.",
        ),
        verify=_verify_groups,
    ),
    Exercise(
        id="04.4",
        title="Two spreads",
        kind="change",
        minutes=6,
        difficulty=2,
        hints=(
            "The mean over one axis is the accuracy of each seed; over the other, how often each example "
            "is read.",
            "The first answer is a standard deviation; the second is one divided by the root of the "
            "number of examples.",
            "`np.std(correct.mean(axis=1), ddof=1)` is the first; for the second `axis=0`, and divide by √B.",
        ),
        verify=_verify_spreads,
    ),
    Exercise(
        id="04.5",
        title="The control with shuffled labels",
        kind="design",
        minutes=8,
        difficulty=3,
        hints=(
            "What must be destroyed is the link between row and label, and nothing else.",
            "One generator from the seed, before the loop; in each turn a new permutation of the labels.",
            "`np.random.default_rng(seed)` has a method `permutation`, which returns a shuffled copy.",
        ),
        verify=_verify_control,
    ),
)
