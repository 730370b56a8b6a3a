"""Checks of lesson 03, "You may not need deep learning": Bayes, a direction, a fair comparison, an audit."""

from __future__ import annotations

import math
from functools import lru_cache

from course_lib.exercises.answers import call, expect_array, expect_close, expect_number
from course_lib.exercises.catalogue import Exercise, NotYet


def _same(wrong, reference) -> bool:
    """Return whether a slip happens to give the right numbers here, and so is no slip."""
    import numpy as np

    return np.shape(wrong) == np.shape(reference) and np.allclose(wrong, reference)


# ---------------------------------------------------------------------------------------------------------
# 03.1  Who is the buyer?


def _posterior_cases():
    """Yield (likelihood, prior): the table of the lesson, a square one, and propensities."""
    import numpy as np

    sales = np.array([[6.0, 2.0], [3.0, 1.0], [2.0, 6.0]])
    yield sales / sales.sum(axis=1, keepdims=True), sales.sum(axis=1) / sales.sum()
    random = np.random.default_rng(31)
    square = random.dirichlet(np.ones(4), size=4)
    yield square, np.array([0.6, 0.25, 0.1, 0.05])
    yield 0.3 * random.dirichlet(np.ones(3), size=5), np.array([0.5, 0.2, 0.0, 0.2, 0.1])


def _posterior(likelihood, prior):
    """Return P(c|v), one cell at a time from the sums of the textbook."""
    import numpy as np

    table = np.empty(likelihood.shape)
    for vehicle in range(likelihood.shape[1]):
        sold = sum(likelihood[c, vehicle] * prior[c] for c in range(len(prior)))
        for customer in range(len(prior)):
            table[customer, vehicle] = likelihood[customer, vehicle] * prior[customer] / sold
    return table


def _verify_posterior(answer):
    import numpy as np

    first = None
    for number, (likelihood, prior) in enumerate(_posterior_cases()):
        found = call(answer, likelihood, prior)
        reference = _posterior(likelihood, prior)
        first = reference if first is None else first
        if number and _same(expect_array(found, name="the posterior", kind="any"), first):
            raise NotYet(
                "It returns the same table, whatever comes in: that of the twenty sales. Use `likelihood` "
                "and `prior`, not what the notebook has counted."
            )
        joint = likelihood * prior[:, None]
        _expect_unrounded(found, reference)
        traps = [
            (
                likelihood / likelihood.sum(axis=0),
                "That is the printed formula: `prior` has no part in it, so a customer who buys twice as "
                "often is no likelier. Weight each row with its prior first.",
            ),
            (
                joint,
                "That is the joint probability P(c and v): it takes P(V=v) for 1, literally. Divide each "
                "column by its sum, which is P(v).",
            ),
            (
                joint / joint.sum(axis=1, keepdims=True).clip(1e-300),
                "Each row adds up to 1, so you divided by the sum over vehicles. The vehicle is given and "
                "the customer is asked: divide by the sum over customers, `axis=0`.",
            ),
            (
                likelihood * prior[:, None] / likelihood.sum(axis=0),
                "The prior stands above the line and not below it: the columns do not add up to 1. Divide by "
                "the sum of likelihood × prior.",
            ),
            (
                likelihood / joint.sum(axis=0),
                "The prior stands below the line, in P(v), and not above it. Weight each row with its prior, "
                "too.",
            ),
            (
                (likelihood / likelihood.sum(axis=0) + prior[:, None]) / 2,
                "The prior is added. Probabilities of things that hold together are multiplied.",
            ),
            (
                np.tile(prior[:, None], likelihood.shape[1]),
                "That is the prior, whatever the vehicle: the evidence has no part in it.",
            ),
            (reference.T, "The two axes have changed places: rows are customers, columns vehicles."),
        ]
        if likelihood.shape[0] == likelihood.shape[1]:
            crossed = likelihood * prior[None, :]
            message = (
                "The prior is laid along the vehicles, where it cancels or weights the wrong thing. It "
                "belongs to the customers, which are the rows: `prior[:, None]`. (On a square table NumPy "
                "does not complain.)"
            )
            slips = (crossed, crossed / crossed.sum(axis=0), crossed / crossed.sum(axis=1, keepdims=True))
            traps = [*((slip, message) for slip in slips), *traps]
        expect_close(
            found,
            reference,
            name="the posterior",
            rtol=1e-6,
            atol=1e-9,
            traps=[trap for trap in traps if not _same(trap[0], reference)],
            otherwise="These are not the posteriors. Each cell is likelihood × prior of its row, divided by "
            "the sum of that product over its column."
            if number < 2
            else "Right where each row of `likelihood` adds up to 1, but not for propensities of which the "
            "rows add up to 0.3. A common factor has to cancel.",
        )
    return (
        "With equal priors this is the printed formula, and only then. Whoever leaves the prior out has not "
        "made no assumption, but that one."
    )


