"""Checks of lesson 09, "HIV-1 drug resistance": a probe, an audit, an importance, and a ceiling."""

from __future__ import annotations

import math

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet

# ---------------------------------------------------------------------------------------------------------
# 09.1  Does it see places?


def _watched(places, sign=1):
    """Return a network on letter codes that keeps what it is asked, and in which mode; B different rows.

    With `places` it weighs each position by itself; without, it averages over them. It hands out itself when
    it is copied, so that the check sees what the student's function asks. `sign` turns its outputs round, and
    sets their size.
    """
    import torch
    from torch import nn

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.dropout = nn.Embedding(6, 4), nn.Dropout(0.5)
            self.weight = nn.Parameter(torch.randn(3, 9, 4) if places else torch.randn(3, 1, 4) / 9)
            self.asked = []

        def __deepcopy__(self, memo):
            return self

        def forward(self, letters):
            self.asked += [(tuple(row), self.training) for row in letters.tolist()]
            return self.answers(letters)

        def answers(self, letters):
            weight = sign * self.weight.expand(3, letters.shape[1], 4)
            return torch.einsum("btd,ktd->bk", self.dropout(self.embedding(letters)), weight)

    state = torch.random.get_rng_state()
    torch.manual_seed(9)
    model = Watched()
    torch.random.set_rng_state(state)
    rows = [[0] * 9, [0, 1, 2, 3, 4, 5, 0, 1, 2], [5, 4, 3, 3, 3, 2, 2, 1, 1], [4, 4, 0, 4, 1, 5, 0, 5, 2]]
    return model, torch.tensor(rows)  # no two rows hold the same letters, and one cannot be shuffled


def _shuffles_of(model, sequences):
    """Return, for each shuffled row that the model was asked, the number of its sequence and the row."""
    originals = [tuple(row) for row in sequences.tolist()]
    number_of = {tuple(sorted(row)): number for number, row in enumerate(originals)}
    asked = [row for row, _ in model.asked]
    if not asked:
        raise NotYet("The model was never asked. Call it: `model(sequences)` gives the outputs, (B, K).")
    if any(training for _, training in model.asked):
        raise NotYet(
            "The model is asked in training mode. Its dropout alone changes the outputs, and the probe "
            "blames the shuffling: `model.eval()` first."
        )
    if any(len(row) != len(originals[0]) for row in asked):
        raise NotYet("Rows of another length are asked. A shuffled sequence keeps all its positions.")
    if any(tuple(sorted(row)) not in number_of for row in asked):
        raise NotYet(
            "The shuffled rows hold other letters than the sequences do. Move the letters to other "
            "positions, and neither rename them nor draw new ones, nor move them from one isolate to another."
        )
    shuffled = [(number_of[tuple(sorted(row))], row) for row in asked if row not in originals]
    if not shuffled:
        blocks = [asked[k : k + len(originals)] for k in range(0, len(asked), len(originals))]
        if any(block != originals and sorted(block) == sorted(originals) for block in blocks):
            raise NotYet(
                "The *isolates* change places, and each keeps its own order of letters. Shuffle the other "
                "axis, the positions: `sequences[:, order]`."
            )
        raise NotYet("The model is asked about no sequence that was shuffled.")
    missing = [row for row in originals if row not in asked]
    if missing:
        raise NotYet(
            "The model is not asked about all sequences as they are. The change is against their own outputs."
        )
    return originals, shuffled


