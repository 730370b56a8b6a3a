"""Right answers in several styles and typical wrong ones, for the checks of lesson 03."""

import math

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression, LogisticRegression

# ---------------------------------------------------------------------------------------------------------
# 03.1


def posterior_by_broadcasting(likelihood, prior):
    joint = likelihood * prior[:, None]
    return joint / joint.sum(axis=0)


def posterior_by_loops(likelihood, prior):
    result = []
    for c in range(len(prior)):
        row = []
        for v in range(likelihood.shape[1]):
            sold = sum(likelihood[i][v] * prior[i] for i in range(len(prior)))
            row.append(likelihood[c][v] * prior[c] / sold)
        result.append(row)
    return result


def posterior_by_matrices(likelihood, prior):
    return np.diag(prior) @ likelihood @ np.diag(1 / (prior @ likelihood))


def posterior_by_torch(likelihood, prior):
    joint = torch.einsum("cv,c->cv", torch.tensor(likelihood), torch.tensor(prior))
    return torch.nn.functional.normalize(joint, p=1, dim=0)


SALES = np.array([[6, 2], [3, 1], [2, 6]])


def joint_of(likelihood, prior):
    return likelihood * prior[:, None]


def posterior_over_vehicles(likelihood, prior):
    joint = joint_of(likelihood, prior)
    total = joint.sum(axis=1, keepdims=True)
    return joint / np.where(total == 0, 1, total)


def posterior_prior_on_columns(likelihood, prior):
    joint = likelihood * (prior if len(prior) == likelihood.shape[1] else prior[:, None])
    return joint / joint.sum(axis=0)


def posterior_only_where_rows_add_up(likelihood, prior):
    joint = likelihood * prior[:, None]
    return joint / (joint.sum(axis=0) + 1 - likelihood.sum(axis=1).mean())


# ---------------------------------------------------------------------------------------------------------
# 03.2


def unit(vector):
    return vector / np.linalg.norm(vector)


def direction_by_solving(inputs, targets):
    zeros, ones = inputs[targets == 0], inputs[targets == 1]
    return unit(np.linalg.solve(np.cov(zeros.T) + np.cov(ones.T), ones.mean(0) - zeros.mean(0)))


def direction_by_lda(inputs, targets):
    return unit(LinearDiscriminantAnalysis().fit(inputs, targets).coef_[0])


def direction_by_least_squares(inputs, targets):
    return unit(LinearRegression().fit(inputs, targets).coef_)


def direction_by_logistic_regression(inputs, targets):
    return list(unit(LogisticRegression(C=1e4, max_iter=5000).fit(inputs, targets).coef_[0]))


def direction_by_torch_after_whitening(inputs, targets):
    x, y = torch.tensor(inputs), torch.tensor(targets)
    x = x - x.mean(dim=0)
    _, scale, axes = torch.linalg.svd(x, full_matrices=False)
    white = x @ axes.T / scale
    gap = white[y == 1].mean(dim=0) - white[y == 0].mean(dim=0)
    direction = axes.T @ (gap / scale)
    return direction / direction.norm()


def component(number):
    def answer(inputs, targets):
        return PCA().fit(inputs).components_[number]

    return answer


def component_that_goes_with_the_outcome(inputs, targets):
    pca = PCA().fit(inputs)
    correlations = [np.corrcoef(scores, targets)[0, 1] for scores in pca.transform(inputs).T]
    number = np.abs(correlations).argmax()
    return pca.components_[number] * np.sign(correlations[number])


def gap_of_means(inputs, targets):
    return inputs[targets == 1].mean(axis=0) - inputs[targets == 0].mean(axis=0)


# ---------------------------------------------------------------------------------------------------------
# 03.3


def pairs_by_indexing(valid_a, test_a, valid_b, test_b):
    rows = np.arange(len(valid_a))
    return test_a[rows, valid_a.argmin(1)] - test_b[rows, valid_b.argmin(1)]


def pairs_by_loop(valid_a, test_a, valid_b, test_b):
    result = []
    for draw in range(len(valid_a)):
        best_a, best_b = np.argmin(valid_a[draw]), np.argmin(valid_b[draw])
        result.append(test_a[draw][best_a] - test_b[draw][best_b])
    return result


def pairs_by_taking_along(valid_a, test_a, valid_b, test_b):
    def chosen(valid, test):
        return np.take_along_axis(test, valid.argmin(axis=1)[:, None, None], axis=1).squeeze(1)

    return chosen(valid_a, test_a) - chosen(valid_b, test_b)


def pairs_by_torch(valid_a, test_a, valid_b, test_b):
    def chosen(valid, test):
        mask = torch.nn.functional.one_hot(torch.tensor(valid).argmin(dim=1), valid.shape[1])
        return torch.einsum("sk,skb->sb", mask.double(), torch.tensor(test))

    return chosen(valid_a, test_a) - chosen(valid_b, test_b)