def _expect_unrounded(found, reference):
    """Say that what is right to three decimals has been rounded: the example shows no more of them."""
    import numpy as np

    values = expect_array(found, name="the posterior", kind="any")
    if values.shape == reference.shape and 1e-6 < np.abs(values - reference).max() < 6e-4:
        raise NotYet("Right to three decimals. Return the numbers as they are, not rounded.")


# ---------------------------------------------------------------------------------------------------------
# 03.2  The direction that PCA missed


def _direction_cases():
    """Yield (inputs, targets): the outcome in the quietest direction, across two others, in the loudest."""
    import numpy as np

    cases = (
        ((5, 3, 1, 1, 0.2), (0, 0, 0, 0, 1)),
        ((6, 0.5, 0.2, 2), (0, 1.3, 1, 0)),  # along no principal component
        ((3, 1, 1), (1, 0, 0)),
    )
    for seed, (spreads, weights) in enumerate(cases):
        random = np.random.default_rng(40 + seed)
        standard = random.normal(size=(1500, len(spreads)))
        targets = (standard @ weights > 0.3 * np.linalg.norm(weights)).astype(int)  # of unequal size
        rotation = np.linalg.qr(random.normal(size=(len(spreads),) * 2))[0]
        yield (standard * spreads) @ rotation.T + 4 * random.normal(size=len(spreads)), targets


def _along(direction, other) -> float:
    """Return the cosine of the angle between two vectors."""
    import numpy as np

    return float(direction @ other / (np.linalg.norm(direction) * np.linalg.norm(other)))


def _verify_direction(answer):
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    for number, (inputs, targets) in enumerate(_direction_cases()):
        direction = expect_array(
            call(answer, inputs, targets),
            shape=(inputs.shape[1],),
            dtype="float",
            name="the direction",
            kind="any",
        )
        length = float(np.linalg.norm(direction))
        if not math.isfinite(length) or length == 0:
            raise NotYet("The direction has no length, or is not a number (NaN).")
        best = LinearDiscriminantAnalysis().fit(inputs, targets).coef_[0]
        components = PCA().fit(inputs).components_
        gap = inputs[targets == 1].mean(axis=0) - inputs[targets == 0].mean(axis=0)
        by_column = gap / inputs.var(axis=0)
        cosine = _along(direction, best)
        if cosine < -0.97:
            raise NotYet("It points from class 1 to class 0. Turn it round.")
        if cosine < 0.97:
            for wrong, message in (
                (
                    components[0],
                    "That is the first principal component, which has not looked at `targets`. The data "
                    "spread most along it, and here that says nothing of the outcome.",
                ),
                (
                    components[-1],
                    "That is the *last* principal component. In the lesson's data the outcome happens to lie "
                    "there; here it does not. PCA cannot know: use `targets`.",
                ),
                (
                    gap,
                    "That is the difference of the two means. Directions in which everything spreads far "
                    "drown it in chance; divide by the spread *inside* the classes, as a matrix: "
                    "`np.linalg.solve(within, gap)`.",
                ),
                (
                    by_column,
                    "The difference of the means is divided by the variance of each column by itself. The "
                    "columns are mixtures, so the spread is a matrix: `np.linalg.solve(within, gap)`.",
                ),
                (
                    gap / inputs.std(axis=0),
                    "The difference of the means is divided by the standard deviation of each column, as in "
                    "a correlation. Scaling columns does not help here: they are mixtures, and their spread "
                    "is a matrix.",
                ),
                (
                    np.cov(inputs.T) @ gap,
                    "You multiplied by the covariance. Relative to the spread means dividing: "
                    "`np.linalg.solve(within, gap)`.",
                ),
            ):
                if abs(_along(direction, wrong)) > 0.999:
                    raise NotYet(message)
            if max(abs(_along(direction, component)) for component in components) > 0.999:
                raise NotYet(
                    "That is one of the principal components. Choosing among them by the outcome does not "
                    "help where the outcome lies across several, as in the check: build the direction from "
                    "the two means."
                )
            raise NotYet(
                f"On data set {number + 1} of the check it is {abs(cosine):.2f} along the direction that "
                "parts the classes best for their spread (1 is along it, 0 across)."
            )
        if not math.isclose(length, 1, abs_tol=1e-3):
            raise NotYet(
                f"Right direction, but its length is {length:.3g}. Divide by it: length 1 was asked."
            )
    return (
        "The outcome had a say in it, through the two means; the spread only sets the scale. That is "
        "Fisher's discriminant of 1936, and LDA, and least squares on 0 and 1 points the same way."
    )


