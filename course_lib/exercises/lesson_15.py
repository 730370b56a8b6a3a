"""Checks of lesson 15, "Learning without labels": a contrastive loss, a report, FixMatch, a mean teacher."""

from __future__ import annotations

import math

from course_lib.exercises.answers import call, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet


def _as_loss(found, rows: int, what: str):
    """Return a loss as a number, or say what it is instead."""
    if not hasattr(found, "detach"):
        raise NotYet(
            f"The loss is of type `{type(found).__name__}`. Return a torch tensor, or nothing can be learned "
            "from it: no `.item()`, no NumPy."
        )
    if tuple(found.shape) == (rows,):
        raise NotYet(f"The loss has shape ({rows},), one number for each {what}. Take the mean.")
    return expect_number(found.detach(), name="the loss")


def _but_the_right_one(traps, right: float) -> list:
    """Return the traps whose wrong number differs from the right one."""
    return [
        (wrong, message)
        for wrong, message in traps
        if not math.isclose(wrong, right, rel_tol=1e-3, abs_tol=1e-5)
    ]


def _flows(answer, *tensors, **kwargs):
    """Return for each tensor whether a gradient of the answer's loss reaches it."""
    import torch

    with torch.enable_grad():
        leaves = [tensor.clone().requires_grad_() for tensor in tensors]
        # Products, not the leaves themselves: `call` would hand on copies of those, and the gradient with it.
        loss = call(answer, *(1.0 * leaf for leaf in leaves), **kwargs)
    if not loss.requires_grad:
        return [False] * len(leaves)
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [gradient is not None and bool((gradient != 0).any()) for gradient in gradients]


# ---------------------------------------------------------------------------------------------------------
# 15.1  Whose partner is it?


def _contrast(first, second, temperature, *, unit=True, own=None, partner=None):
    """Return the loss of each of the 2B rows, in float64: minus the log of the share of the partner.

    `own` is what stands in place of a row's likeness with itself (None: the row is left out), and `partner`
    maps a row to the one that is asked for.
    """
    import numpy as np

    rows = np.concatenate([first, second]).astype(float)
    if unit:
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    alike = rows @ rows.T / temperature
    count, half = len(rows), len(first)
    losses = []
    for row in range(count):
        others = [alike[row, other] for other in range(count) if other != row]
        if own is not None:
            others.append(alike[row, row] if own == "itself" else own)
        asked = partner(row, half) if partner else (row + half) % count
        losses.append(np.logaddexp.reduce(others) - alike[row, asked])
    return np.array(losses)


def _across(first, second, temperature):
    """Return the losses if only rows of the other view stand in the sum, in both directions."""
    import numpy as np

    a, b = (view / np.linalg.norm(view, axis=1, keepdims=True) for view in (first, second))
    alike = a @ b.T / temperature
    return [np.logaddexp.reduce(s, axis=1) - np.diag(s) for s in (alike, alike.T)]


def _verify_contrast(answer):
    import numpy as np
    import torch

    random = np.random.default_rng(151)
    for number, (size, temperature) in enumerate((((2, 3), 1.0), ((5, 4), 0.5), ((3, 8), 0.1))):
        first, second = (3 * random.normal(size=size) for _ in range(2))
        second = second + first  # partners are alike, though not the same
        given = [torch.tensor(view, dtype=torch.float32) for view in (first, second)]
        value = _as_loss(call(answer, *given, temperature=temperature), 2 * len(first), "row")
        if math.isinf(value):
            raise NotYet(
                "The loss is infinite: a row that is masked is asked for as partner. After stacking, the "
                "partner of row i is row i + B, and of row i + B it is row i."
            )
        each = _contrast(first, second, temperature)
        told = f"for {len(first)} pictures and temperature {temperature:g}"
        slips = _contrast_slips(first, second, temperature, each)
        traps = [(wrong, f"{message} (Asked was {told}.)") for wrong, message in slips]
        expect_close(
            value,
            each.mean(),
            name="the loss",
            rtol=1e-3,
            atol=1e-5,
            traps=_but_the_right_one(traps, each.mean()),
            otherwise=(
                "For two pictures and temperature 1 it is not the mean over four rows of minus the log of "
                "the partner's share among the three others.",
                "Right for two pictures and temperature 1, but not for five and temperature 0.5.",
                "Right for temperatures 1 and 0.5, but not for 0.1.",
            )[number],
        )
    _expect_no_overflow(answer)
    flows = _flows(answer, *given, temperature=0.5)
    for name, reached in zip(("first", "second"), flows, strict=True):
        if not reached:
            raise NotYet(
                f"The number is right, but no gradient flows back to `{name}`: look for `.detach()`, "
                "`.data`, `no_grad` or NumPy. Both views teach."
            )
    return (
        "It is cross-entropy with 2B − 1 classes, the other rows, and the partner is the right one. No label "
        "was needed: we made the partner ourselves, and so we have chosen what the network must overlook."
    )


