"""Right answers in several styles and typical wrong ones, for the checks of lesson 09."""

import math
from functools import partial

import numpy as np
import torch
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score

# --- 09.1  Does it see places? ----------------------------------------------------------------------------


def order_of(seed, count):
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def change_by_one_order(model, sequences, seed):
    order = order_of(seed, sequences.shape[1])
    model.eval()
    with torch.no_grad():
        return (model(sequences[:, order]) - model(sequences)).abs().max()


def change_by_an_order_each(model, sequences, seed):
    random = np.random.default_rng(seed)
    shuffled = torch.tensor(random.permuted(sequences.numpy(), axis=1))
    before, after = model.eval()(sequences), model(shuffled)
    return torch.linalg.vector_norm(after - before, ord=math.inf).item()


def change_row_by_row(model, sequences, seed):
    was = model.training
    model.train(False)
    random = np.random.RandomState(seed)
    largest = 0.0
    for row in sequences:
        other = row[torch.from_numpy(random.permutation(len(row)))]
        gap = model(other[None]) - model(row[None])
        largest = max(largest, gap.abs().max().item())
    model.train(was)
    return largest


def change_in_one_batch(model, sequences, seed):
    order = order_of(seed, sequences.size(1)).tolist()
    outputs = model.eval()(torch.cat([sequences, sequences[:, order]])).detach().numpy()
    before, after = np.split(outputs, 2)
    return np.max(np.abs(after - before))


def change_with(reorder, finish=lambda gap: gap.abs().max()):
    """Return an answer that reorders by `reorder(sequences, seed)` and sums up by `finish(gap)`."""

    def answer(model, sequences, seed):
        model.eval()
        with torch.no_grad():
            return finish(model(reorder(sequences, seed)) - model(sequences)).item()

    return answer


def shuffle(sequences, seed):
    return sequences[:, order_of(seed, sequences.shape[1])]


def change_in_training_mode(model, sequences, seed):
    return (model(shuffle(sequences, seed)) - model(sequences)).abs().max().item()


def change_unseeded(model, sequences, seed):
    return change_with(lambda rows, _: rows[:, torch.randperm(rows.shape[1])])(model, sequences, seed)


def change_without_a_before(model, sequences, seed):
    model.eval()
    return model(shuffle(sequences, seed)).abs().max().item()


def change_of(turn):
    """Return an answer that compares what `turn` makes of the outputs."""

    def answer(model, sequences, seed):
        model.eval()
        with torch.no_grad():
            before, after = model(sequences), model(shuffle(sequences, seed))
        return (turn(after) - turn(before)).abs().max().item()

    return answer


def relative_change(model, sequences, seed):
    model.eval()
    with torch.no_grad():
        before, after = model(sequences), model(shuffle(sequences, seed))
    return ((after - before) / before).abs().max().item()


def rounded_change(model, sequences, seed, digits=2):
    return round(change_by_one_order(model, sequences, seed).item(), digits)


def change_of_averages(model, sequences, seed):
    model.eval()
    return (model(shuffle(sequences, seed)).mean() - model(sequences).mean()).abs().item()


# --- 09.2  What an accuracy hides -------------------------------------------------------------------------


def shares_by_formulas(counts):
    tp, fn, fp, tn = counts.sum(axis=0)
    total = counts.sum()
    return {
        "accuracy": (tp + tn) / total,
        "larger_class": max(tp + fn, fp + tn) / total,
        "sensitivity": tp / (tp + fn),
        "precision": tp / (tp + fp) if tp + fp > 0 else float("nan"),
        "balanced_accuracy": 0.5 * (tp / (tp + fn) + tn / (tn + fp)),
    }


def shares_by_scikit_learn(counts):
    tp, fn, fp, tn = (int(column) for column in np.sum(counts, axis=0))
    actual = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn])
    said = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn])
    return {
        "accuracy": np.mean(actual == said),
        "larger_class": np.bincount(actual).max() / len(actual),
        "sensitivity": recall_score(actual, said),
        "precision": precision_score(actual, said, zero_division=np.nan),
        "balanced_accuracy": balanced_accuracy_score(actual, said),
    }