def pairs_with(choose_a, choose_b=None, finish=lambda a, b: a - b):
    """Return an answer that picks candidates by `choose(valid, test)`."""

    def answer(valid_a, test_a, valid_b, test_b):
        rows = np.arange(len(valid_a))
        a = test_a[rows, choose_a(valid_a, test_a)]
        b = test_b[rows, (choose_b or choose_a)(valid_b, test_b)]
        return finish(a, b)

    return answer


def best(valid, test):
    return valid.argmin(axis=1)


def first(valid, test):
    return np.zeros(len(valid), dtype=int)


def pairs_of_the_luckiest_draw(valid_a, test_a, valid_b, test_b):
    a = np.unravel_index(valid_a.argmin(), valid_a.shape)
    b = np.unravel_index(valid_b.argmin(), valid_b.shape)
    return test_a[a] - test_b[b]


def pairs_with_the_number_of_a(valid_a, test_a, valid_b, test_b):
    rows, number = np.arange(len(valid_a)), valid_a.argmin(axis=1)
    return test_a[rows, number] - test_b[rows, np.minimum(number, valid_b.shape[1] - 1)]


# ---------------------------------------------------------------------------------------------------------
# 03.4


def error_of(auc, events, others):
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    above = auc * (1 - auc) + (events - 1) * (q1 - auc**2) + (others - 1) * (q2 - auc**2)
    return np.sqrt(above / (events * others))