def _contrast_slips(first, second, temperature, each):
    """Return known wrong values, each with its message."""
    import numpy as np

    half = len(first)
    there, back = _across(first, second, temperature)
    rows = np.concatenate([first, second])
    columns = rows / np.linalg.norm(rows, axis=0, keepdims=True)
    shares = np.exp(-each)

    def other_partner(partner):
        return _contrast(first, second, temperature, partner=partner).mean()

    return [
        (
            _contrast(first, second, temperature, own="itself").mean(),
            "A row's likeness with itself stands in the sum, and nothing is more alike. Mask the diagonal: "
            "`-inf` before the exponential.",
        ),
        (
            _contrast(first, second, temperature, own=0.0).mean(),
            "You put 0 on the diagonal, and exp(0) is 1: the row itself still counts as another. Put `-inf` "
            "there.",
        ),
        (
            _contrast(first, second, temperature, unit=False).mean(),
            "The rows are not brought to length 1: then a long row is like everything. Divide each by its "
            "length, `nn.functional.normalize(…, dim=1)`.",
        ),
        (
            _contrast(columns[:half], columns[half:], temperature, unit=False).mean(),
            "The columns have length 1, and the rows should: `dim=1`.",
        ),
        (
            other_partner(lambda row, half: row + 1 - 2 * (row % 2)),
            "The partner is off: you take rows 0 and 1 for a pair, then 2 and 3. After stacking, the partner "
            "of row i is row i + B, and of row i + B it is row i.",
        ),
        (
            other_partner(lambda row, half: (row + 1) % (2 * half)),
            "The partner is off: you ask for the next row. After stacking, the partner of row i is row "
            "i + B, and of row i + B it is row i.",
        ),
        (
            _contrast(first, second, temperature, own="itself", partner=lambda row, half: row % half).mean(),
            "The partner is off: for the first view you ask for the row itself. Of row i it is row i + B.",
        ),
        (
            each[:half].mean(),
            "Only the rows of the first view are asked for their partner. The mean is over all 2B rows.",
        ),
        (
            each[half:].mean(),
            "Only the rows of the second view are asked for their partner. The mean is over all 2B rows.",
        ),
        (
            there.mean(),
            "Only rows of the other view stand in the sum. The other pictures of the *same* view count as "
            "well: 2B − 1 rows in all.",
        ),
        (
            (there.mean() + back.mean()) / 2,
            "Only rows of the other view stand in the sum, in both directions. The other pictures of the "
            "*same* view count as well: 2B − 1 rows in all.",
        ),
        (
            _contrast(first, second, 1 / temperature).mean(),
            "You multiply by the temperature. Divide by it: a low temperature makes differences large.",
        ),
        (_contrast(first, second, 1.0).mean(), "The temperature has no part in it."),
        (each.sum(), "That is the sum over the rows. Take the mean."),
        (2 * each.mean(), "You divide by B. There are 2B rows."),
        (-each.mean(), "The sign is turned round: the log of a share is negative, and a loss is not."),
        (
            (each + np.log1p(-shares)).mean(),
            "The partner is missing from the sum below the line: it counts among the 2B − 1 others.",
        ),
        (-shares.mean(), "That is the mean share of the partner. Take its logarithm first."),
        (each.mean() / math.log(2), "The logarithm has base 2. Use the natural one."),
    ]


def _expect_no_overflow(answer):
    """Refuse what breaks at a temperature of 0.01: exp(100) is more than a float32 holds."""
    import torch

    views = torch.eye(4), torch.eye(4)
    value = _as_loss(call(answer, *views, temperature=0.01), 8, "row")
    if not math.isfinite(value):
        raise NotYet(
            f"The loss is {value} at temperature 0.01: exp(100) is more than a float32 holds. "
            "`nn.functional.cross_entropy` and `torch.logsumexp` take the logarithms themselves."
        )