def _verify_shuffling(answer):
    import torch

    for places, sign in ((True, 1), (True, -1), (True, 1e-3), (False, 1)):
        model, sequences = _watched(places, sign)
        found = expect_number(call(answer, model, sequences, 3), name="the change")
        originals, shuffled = _shuffles_of(model, sequences)
        _refuse_special_orders(originals, shuffled)
        mode = model.training
        model.eval()
        with torch.no_grad():
            before = model.answers(sequences)[[number for number, _ in shuffled]]
            after = model.answers(torch.tensor([row for _, row in shuffled]))
        gaps = after - before
        model.train(mode)
        if math.isnan(found):
            raise NotYet("The change is NaN (not a number).")
        if not places:
            if abs(found) > 1e-5:
                raise NotYet(
                    "A model that averages over the positions got a change other than 0, to rounding. It is "
                    "right for the model that sees them."
                )
            continue
        # A row of one letter only cannot be shuffled: it counts with a change of 0.
        counted = len(sequences) * gaps.shape[1] * (len(shuffled) / (len(sequences) - 1))
        wanted = gaps.abs().max().item()
        traps = (
            (gaps.max().item(), "That is the largest *rise*. An output may fall as well: take `.abs()`."),
            (gaps.min().item(), "That is the largest *fall*, with its sign. Take `.abs()`, then `.max()`."),
            (
                gaps.abs().sum().item() / counted,
                "That is the mean change. Most isolates may change little: ask for the largest.",
            ),
            (gaps.abs().mean().item(), "That is the mean change. Ask for the largest."),
            (gaps.abs().sum().item(), "That is the sum over all isolates, so it grows with their number."),
            (
                gaps.pow(2).sum().sqrt().item(),
                "That is a norm over all isolates, so it grows with their "
                "number. Take the largest single change.",
            ),
            (gaps.pow(2).max().item(), "That is the largest change, squared."),
            (
                abs(gaps.sum().item() / counted),
                "The outputs are averaged before they are compared, and rises cancel falls.",
            ),
            (gaps[:, 0].abs().max().item(), "Only the first output is compared. The model has several."),
            (gaps[0].abs().max().item(), "Only one isolate is compared. Take the largest change of all."),
            *(
                (
                    (turn(after) - turn(before)).abs().max().item(),
                    f"You compare {what}. Compare the outputs as the model gives them.",
                )
                for what, turn in (
                    ("probabilities", lambda outputs: outputs.softmax(dim=1)),
                    ("probabilities", torch.sigmoid),
                    ("classes", lambda outputs: outputs.argmax(dim=1).float()),
                )
            ),
            *(
                (
                    relative,
                    "The change is divided by the outputs. Leave it in their units: an output may be near 0.",
                )
                for relative in ((gaps / before).abs().max().item(), wanted / before.abs().max().item())
            ),
            *(
                (round(wanted, digits), "The change is rounded, and a small one is lost. Leave it as it is.")
                for digits in range(6)
            ),
        )
        if not math.isclose(found, wanted, rel_tol=1e-3, abs_tol=1e-6):
            if found == 1:
                raise NotYet("Expected a change of the outputs, and not yes or no, nor a count.")
            for wrong, message in traps:
                if math.isclose(found, wrong, rel_tol=1e-3, abs_tol=1e-6):
                    raise NotYet(message)
            raise NotYet(
                "It is not the largest absolute difference between the outputs for the shuffled sequences "
                "and for the same sequences as they are. Does each isolate meet its own shuffled copy?"
            )
    _verify_seed(answer)
    return (
        "0 to rounding, whatever the weights: so no training can mend it, and no further layer behind the "
        "average. A change above 0 says that places are seen, not that they are understood."
    )


def _refuse_special_orders(originals, shuffled):
    """Refuse an order that some models cannot notice although they do see places."""
    for wrong, message in (
        (
            lambda row: [row[::-1]],
            "Every sequence is read backwards. That is one order only, and a model that reads from both ends "
            "may not notice. Draw an order at random.",
        ),
        (
            lambda row: [row[k:] + row[:k] for k in range(1, len(row))],
            "Every sequence is only rolled on, so nearly all neighbours stay neighbours. Draw an order at "
            "random.",
        ),
        (
            lambda row: [tuple(sorted(row)), tuple(sorted(row, reverse=True))],
            "The letters are sorted. Draw an order at random: `torch.randperm`.",
        ),
    ):
        if all(row in wrong(originals[number]) for number, row in shuffled):
            raise NotYet(message)


def _verify_seed(answer):
    def orders(seed):
        model, sequences = _watched(places=True)
        call(answer, model, sequences, seed)
        return _shuffles_of(model, sequences)[1]

    if orders(5) != orders(5):
        raise NotYet(
            "The same seed gives two orders. Draw from a generator of your own: "
            "`torch.Generator().manual_seed(seed)`."
        )
    if orders(5) == orders(6) == orders(7):
        raise NotYet("It takes no notice of `seed`: three seeds give one order.")