def events_by_scan(auc, half_width, people):
    events = np.arange(2, people // 2)
    return events[np.abs(1.96 * error_of(auc, events, people - events) - half_width).argmin()]


def events_by_root(auc, half_width, people):
    return brentq(lambda n: 1.96 * error_of(auc, n, people - n) - half_width, 2, people / 2)


def events_by_counting_up(auc, half_width, people):
    events = 2
    while 2 * error_of(auc, events, people - events) > half_width:
        events += 1
    return events


def events_by_simulation(auc, half_width, people):
    """Take the spread of the share of others that an event beats, for normal scores."""
    shift = math.sqrt(2) * norm.ppf(auc)
    beaten = norm.cdf(np.random.default_rng(0).normal(size=20000) + shift)
    return float((1.96 * beaten.std() / half_width) ** 2)


def events_with(width, share=1.0):
    """Return an answer that looks for another half-width."""

    def answer(auc, half_width, people):
        return share * events_by_root(auc, width(half_width), people)

    return answer


def events_as_many_as_others(auc, half_width, people):
    return brentq(lambda n: 1.96 * error_of(auc, n, n) - half_width, 2, people)


def events_with_roles_exchanged(auc, half_width, people):
    return brentq(lambda n: 1.96 * error_of(auc, people - n, n) - half_width, 2, people / 2)


def events_as_a_share(auc, half_width, people):
    return auc * (1 - auc) * (1.96 / half_width) ** 2


# ---------------------------------------------------------------------------------------------------------
# 03.5


def audit_by_loop(rows, combined, alone):
    slips, aucs = [], {}
    for number, (model, auc, low, high) in enumerate(rows):
        aucs[model] = auc
        if abs(round(high - auc, 2) - round(auc - low, 2)) > 0.02:
            slips.append(number)
    return {"slips": slips, "gain": round(aucs[combined] - aucs[alone], 2), "verdict": "cannot tell"}


def audit_by_array(rows, combined, alone):
    names = [row[0] for row in rows]
    auc, low, high = np.array([row[1:] for row in rows]).T
    off_centre = np.abs((low + high) / 2 - auc)
    gain = auc[names.index(combined)] - auc[names.index(alone)]
    return {"slips": np.flatnonzero(off_centre > 0.0105), "gain": gain, "verdict": "cannot tell"}


def audit_in_cents(rows, combined, alone):
    cents = [tuple(round(100 * number) for number in row[1:]) for row in rows]
    slips = {n for n, (auc, low, high) in enumerate(cents) if abs(high + low - 2 * auc) > 2}
    found = {row[0]: row[1] for row in rows}
    return {"slips": slips, "gain": found[combined] - found[alone], "verdict": "cannot tell"}


def audit_with(**changes):
    """Return a right audit with entries changed by functions of it, or replaced."""

    def answer(rows, combined, alone):
        result = audit_by_loop(rows, combined, alone)
        for key, change in changes.items():
            result[key] = change(result[key], rows) if callable(change) else change
        return result

    return answer


def audit_without_a_verdict(rows, combined, alone):
    result = audit_by_loop(rows, combined, alone)
    del result["verdict"]
    return result


def doubles(_, rows):
    names = [row[0] for row in rows]
    return [number for number, name in enumerate(names) if names.count(name) > 1]


def lopsided_upwards(_, rows):
    return [n for n, (_, auc, low, high) in enumerate(rows) if (high - auc) - (auc - low) > 0.021]


def without_room_for_rounding(_, rows):
    return [n for n, (_, auc, low, high) in enumerate(rows) if (high - auc) != (auc - low)]


# ---------------------------------------------------------------------------------------------------------

RIGHT = {
    "03.1": [posterior_by_broadcasting, posterior_by_loops, posterior_by_matrices, posterior_by_torch],
    "03.2": [
        direction_by_solving,
        direction_by_lda,
        direction_by_least_squares,
        direction_by_logistic_regression,
        direction_by_torch_after_whitening,
    ],
    "03.3": [pairs_by_indexing, pairs_by_loop, pairs_by_taking_along, pairs_by_torch],
    "03.4": [events_by_scan, events_by_root, events_by_counting_up, events_by_simulation],
    "03.5": [audit_by_loop, audit_by_array, audit_in_cents],
}

WRONG = {
    "03.1": [
        (lambda likelihood, prior: likelihood / likelihood.sum(axis=0), "That is the printed formula"),
        (joint_of, "takes P(V=v) for 1, literally"),
        (
            lambda likelihood, prior: joint_of(likelihood, prior) / joint_of(likelihood, prior).sum(),
            "the joint probability",
        ),
        (posterior_over_vehicles, "divided by the sum over vehicles"),
        (
            lambda likelihood, prior: joint_of(likelihood, prior) / likelihood.sum(axis=0),
            "above the line and not below it",
        ),
        (
            lambda likelihood, prior: (likelihood / likelihood.sum(axis=0) + prior[:, None]) / 2,
            "The prior is added",
        ),
        (lambda likelihood, prior: np.tile(prior[:, None], likelihood.shape[1]), "That is the prior"),
        (lambda likelihood, prior: posterior_by_broadcasting(likelihood, prior).T, "changed places"),
        (posterior_prior_on_columns, "laid along the vehicles"),
        (posterior_only_where_rows_add_up, "A common factor has to cancel"),
        (lambda likelihood, prior: joint_of(likelihood, prior).sum(axis=0), "has shape (2,)"),
        (lambda likelihood, prior: print(likelihood), "Did you forget `return`"),
        (lambda likelihood, prior: posterior_by_broadcasting(likelihood, prior).round(3), "not rounded"),
        (lambda likelihood, prior: likelihood / (prior @ likelihood), "below the line, in P(v)"),
        (lambda likelihood, prior: SALES / SALES.sum(axis=0), "same table, whatever comes in"),
        (
            lambda likelihood, prior: likelihood * prior / (likelihood * prior).sum(axis=0),
            "shapes (3,2) (3,)",
        ),
        (lambda likelihood, prior: posterior_by_broadcasting(likelihood, prior)[:, 0], "has shape (3,)"),
    ],
    "03.2": [
        (component(0), "first principal component"),
        (component(-1), "*last* principal component"),
        (
            lambda inputs, targets: unit(gap_of_means(inputs, targets)),
            "difference of the two means. Directions",
        ),
        (
            lambda inputs, targets: unit(gap_of_means(inputs, targets) / inputs.var(axis=0)),
            "variance of each column by itself",
        ),
        (
            lambda inputs, targets: unit(gap_of_means(inputs, targets) / inputs.std(axis=0)),
            "standard deviation of each column",
        ),
        (
            lambda inputs, targets: unit(np.cov(inputs.T) @ gap_of_means(inputs, targets)),
            "multiplied by the covariance",
        ),
        (component_that_goes_with_the_outcome, "one of the principal components"),
        (lambda inputs, targets: -direction_by_lda(inputs, targets), "Turn it round"),
        (lambda inputs, targets: 3 * direction_by_lda(inputs, targets), "length is 3"),
        (lambda inputs, targets: direction_by_lda(inputs, targets)[:, None], "has shape"),
        (lambda inputs, targets: unit(np.arange(1.0, inputs.shape[1] + 1)), "along the direction that parts"),
        (lambda inputs, targets: np.zeros(inputs.shape[1]), "has no length"),
    ],
    "03.3": [
        (pairs_with(best, finish=lambda a, b: b - a), "sign is turned round"),
        (pairs_with(lambda valid, test: test.mean(axis=2).argmin(axis=1)), "by their *test* errors"),
        (
            lambda valid_a, test_a, valid_b, test_b: test_a.min(axis=1) - test_b.min(axis=1),
            "candidate that suits it best",
        ),
        (pairs_with(best, first), "family b takes its first candidate"),
        (pairs_with(first, best), "family a takes its first candidate"),
        (pairs_with(first), "nobody was tuned"),
        (
            lambda valid_a, test_a, valid_b, test_b: test_a.mean(axis=1) - test_b.mean(axis=1),
            "average over all candidates",
        ),
        (pairs_with(lambda valid, test: valid.argmax(axis=1)), "*largest* validation error"),
        (
            pairs_with(lambda valid, test: np.full(len(valid), valid.mean(axis=0).argmin())),
            "for all draws together",
        ),
        (pairs_with(best, finish=lambda a, b: np.abs(a - b)), "The sign is lost"),
        (pairs_with(best, finish=lambda a, b: (a - b) ** 2), "are squared"),
        (pairs_with(best, finish=lambda a, b: (a - b) / b), "divided by the errors of family b"),
        (pairs_with_the_number_of_a, "best for family a"),
        (pairs_with(best, finish=lambda a, b: (a - b).mean()), "It returns one number"),
        (pairs_with(best, finish=lambda a, b: (a - b).mean(axis=0)), "averaged over the draws"),
        (pairs_with(best, finish=lambda a, b: (a - b).mean(axis=1)), "one number for each draw"),
        (pairs_with(best, finish=lambda a, b: (a - b).sum(axis=1)), "one number for each draw"),
        (pairs_with(best, finish=lambda a, b: a), "are not the differences"),
        (
            pairs_with(best, finish=lambda a, b: np.squeeze(a - b)),
            "With a single draw the first axis is lost",
        ),
        (
            lambda valid_a, test_a, valid_b, test_b: valid_a.min(axis=1) - valid_b.min(axis=1),
            "are the validation errors",
        ),
        (
            lambda valid_a, test_a, valid_b, test_b: test_a[valid_a.argmin(1)] - test_b[valid_b.argmin(1)],
            "three axes",
        ),
        (
            lambda valid_a, test_a, valid_b, test_b: (
                test_a[:, valid_a.argmin(axis=1)] - test_b[:, valid_b.argmin(axis=1)]
            ),
            "every choice for every draw",
        ),
        (pairs_of_the_luckiest_draw, "in *every* draw"),
    ],
    "03.4": [
        (events_as_a_share, "the interval of a share"),
        (lambda auc, half_width, people: people, "All people are counted"),
        (
            lambda auc, half_width, people: people - events_by_scan(auc, half_width, people),
            "*without* an event",
        ),
        (events_with(lambda half_width: half_width / 2), "half as wide as asked"),
        (events_with(lambda half_width: 2 * half_width), "twice as wide as asked"),
        (events_with(lambda half_width: 1.96 * half_width), "standard error, or double it"),
        (events_with(lambda half_width: half_width / 1.96), "divide by 1.96 twice"),
        (
            lambda auc, half_width, people: events_by_scan(auc, half_width, people) / people,
            "share of people with an event",
        ),
        (lambda auc, half_width, people: people * 0.3, "Far too many"),
        (events_as_many_as_others, "as many people without an event"),
        (events_with_roles_exchanged, "changed places in the formula"),
        (lambda auc, half_width, people: 165, "165, whatever comes in"),
        (lambda auc, half_width, people: 1 / half_width**2, "give another interval"),
        (lambda auc, half_width, people: -5, "cannot be a number of events"),
        (lambda auc, half_width, people: np.arange(5), "Expected one number"),
    ],
    "03.5": [
        (audit_with(verdict="equal"), "The same AUC and the same interval are no proof"),
        (audit_with(verdict="combined is better"), "would need a paired interval"),
        (audit_with(verdict="unclear"), "is none of"),
        (audit_with(slips=[]), "It finds no slip"),
        (audit_with(slips=lambda slips, rows: [n + 1 for n in slips]), "from 1"),
        (audit_with(slips=doubles), "lists both rows"),
        (audit_with(slips=lopsided_upwards), "compare the *size*"),
        (audit_with(slips=without_room_for_rounding), "which rounding can do"),
        (audit_with(slips=["Algorithm"]), "holds names"),
        (audit_with(slips=6), "is no list"),
        (audit_with(slips=lambda slips, rows: np.where(np.isin(range(len(rows)), slips))), "np.where(…)[0]"),
        (audit_with(gain=lambda gain, rows: -gain), "wrong sign"),
        (audit_with(gain=lambda gain, rows: rows[8][1] - rows[7][1] if len(rows) > 8 else 0), "by name"),
        (audit_without_a_verdict, 'The entry `"verdict"` is missing'),
        (lambda rows, combined, alone: ([6], 0.0, "cannot tell"), "Return a dictionary"),
    ],
}


def test_right_answers_are_accepted(right_case):
    right_case.must_be_accepted()


def test_wrong_answers_get_their_own_message(wrong_case):
    wrong_case.must_be_refused()