# ---------------------------------------------------------------------------------------------------------
# 15.2  What it bought

_VERDICTS = ("better", "worse", "cannot tell")


def _tables():
    """Return tables of (right or wrong by method, name of the baseline).

    In each the same test cases are hard for all, so that a paired interval is far narrower than an unpaired
    one; each holds a method that is better, one that is worse, and one that cannot be told from the baseline.
    """
    import numpy as np

    random = np.random.default_rng(152)
    tables = []
    for cases, names, baseline in (
        (400, ("raw pixels", "contrast", "rotation", "colour"), "raw pixels"),
        (150, ("A", "B", "C", "D"), "C"),
    ):
        base = random.random(cases) < 0.8
        others = [name for name in names if name != baseline]
        flips = {others[0]: (0.1, 0.02), others[1]: (0.01, 0.12), others[2]: (0.06, 0.055)}
        table = {}
        for name in names:
            if name == baseline:
                table[name] = base.astype(float)
                continue
            gained, lost = (round(share * cases) for share in flips[name])
            right = base.copy()
            right[random.choice(np.flatnonzero(~base), gained, replace=False)] = True
            right[random.choice(np.flatnonzero(base), lost, replace=False)] = False
            table[name] = right.astype(float)
        tables.append((table, baseline))
    # Means over three draws of labels: thirds, and a difference too small to tell.
    table = {name: random.choice([0, 1 / 3, 2 / 3, 1], size=200) for name in ("plain", "longer")}
    table["worse by far"] = 0.5 * table["plain"]
    tables.append((table, "plain"))
    return tables


def _paired(right, baseline):
    """Return the gain over the baseline, its standard error and its verdict."""
    difference = right - baseline
    gain, error = difference.mean(), difference.std(ddof=1) / math.sqrt(len(difference))
    low, high = gain - 1.96 * error, gain + 1.96 * error
    return gain, error, "better" if low > 0 else "worse" if high < 0 else "cannot tell"


def _verify_report(answer):
    for table, baseline in _tables():
        found = call(answer, table, baseline)
        if not isinstance(found, dict):
            raise NotYet(
                f"Return a dictionary, not a `{type(found).__name__}`: "
                "`{name: (gain, low, high, verdict)}`."
            )
        for name, right in table.items():
            if name == baseline:
                continue
            gain, error, verdict = _paired(right, table[baseline])
            told = f"`{name}` against `{baseline}`, {len(right)} test cases"
            if name not in found:
                raise NotYet(_missing(name, verdict))
            row = found[name]
            if isinstance(row, (str, dict)) or not hasattr(row, "__len__") or len(row) != 4:
                raise NotYet(f"The entry of `{name}` is not `(gain, low, high, verdict)`, four values.")
            numbers = [
                expect_number(value, name=f"`{part}` of `{name}`")
                for part, value in zip(("gain", "low", "high"), row, strict=False)
            ]
            _expect_gain(numbers[0], gain, right, table[baseline], told)
            _expect_interval(numbers[1:], gain, error, right, table[baseline], told)
            _expect_verdict(row[3], verdict, gain, told)
    return (
        "Three verdicts, and the third is the commonest in honest work. A result that went the wrong way "
        "stands in the table like the others: without it, who reads the table would try the same again."
    )


def _missing(name, verdict):
    """Return what to say of a method that was left out."""
    if verdict == "worse":
        return (
            f"`{name}` is missing from the report. It came out worse than the baseline, and a result that "
            "went the wrong way is a result: report every method that was tried."
        )
    if verdict == "cannot tell":
        return (
            f"`{name}` is missing from the report. That it cannot be told from the baseline is worth "
            "knowing: report every method that was tried."
        )
    return f"`{name}` is missing from the report."