# ---------------------------------------------------------------------------------------------------------
# 09.2  What an accuracy hides

_SHARES = ("accuracy", "larger_class", "sensitivity", "precision", "balanced_accuracy")


def _count_cases():
    """Yield tables (F, 4) of TP, FN, FP, TN by fold: resistance rare, common, and never predicted."""
    import numpy as np

    yield np.array([[3, 9, 1, 187], [8, 2, 5, 185], [6, 9, 0, 185]])
    yield np.array([[70, 6, 8, 16], [60, 11, 4, 25]])
    yield np.array([[0, 4, 0, 46], [0, 6, 0, 44], [0, 0, 0, 50]])


def _shares(counts):
    """Return the five shares of the sums over folds, by the definitions."""
    tp, fn, fp, tn = (sum(int(row[k]) for row in counts) for k in range(4))
    total = tp + fn + fp + tn
    return {
        "accuracy": (tp + tn) / total,
        "larger_class": max(tp + fn, fp + tn) / total,
        "sensitivity": tp / (tp + fn),
        "precision": tp / (tp + fp) if tp + fp else math.nan,
        "balanced_accuracy": (tp / (tp + fn) + tn / (tn + fp)) / 2,
    }


def _share_traps(name, counts):
    """Return what known slips give for one of the shares, and what to say to each."""
    import numpy as np

    tp, fn, fp, tn = counts.sum(axis=0).tolist()
    folds = []
    for row in counts:
        if row[:2].sum() and row[2:].sum() and (name != "precision" or row[0] + row[2]):
            folds.append(_shares([row])[name])
    total, right = tp + fn + fp + tn, _shares(counts)
    negatives = tn / (tn + fn) if tn + fn else math.nan
    by_fold = (
        float(np.mean(folds)) if folds else math.nan,
        f"`{name}` is the mean of the folds' own shares. A fold with few resistant isolates then weighs as "
        "much as one with many: add up the counts first.",
    )
    others = {
        "accuracy": [(right["balanced_accuracy"], "`accuracy` holds the balanced accuracy.")],
        "larger_class": [
            (
                (tp + fn) / total,
                "`larger_class` is the share of resistant isolates. Always giving the *larger* class is "
                "asked, whichever that is.",
            ),
            (
                (fp + tn) / total,
                "`larger_class` is the share of susceptible isolates. Here the resistant ones are more: take "
                "the larger of the two.",
            ),
            (
                max(tp + fp, fn + tn) / total,
                "`larger_class` counts what the model *said*. Count what the isolates *are*: TP + FN are "
                "resistant. (Or FN and FP have changed places: the columns are TP, FN, FP, TN.)",
            ),
        ],
        "sensitivity": [
            (
                right["precision"],
                "`sensitivity` and `precision` have changed places: sensitivity divides by "
                "all that *are* resistant, TP + FN.",
            ),
            (tn / (tn + fp), "`sensitivity` holds the specificity, TN / (TN + FP)."),
            (negatives, "`sensitivity` holds TN / (TN + FN), the negative predictive value."),
            (fn / (tp + fn), "`sensitivity` is the share that is missed: take one minus it."),
        ],
        "precision": [
            (
                right["sensitivity"],
                "`sensitivity` and `precision` have changed places: precision divides by "
                "all that were *called* resistant, TP + FP.",
            ),
            (negatives, '`precision` holds TN / (TN + FN), which is the precision of "susceptible".'),
        ],
        "balanced_accuracy": [
            (
                right["accuracy"],
                "`balanced_accuracy` holds the accuracy. Take the mean of two shares: of the "
                "resistant isolates found, and of the susceptible ones.",
            ),
            (
                (right["sensitivity"] + right["precision"]) / 2,
                "`balanced_accuracy` averages sensitivity and "
                "precision. Its second half is the specificity, TN / (TN + FP).",
            ),
            (
                (right["sensitivity"] + negatives) / 2,
                "`balanced_accuracy` averages the sensitivity and TN / "
                "(TN + FN). Its second half is the specificity, TN / (TN + FP).",
            ),
            (
                (right["sensitivity"] + right["accuracy"]) / 2,
                "`balanced_accuracy` averages sensitivity and "
                "accuracy. Its second half is the specificity, TN / (TN + FP).",
            ),
            (right["sensitivity"] + tn / (tn + fp), "`balanced_accuracy` is a sum: halve it."),
            (
                right["sensitivity"] + tn / (tn + fp) - 1,
                "That is Youden's index, sensitivity + specificity − "
                "1. The balanced accuracy is the mean of the two.",
            ),
        ],
    }
    return [by_fold, *others[name]]


