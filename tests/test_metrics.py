"""The metrics against scikit-learn, SciPy, statsmodels, and numbers worked out by hand."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, classification_report, f1_score, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from course_lib.errors import CourseError
from course_lib.metrics import bootstrap_interval, dice, per_class_table, wilson_interval


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --- dice


def test_dice_is_the_f1_of_the_pixels(rng):
    first, second = rng.random((2, 5, 8, 9)) < 0.4
    expected = [f1_score(b.ravel(), a.ravel()) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(dice(first, second), expected)


def test_dice_of_one_image_is_a_number():
    # By hand: 1 pixel in common, 2 and 3 pixels large: 2·1 / 5.
    value = dice(np.array([[1, 1, 0], [0, 0, 0]]), np.array([[0, 1, 1], [0, 0, 1]]))
    assert isinstance(value, float)
    assert value == pytest.approx(0.4)


def test_dice_is_symmetric_and_one_for_the_same_mask(rng):
    first, second = rng.random((2, 6, 6)) < 0.5
    assert dice(first, second) == dice(second, first)
    assert dice(first, first) == 1


def test_two_empty_masks_agree_and_one_does_not():
    empty, full = np.zeros((3, 3)), np.ones((3, 3))
    assert dice(empty, empty) == 1
    assert dice(empty, full) == 0


def test_soft_dice_lies_between_zero_and_one_and_meets_the_hard_one(rng):
    soft, mask = rng.random((4, 6, 6)), rng.random((4, 6, 6)) < 0.5
    assert ((dice(soft, mask) > 0) & (dice(soft, mask) < 1)).all()
    np.testing.assert_allclose(dice(mask.astype(float), mask), 1)


def test_a_large_object_does_not_hide_a_small_one():
    actual = np.zeros((2, 10, 10))
    actual[0], actual[1, 0, 0] = 1, 1
    predicted = actual.copy()
    predicted[1] = 0
    np.testing.assert_array_equal(dice(predicted, actual), [1, 0])


@pytest.mark.parametrize(
    ("predicted", "actual", "message"),
    [
        (np.zeros((2, 1, 4, 4)), np.zeros((2, 4, 4)), r"predicted\[:, 0\]"),
        (np.zeros((4, 5)), np.zeros((5, 4)), "same images"),
        (np.zeros(4), np.zeros(4), "Expected"),
        (np.full((4, 4), 2.5), np.zeros((4, 4)), "`predicted`.*sigmoid"),
        (np.zeros((4, 4)), np.full((4, 4), 255), "`actual` has values outside"),
        (np.full((4, 4), np.nan), np.zeros((4, 4)), "outside 0 to 1"),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(predicted, actual, message):
    with pytest.raises(CourseError, match=message):
        dice(predicted, actual)


# --- wilson_interval


@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 1), (10, 10), (53, 75), (5, 4000)])
def test_wilson_is_that_of_statsmodels(successes, trials, level):
    expected = proportion_confint(successes, trials, alpha=1 - level, method="wilson")
    np.testing.assert_allclose(wilson_interval(successes, trials, level=level), expected, atol=1e-12)


def test_wilson_reaches_the_ends_exactly():
    assert wilson_interval(0, 20)[0] == 0
    assert wilson_interval(20, 20)[1] == 1


def test_wilson_contains_the_true_rate_about_as_often_as_it_says():
    # Exact coverage, summed over the binomial distribution; Wilson's is near its level on average over rates.
    rates = np.linspace(0.05, 0.95, 19)
    intervals = [wilson_interval(k, 60) for k in range(61)]
    coverage = [
        sum(stats.binom.pmf(k, 60, rate) for k, (low, high) in enumerate(intervals) if low <= rate <= high)
        for rate in rates
    ]
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    ("successes", "trials", "level"),
    [(1, 0, 0.95), (5, 4, 0.95), (-1, 4, 0.95), (0.7, 10, 0.95), (1, 4, 0), (1, 4, 95)],
)
def test_wilson_refuses_what_is_no_count_or_level(successes, trials, level):
    with pytest.raises(CourseError):
        wilson_interval(successes, trials, level=level)


# --- bootstrap_interval


def test_bootstrap_is_that_of_scipy(rng):
    values = rng.exponential(size=80)
    ours = bootstrap_interval(values, np.mean, resamples=20_000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=rng)
    np.testing.assert_allclose(ours, theirs.confidence_interval, atol=0.01)


def test_bootstrap_of_a_mean_is_near_the_normal_interval(rng):
    values = rng.normal(10, 2, size=400)
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose(
        bootstrap_interval(values, np.mean), [values.mean() - half, values.mean() + half], atol=0.03
    )


def test_arrays_of_a_tuple_are_resampled_together(rng):
    targets = rng.integers(0, 2, size=200)
    scores = targets + rng.normal(0, 1.5, size=200)
    low, high = bootstrap_interval((targets, scores), roc_auc_score, resamples=300)
    assert low < roc_auc_score(targets, scores) < high
    # A constant paired difference has no spread; resampled apart it would.
    assert bootstrap_interval((scores, scores + 1), lambda a, b: np.mean(b - a)) == pytest.approx((1, 1))


def test_one_seed_gives_one_interval(rng):
    values = rng.normal(size=50)
    assert bootstrap_interval(values, np.median) == bootstrap_interval(values, np.median)
    assert bootstrap_interval(values, np.median) != bootstrap_interval(values, np.median, seed=1)


def test_a_higher_level_is_wider(rng):
    values = rng.normal(size=50)
    low, high = bootstrap_interval(values, np.mean, level=0.99)
    inner_low, inner_high = bootstrap_interval(values, np.mean, level=0.8)
    assert low < inner_low < inner_high < high


def test_copies_of_a_patient_do_not_narrow_the_interval(rng):
    patients = rng.normal(size=40)
    images, owner = np.repeat(patients, 9), np.repeat(np.arange(40), 9)
    honest = np.diff(bootstrap_interval(images, np.mean, groups=owner))
    of_patients = np.diff(bootstrap_interval(patients, np.mean))
    naive = np.diff(bootstrap_interval(images, np.mean))
    assert honest == pytest.approx(of_patients, rel=0.1)
    assert naive == pytest.approx(of_patients / 3, rel=0.1)


def test_a_group_is_drawn_whole():
    values, owner = np.array([1.0, 10.0, 1.0, 100.0, 100.0]), np.array(["a", "b", "a", "c", "c"])
    seen = []
    bootstrap_interval(values, lambda drawn: seen.append(sorted(drawn)) or 0.0, groups=owner, resamples=50)
    assert all(drawn.count(1.0) % 2 == 0 and drawn.count(100.0) % 2 == 0 for drawn in seen)
    assert any(10.0 in drawn for drawn in seen)


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        (np.ones(1), {}, "There is 1 case"),
        (np.ones(4), {"groups": np.zeros(4)}, "There is 1 group"),
        (np.ones(4), {"groups": np.zeros(3)}, "4, 3 rows"),
        ((np.ones(4), np.ones(5)), {}, "4, 5, 4 rows"),
        (np.ones(4), {"level": 1.0}, "`level` is 1.0"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values, arguments, message):
    with pytest.raises(CourseError, match=message):
        bootstrap_interval(values, lambda *arrays: 0.0, **arguments)


def test_a_statistic_without_a_value_is_named():
    rare = np.array([1, 0, 0, 0, 0])
    with pytest.raises(CourseError, match=r"no value on \d+ of 2000 resamples"):
        bootstrap_interval(rare, lambda drawn: drawn.mean() if drawn.any() else np.nan)


# --- per_class_table


@pytest.fixture
def answers(rng):
    targets = rng.integers(0, 3, size=90)
    return targets, np.where(rng.random(90) < 0.7, targets, rng.integers(0, 3, size=90))


def test_rates_are_those_of_scikit_learn(answers):
    report = classification_report(*answers, target_names=["a", "b", "c"], output_dict=True)
    for row in per_class_table(*answers, names=["a", "b", "c"]):
        theirs = report[row["class"]]
        assert row["recall"] == pytest.approx(theirs["recall"])
        assert row["precision"] == pytest.approx(theirs["precision"])
        assert row["cases"] == theirs["support"]


def test_recalls_weighted_by_cases_give_the_accuracy(answers):
    table = per_class_table(*answers)
    assert sum(row["recall"] * row["cases"] for row in table) / 90 == pytest.approx(accuracy_score(*answers))


def test_intervals_are_wilsons(answers):
    row = per_class_table(*answers, level=0.8)[1]
    right = round(row["recall"] * row["cases"])
    np.testing.assert_allclose(
        (row["recall_low"], row["recall_high"]),
        proportion_confint(right, row["cases"], alpha=0.2, method="wilson"),
    )
    np.testing.assert_allclose(
        (row["precision_low"], row["precision_high"]),
        proportion_confint(right, row["predictions"], alpha=0.2, method="wilson"),
    )


def test_the_commonest_mistake_is_named():
    table = per_class_table(np.array([0, 0, 0, 0, 1]), np.array([0, 2, 2, 1, 1]))
    assert [row["mistaken_for"] for row in table] == ["2", None, None]


def test_a_class_without_cases_has_no_rate():
    row = per_class_table(np.array([0, 1]), np.array([0, 1]), names=["a", "b", "c"])[2]
    assert (row["cases"], row["recall"], row["precision_high"]) == (0, None, None)


def test_it_prints_as_a_table():
    lines = repr(per_class_table(np.array([0, 0, 1]), np.array([0, 1, 1]), names=["short", "longer"])).split(
        "\n"
    )
    assert lines[0].split()[:3] == ["class", "cases", "recall"]
    assert lines[1].split()[:3] == ["short", "2", "0.500"]
    assert lines[2].split()[-1] == "–"
    assert lines[1].index("2") == lines[2].index("1")


@pytest.mark.parametrize(
    ("targets", "predicted", "names", "message"),
    [
        (np.array([0, 1]), np.array([0]), None, r"\(2,\) and `predicted` \(1,\)"),
        (np.array([0, 1]), np.zeros((2, 3)), None, "argmax"),
        (np.array([0, 1]), np.array([0.2, 0.7]), None, "whole numbers.*argmax"),
        (np.array([0, 2]), np.array([0, 1]), ["a", "b"], "from 0 to 2. Expected 0 to 1"),
        (np.array([0, -1]), np.array([0, 1]), None, "from -1 to 1"),
        (np.array([], dtype=int), np.array([], dtype=int), None, r"\(0,\)"),
    ],
)
def test_what_is_no_pair_of_class_codes_is_refused(targets, predicted, names, message):
    with pytest.raises(CourseError, match=message):
        per_class_table(targets, predicted, names=names)