# ---------------------------------------------------------------------------------------------------------
# 03.3  The same budget


def _search_cases():
    """Yield (valid_a, test_a, valid_b, test_b): equal numbers of candidates, then unequal, then one draw."""
    import numpy as np

    random = np.random.default_rng(33)
    for draws, a, b, cases in ((6, 5, 5, 30), (4, 3, 8, 21), (1, 4, 2, 7)):
        parts = []
        for candidates in (a, b):
            level = random.uniform(1, 3, size=(draws, candidates))
            parts += [
                level + random.normal(0, 0.3, size=level.shape),
                level[:, :, None] * random.exponential(1, size=(draws, candidates, cases)),
            ]
        yield tuple(parts)


def _chosen(valid, test, pick=min):
    """Return the chosen candidates' errors, draw by draw, in a loop."""
    import numpy as np

    rows = []
    for draw in range(len(valid)):
        best = pick(range(valid.shape[1]), key=lambda k, draw=draw: valid[draw, k])
        rows.append(test[draw, best])
    return np.array(rows)


def _verify_paired_difference(answer):
    import numpy as np

    for number, (valid_a, test_a, valid_b, test_b) in enumerate(_search_cases()):
        found = call(answer, valid_a, test_a, valid_b, test_b)
        found = expect_array(found, name="the difference", kind="any")
        a, b = _chosen(valid_a, test_a), _chosen(valid_b, test_b)
        reference = a - b
        _expect_shape_of_pairs(found, reference, valid_a, valid_b)

        def by_test(test):
            return test[np.arange(len(test)), test.mean(axis=2).argmin(axis=1)]

        def one_for_all(valid, test):
            return test[:, valid.mean(axis=0).argmin()]

        traps = [
            (-reference, "The sign is turned round: family a minus family b was asked."),
            (
                by_test(test_a) - by_test(test_b),
                "The candidates are chosen by their *test* errors. Then the test cases have helped to train; "
                "choose by `valid_a` and `valid_b`.",
            ),
            (
                test_a.min(axis=1) - test_b.min(axis=1),
                "Each test case gets the candidate that suits it best: the test is looked at before "
                "choosing. Choose one candidate per draw, by its validation error.",
            ),
            (
                a - test_b[:, 0],
                "Family a is tuned and family b takes its first candidate. The budget has to be the same: "
                "tune both.",
            ),
            (
                test_a[:, 0] - b,
                "Family b is tuned and family a takes its first candidate. The budget has to be the same: "
                "tune both.",
            ),
            (test_a[:, 0] - test_b[:, 0], "Both families take their first candidate: nobody was tuned."),
            (
                test_a.mean(axis=1) - test_b.mean(axis=1),
                "You average over all candidates, the bad ones too. A search keeps the best one.",
            ),
            (
                _chosen(valid_a, test_a, max) - _chosen(valid_b, test_b, max),
                "You took the *largest* validation error. These are errors: the smallest is best, `argmin`.",
            ),
            (
                one_for_all(valid_a, test_a) - one_for_all(valid_b, test_b),
                "One candidate is chosen for all draws together. Each draw stands for a study of its own, "
                "which has only its own validation errors: choose in every draw.",
            ),
            (
                np.abs(reference),
                "The sign is lost. Keep it: who is better on which case is half of what it tells.",
            ),
            (reference**2, "The differences are squared. Leave them as they are, with their sign."),
            (reference / b, "The differences are divided by the errors of family b. Leave them as they are."),
        ]
        if valid_a.shape == valid_b.shape:
            shared = np.arange(len(valid_a)), valid_a.argmin(axis=1)
            message = (
                "Family b gets the candidate number that was best for family a. Choose within each family."
            )
            traps.append((a - test_b[shared], message))
        expect_close(
            found,
            reference,
            name="the difference",
            traps=[trap for trap in traps if not _same(trap[0], reference)],
            otherwise="These are not the differences of the chosen candidates' errors."
            if number == 0
            else "Right for two families with five candidates each, but not where their numbers differ or "
            "there is a single draw.",
        )
    return (
        "Same draws, same search, same test cases. Both axes are kept, so that an interval can ask for other "
        "patients to train on and for others to test on."
    )