def _expect_gain(found, gain, right, baseline, told):
    """Say what another gain was made of."""
    if math.isclose(found, gain, abs_tol=1e-6):
        return
    for wrong, message in (
        (abs(gain), "The sign is lost. A method may lose, and that is to be seen."),
        (-gain, "The sign is turned round: the method's accuracy minus the baseline's."),
        (100 * gain, "The gain is in per cent. Return a share."),
        (right.mean(), "That is the method's accuracy. The gain is what it has more than the baseline."),
        (max(gain, 0.0), "The gain is cut off at 0. A method may lose, and that is to be seen."),
        (gain * len(right), "That is a number of test cases. Return a share."),
        (gain / baseline.mean(), "You divide by the baseline. The gain is a difference of accuracies."),
        (right.mean() / baseline.mean(), "You divide. The gain is a difference of accuracies."),
    ):
        if math.isclose(found, wrong, abs_tol=1e-6):
            raise NotYet(f"{message} ({told}.)")
    raise NotYet(f"The gain is not the difference of the two accuracies. ({told}.)")


def _expect_interval(ends, gain, error, right, baseline, told):
    """Say what another interval was made of.

    An eighth of the half-width is left to chance and taste, and a quarter to where the interval lies: the
    better kinds of bootstrap (BCa) are not symmetric.
    """
    import numpy as np

    low, high = ends
    if math.isnan(low) or math.isnan(high):
        raise NotYet(f"An end of the interval is NaN. ({told}.)")
    half = 1.96 * error
    if abs((high - low) / 2 - half) <= half / 8 and abs((low + high) / 2 - gain) <= half / 4:
        return
    if low > high:
        raise NotYet(f"The lower end lies above the upper one. ({told}.)")

    def of_mean(values):
        return values.std(ddof=1) / math.sqrt(len(values))

    unpaired = 1.96 * math.hypot(of_mean(right), of_mean(baseline))
    own = 1.96 * of_mean(right)
    difference = right - baseline
    width = (high - low) / 2
    for centre, wrong, message in (
        (gain, 0.0, "The interval has no width: that is the gain in these test cases, and in no others."),
        (
            gain,
            unpaired,
            "You treat the two as if they had read different pictures. They read the same ones, and what is "
            "hard for one is hard for the other: take the interval of the *differences*, case by case.",
        ),
        (
            gain,
            1.96 * (of_mean(right) + of_mean(baseline)),
            "You add up the two intervals' arms. The cases are the same: take the interval of the "
            "*differences*, case by case.",
        ),
        (
            right.mean(),
            own,
            "That is the interval of the method's own accuracy. Asked is that of the gain: bootstrap the "
            "differences, case by case.",
        ),
        (
            gain,
            own,
            "The width is that of the method's own accuracy. Take the interval of the differences.",
        ),
        (
            gain,
            1.96 * difference.std(ddof=1),
            "The interval shows how far single cases differ (sd). The mean of them is far better known: sd "
            "divided by the root of their number.",
        ),
        (gain, error, "That is ± one standard error, which holds 68 %. For 95 % it takes 1.96 of them."),
        (gain, 1.64 * error, "That is an interval of 90 %. Asked are 95 %."),
        (-gain, half, "The ends belong to the baseline minus the method: the sign is turned round."),
        (100 * gain, 100 * half, "The interval is in per cent. Return shares."),
    ):
        if abs((low + high) / 2 - centre) <= max(0.1 * wrong, 1e-9) and abs(width - wrong) <= max(
            0.1 * wrong, 1e-9
        ):
            raise NotYet(f"{message} ({told}.)")
    low, high = np.round([low, high], 3)
    raise NotYet(f"From {low} to {high} is not a 95 % interval of the paired gain. ({told}.)")


def _expect_verdict(found, verdict, gain, told):
    """Say what another verdict overlooks."""
    if found == verdict:
        return
    if found not in _VERDICTS:
        raise NotYet(
            f"The verdict is none of `better`, `worse`, `cannot tell`. ({told}.)"
            + (
                " That the interval holds zero does not make the two equal."
                if isinstance(found, str) and found.strip().lower() in ("equal", "same", "the same", "tie")
                else ""
            )
        )
    if verdict == "cannot tell":
        if found == ("better" if gain > 0 else "worse"):
            raise NotYet(
                "The verdict follows the sign of the gain, and the interval holds zero: `cannot tell`. "
                f"({told}.)"
            )
        raise NotYet(f"The interval holds zero, and the verdict is `{found}`. ({told}.)")
    if found == "cannot tell":
        raise NotYet(f"The interval does not hold zero, and the verdict is `cannot tell`. ({told}.)")
    raise NotYet(f"`better` and `worse` have changed places: more right answers are better. ({told}.)")


