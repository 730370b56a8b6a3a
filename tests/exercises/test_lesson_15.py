"""Right answers in several styles and typical wrong ones, for the checks of lesson 15."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

import course_lib as cl
from course_lib.exercises import lesson_15

# ---------------------------------------------------------------------------------------------------------
# 15.1


def contrast_by_cross_entropy(first, second, temperature=0.5):
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    scores = rows @ rows.T / temperature
    scores = scores.masked_fill(torch.eye(len(rows), dtype=torch.bool), -torch.inf)
    return functional.cross_entropy(scores, torch.arange(len(rows)).roll(len(first)))


def contrast_by_loops(first, second, temperature=0.5):
    rows = [row / row.norm() for row in [*first, *second]]
    count, total = len(rows), 0.0
    for i in range(count):
        partner = i + len(first) if i < len(first) else i - len(first)
        others = torch.stack([rows[i] @ rows[j] for j in range(count) if j != i]) / temperature
        total = total + torch.logsumexp(others, dim=0) - rows[i] @ rows[partner] / temperature
    return total / count


def contrast_by_blocks(first, second, temperature=0.5):
    a, b = functional.normalize(first, dim=1), functional.normalize(second, dim=1)
    own = torch.diag(torch.full((len(a),), torch.inf))
    across = a @ b.T / temperature
    there = torch.cat([across, a @ a.T / temperature - own], dim=1)
    back = torch.cat([across.T, b @ b.T / temperature - own], dim=1)
    place = torch.arange(len(a))
    return (functional.cross_entropy(there, place) + functional.cross_entropy(back, place)) / 2


def contrast_without_the_diagonal(first, second, temperature=0.5):
    rows = torch.cat([first, second])
    alike = functional.cosine_similarity(rows[:, None], rows[None], dim=2) / temperature
    count = len(rows)
    others = alike[~torch.eye(count, dtype=torch.bool)].view(count, count - 1)
    partner = alike.diagonal(len(first))
    return (torch.logsumexp(others, dim=1) - torch.cat([partner, partner])).mean()


def contrast_with(
    unit=lambda rows: functional.normalize(rows, dim=1),
    heat=lambda alike, temperature: alike / temperature,
    own=-torch.inf,
    partner=lambda count: torch.arange(count).roll(count // 2),
    finish=torch.mean,
):
    """Return the loss with one step done otherwise."""

    def variant(first, second, temperature=0.5):
        rows = unit(torch.cat([first, second]))
        scores = heat(rows @ rows.T, temperature)
        if own is not None:
            scores = scores.masked_fill(torch.eye(len(rows), dtype=torch.bool), own)
        return finish(functional.cross_entropy(scores, partner(len(rows)), reduction="none"))

    return variant


def contrast_across(first, second, temperature=0.5):
    a, b = functional.normalize(first, dim=1), functional.normalize(second, dim=1)
    return functional.cross_entropy(a @ b.T / temperature, torch.arange(len(a)))


def contrast_across_both_ways(first, second, temperature=0.5):
    return (contrast_across(first, second, temperature) + contrast_across(second, first, temperature)) / 2


def contrast_by_plain_exponentials(first, second, temperature=0.5):
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    scores = (rows @ rows.T / temperature).exp() * (1 - torch.eye(len(rows)))
    partner = torch.arange(len(rows)).roll(len(first))
    return -torch.log(scores[torch.arange(len(rows)), partner] / scores.sum(dim=1)).mean()


def contrast_without_the_partner_below(first, second, temperature=0.5):
    rows = functional.normalize(torch.cat([first, second]), dim=1)
    scores = rows @ rows.T / temperature
    count = len(rows)
    partner = torch.arange(count).roll(count // 2)
    asked = scores[torch.arange(count), partner]
    hidden = torch.eye(count, dtype=torch.bool)
    hidden[torch.arange(count), partner] = True
    return (torch.logsumexp(scores.masked_fill(hidden, -torch.inf), dim=1) - asked).mean()


def contrast_that_holds_one_view(first, second, temperature=0.5):
    return contrast_by_cross_entropy(first, second.detach(), temperature)


def contrast_as_a_float(first, second, temperature=0.5):
    return contrast_by_cross_entropy(first, second, temperature).item()


# ---------------------------------------------------------------------------------------------------------
# 15.2


def verdict_of(low, high):
    return "better" if low > 0 else "worse" if high < 0 else "cannot tell"


def report_by_bootstrap(correct, baseline):
    found = {}
    for name in correct:
        if name != baseline:
            difference = np.asarray(correct[name]) - correct[baseline]
            low, high = cl.metrics.bootstrap_interval(difference, np.mean)
            found[name] = (difference.mean(), low, high, verdict_of(low, high))
    return found


def report_by_formula(correct, baseline):
    found = {}
    for name, right in correct.items():
        gain = right.mean() - correct[baseline].mean()
        half = 1.96 * np.std(right - correct[baseline]) / np.sqrt(len(right))
        found[name] = [gain, gain - half, gain + half, verdict_of(gain - half, gain + half)]
    del found[baseline]
    return found


def report_by_scipy(correct, baseline):
    found = {}
    for name in set(correct) - {baseline}:
        test = stats.ttest_rel(correct[name], correct[baseline])
        low, high = test.confidence_interval()
        gain = np.mean(correct[name]) - np.mean(correct[baseline])
        found[name] = (gain, low, high, verdict_of(low, high))
    return found


def report_by_scipy_s_bootstrap(correct, baseline):
    found = {}
    for name in set(correct) - {baseline}:
        difference = correct[name] - correct[baseline]
        made = stats.bootstrap((difference,), np.mean, n_resamples=2000, random_state=4)  # BCa: not symmetric
        low, high = made.confidence_interval
        found[name] = (difference.mean(), low, high, verdict_of(low, high))
    return found


def report_by_own_resamples(correct, baseline):
    random = np.random.default_rng(3)
    size = len(correct[baseline])
    rows = random.integers(size, size=(4000, size))
    found = {}
    for name, right in correct.items():
        if name == baseline:
            continue
        draws = right[rows].mean(axis=1) - correct[baseline][rows].mean(axis=1)
        low, high = np.percentile(draws, [2.5, 97.5])
        found[name] = (float(right.mean() - correct[baseline].mean()), low, high, verdict_of(low, high))
    return found


def report_with(change):
    """Return a right report in which `change(row, right, base)` has altered every row."""

    def variant(correct, baseline):
        rows = report_by_formula(correct, baseline)
        return {name: change(row, correct[name], correct[baseline]) for name, row in rows.items()}

    return variant


def report_with_interval(half_of, centre_of=lambda gain, right, base: gain):
    """Return a report with another interval, and the verdict that follows from it."""

    def change(row, right, base):
        centre, half = centre_of(row[0], right, base), half_of(right, base)
        return (row[0], centre - half, centre + half, verdict_of(centre - half, centre + half))

    return report_with(change)


def report_without(*verdicts):
    def variant(correct, baseline):
        rows = report_by_formula(correct, baseline)
        return {name: row for name, row in rows.items() if row[3] not in verdicts}

    return variant


def standard_error(values):
    return values.std(ddof=1) / math.sqrt(len(values))


# ---------------------------------------------------------------------------------------------------------
# 15.3


def fixmatch_by_mask(weak_scores, strong_scores, threshold=0.95):
    sure, label = weak_scores.detach().softmax(dim=1).max(dim=1)
    losses = functional.cross_entropy(strong_scores, label, reduction="none")
    return (losses * (sure >= threshold)).mean()


def fixmatch_by_loop(weak_scores, strong_scores, threshold=0.95):
    total = 0 * strong_scores.sum()
    for weak, strong in zip(weak_scores.detach(), strong_scores, strict=True):
        shares = torch.softmax(weak, dim=0)
        if shares.max() >= threshold:
            total = total - torch.log_softmax(strong, dim=0)[shares.argmax()]
    return total / len(weak_scores)


def fixmatch_by_selection(weak_scores, strong_scores, threshold=0.95):
    with torch.no_grad():
        shares = functional.softmax(weak_scores, dim=1)
        keep = shares.amax(dim=1) >= threshold
        labels = shares.argmax(dim=1)
    chosen = functional.cross_entropy(strong_scores[keep], labels[keep], reduction="sum")
    return chosen / weak_scores.shape[0]


def fixmatch_by_one_hot(weak_scores, strong_scores, threshold=0.95):
    shares = weak_scores.detach().softmax(dim=1)
    target = functional.one_hot(shares.argmax(dim=1), shares.shape[1]).float()
    target = target * (shares.max(dim=1, keepdim=True).values >= threshold)
    return -(target * strong_scores.log_softmax(dim=1)).sum(dim=1).mean()


def fixmatch_with(
    judge=lambda weak, strong: weak.softmax(dim=1).max(dim=1).values,
    label=lambda weak, strong: weak.argmax(dim=1),
    learner=lambda weak, strong: strong,
    keep=lambda sure, threshold: sure >= threshold,
    finish=lambda losses, keep: (losses * keep).mean(),
):
    """Return the loss with one step done otherwise."""

    def variant(weak_scores, strong_scores, threshold=0.95):
        weak, strong = weak_scores, strong_scores
        accepted = keep(judge(weak, strong), threshold)
        losses = functional.cross_entropy(learner(weak, strong), label(weak, strong), reduction="none")
        return finish(losses, accepted)

    return variant


def of_weak(weak, strong):
    return weak


def best_of_strong(weak, strong):
    return strong.argmax(dim=1)


def sureness_of_strong(weak, strong):
    return strong.softmax(dim=1).max(dim=1).values


def fixmatch_weighted(weak_scores, strong_scores, threshold=0.95):
    sure, label = weak_scores.detach().softmax(dim=1).max(dim=1)
    losses = functional.cross_entropy(strong_scores, label, reduction="none")
    return (sure * losses * (sure >= threshold)).mean()


def fixmatch_of_a_copy(weak_scores, strong_scores, threshold=0.95):
    return fixmatch_by_mask(weak_scores, strong_scores.detach(), threshold) + 0 * weak_scores.sum()


def fixmatch_with_gradient_to_weak(weak_scores, strong_scores, threshold=0.95):
    sure, label = weak_scores.softmax(dim=1).max(dim=1)
    losses = functional.cross_entropy(strong_scores, label, reduction="none")
    return (losses * (sure >= threshold) * sure / sure.detach()).mean()


def fixmatch_as_a_float(weak_scores, strong_scores, threshold=0.95):
    return fixmatch_by_mask(weak_scores, strong_scores, threshold).item()


# ---------------------------------------------------------------------------------------------------------
# 15.4


def follow_by_comprehension(teacher, student, step, decay=0.99):
    keep = min(decay, 1 - 1 / (step + 1))
    return {
        name: (keep * old + (1 - keep) * student[name]).detach()
        if old.is_floating_point()
        else student[name].clone()
        for name, old in teacher.items()
    }


def follow_by_lerp(teacher, student, step, decay=0.99):
    keep = min(decay, step / (step + 1))
    new = {}
    with torch.no_grad():
        for name in student:
            if torch.is_floating_point(student[name]):
                new[name] = torch.lerp(student[name], teacher[name], keep)
            else:
                new[name] = student[name].clone()
    return new


def follow_in_a_copy(teacher, student, step, decay=0.99):
    new = copy.deepcopy(teacher)
    keep = min(decay, 1 - 1 / (1 + step))
    for name, value in new.items():
        if value.dtype == torch.int64:
            value.copy_(student[name])
        else:
            value.mul_(keep).add_(student[name].detach(), alpha=1 - keep)
    return new


def follow_with(
    keep_of=lambda step, decay: min(decay, 1 - 1 / (step + 1)),
    mix=lambda keep, old, new: keep * old + (1 - keep) * new,
    whole=lambda old, new: new.clone(),
):
    """Return the rule with one step done otherwise."""

    def variant(teacher, student, step, decay=0.99):
        keep = keep_of(step, decay)
        return {
            name: mix(keep, old, student[name].detach())
            if old.is_floating_point()
            else whole(old, student[name])
            for name, old in teacher.items()
        }

    return variant


def follow_everything_alike(teacher, student, step, decay=0.99):
    keep = min(decay, 1 - 1 / (step + 1))
    return {name: keep * old + (1 - keep) * student[name] for name, old in teacher.items()}


def follow_in_the_graph(teacher, student, step, decay=0.99):
    keep = min(decay, 1 - 1 / (step + 1))
    return {
        name: keep * old + (1 - keep) * student[name] if old.is_floating_point() else student[name].clone()
        for name, old in teacher.items()
    }


def follow_in_place(teacher, student, step, decay=0.99):
    for name, value in follow_by_comprehension(teacher, student, step, decay).items():
        teacher[name].copy_(value)
    return teacher


def follow_weights_only(teacher, student, step, decay=0.99):
    new = follow_by_comprehension(teacher, student, step, decay)
    return {name: value for name, value in new.items() if value.is_floating_point()}


RIGHT = {
    "15.1": [
        contrast_by_cross_entropy,
        contrast_by_loops,
        contrast_by_blocks,
        contrast_without_the_diagonal,
    ],
    "15.2": [
        report_by_bootstrap,
        report_by_formula,
        report_by_scipy,
        report_by_scipy_s_bootstrap,
        report_by_own_resamples,
    ],
    "15.3": [fixmatch_by_mask, fixmatch_by_loop, fixmatch_by_selection, fixmatch_by_one_hot],
    "15.4": [follow_by_comprehension, follow_by_lerp, follow_in_a_copy],
}

WRONG = {
    "15.1": [
        (contrast_with(own=None), "A row's likeness with itself"),
        (contrast_with(own=0.0), "You put 0 on the diagonal"),
        (contrast_with(unit=lambda rows: rows), "not brought to length 1"),
        (contrast_with(unit=lambda rows: functional.normalize(rows, dim=0)), "The columns have length 1"),
        (contrast_with(partner=lambda count: torch.arange(count) ^ 1), "rows 0 and 1 for a pair"),
        (contrast_with(partner=lambda count: torch.arange(count).roll(-1)), "you ask for the next row"),
        (
            contrast_with(own=None, partner=lambda count: torch.arange(count) % (count // 2)),
            "you ask for the row itself",
        ),
        (
            contrast_with(partner=lambda count: torch.arange(count) % (count // 2)),
            "The loss is infinite",
        ),
        (contrast_with(finish=lambda each: each[: len(each) // 2].mean()), "Only the rows of the first view"),
        (contrast_with(finish=lambda each: each[len(each) // 2 :].mean()), "Only the rows of the second"),
        (contrast_across, "Only rows of the other view stand in the sum. The other"),
        (contrast_across_both_ways, "in both directions"),
        (contrast_with(heat=lambda alike, temperature: alike * temperature), "You multiply by the temp"),
        (contrast_with(heat=lambda alike, temperature: alike), "The temperature has no part"),
        (contrast_with(finish=torch.sum), "the sum over the rows"),
        (contrast_with(finish=lambda each: each.sum() / (len(each) // 2)), "You divide by B"),
        (contrast_with(finish=lambda each: -each.mean()), "The sign is turned round"),
        (contrast_with(finish=lambda each: each), "one number for each row"),
        (contrast_with(finish=lambda each: -torch.exp(-each).mean()), "the mean share of the partner"),
        (contrast_with(finish=lambda each: each.mean() / math.log(2)), "has base 2"),
        (contrast_without_the_partner_below, "The partner is missing"),
        (contrast_by_plain_exponentials, "more than a float32 holds"),
        (contrast_that_holds_one_view, "no gradient flows back to `second`"),
        (contrast_as_a_float, "Return a torch tensor"),
        (contrast_with(finish=lambda each: 1.1 * each.mean()), "For two pictures and temperature 1"),
    ],
    "15.2": [
        (report_without("worse"), "a result that went the wrong way is a result"),
        (report_without("cannot tell"), "cannot be told from the baseline is worth knowing"),
        (report_without("worse", "cannot tell"), "report every method"),
        (
            report_with_interval(
                lambda right, base: 1.96 * math.hypot(standard_error(right), standard_error(base))
            ),
            "as if they had read different pictures",
        ),
        (
            report_with_interval(lambda right, base: 1.96 * (standard_error(right) + standard_error(base))),
            "add up the two intervals' arms",
        ),
        (
            report_with_interval(
                lambda right, base: 1.96 * standard_error(right), lambda gain, right, base: right.mean()
            ),
            "the interval of the method's own accuracy",
        ),
        (report_with_interval(lambda right, base: 1.96 * standard_error(right)), "The width is that of"),
        (report_with_interval(lambda right, base: 0.0), "has no width"),
        (
            report_with_interval(lambda right, base: 1.96 * (right - base).std(ddof=1)),
            "how far single cases differ",
        ),
        (report_with_interval(lambda right, base: standard_error(right - base)), "± one standard error"),
        (report_with_interval(lambda right, base: 1.645 * standard_error(right - base)), "90 %"),
        (report_with_interval(lambda right, base: 0.2), "is not a 95 % interval"),
        (report_with(lambda row, right, base: (-row[0], -row[2], -row[1], row[3])), "The sign is turned"),
        (report_with(lambda row, right, base: (row[0], -row[2], -row[1], row[3])), "The ends belong to"),
        (report_with(lambda row, right, base: (row[0], row[2], row[1], row[3])), "lies above the upper one"),
        (report_with(lambda row, right, base: (*(100 * v for v in row[:3]), row[3])), "in per cent"),
        (report_with(lambda row, right, base: (max(row[0], 0), *row[1:])), "cut off at 0"),
        (report_with(lambda row, right, base: (abs(row[0]), *row[1:])), "The sign is lost"),
        (report_with(lambda row, right, base: (right.mean(), *row[1:])), "the method's accuracy"),
        (
            report_with(lambda row, right, base: (*row[:3], "better" if row[0] > 0 else "worse")),
            "follows the sign of the gain",
        ),
        (
            report_with(lambda row, right, base: (*row[:3], row[3].replace("cannot tell", "equal"))),
            "does not make the two equal",
        ),
        (
            report_with(
                lambda row, right, base: (*row[:3], {"better": "worse", "worse": "better"}.get(row[3]))
            ),
            "have changed places",
        ),
        (report_with(lambda row, right, base: (*row[:3], "cannot tell")), "does not hold zero"),
        (report_with(lambda row, right, base: row[:3]), "four values"),
        (lambda correct, baseline: [(0.1, 0.0, 0.2, "better")], "Return a dictionary"),
    ],
    "15.3": [
        (fixmatch_with(keep=lambda sure, threshold: torch.ones_like(sure)), "The threshold has no part"),
        (
            fixmatch_with(judge=lambda weak, strong: weak.max(dim=1).values),
            "compared with the scores",
        ),
        (fixmatch_with(keep=lambda sure, threshold: sure < threshold), "*below* the threshold"),
        (fixmatch_with(keep=lambda sure, threshold: sure > threshold), "exactly as sure as the threshold"),
        (fixmatch_with(judge=sureness_of_strong), "whether the *strong* view is sure"),
        (
            fixmatch_with(judge=sureness_of_strong, label=best_of_strong, learner=of_weak),
            "The views have changed places",
        ),
        (fixmatch_with(label=best_of_strong), "from the strong view itself"),
        (fixmatch_with(learner=of_weak), "that of the *weak* view with its own label"),
        (fixmatch_with(label=lambda weak, strong: weak.softmax(dim=1)), "the probabilities of the weak view"),
        (fixmatch_weighted, "You weight by the confidence"),
        (
            fixmatch_with(learner=lambda weak, strong: strong.softmax(dim=1)),
            "A softmax is applied twice",
        ),
        (fixmatch_with(finish=lambda losses, keep: losses[keep].mean()), "the accepted rows only"),
        (fixmatch_with(finish=lambda losses, keep: (losses * keep).sum()), "the sum over the rows"),
        (fixmatch_with(finish=lambda losses, keep: losses * keep), "one number for each picture"),
        (fixmatch_with(finish=lambda losses, keep: -(losses * keep).mean()), "The sign is turned round"),
        (fixmatch_with_gradient_to_weak, "a gradient flows back to `weak_scores`"),
        (fixmatch_of_a_copy, "no gradient flows back to `strong_scores`"),
        (fixmatch_as_a_float, "Return a torch tensor"),
        (fixmatch_with(finish=lambda losses, keep: 1.1 * (losses * keep).mean()), "It is not the FixMatch"),
    ],
    "15.4": [
        (follow_with(mix=lambda keep, old, new: (1 - keep) * old + keep * new), "have changed places"),
        (follow_with(keep_of=lambda step, decay: decay), "The warm-up is missing"),
        (follow_with(keep_of=lambda step, decay: max(decay, 1 - 1 / (step + 1))), "not the larger"),
        (follow_with(keep_of=lambda step, decay: 1 - 1 / (step + 1)), "grows on beyond"),
        (
            follow_with(keep_of=lambda step, decay: min(decay, 1 - 1 / step if step else 0.0)),
            "Off by one",
        ),
        (follow_with(mix=lambda keep, old, new: new.clone()), "That is the student"),
        (follow_with(mix=lambda keep, old, new: old.clone()), "That is the teacher as it was"),
        (follow_with(mix=lambda keep, old, new: keep * old + new), "do not add up to 1"),
        (follow_with(mix=lambda keep, old, new: (old + new) / 2), "the plain mean of the two"),
        (follow_with(mix=lambda keep, old, new: keep * old + (1 - keep) * new + 1), "is not the teacher's"),
        (follow_with(whole=lambda old, new: old.clone()), "no counter"),
        (follow_everything_alike, "no counter"),
        (follow_with(whole=lambda old, new: new), "the old tensor itself"),
        (follow_in_the_graph, "part of the student's graph"),
        (follow_in_place, "changes its input"),
        (follow_weights_only, "is missing"),
        (lambda teacher, student, step, decay=0.99: [1.0], "Return a dictionary"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()


def test_the_reference_of_the_contrast_is_the_library_s_cross_entropy():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 6, 3))
    found = contrast_by_cross_entropy(torch.tensor(first), torch.tensor(second), 0.3)
    assert lesson_15._contrast(first, second, 0.3).mean() == pytest.approx(float(found), rel=1e-9)


def test_the_example_of_the_contrast_in_the_lesson():
    first, second = torch.eye(2), torch.eye(2)
    expected = math.log(math.e + 2) - 1  # partner 1, the two others 0
    assert float(contrast_by_loops(first, second, 1.0)) == pytest.approx(expected, abs=1e-6)
    assert expected == pytest.approx(0.5514, abs=5e-5)


def test_each_table_has_a_better_a_worse_and_an_undecided_method():
    verdicts = [
        {lesson_15._paired(right, table[baseline])[2] for name, right in table.items() if name != baseline}
        for table, baseline in lesson_15._tables()
    ]
    assert verdicts[:2] == [{"better", "worse", "cannot tell"}] * 2
    assert verdicts[2] == {"worse", "cannot tell"}


def test_no_table_is_near_the_border():
    for table, baseline in lesson_15._tables():
        for name, right in table.items():
            if name != baseline:
                gain, error, _ = lesson_15._paired(right, table[baseline])
                assert abs(abs(gain / error) - 1.96) > 0.4, name


def test_the_teacher_is_torch_s_average_once_it_is_warm():
    torch.manual_seed(0)
    student = torch.nn.Linear(3, 2)
    average = AveragedModel(student, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    average.update_parameters(student)
    teacher = {name: value.clone() for name, value in student.state_dict().items()}
    for step in range(50, 60):
        with torch.no_grad():
            student.weight += torch.randn_like(student.weight)
        average.update_parameters(student)
        teacher = follow_by_comprehension(teacher, student.state_dict(), step, 0.9)
    torch.testing.assert_close(teacher["weight"], average.module.weight.detach())