def _expect_shape_of_pairs(found, reference, valid_a, valid_b):
    """Say what a difference of another shape has lost."""
    draws, cases = reference.shape
    if found.shape == reference.shape:
        return
    if found.size == 1:
        raise NotYet(
            "It returns one number. Keep the differences draw by draw and case by case, (S, B): without them "
            "nobody can put an interval on it."
        )
    if draws == 1 and found.shape == (cases,):
        raise NotYet(
            "With a single draw the first axis is lost; (1, B) was asked. `squeeze` without an axis takes "
            "out every axis of length 1, and an index such as `[0]` does too."
        )
    if found.shape == (cases,):
        raise NotYet(
            "You averaged over the draws. Keep them apart, (S, B): they tell how much training varies."
            if _same(found, reference.mean(axis=0))
            else "It returns one row of B cases. Choose a candidate in *every* draw, and keep the draws: "
            "(S, B)."
        )
    if found.shape == (draws,):
        raise NotYet(
            "These are the validation errors of the chosen candidates. They were there to choose; the result "
            "is made of the *test* errors of what was chosen."
            if _same(found, valid_a.min(axis=1) - valid_b.min(axis=1))
            else "You have one number for each draw. Keep the test cases apart, (S, B), or the pairing is "
            "lost."
        )
    if found.ndim == 3:
        raise NotYet(
            f"It has three axes, {found.shape}: still more than one candidate for each draw. Draw and "
            "candidate must go together, `test_a[np.arange(S), best_a]` or in a loop: `test_a[best_a]` takes "
            "draws by the candidates' numbers, and `test_a[:, best_a]` every choice for every draw."
        )


# ---------------------------------------------------------------------------------------------------------
# 03.4  How many events?


def _half_width(auc, events, others):
    """Return half of Hanley and McNeil's 95 % interval."""
    two_events, two_others = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    square = auc * (1 - auc) + (events - 1) * (two_events - auc**2) + (others - 1) * (two_others - auc**2)
    return 1.959964 * math.sqrt(square / (events * others))


def _events(auc, half_width, people, formula=_half_width):
    """Return the number of events that a formula needs, by bisection: more events, narrower interval."""
    low, high = 1.0, people / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if formula(auc, middle, people - middle) > half_width else (low, middle)
    return (low + high) / 2