def _verify_counts(answer):
    for number, counts in enumerate(_count_cases()):
        found = call(answer, counts)
        if not isinstance(found, dict):
            raise NotYet(f"Return a dictionary with the entries {', '.join(map(repr, _SHARES))}.")
        wanted = _shares(counts)
        for name in _SHARES:
            if name not in found:
                raise NotYet(f"The entry `{name!r}` is missing.")
            share = expect_number(found[name], name=f"`{name}`")
            if math.isnan(wanted[name]):
                if not math.isnan(share):
                    raise NotYet(
                        f"Nobody was called resistant, so `precision` is 0/0: it has no value, and you give "
                        f"{share:g}. Return `float('nan')`; a number would be read as a result."
                    )
                continue
            if math.isclose(share, wanted[name], abs_tol=1e-6):  # float32 is no mistake
                continue
            if math.isclose(share, 100 * wanted[name], rel_tol=1e-6):
                raise NotYet(f"`{name}` is in per cent. Expected a share from 0 to 1.")
            for wrong, message in _share_traps(name, counts):
                if math.isclose(share, wrong, abs_tol=1e-6):
                    raise NotYet(message)
            if math.isclose(share, wanted[name], abs_tol=6e-3):
                raise NotYet(f"`{name}` is rounded. Leave that to whoever prints it.")
            raise NotYet(
                f"`{name}` is not what table {number + 1} of the check gives. Write TP, FN, FP and TN in a "
                "square, what an isolate is against what it was called, and add up the folds first."
            )
    return (
        "Five numbers for one table: 0.85 may be useful or useless. Only against the larger class, and "
        "together with the sensitivity, does an accuracy say which."
    )


# ---------------------------------------------------------------------------------------------------------
# 09.3  Which positions does it need?

_WEIGHT = ((2.0, -1, 0), (0.5, 0, -0.5), (0, 0, 0), (3, 0, 1), (0.2, 1.1, -1.3))  # (T, K) of a fixed model


def _score(inputs, targets) -> float:
    """Return the share of right answers of the fixed model."""
    import numpy as np

    said = (inputs * np.array(_WEIGHT)).sum(axis=(1, 2)) > 4
    return float(np.mean(said == (targets == 1)))