# ---------------------------------------------------------------------------------------------------------
# 15.3  FixMatch


def _log_shares(scores):
    """Return the logarithms of softmax, in float64."""
    import numpy as np

    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def _fixmatch(weak, strong, threshold):
    """Return the loss of each row, in float64."""
    import numpy as np

    rows, sure = np.arange(len(weak)), np.exp(_log_shares(weak)).max(axis=1)
    return np.where(sure >= threshold, -_log_shares(strong)[rows, weak.argmax(axis=1)], 0.0)


def _verify_fixmatch(answer):
    import numpy as np
    import torch

    random = np.random.default_rng(153)
    cases = (
        (6, 3, 2.0, 0.6, "some rows sure enough"),
        (40, 10, 3.0, 0.8, "40 rows and ten classes"),
        (5, 4, 0.5, 0.99, "no row sure enough"),
        (8, 4, 9.0, 0.3, "every row sure enough"),
    )
    for rows, classes, size, threshold, told in cases:
        weak, strong = (size * random.normal(size=(rows, classes)) for _ in range(2))
        given = [torch.tensor(scores, dtype=torch.float32) for scores in (weak, strong)]
        value = _as_loss(call(answer, *given, threshold=threshold), rows, "picture")
        each = _fixmatch(weak, strong, threshold)
        accepted = np.exp(_log_shares(weak)).max(axis=1) >= threshold
        if math.isnan(value) and not accepted.any():
            raise NotYet(
                "The loss is NaN where no row is sure enough: you divide by the number of accepted rows, and "
                "that is 0. Divide by all B: unsure rows count as 0."
            )
        traps = _fixmatch_slips(weak, strong, threshold, each, accepted)
        expect_close(
            value,
            each.mean(),
            name="the loss",
            rtol=1e-3,
            atol=1e-5,
            traps=_but_the_right_one(traps, each.mean()),
            otherwise=f"It is not the FixMatch loss with {told}.",
        )
    _expect_at_least(answer)
    _expect_one_way(answer)
    return (
        "At first hardly any row is sure enough and the labels lead; then the network teaches itself. What "
        "it is sure of and wrong about, it teaches itself as well."
    )


def _fixmatch_slips(weak, strong, threshold, each, accepted):
    """Return known wrong values, each with its message."""
    import numpy as np

    rows = np.arange(len(weak))
    log_weak, log_strong = _log_shares(weak), _log_shares(strong)
    labels, own = weak.argmax(axis=1), strong.argmax(axis=1)
    all_rows = -log_strong[rows, labels]
    soft = -(np.exp(log_weak) * log_strong).sum(axis=1)
    sure = np.exp(log_weak).max(axis=1)
    by_strong = np.exp(log_strong).max(axis=1) >= threshold
    twice = -_log_shares(np.exp(log_strong))[rows, labels]
    slips = [
        (all_rows.mean(), "The threshold has no part in it: rows that are not sure enough count as 0."),
        (
            np.where(weak.max(axis=1) >= threshold, all_rows, 0).mean(),
            "The threshold is compared with the scores. It is a probability: `softmax` first.",
        ),
        (
            np.where(~accepted, all_rows, 0).mean(),
            "You keep the rows *below* the threshold. Keep those that are sure.",
        ),
        (
            np.where(by_strong, all_rows, 0).mean(),
            "You ask whether the *strong* view is sure. The weak view gives the label, so it must be sure.",
        ),
        (
            np.where(by_strong, -log_weak[rows, own], 0).mean(),
            "The views have changed places: the weak one gives the label, the strong one has to find it.",
        ),
        (
            np.where(accepted, -log_strong[rows, own], 0).mean(),
            "The label is taken from the strong view itself, so the loss only makes it surer of what it "
            "says. Take it from the weak view.",
        ),
        (
            np.where(accepted, -log_weak[rows, labels], 0).mean(),
            "The cross-entropy is that of the *weak* view with its own label. The strong one has to find it.",
        ),
        (
            np.where(accepted, soft, 0).mean(),
            "You train on the probabilities of the weak view. FixMatch makes a hard label of them: `argmax`.",
        ),
        (
            np.where(accepted, sure * all_rows, 0).mean(),
            "You weight by the confidence. A row that is sure enough counts in full.",
        ),
        (
            np.where(accepted, twice, 0).mean(),
            "A softmax is applied twice: `cross_entropy` takes scores, not probabilities.",
        ),
        (each.sum(), "That is the sum over the rows. Take the mean over all B."),
        (-each.mean(), "The sign is turned round: the log of a probability is negative, and a loss is not."),
    ]
    if accepted.any():
        slips.append(
            (
                each[accepted].mean(),
                "You take the mean over the accepted rows only. Then a single sure row counts as much as a "
                "full batch: divide by all B.",
            )
        )
    return slips