def shares_by_loop(counts):
    tp = fn = fp = tn = 0
    for a, b, c, d in counts.tolist():
        tp, fn, fp, tn = tp + a, fn + b, fp + c, tn + d
    resistant, susceptible = tp + fn, tn + fp
    found, spared = tp / resistant, tn / susceptible
    share = resistant / (resistant + susceptible)
    try:
        precision = tp / (tp + fp)
    except ZeroDivisionError:
        precision = math.nan
    return {
        "accuracy": share * found + (1 - share) * spared,
        "larger_class": max(share, 1 - share),
        "sensitivity": found,
        "precision": precision,
        "balanced_accuracy": (found + spared) / 2,
        "note": "an entry more does no harm",
    }


def shares_in_torch(counts):
    tp, fn, fp, tn = torch.as_tensor(counts).sum(dim=0)  # whole numbers divide to float32
    found, spared = tp / (tp + fn), tn / (tn + fp)
    return {
        "accuracy": (tp + tn) / (tp + fn + fp + tn),
        "larger_class": max(tp + fn, fp + tn) / (tp + fn + fp + tn),
        "sensitivity": found,
        "precision": tp / (tp + fp),
        "balanced_accuracy": (found + spared) / 2,
    }


def shares_with_columns_mistaken(counts):
    return shares_by_formulas(counts[:, [0, 2, 1, 3]])


def shares_with(**changes):
    """Return a right answer with entries replaced by functions of (tp, fn, fp, tn)."""

    def answer(counts):
        result = shares_by_formulas(counts)
        for name, change in changes.items():
            result[name] = change(*counts.sum(axis=0).tolist())
        return result

    return answer


def shares_averaged_over_folds(counts):
    of_folds = [shares_by_formulas(row[None]) for row in counts if row[:2].sum()]
    return {name: np.mean([fold[name] for fold in of_folds]) for name in of_folds[0]}


def shares_without_precision(counts):
    return {name: share for name, share in shares_by_formulas(counts).items() if name != "precision"}


# --- 09.3  Which positions does it need? ------------------------------------------------------------------


def importance_by_loops(score, train, test, *, repeats=5, seed=0):
    random = np.random.default_rng(seed)
    inputs, targets = test
    before = score(inputs, targets)
    drop = np.zeros(inputs.shape[1])
    for position in range(inputs.shape[1]):
        for _ in range(repeats):
            other = inputs.copy()
            other[:, position] = inputs[random.permutation(len(inputs)), position]
            drop[position] += (before - score(other, targets)) / repeats
    return drop