def _importance_case(seed):
    """Return (score, asked, train, test); `score` keeps what it is asked, and position 3 never varies.

    In case 2 the model has position 4 the wrong way round, so it is more often right when that is permuted.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    letters = random.integers(0, 3, size=(54, 5))
    letters[:, 3] = 0
    inputs, asked = np.eye(3)[letters], []
    truth = np.array(_WEIGHT) * np.array([1, 1, 1, 1, -1 if seed == 2 else 1])[:, None]
    targets = ((inputs * truth).sum(axis=(1, 2)) > 4).astype(int)
    targets = np.where(random.random(54) < 0.1, 1 - targets, targets)

    def score(inputs, targets):
        inputs, targets = np.array(inputs, float), np.array(targets)
        if inputs.ndim != 3 or inputs.shape[1:] != (5, 3) or len(targets) != len(inputs):
            raise ValueError(f"score wants inputs (B, 5, 3) and targets (B,), and got {inputs.shape}")
        asked.append((inputs, targets))
        return _score(inputs, targets)

    return score, asked, (inputs[:30], targets[:30]), (inputs[30:], targets[30:])


def _expect_permuted(one, labels, train, test) -> int | None:
    """Return which single position of the test rows is permuted, or None if none is; refuse all else."""
    import numpy as np

    inputs, targets = test
    if len(one) == len(train[0]):
        raise NotYet(
            "`score` is asked about the *training* rows. There the model also needs what it has learnt by "
            "heart: take the test rows, for the score before as well."
        )
    if one.shape != inputs.shape:
        raise NotYet("`score` is asked about another number of rows than the test has.")
    if not np.array_equal(labels, targets):
        raise NotYet("The targets change. Leave them: the question is which position is needed.")
    if np.any(one.sum(axis=2) == 0) and not np.any(one.sum(axis=2) > 1):
        raise NotYet(
            "A position is set to zero. That is no residue, and the model has never seen one missing. "
            "Permute the position among the isolates."
        )
    if np.any(one.sum(axis=2) != 1):
        raise NotYet(
            "The columns of a position are permuted one by one, so isolates come out with two residues at a "
            "place, or none. Give all its columns the same order."
        )
    changed = np.flatnonzero((one != inputs).any(axis=(0, 2)))
    if len(changed) > 1:
        if sorted(row.ravel().tolist() for row in one) == sorted(row.ravel().tolist() for row in inputs):
            raise NotYet("Whole isolates change places: all positions at once. One position at a time.")
        raise NotYet(
            "Several positions are permuted at once. Put each one back before you take the next: work on a "
            "fresh copy."
        )
    if len(changed) == 0:
        return None
    if not np.array_equal(one[:, changed[0]].sum(axis=0), inputs[:, changed[0]].sum(axis=0)):
        raise NotYet(
            "A position gets other residues than the test isolates have there. Permute it: the same "
            "residues, handed to other isolates."
        )
    return int(changed[0])


def _verify_importance(answer):
    import numpy as np

    def ask(case, seed, repeats=4):
        score, asked, train, test = _importance_case(case)
        found = call(answer, score, train, test, repeats=repeats, seed=seed)
        permuted = {position: [] for position in range(5)}
        for one, labels in list(asked):
            place = _expect_permuted(one, labels, train, test)
            if place is not None:
                permuted[place].append(one)
        return found, permuted, test

    for case, repeats in ((1, 4), (2, 3)):
        found, permuted, test = ask(case, seed=8, repeats=repeats)
        _expect_repeats(permuted, repeats)
        base = _score(*test)
        drops = np.zeros((5, repeats))  # an order that happens to change nothing drops nothing
        for place, ones in permuted.items():
            drops[place, : len(ones)] = [base - _score(one, test[1]) for one in ones]
        wanted = drops.mean(axis=1)
        found = expect_array(found, name="the importance", kind="any")
        if found.shape == (5, repeats):
            raise NotYet("Average over the repeats: one number for each position, (T,).")
        expect_close(
            found,
            wanted,
            name="the importance",
            traps=[
                (
                    -wanted,
                    "The sign is turned round: what falls when a position is permuted is its importance.",
                ),
                (
                    base - wanted,
                    "That is the score *after* permuting. Take it from the score before: a fall of 0 is no "
                    "importance.",
                ),
                (wanted * repeats, "The falls are added up over the repeats. Take their mean."),
                (drops.max(axis=1), "That is the largest fall of the repeats. Take their mean."),
                (wanted / base, "The fall is divided by the score. Leave it in units of the score."),
                *(
                    (
                        lost,
                        "The sign is lost. A fall below 0 says that the score rose: `abs` makes a harmful "
                        "position look needed.",
                    )
                    for lost in (np.abs(wanted), np.abs(drops).mean(axis=1))
                ),
                *(
                    (
                        cut,
                        "Falls below 0 are set to 0. Leave them: the score rose, and cutting hides how large "
                        "chance is.",
                    )
                    for cut in (wanted.clip(0), drops.clip(0).mean(axis=1))
                ),
                (
                    wanted / max(wanted.sum(), 1e-9),
                    "The importances are made to add up to 1. Leave them: a fall of 0.3 means something.",
                ),
                (np.arange(5)[np.argsort(-wanted)], "That is the order of the positions. Return the falls."),
            ],
            otherwise="The positions are permuted as they should be, and the numbers are not the mean falls "
            "of the score, in the order of the positions.",
        )
    first, second, third = ask(1, seed=5), ask(1, seed=5), ask(1, seed=6)
    orders = [
        np.concatenate([np.ravel(ones) for ones in asked[1].values()]) for asked in (first, second, third)
    ]
    # Five positions and few repeats: two draws can give the same falls by chance, but not the same orders.
    if not np.allclose(first[0], second[0]) or not np.array_equal(orders[0], orders[1]):
        raise NotYet(
            "The same seed gives two results. Draw from a generator of your own: "
            "`np.random.default_rng(seed)`."
        )
    if np.array_equal(orders[0], orders[2]):
        raise NotYet("It takes no notice of `seed`: two seeds give the same orders.")
    return (
        "Position 3 had weights and got 0: it never varies, so nobody can tell whether it matters. The "
        "importance is that of a position for this model on these isolates, and not for the virus."
    )


def _expect_repeats(permuted, repeats):
    """Refuse positions that are never permuted, too few or too many repeats, and repeats that are alike."""
    import numpy as np

    counts = [len(permuted[place]) for place in (0, 1, 2, 4)]  # position 3 has one residue only
    if not any(counts):
        raise NotYet("No position of the test rows is permuted when `score` is asked.")
    if 0 in counts:
        raise NotYet(f"Position {(0, 1, 2, 4)[counts.index(0)]} is never permuted. Go through all of them.")
    if max(counts) > repeats or max(counts) < repeats:
        raise NotYet(
            f"`repeats` is {repeats}, and each position is permuted {max(counts)} "
            f"time{'s' * (max(counts) != 1)}."
        )
    if all(all(np.array_equal(one, permuted[place][0]) for one in permuted[place]) for place in (0, 1, 2, 4)):
        raise NotYet(
            "All repeats use the same order, so their mean is no better than one. Make the generator once, "
            "before the loop."
        )


# ---------------------------------------------------------------------------------------------------------
# 09.4  The ceiling that the assay sets


def _ceiling_cases():
    """Yield (log_fold, noise_sd, cutoff): on all sides of the cut, near it, and hardly any noise."""
    import numpy as np

    random = np.random.default_rng(94)
    yield np.concatenate([random.normal(0, 0.3, 25), random.normal(1.2, 0.7, 25)]), 0.4, 2.0
    yield np.log10(1.5) + random.normal(0.1, 0.3, 25), 0.2, 1.5
    yield np.array([0.0, 0.2, 1.4, 2.0, 0.31]), 0.01, 2.0


def _verify_ceiling(answer):
    import numpy as np
    from scipy.stats import norm

    for number, (log_fold, noise_sd, cutoff) in enumerate(_ceiling_cases()):
        found = call(answer, log_fold, noise_sd, cutoff=cutoff)
        if getattr(found, "shape", None) == log_fold.shape or isinstance(found, (list, tuple)):
            raise NotYet("One share for each isolate? Return their mean, one number.")
        found = expect_number(found, name="the best accuracy")

        def right(gap, sd=noise_sd):
            return float(norm.cdf(np.abs(gap) / sd).mean())

        gap = log_fold - math.log10(cutoff)
        wanted = right(gap)
        chance = norm.cdf(gap / noise_sd)
        if math.isnan(found):
            raise NotYet("The best accuracy is NaN (not a number).")
        # A simulation is as good as the formula: 0.01 is more than two standard errors of 20 000 draws.
        if abs(found - wanted) < 0.01:
            continue
        traps = (
            (
                right(log_fold - cutoff),
                "`cutoff` is a fold change and `log_fold` its logarithm: compare with `np.log10(cutoff)`.",
            ),
            (
                right(log_fold - math.log10(3.5)),
                "It takes no notice of `cutoff`: the 3.5 is typed in.",
            ),
            (
                right(10**log_fold - cutoff),
                "Fold changes are compared. The noise is one of their logarithms: compare `log_fold` with "
                "`np.log10(cutoff)`.",
            ),
            (
                right(log_fold - math.log(cutoff)),
                "The natural logarithm of `cutoff` is taken. The fold changes are logarithms to the base 10.",
            ),
            (
                float(chance.mean()),
                "That is the share of isolates that will be measured as resistant. The "
                "best guess follows the side on which the truth lies: take the distance, `np.abs`.",
            ),
            (1 - wanted, "That is the share of *wrong* answers of the best guess. Take one minus it."),
            (
                float((chance**2 + (1 - chance) ** 2).mean()),
                "That is how often *two* measurements of an "
                "isolate agree. The best guess knows the truth and meets one measurement.",
            ),
            (
                right(gap, noise_sd * math.sqrt(2)),
                "The noise counts twice, as for the difference of two measurements. The truth has none.",
            ),
            (right(gap, noise_sd**2), "The noise is squared: divide by the standard deviation."),
            (right(gap, math.sqrt(noise_sd)), "Divide by the standard deviation, and not by its root."),
            (
                right(np.abs(gap).mean()),
                "The distances are averaged first. Near the cut-off the curve is "
                "bent: take the mean of the shares.",
            ),
            (
                float(np.mean(np.abs(gap) > noise_sd)),
                "You count the isolates further than one standard "
                "deviation from the cut-off. The nearer ones are guessed right more often than not.",
            ),
            (
                1.0,
                "Knowing the true fold change does not make every answer right: the label is *measured*, "
                "with noise.",
            ),
        )
        wrong, message = min(traps, key=lambda trap: abs(found - trap[0]))
        if abs(found - wrong) < 0.004:
            raise NotYet(message)
        if abs(found - 100 * wanted) < 1:
            raise NotYet("The best accuracy is in per cent. Expected a share from 0 to 1.")
        if math.isclose(found * len(log_fold), round(found * len(log_fold)), abs_tol=1e-6):
            raise NotYet(
                "That is a count of right guesses, one for each isolate. One draw of each is too few: draw "
                "hundreds, or use Φ(d/sd), with d the distance from the cut-off."
            )
        raise NotYet(
            f"On table {number + 1} of the check the best guess is right more often, or less often, than "
            "that. An isolate at a distance d from the cut-off is measured on its own side with "
            "probability Φ(d/sd)."
        )
    return (
        "Nobody can be right more often, with any network: the rest is noise in the label. Whoever trains "
        "on the threshold throws the distance away, and with it the knowledge of which labels to doubt."
    )


EXERCISES = (
    Exercise(
        id="09.1",
        title="Does it see places?",
        kind="complete",
        minutes=8,
        difficulty=2,
        hints=(
            "The model gives outputs for the sequences as they are, and for the same sequences with the "
            "positions in another order. The mode of the model matters, too.",
            "`torch.randperm(T, generator=torch.Generator().manual_seed(seed))` is an order of the T "
            "positions. Index the axis of positions with it.",
            "`model.eval()`, then the largest of `(model(sequences[:, order]) - model(sequences)).abs()`.",
        ),
        verify=_verify_shuffling,
    ),
    Exercise(
        id="09.2",
        title="What an accuracy hides",
        kind="audit",
        minutes=8,
        difficulty=2,
        hints=(
            "Add up the folds first: `tp, fn, fp, tn = counts.sum(axis=0)`. Which of them are resistant, and "
            "which were called so?",
            "TP + FN are resistant, TP + FP were called resistant. The balanced accuracy is the mean of two "
            "shares, one for each class.",
            "`tp / (tp + fn)` is the sensitivity, `tp / (tp + fp)` the precision (nan if nobody was called "
            "resistant), `(tp / (tp + fn) + tn / (tn + fp)) / 2` the balanced accuracy.",
        ),
        verify=_verify_counts,
    ),
    Exercise(
        id="09.3",
        title="Which positions does it need?",
        kind="complete",
        minutes=12,
        difficulty=3,
        hints=(
            "Which rows tell what the model needs for *new* isolates? And what must stay together when a "
            "position is permuted?",
            "Make one generator. For each position and each repeat copy the test inputs, and replace one "
            "position: `other[:, t] = inputs[random.permutation(B), t]`.",
            "`before - score(other, targets)` is the fall, with `before = score(inputs, targets)` of the "
            "test; `np.mean` over the repeats, position by position.",
        ),
        verify=_verify_importance,
    ),
    Exercise(
        id="09.4",
        title="The ceiling that the assay sets",
        kind="design",
        minutes=8,
        difficulty=3,
        hints=(
            'Take one isolate whose truth lies d above the cut-off. The best guess is "resistant". '
            "How often does the measurement fall on the same side?",
            "The noise is normal: the probability is `scipy.stats.norm.cdf(d / noise_sd)`. Or draw many "
            "measurements of each isolate and count.",
            "`norm.cdf(np.abs(log_fold - np.log10(cutoff)) / noise_sd).mean()`.",
        ),
        verify=_verify_ceiling,
    ),
)