def _normal_scores_half_width(auc, events, others):
    """Return half of the 95 % interval for normal scores of equal spread (DeLong's variance)."""
    return 1.959964 * math.sqrt(_variance_of_beaten(auc) * (1 / events + 1 / others))


@lru_cache
def _variance_of_beaten(auc):
    """Return the variance over the events of the share of others that each beats, for normal scores."""
    from scipy.integrate import quad
    from scipy.stats import norm

    shift = math.sqrt(2) * norm.ppf(auc)
    return quad(lambda x: norm.cdf(x + shift) ** 2 * norm.pdf(x), -9, 9)[0] - auc**2


def _verify_events(answer):
    first = None
    for auc, half_width, people in ((0.70, 0.045, 12000), (0.85, 0.02, 9000), (0.78, 0.06, 1500)):
        found = expect_number(call(answer, auc, half_width, people), name="the number of events")
        if found == first:
            raise NotYet(
                f"It returns {found:g}, whatever comes in. Work the number out from `auc`, `half_width` and "
                "`people`."
            )
        first = found if first is None else first
        formula = _events(auc, half_width, people)
        normal = _events(auc, half_width, people, _normal_scores_half_width)
        share = auc * (1 - auc) * (1.959964 / half_width) ** 2
        if min(formula, normal) * 0.75 <= found <= max(formula, normal) * 1.3:
            continue

        def near(wrong, found=found):
            return math.isclose(found, wrong, rel_tol=0.06)

        told = f"AUC {auc}, half-width {half_width}, {people} people"
        if math.isclose(found, people):
            raise NotYet("All people are counted as events. An AUC is a mean over the events alone.")
        traps = (
            (
                people - formula,
                "These are the people *without* an event: the formula has this width twice. Search below "
                "half of the people.",
            ),
            (
                share,
                "You used the interval of a share, A(1 - A)/n. An AUC is no share of people: each event "
                "counts with the share of others that it beats, which spreads less.",
            ),
            (
                _events(auc, half_width / 1.96, people),
                "That many events make the interval half as wide as asked. Did you take `half_width` for "
                "the whole width, or divide by 1.96 twice?",
            ),
            (
                _events(auc, half_width * 1.96, people),
                "That many events make the interval twice as wide as asked. Did you take `half_width` for "
                "the standard error, or double it?",
            ),
            (formula / people, "That is the share of people with an event. Return their number."),
            (
                _events(auc, half_width, people, lambda a, n, _: _half_width(a, n, n)),
                "You took as many people without an event as with one. There are `people - events` of them.",
            ),
            (
                _events(auc, half_width, people, lambda a, n, others: _half_width(a, others, n)),
                "Events and others have changed places in the formula. The term with Q1 goes with the "
                "events, that with Q2 with the others.",
            ),
        )
        for wrong, message in traps:
            if near(wrong):
                raise NotYet(f"{message} (Asked was {told}.)")
        if found > 4 * formula:
            raise NotYet(
                f"Far too many for {told}: so many events would make the interval much narrower. Is the "
                "number of all people in the place of the number of events?"
            )
        raise NotYet(
            f"For {told} that many events give another interval: by the formula "
            f"± {_half_width(auc, found, people - found):.3f}."
            if 1 <= found < people
            else f"For {told} it returns a number that cannot be a number of events."
        )
    return (
        "The width of an interval tells the number of events, published or not. For the retinal table it is "
        "one or two hundred, whatever number of people stands in the abstract."
    )


# ---------------------------------------------------------------------------------------------------------
# 03.5  The audit