def importance_in_lists(score, train, test, *, repeats=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = torch.tensor(test[0]), test[1]
    falls = [[] for _ in range(inputs.shape[1])]
    for _ in range(repeats):
        order = torch.randperm(len(inputs), generator=generator)
        for position, of_position in enumerate(falls):
            other = torch.cat(
                [inputs[:, :position], inputs[order, position : position + 1], inputs[:, position + 1 :]],
                dim=1,
            )
            of_position.append(score(inputs.numpy(), targets) - score(other.numpy(), targets))
    return [float(np.mean(of_position)) for of_position in falls]


def importance_in_place_and_back(score, train, test, *, repeats=5, seed=0):
    random = np.random.RandomState(seed)
    inputs, targets = np.array(test[0]), test[1]
    after = np.empty((repeats, inputs.shape[1]))
    for position in range(inputs.shape[1]):
        kept = inputs[:, position].copy()
        for repeat in range(repeats):
            random.shuffle(inputs[:, position])
            after[repeat, position] = score(inputs, targets)
            inputs[:, position] = kept
    return score(inputs, targets) - after.mean(axis=0)


def importance_with(permute=None, finish=None, on="test", seeded=True):
    """Return an answer that permutes by `permute(other, position, random)` and ends in `finish(...)`."""

    def answer(score, train, test, *, repeats=5, seed=0):
        random = np.random.default_rng(seed if seeded else None)
        inputs, targets = train if on == "train" else test
        before = score(inputs, targets)
        falls = np.zeros((inputs.shape[1], repeats))
        for position in range(inputs.shape[1]):
            for repeat in range(repeats):
                other = inputs.copy()
                other = (permute or permute_position)(other, position, random)
                falls[position, repeat] = before - score(other, targets)
        return falls.mean(axis=1) if finish is None else finish(falls, before)

    return answer


def permute_position(other, position, random):
    other[:, position] = other[random.permutation(len(other)), position]
    return other


def permute_columns_singly(other, position, random):
    for column in range(other.shape[2]):
        other[:, position, column] = random.permutation(other[:, position, column])
    return other


def permute_by_chance_where_it_does_not_show(other, position, random):
    """Permute without a seed the position that the model takes no notice of: the falls come out the same."""
    return permute_position(other, position, np.random.default_rng() if position == 2 else random)


def permute_isolates(other, position, random):
    return other[random.permutation(len(other))]


def erase(other, position, random):
    other[:, position] = 0
    return other


def draw_any_residue(other, position, random):
    other[:, position] = np.eye(other.shape[2])[random.integers(0, other.shape[2], len(other))]
    return other


def permute_up_to(other, position, random):
    for place in range(position + 1):
        other = permute_position(other, place, random)
    return other


def importance_of_shuffled_targets(score, train, test, *, repeats=5, seed=0):
    random = np.random.default_rng(seed)
    inputs, targets = test
    before = score(inputs, targets)
    falls = [before - score(inputs, random.permutation(targets)) for _ in range(inputs.shape[1])]
    return np.array(falls)


def importance_once(score, train, test, *, repeats=5, seed=0):
    return importance_by_loops(score, train, test, repeats=1, seed=seed)


def importance_with_one_order(score, train, test, *, repeats=5, seed=0):
    falls = [importance_by_loops(score, train, test, repeats=1, seed=seed) for _ in range(repeats)]
    return np.mean(falls, axis=0)


def importance_without_the_last(score, train, test, *, repeats=5, seed=0):
    random = np.random.default_rng(seed)
    inputs, targets = test
    drop = np.zeros(inputs.shape[1])
    for position in range(inputs.shape[1] - 1):
        for _ in range(repeats):
            other = permute_position(inputs.copy(), position, random)
            drop[position] += (score(inputs, targets) - score(other, targets)) / repeats
    return drop


# --- 09.4  The ceiling that the assay sets ----------------------------------------------------------------


def ceiling_by_formula(log_fold, noise_sd, cutoff=3.5):
    return norm.cdf(np.abs(log_fold - np.log10(cutoff)) / noise_sd).mean()


def ceiling_by_error_function(log_fold, noise_sd, cutoff=3.5):
    total = 0.0
    for value in log_fold:
        distance = abs(value - math.log10(cutoff))
        total += 0.5 * (1 + math.erf(distance / noise_sd / math.sqrt(2)))
    return total / len(log_fold)


def ceiling_by_simulation(log_fold, noise_sd, cutoff=3.5):
    random = np.random.default_rng(0)
    measured = log_fold + random.normal(0, noise_sd, size=(4000, len(log_fold)))
    return np.mean((10**measured >= cutoff) == (10**log_fold >= cutoff))


def ceiling_by_one_draw(log_fold, noise_sd, cutoff=3.5):
    measured = log_fold + np.random.default_rng(0).normal(0, noise_sd, len(log_fold))
    return np.mean((10**measured >= cutoff) == (10**log_fold >= cutoff))


def ceiling_by_torch(log_fold, noise_sd, cutoff=3.5):
    chance = torch.distributions.Normal(torch.tensor(log_fold), noise_sd).cdf(torch.tensor(cutoff).log10())
    return torch.maximum(chance, 1 - chance).mean()


def ceiling_with(of):
    """Return an answer made from `of(distance with sign, noise_sd, cutoff, log_fold)`."""

    def answer(log_fold, noise_sd, cutoff=3.5):
        return float(of(log_fold - np.log10(cutoff), noise_sd, cutoff, log_fold))

    return answer


# ----------------------------------------------------------------------------------------------------------

RIGHT = {
    "09.1": [change_by_one_order, change_by_an_order_each, change_row_by_row, change_in_one_batch],
    "09.2": [shares_by_formulas, shares_by_scikit_learn, shares_by_loop, shares_in_torch],
    "09.3": [importance_by_loops, importance_in_lists, importance_in_place_and_back],
    "09.4": [ceiling_by_formula, ceiling_by_error_function, ceiling_by_simulation, ceiling_by_torch],
}

WRONG = {
    "09.1": [
        (change_in_training_mode, "training mode"),
        (change_with(lambda rows, seed: rows[order_of(seed, len(rows))]), "The *isolates* change places"),
        (change_with(lambda rows, seed: rows.flip(1)), "read backwards"),
        (change_with(lambda rows, seed: rows.roll(1 + seed % 7, 1)), "only rolled on"),
        (change_with(lambda rows, seed: rows.sort(dim=1).values), "The letters are sorted"),
        (change_with(lambda rows, seed: (rows + 1) % 6), "other letters"),
        (change_with(shuffle, lambda gap: gap.max()), "largest *rise*"),
        (change_with(shuffle, lambda gap: gap.min()), "largest *fall*"),
        (change_with(shuffle, lambda gap: gap.abs().mean()), "the mean change"),
        (change_with(shuffle, lambda gap: gap.abs().sum()), "the sum over all isolates"),
        (change_with(shuffle, lambda gap: gap.norm()), "a norm"),
        (change_with(shuffle, lambda gap: (gap**2).max()), "squared"),
        (change_with(shuffle, lambda gap: (gap != 0).any()), "Expected a number"),
        (change_of_averages, "rises cancel falls"),
        (change_of(lambda outputs: outputs.softmax(dim=1)), "You compare probabilities"),
        (change_of(lambda outputs: outputs.argmax(dim=1)), "classes"),
        (relative_change, "divided by the outputs"),
        (rounded_change, "The change is rounded"),
        (partial(rounded_change, digits=4), "The change is rounded"),
        (change_with(lambda rows, seed: rows), "no sequence that was shuffled"),
        (change_without_a_before, "as they are"),
        (change_unseeded, "The same seed gives two orders"),
        (change_with(lambda rows, seed: shuffle(rows, 1)), "no notice of `seed`"),
        (lambda model, sequences, seed: 0.0, "never asked"),
    ],
    "09.2": [
        (
            shares_with(
                sensitivity=lambda tp, fn, fp, tn: tp / max(tp + fp, 1),
                precision=lambda tp, fn, fp, tn: tp / (tp + fn),
            ),
            "changed places",
        ),
        (shares_with(sensitivity=lambda tp, fn, fp, tn: tn / (tn + fp)), "holds the specificity"),
        (shares_with(sensitivity=lambda tp, fn, fp, tn: tn / (tn + fn)), "negative predictive value"),
        (shares_with(sensitivity=lambda tp, fn, fp, tn: fn / (tp + fn)), "share that is missed"),
        (shares_averaged_over_folds, "mean of the folds' own shares"),
        (
            shares_with(larger_class=lambda tp, fn, fp, tn: (tp + fn) / (tp + fn + fp + tn)),
            "the share of resistant isolates",
        ),
        (
            shares_with(larger_class=lambda tp, fn, fp, tn: (fp + tn) / (tp + fn + fp + tn)),
            "the share of susceptible isolates",
        ),
        (
            shares_with(larger_class=lambda tp, fn, fp, tn: (fn + tn) / (tp + fn + fp + tn)),
            "counts what the model *said*",
        ),
        (
            shares_with(balanced_accuracy=lambda tp, fn, fp, tn: (tp + tn) / (tp + fn + fp + tn)),
            "holds the accuracy",
        ),
        (
            shares_with(balanced_accuracy=lambda tp, fn, fp, tn: (tp / (tp + fn) + tp / max(tp + fp, 1)) / 2),
            "averages sensitivity and precision",
        ),
        (
            shares_with(balanced_accuracy=lambda tp, fn, fp, tn: tp / (tp + fn) + tn / (tn + fp) - 1),
            "Youden's index",
        ),
        (shares_with(precision=lambda tp, fn, fp, tn: tp / (tp + fp) if tp + fp else 0.0), "is 0/0"),
        (shares_with(precision=lambda tp, fn, fp, tn: tp / (tp + fp)), "ZeroDivisionError"),
        (shares_with(accuracy=lambda tp, fn, fp, tn: 100 * (tp + tn) / (tp + fn + fp + tn)), "per cent"),
        (shares_with(accuracy=lambda tp, fn, fp, tn: round((tp + tn) / (tp + fn + fp + tn), 2)), "rounded"),
        (shares_with(accuracy=lambda tp, fn, fp, tn: round((tp + tn) / (tp + fn + fp + tn), 4)), "rounded"),
        (shares_with_columns_mistaken, "FN and FP have changed places"),
        (shares_without_precision, "is missing"),
        (lambda counts: tuple(shares_by_formulas(counts).values()), "Return a dictionary"),
    ],
    "09.3": [
        (importance_with(on="train"), "*training* rows"),
        (importance_with(permute_columns_singly), "one by one"),
        (importance_with(permute_isolates), "Whole isolates change places"),
        (importance_with(erase), "set to zero"),
        (importance_with(draw_any_residue), "other residues"),
        (importance_with(permute_up_to), "Several positions"),
        (importance_of_shuffled_targets, "The targets change"),
        (importance_with(finish=lambda falls, before: -falls.mean(axis=1)), "sign is turned round"),
        (importance_with(finish=lambda falls, before: before - falls.mean(axis=1)), "*after* permuting"),
        (importance_with(finish=lambda falls, before: np.abs(falls.mean(axis=1))), "sign is lost"),
        (importance_with(finish=lambda falls, before: np.abs(falls).mean(axis=1)), "sign is lost"),
        (importance_with(finish=lambda falls, before: falls.mean(axis=1).clip(0)), "set to 0"),
        (importance_with(finish=lambda falls, before: falls.clip(0).mean(axis=1)), "set to 0"),
        (importance_with(finish=lambda falls, before: falls.sum(axis=1)), "added up over the repeats"),
        (importance_with(finish=lambda falls, before: falls.max(axis=1)), "largest fall"),
        (importance_with(finish=lambda falls, before: falls), "Average over the repeats"),
        (importance_with(finish=lambda falls, before: falls.mean(axis=1) / before), "divided by the score"),
        (importance_with(finish=lambda falls, before: falls.mean()), "has shape ()"),
        (importance_once, "each position is permuted 1 time"),
        (importance_with_one_order, "All repeats use the same order"),
        (importance_without_the_last, "Position 4 is never permuted"),
        (importance_with(seeded=False), "The same seed gives two results"),
        (importance_with(permute_by_chance_where_it_does_not_show), "The same seed gives two results"),
        (
            lambda score, train, test, *, repeats=5, seed=0: importance_by_loops(
                score, train, test, repeats=repeats, seed=1
            ),
            "no notice of `seed`",
        ),
    ],
    "09.4": [
        (
            ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(fold - cut) / sd).mean()),
            "compare with `np.log10(cutoff)`",
        ),
        (
            ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(fold - np.log(cut)) / sd).mean()),
            "natural logarithm",
        ),
        (ceiling_with(lambda gap, sd, cut, fold: norm.cdf(gap / sd).mean()), "measured as resistant"),
        (ceiling_with(lambda gap, sd, cut, fold: norm.sf(np.abs(gap) / sd).mean()), "*wrong* answers"),
        (
            ceiling_with(
                lambda gap, sd, cut, fold: (norm.cdf(gap / sd) ** 2 + norm.sf(gap / sd) ** 2).mean()
            ),
            "how often *two* measurements",
        ),
        (
            ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(gap) / sd / 2**0.5).mean()),
            "The noise counts twice",
        ),
        (ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(gap) / sd**2).mean()), "squared"),
        (ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(gap).mean() / sd)), "averaged first"),
        (ceiling_with(lambda gap, sd, cut, fold: np.mean(np.abs(gap) > sd)), "further than one standard"),
        (ceiling_with(lambda gap, sd, cut, fold: 1.0), "the label is *measured*"),
        (
            lambda log_fold, noise_sd, cutoff: norm.cdf(np.abs(log_fold - np.log10(cutoff)) / noise_sd),
            "Return their mean",
        ),
        (
            ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(fold - np.log10(3.5)) / sd).mean()),
            "typed in",
        ),
        (ceiling_with(lambda gap, sd, cut, fold: 100 * norm.cdf(np.abs(gap) / sd).mean()), "per cent"),
        (ceiling_with(lambda gap, sd, cut, fold: norm.cdf(np.abs(10**fold - cut) / sd).mean()), "logarithms"),
        (ceiling_by_one_draw, "One draw of each is too few"),
        (ceiling_with(lambda gap, sd, cut, fold: 0.25), "more often, or less often"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