def _expect_at_least(answer):
    """Refuse `>` in place of `>=`: with scores so far apart the probability is 1 exactly, like the bar."""
    import torch

    weak, strong = torch.tensor([[300.0, 0.0, 0.0]]), torch.zeros(1, 3)
    if _as_loss(call(answer, weak, strong, threshold=1.0), 1, "picture") == 0:
        raise NotYet("A picture that is exactly as sure as the threshold counts too: *at least*, `>=`.")


def _expect_one_way(answer):
    """Refuse a gradient that reaches the weak scores, or none that reaches the strong ones."""
    import torch

    random = torch.Generator().manual_seed(1531)
    scores = [3 * torch.randn(12, 5, generator=random) for _ in range(2)]
    to_weak, to_strong = _flows(answer, *scores, threshold=0.7)
    if not to_strong:
        raise NotYet(
            "The number is right, but no gradient flows back to `strong_scores`: look for `.detach()`, "
            "`.data`, `no_grad` or NumPy."
        )
    if to_weak:
        raise NotYet(
            "The number is right, but a gradient flows back to `weak_scores`: then the network may make the "
            "label easier instead of finding it. `weak_scores.detach()`."
        )


# ---------------------------------------------------------------------------------------------------------
# 15.4  A teacher that follows


def _verify_teacher(answer):
    import torch

    random = torch.Generator().manual_seed(154)

    def weights(count):
        return {
            "0.weight": torch.randn(3, 2, generator=random),
            "0.bias": torch.randn(3, generator=random),
            "1.num_batches_tracked": torch.tensor(count),
        }

    for step, decay in ((500, 0.9), (4, 0.99), (0, 0.99), (1, 0.3)):
        teacher, student = weights(7), weights(step + 12)
        found = call(answer, teacher, student, step, decay=decay)
        told = f"at step {step} with decay {decay:g}"
        if not isinstance(found, dict):
            raise NotYet(f"Return a dictionary, not a `{type(found).__name__}`: name to tensor, as given.")
        missing = [name for name in teacher if name not in found]
        if missing:
            raise NotYet(f"The entry `{missing[0]}` is missing.")
        keep = min(decay, 1 - 1 / (step + 1))
        for name, old in teacher.items():
            _expect_followed(found[name], name, old, student[name], keep, step, decay, told)
    _expect_own_memory(answer, weights(1), weights(2))
    return (
        "Decay 0.99 is a mean over about the last hundred students: their errors come and go, and what they "
        "share stays. Without the warm-up the teacher would be its random start for a long while."
    )


def _expect_followed(found, name, old, new, keep, step, decay, told):
    """Say what another average was made of."""
    if not hasattr(found, "detach"):
        raise NotYet(f"`{name}` is of type `{type(found).__name__}`. Return a torch tensor.")
    if not old.is_floating_point():
        if found.is_floating_point() or found.item() != new.item():
            raise NotYet(
                f"`{name}` counts, in whole numbers. Take the student's: a mean of counters is no counter."
            )
        return
    late = 1 - 1 / step if step else 0.0
    traps = [
        (
            (1 - keep) * old + keep * new,
            "The shares have changed places: the teacher keeps the large share of itself.",
        ),
        (
            decay * old + (1 - decay) * new,
            "The warm-up is missing: the share that the teacher keeps is the smaller of `decay` and 1 − 1 / "
            "(step + 1).",
        ),
        (
            (1 - 1 / (step + 1)) * old + new / (step + 1),
            "The share grows on beyond `decay`, and the teacher hardly moves any more: take the smaller of "
            "the two shares, not the larger.",
        ),
        (min(decay, late) * old + (1 - min(decay, late)) * new, "Off by one: 1 − 1 / (step + 1)."),
        (new, "That is the student. The teacher follows it only in part."),
        (old, "That is the teacher as it was. It follows the student in part."),
        (keep * old + new, "The shares do not add up to 1: the student's is 1 minus the teacher's."),
        ((old + new) / 2, "That is the plain mean of the two. The teacher keeps the share that is asked."),
    ]
    right = keep * old + (1 - keep) * new
    expect_close(
        found,
        right,
        name=f"`{name}`",
        rtol=1e-4,
        atol=1e-5,
        traps=[
            (wrong, f"{message} (Asked was {told}.)")
            for wrong, message in traps
            if not bool(((wrong - right).abs() < 1e-4).all())
        ],
        otherwise=f"`{name}` is not the teacher's average {told}.",
    )