_RETINA = (
    ("Age", 0.66, 0.61, 0.71),
    ("Systolic blood pressure (SBP)", 0.66, 0.61, 0.71),
    ("Body mass index (BMI)", 0.62, 0.56, 0.67),
    ("Gender", 0.57, 0.53, 0.62),
    ("Current smoker", 0.55, 0.52, 0.59),
    ("Algorithm", 0.70, 0.65, 0.74),
    ("Algorithm", 0.70, 0.69, 0.74),
    ("Age + SBP + BMI + gender + current smoker", 0.72, 0.68, 0.76),
    ("Algorithm + age + SBP + BMI + gender + current smoker", 0.73, 0.69, 0.77),
    ("SCORE", 0.72, 0.67, 0.76),
    ("Algorithm + SCORE", 0.72, 0.67, 0.76),
)
_OTHER = (  # of our own: two slips, one of them upwards, and no name that occurs twice
    ("Questions", 0.68, 0.62, 0.73),
    ("Scan", 0.71, 0.66, 0.83),
    ("Blood", 0.64, 0.59, 0.70),
    ("Scan + questions", 0.74, 0.69, 0.79),
    ("Blood + scan", 0.72, 0.62, 0.77),
)
_VERDICTS = ("combined is better", "equal", "cannot tell")


def _verify_audit(answer):
    cases = (
        (_RETINA, "Algorithm + SCORE", "SCORE", [6], 0.0),
        (
            _RETINA,
            "Algorithm + age + SBP + BMI + gender + current smoker",
            "Age + SBP + BMI + gender + current smoker",
            [6],
            0.01,
        ),
        (_OTHER, "Scan + questions", "Questions", [1, 4], 0.06),
    )
    for number, (rows, combined, alone, slips, gain) in enumerate(cases):
        found = call(answer, rows, combined, alone)
        if not isinstance(found, dict):
            raise NotYet(f'Return a dictionary, not a `{type(found).__name__}`: `{{"slips": …, …}}`.')
        missing = [key for key in ("slips", "gain", "verdict") if key not in found]
        if missing:
            raise NotYet(f'The entry `"{missing[0]}"` is missing.')
        _expect_slips(found["slips"], rows, slips, number)
        told = expect_number(found["gain"], name='`"gain"`')
        if not math.isclose(told, gain, abs_tol=1e-6):
            if math.isclose(told, -gain, abs_tol=1e-6):
                raise NotYet("The gain has the wrong sign: combined minus alone.")
            raise NotYet(
                f'`"gain"` is not the AUC of "{combined}" minus that of "{alone}". Look both up by name.'
            )
        _expect_verdict(found["verdict"], gain)
    return (
        "The arithmetic finds the slip, and that images add 0.00 to SCORE. Whether they add something to "
        "five questions, only the people, paired, could tell."
    )


def _expect_slips(value, rows, slips, number):
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise NotYet('`"slips"` is no list. Give the row numbers, from 0.')
    listed = list(value)
    if isinstance(value, tuple) and len(value) == 1 and hasattr(value[0], "shape") and value[0].shape:
        raise NotYet(
            '`"slips"` is a tuple with an array in it, as `np.where(…)` returns it. Take the array out: '
            "`np.where(…)[0]`."
        )
    if any(isinstance(one, str) for one in listed):
        raise NotYet('`"slips"` holds names, and a name may occur twice. Give the row numbers, from 0.')
    numbers = sorted(expect_number(one, name='an entry of `"slips"`') for one in listed)
    if numbers == slips:
        return
    if numbers == [slip + 1 for slip in slips]:
        raise NotYet('`"slips"` counts the rows from 1. Count from 0.')
    if not numbers:
        raise NotYet(
            "It finds no slip. For each row compare the two arms of the interval, `high - auc` and "
            "`auc - low`: two decimals can make them differ by 0.01 each way, and no more."
        )
    doubles = [place for place, row in enumerate(rows) if sum(row[0] == other[0] for other in rows) > 1]
    if numbers == doubles and numbers != slips:
        raise NotYet(
            "It lists both rows of a name that occurs twice. One of the two intervals is plausible; the arms "
            "tell which is not."
        )
    if any(slip not in numbers for slip in slips):
        raise NotYet(
            "It misses a slip. An arm may be too short or too long, above or below: compare the *size* of "
            "the difference of the two arms with 0.02."
            if number
            else "It misses the row whose interval reaches 0.01 down and 0.04 up."
        )
    raise NotYet(
        "It lists a row whose two arms differ by no more than 0.02, which rounding can do. (0.67 - 0.62 is a "
        "little less than 0.05 on a computer: leave room for that, too.)"
    )


