"""What a simulator says is planted is there, and nothing else: judged by tools that know nothing of it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

import course_lib as cl
from course_lib.errors import CourseError


def test_half_of_the_patients_are_sick():
    data = cl.simulators.noise_genes(0, patients=40, genes=30)
    assert data.inputs.shape == (40, 30)
    assert (data.inputs.dtype, data.targets.dtype) == (np.float32, np.int64)
    assert np.bincount(data.targets).tolist() == [20, 20]
    assert repr(data).splitlines()[0].endswith("2 classes: 0 healthy, 1 sick")


def test_the_seed_is_the_draw():
    first, again, other = (cl.simulators.noise_genes(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)
    assert not np.array_equal(first.targets, other.targets)


def test_the_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()
    cl.simulators.noise_genes(0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_the_diagnoses_do_not_depend_on_how_many_genes_are_measured():
    few, many = (cl.simulators.noise_genes(1, genes=genes) for genes in (10, 100))
    np.testing.assert_array_equal(few.targets, many.targets)


def test_values_are_standard_normal():
    values = cl.simulators.noise_genes(0).inputs.ravel()
    assert stats.kstest(values[::10], "norm").pvalue > 0.001


def test_no_gene_knows_the_diagnosis():
    data = cl.simulators.noise_genes(0)
    sick = data.targets == 1
    p = stats.ttest_ind(data.inputs[sick], data.inputs[~sick]).pvalue
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert not data.truth["informative"].any()
    assert data.truth["informative"].shape == (5000,)
    assert data.truth["best_accuracy"] == 0.5


def test_selection_outside_the_folds_makes_an_effect_and_inside_it_does_not():
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    leaky, honest = [], []
    for seed in range(8):
        data = cl.simulators.noise_genes(seed)
        chosen = SelectKBest(k=20).fit_transform(data.inputs, data.targets)
        leaky.append(cross_val_score(LogisticRegression(), chosen, data.targets, cv=folds).mean())
        pipe = make_pipeline(SelectKBest(k=20), LogisticRegression())
        honest.append(cross_val_score(pipe, data.inputs, data.targets, cv=folds).mean())
    assert min(leaky) > 0.85
    assert abs(np.mean(honest) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 0, "patients": 51}, "`patients` is 51.*even.*patients=52"),
        ({"seed": 0, "patients": 0}, "`patients` is 0"),
        ({"seed": 0, "patients": 50.0}, "`patients` is 50.0"),
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": None}, "`seed` is None"),
        ({"seed": 0, "genes": 0}, "`genes` is 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(CourseError, match=message):
        cl.simulators.noise_genes(**arguments)


def test_an_unknown_simulator_gets_the_name_that_was_probably_meant():
    with pytest.raises(AttributeError, match="Did you mean `noise_genes`"):
        cl.simulators.noise_gene  # noqa: B018


def test_the_package_is_lazy():
    code = "import sys, course_lib.simulators as s; print('noise_genes' in dir(s), 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == "True False\n"


# ---------------------------------------------------------------------------------------------------------
# HIV-like isolates


@pytest.fixture(scope="module")
def isolates():
    return cl.simulators.hiv_isolates(0, patients=3000)


def differences(sequences):
    return (sequences[:, None] != sequences[None]).sum(axis=2)


def test_isolates_are_residues_of_one_protease(isolates):
    assert isolates.inputs.shape[1] == 99
    assert (isolates.inputs.dtype, isolates.targets.dtype) == (np.int64, np.int64)
    assert (isolates.inputs.min(), isolates.inputs.max()) == (0, 19)
    assert set(isolates.targets) == {0, 1}
    # The active site of the protease, D25-T26-G27, as it stands in every textbook.
    letters = "".join("ACDEFGHIKLMNPQRSTVWY"[code] for code in isolates.truth["wild_type"])
    assert letters[24:27] == "DTG"
    assert letters.startswith("PQITLW")


def test_a_patient_gives_one_to_four_isolates_that_differ_little():
    data = cl.simulators.hiv_isolates(3)
    patient, gaps = data.truth["patient"], differences(data.inputs)
    assert set(np.bincount(patient)) == {1, 2, 3, 4}
    same = patient[:, None] == patient[None]
    twins = gaps[same & ~np.eye(len(patient), dtype=bool)]
    assert np.mean(twins) == pytest.approx(2.0, abs=0.3)  # each of two drifts by one on average
    assert np.mean(twins == 0) == pytest.approx(np.exp(-2), abs=0.05)
    assert np.quantile(twins, 0.95) < np.quantile(gaps[~same], 0.05)


def test_the_planted_rates_are_there(isolates):
    _, first = np.unique(isolates.truth["patient"], return_index=True)  # one isolate of each patient
    sequences, treated = isolates.inputs[first], isolates.truth["treated"][first]
    assert treated.mean() == 0.5
    mutants = isolates.truth["mutants"]
    for site in np.flatnonzero(mutants >= 0):
        has = sequences[:, site] == mutants[site]
        assert has[treated].mean() == pytest.approx(0.20, abs=0.04)
        assert has[~treated].mean() == pytest.approx(0.01, abs=0.01)
    for site in (9, 70):  # the hitch-hikers, 10 and 71
        changed = sequences[:, site] != isolates.truth["wild_type"][site]
        assert changed[treated].mean() == pytest.approx(0.35, abs=0.04)
        assert changed[~treated].mean() == pytest.approx(0.03, abs=0.015)


def test_a_regression_on_the_planted_sites_finds_the_planted_effects(isolates):
    mutants, effects = isolates.truth["mutants"], isolates.truth["effects"]
    sites = np.flatnonzero(mutants >= 0)
    has = (isolates.inputs[:, sites] == mutants[sites]).astype(float)
    number = {int(site) + 1: column for column, site in enumerate(sites)}
    pairs = [has[:, number[a]] * has[:, number[b]] for a, b in ((82, 84), (30, 90))]
    design = np.column_stack([has, *pairs, np.ones(len(has))])
    found, *_ = np.linalg.lstsq(design, isolates.truth["log_fold"], rcond=None)
    np.testing.assert_allclose(found, [*effects[sites], 0.8, -0.8, 0.0], atol=0.08)
    noise = isolates.truth["log_fold"] - design @ found
    assert noise.std() == pytest.approx(0.3, abs=0.01)
    assert np.array_equal(isolates.targets, isolates.truth["log_fold"] >= np.log10(3.5))


def test_a_model_that_does_not_see_where_a_residue_stands_has_little_to_go_by():
    data = cl.simulators.hiv_isolates(1)
    one_hot = np.eye(20)[data.inputs]
    seeing, blind = [], []
    for train, test in GroupKFold(5).split(data.inputs, groups=data.truth["patient"]):
        for scores, columns in ((seeing, one_hot.reshape(len(one_hot), -1)), (blind, one_hot.sum(axis=1))):
            model = LogisticRegression(max_iter=5000).fit(columns[train], data.targets[train])
            scores.append(model.score(columns[test], data.targets[test]))
    assert np.mean(seeing) > np.mean(blind) + 0.1


def test_the_seed_is_the_draw_of_the_isolates():
    first, again, other = (cl.simulators.hiv_isolates(seed, patients=20) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert first.inputs.shape != other.inputs.shape or not np.array_equal(first.inputs, other.inputs)
    assert "20 simulated patients" in first.card


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": 0.5}, "`seed` is 0.5"),
        ({"seed": 0, "patients": 1}, "`patients` is 1.*from 2 on"),
        ({"seed": 0, "patients": True}, "`patients` is True"),
    ],
)
def test_isolates_that_cannot_be_drawn_are_refused(arguments, message):
    with pytest.raises(CourseError, match=message):
        cl.simulators.hiv_isolates(**arguments)


# ---------------------------------------------------------------------------------------------------------
# Purchases: who buys what


def test_every_customer_buys_and_the_parts_hold_every_purchase_once():
    data = cl.simulators.purchases(0, customers=50, vehicles=7)
    assert set(data.inputs[:, 0]) == set(range(50))
    assert set(data.targets) <= set(range(7))
    rows = np.concatenate([data.splits["random"][part] for part in ("train", "test")])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(data.targets)))
    assert len(data.splits["random"]["test"]) == len(data.targets) // 4


def test_vehicles_are_bought_as_often_as_the_truth_says():
    data = cl.simulators.purchases(1, customers=40, vehicles=5)
    chances = data.truth["vehicle_given_customer"]
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    expected = chances[data.inputs[:, 0]].sum(axis=0)
    found = np.bincount(data.targets, minlength=5)
    assert stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue > 0.001


def test_customers_buy_as_often_as_the_truth_says_and_far_from_equally():
    for seed in range(5):
        data = cl.simulators.purchases(seed)
        counts = np.bincount(data.inputs[:, 0], minlength=300)
        expected = data.truth["customer"] * counts.sum()
        assert data.truth["customer"].sum() == pytest.approx(1)
        assert np.corrcoef(counts, expected)[0, 1] > 0.9
        assert abs(np.mean((counts - expected) / np.sqrt(expected))) < 0.3
        assert counts.max() > 5 * np.median(counts)


def test_purchases_of_a_seed_are_the_same_and_of_two_seeds_are_not():
    first, again, other = (cl.simulators.purchases(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.targets, again.targets)
    assert len(first.targets) != len(other.targets) or not np.array_equal(first.targets, other.targets)


# ---------------------------------------------------------------------------------------------------------
# The quiet direction


def test_columns_have_the_planted_variances_whatever_the_rotation():
    data = cl.simulators.quiet_direction(0, examples=20000)
    found = PCA().fit(data.inputs).explained_variance_
    np.testing.assert_allclose(found[[0, 1, 2, 9]], [25, 9, 4, 0.04], rtol=0.05)
    np.testing.assert_allclose(found[3:9], 1, rtol=0.07)
    # No column is the hidden quantity itself.
    assert np.max(np.abs(data.truth["direction"])) < 0.95


def test_the_outcome_hangs_on_the_quietest_direction_alone():
    data = cl.simulators.quiet_direction(1, examples=20000)
    along = data.inputs @ data.truth["direction"]
    right = np.mean((along > 0) == data.targets)
    assert right == pytest.approx(data.truth["best_accuracy"], abs=0.004)
    louder = PCA(9).fit_transform(data.inputs)
    assert LogisticRegression().fit(louder, data.targets).score(louder, data.targets) < 0.53


def test_a_method_that_sees_the_outcome_finds_the_direction():
    data = cl.simulators.quiet_direction(2)
    weights = LinearDiscriminantAnalysis().fit(*data.split("train")).coef_[0]
    cosine = weights @ data.truth["direction"] / np.linalg.norm(weights)
    assert cosine > 0.99


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (cl.simulators.purchases, {"seed": -1}, "`seed` is -1"),
        (cl.simulators.purchases, {"seed": 0, "customers": 1}, "`customers` is 1.*from 2 on"),
        (cl.simulators.purchases, {"seed": 0, "vehicles": 4.0}, "`vehicles` is 4.0"),
        (cl.simulators.quiet_direction, {"seed": True}, "`seed` is True"),
        (cl.simulators.quiet_direction, {"seed": 0, "examples": 1}, "`examples` is 1.*from 2 on"),
    ],
)
def test_no_simulator_draws_what_it_cannot(draw, arguments, message):
    with pytest.raises(CourseError, match=message):
        draw(**arguments)