def _expect_own_memory(answer, teacher, student):
    """Refuse a teacher that shares its memory with the student, or that gradients flow into."""
    student = {name: value.clone() for name, value in student.items()}
    found = answer(teacher, student, 0)  # not by `call`: it would pass copies, and memory is what we ask for
    for name, value in found.items():
        if value.data_ptr() in (student[name].data_ptr(), teacher[name].data_ptr()):
            raise NotYet(
                f"The new `{name}` is the old tensor itself, not a copy: the student's next step would move "
                "the teacher along. Make a new one, `.clone()`."
            )
    import torch

    with torch.enable_grad():
        learning = {
            name: value.requires_grad_() if value.is_floating_point() else value
            for name, value in student.items()
        }
        found = answer(teacher, learning, 3)
    if any(value.requires_grad for value in found.values()):
        raise NotYet(
            "The teacher is part of the student's graph: each step would hang on all earlier ones. Average "
            "under `torch.no_grad()`, or `.detach()` the student's weights."
        )


EXERCISES = (
    Exercise(
        id="15.1",
        title="Whose partner is it?",
        kind="complete",
        minutes=12,
        difficulty=4,
        hints=(
            "Stack the two views to 2B rows. Which row is the partner of row 0? And of row B?",
            "Bring the rows to length 1 with `nn.functional.normalize(…, dim=1)`; their products with each "
            "other, divided by the temperature, are scores (2B, 2B). Put `-inf` on the diagonal.",
            "`nn.functional.cross_entropy(scores, partner)`, where `partner` holds B, …, 2B − 1 and then "
            "0, …, B − 1: `torch.arange(2 * B).roll(B)`. Mask with "
            "`masked_fill(torch.eye(2 * B).bool(), -torch.inf)`.",
        ),
        verify=_verify_contrast,
    ),
    Exercise(
        id="15.2",
        title="What it bought",
        kind="design",
        minutes=10,
        difficulty=3,
        hints=(
            "Both methods read the same test cases. What is there one of for each case, and has the gain as "
            "its mean?",
            "`difference = correct[name] - correct[baseline]`; its mean is the gain, and "
            "`cl.metrics.bootstrap_interval(difference, np.mean)` gives the ends.",
            "`verdict = 'better' if low > 0 else 'worse' if high < 0 else 'cannot tell'`, for every name but "
            "the baseline's.",
        ),
        verify=_verify_report,
    ),
    Exercise(
        id="15.3",
        title="Only what it is sure of",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "Which view gives the label, and which has to find it? Through which one may a gradient flow?",
            "`weak_scores.detach().softmax(dim=1).max(dim=1)` gives the confidence and the label of each row "
            "at once.",
            "`cross_entropy(strong_scores, label, reduction='none')` is one number per row: multiply it with "
            "`(confidence >= threshold)` and take the mean.",
        ),
        verify=_verify_fixmatch,
    ),
    Exercise(
        id="15.4",
        title="A teacher that follows",
        kind="complete",
        minutes=6,
        difficulty=2,
        hints=(
            "What is the smaller of `decay` and 1 − 1 / (step + 1) at step 0? Whose weights does the teacher "
            "then get?",
            "Loop over `teacher.items()`. `.is_floating_point()` tells weights from counters; a counter is "
            "the student's, `.clone()`.",
            "`keep * old + (1 - keep) * student[name].detach()` for the weights.",
        ),
        verify=_verify_teacher,
    ),
)