def _expect_verdict(value, gain):
    if value == "cannot tell":
        return
    if value == "equal":
        raise NotYet(
            "Intervals that overlap, even AUCs that are equal, do not show that two models are equal. Both "
            "were computed on the same people, so a small difference may be sure; the table cannot say."
            if gain
            else "The same AUC and the same interval are no proof: two models may rank the people "
            "differently and score alike on these. New people might part them; the table cannot say."
        )
    if value == "combined is better":
        raise NotYet(
            f"A gain of {gain:.2f} is what these people gave. What others would give depends on how alike "
            "the two scores are, which the table does not say: it would need a paired interval."
        )
    raise NotYet(f'`"verdict"` is none of {", ".join(f"`{one}`" for one in _VERDICTS)}.')


EXERCISES = (
    Exercise(
        id="03.1",
        title="Who is the buyer?",
        kind="complete",
        minutes=7,
        difficulty=2,
        hints=(
            "Two steps: the joint probability of customer and vehicle, then its share within each vehicle.",
            "The prior belongs to the rows: `prior[:, None]` has shape (C, 1) and multiplies each row.",
            "`joint = likelihood * prior[:, None]`; what is missing is the division by the sum over "
            "customers, `joint.sum(axis=0)`.",
        ),
        verify=_verify_posterior,
    ),
    Exercise(
        id="03.2",
        title="The direction that PCA missed",
        kind="design",
        minutes=8,
        difficulty=4,
        hints=(
            "In one dimension: difference of the two means divided by the variance inside the classes. What "
            "takes the place of a variance in ten dimensions?",
            "The covariance matrix inside the classes, (D, D): `np.cov(rows.T)` of each class, added. "
            "Dividing by a matrix is `np.linalg.solve`.",
            "`direction = np.linalg.solve(within, mean_of_ones - mean_of_zeros)`; what is missing is the "
            "length, `np.linalg.norm`.",
        ),
        verify=_verify_direction,
    ),
    Exercise(
        id="03.3",
        title="The same budget",
        kind="complete",
        minutes=10,
        difficulty=3,
        hints=(
            "Which numbers may choose, and which may only report? Do the same twice, once for each family.",
            "`valid_a.argmin(axis=1)` is the best candidate of each draw, (S,). A loop over the draws can "
            "pick `test_a[draw, best[draw]]`, (B,).",
            "`chosen_a = test_a[np.arange(len(valid_a)), valid_a.argmin(axis=1)]` has shape (S, B). What is "
            "missing is the same for b, with its own validation errors, and the difference of the two.",
        ),
        verify=_verify_paired_difference,
    ),
    Exercise(
        id="03.4",
        title="How many events?",
        kind="design",
        minutes=8,
        difficulty=3,
        hints=(
            "More events, narrower interval. So: try numbers of events until the width fits.",
            "`hanley_mcneil` takes arrays: give it all numbers of events at once, `np.arange(2, people // "
            "2)`, with `people - events` others.",
            "`widths = hanley_mcneil(auc, events, people - events)`; then the entry of `events` where "
            "`np.abs(widths - half_width)` is smallest.",
        ),
        verify=_verify_events,
    ),
    Exercise(
        id="03.5",
        title="Audit the table",
        kind="audit",
        minutes=8,
        difficulty=3,
        hints=(
            "Look at each interval by itself: how far does it reach down from the AUC, and how far up?",
            "`for number, (model, auc, low, high) in enumerate(rows)`: compare `high - auc` with `auc - "
            "low`. For the gain, look two rows up by their names.",
            "The slips are the rows with `abs((high - auc) - (auc - low)) > 0.021`. For the verdict: would "
            "you know it if the two scores had a correlation of 0? And of 0.999?",
        ),
        verify=_verify_audit,
    ),
)
