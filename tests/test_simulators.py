"""What a simulator says is planted is there, and nothing else: judged by tools that know nothing of it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage, stats
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict, cross_val_score
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
# Glyphs


def test_glyphs_stand_row_after_row():
    signs = cl.simulators.glyphs(0, classes=7, images=5)
    assert signs.inputs.shape == (35, 20, 20)
    assert (signs.inputs.dtype, signs.targets.dtype) == (np.float32, np.int64)
    assert signs.targets.tolist() == sorted(list(range(7)) * 5)
    assert 0 <= signs.inputs.min() < 0.01
    assert signs.inputs.max() == 1  # where strokes cross, and no more


def test_a_glyph_does_not_depend_on_how_many_are_drawn():
    few, many = (cl.simulators.glyphs(3, classes=k, images=n) for k, n in ((4, 9), (30, 2)))
    np.testing.assert_array_equal(few.truth["control_points"], many.truth["control_points"][:4])
    other = cl.simulators.glyphs(4, classes=4).truth["control_points"]
    assert not np.array_equal(few.truth["control_points"], other, equal_nan=True)


def test_one_glyph_in_two_has_a_third_stroke():
    points = cl.simulators.glyphs(0, classes=2000, images=1).truth["control_points"]
    has_third = ~np.isnan(points[:, 2]).any(axis=(1, 2))
    assert not np.isnan(points[:, :2]).any()
    assert abs(has_third.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    corners = points[~np.isnan(points)]
    assert stats.kstest(corners, stats.uniform(0.12, 0.76).cdf).pvalue > 0.001


def test_a_straight_stroke_has_the_profile_of_the_pen():
    from course_lib.simulators.signs import PEN, SIZE, _inked

    upright = np.array([[0.53, 0.1], [0.53, 0.5], [0.53, 0.9]])  # x and y of three points on a line
    picture = _inked(upright[None, None])[0]
    pixel = (np.arange(SIZE) + 0.5) / SIZE
    wanted = np.exp(-((pixel - 0.53) ** 2) / (2 * PEN**2))
    np.testing.assert_allclose(picture[8:12], np.tile(wanted, (4, 1)), atol=0.01)
    assert picture[:1].max() < 0.2  # the stroke ends at a tenth of the height
    np.testing.assert_array_equal(_inked(upright[None, None, :, ::-1])[0], picture.T)


def test_a_curved_stroke_goes_where_bezier_says():
    from course_lib.simulators.signs import _inked

    points = np.array([[0.2, 0.8], [0.5, 0.1], [0.8, 0.8]])
    picture = _inked(points[None, None])[0]
    ink_at = ndimage.map_coordinates(picture, [[0.45 * 20 - 0.5], [0.5 * 20 - 0.5]], order=1)  # at t = 1/2
    assert ink_at[0] > 0.7
    assert ndimage.map_coordinates(picture, [[0.1 * 20 - 0.5], [0.5 * 20 - 0.5]], order=1)[0] < 0.01


def test_pictures_of_a_glyph_differ_as_much_as_the_card_says():
    signs = cl.simulators.glyphs(5, classes=60, images=200)
    points = signs.truth["control_points"]
    pixel = (np.arange(20) + 0.5) / 20
    pictures = signs.inputs.reshape(60, 200, 20, 20).astype(float)
    weight = pictures.sum(axis=(2, 3))
    x = (pictures.sum(axis=2) * pixel).sum(axis=2) / weight  # (60, 200) centres of the ink
    # A shift of sd 0.04 moves the centre by as much; jitter, turns and scale only add to it, and a little.
    spread = x.std(axis=1, ddof=1)
    assert 0.04 < spread.mean() < 0.065
    assert np.nanmax(points) <= 0.88
    assert np.nanmin(points) >= 0.12


def test_the_noise_is_added_and_nothing_else_changes():
    clean, noisy = (cl.simulators.glyphs(1, classes=20, noise=noise) for noise in (0.0, 0.35))
    added = (noisy.inputs - clean.inputs).ravel()
    assert stats.kstest(added[::16], stats.norm(0, 0.35).cdf).pvalue > 0.001
    np.testing.assert_array_equal(clean.targets, noisy.targets)


def test_a_glyph_is_known_by_its_own_pictures():
    signs = cl.simulators.glyphs(2, classes=20, images=40)
    pictures = signs.inputs.reshape(20, 40, -1)
    means = pictures[:, :20].mean(axis=1)
    distance = ((pictures[:, 20:, None] - means) ** 2).sum(axis=-1)
    right = (distance.argmin(axis=-1) == np.arange(20)[:, None]).mean()
    assert right > 0.6  # chance is 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "`seed` is -1"),
        ({"seed": 0, "classes": 0}, "`classes` is 0"),
        ({"seed": 0, "images": 2.0}, "`images` is 2.0"),
        ({"seed": 0, "noise": -0.1}, "`noise` is -0.1"),
        ({"seed": 0, "noise": "much"}, "`noise` is 'much'"),
    ],
)
def test_glyphs_that_cannot_be_drawn_are_refused(arguments, message):
    with pytest.raises(CourseError, match=message):
        cl.simulators.glyphs(**arguments)


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


# ---------------------------------------------------------------------------------------------------------
# Neurons, alive or dead


def test_half_of_the_neurons_are_dead_and_one_label_in_seven_is_wrong():
    data = cl.simulators.neurons(0)
    assert data.inputs.shape == (1600, 48, 48)
    assert (data.inputs.dtype, data.targets.dtype) == (np.float32, np.int64)
    assert data.targets.mean() == pytest.approx(0.5, abs=0.05)
    wrong = data.extras["rater"] != data.targets
    np.testing.assert_array_equal(wrong, data.truth["rater_wrong"])
    assert stats.binomtest(int(wrong.sum()), 1600, 0.15).pvalue > 0.001
    rows = np.concatenate([data.splits["random"][part] for part in ("train", "test")])
    np.testing.assert_array_equal(np.sort(rows), np.arange(1600))


def test_the_rater_errs_by_lot():
    data = cl.simulators.neurons(1)
    wrong = data.truth["rater_wrong"]
    assert stats.fisher_exact(np.histogram2d(wrong, data.targets, bins=2)[0]).pvalue > 0.001
    brightness = data.inputs.mean(axis=(1, 2))
    assert stats.ks_2samp(brightness[wrong], brightness[~wrong]).pvalue > 0.001


def test_a_dead_neuron_is_in_pieces_and_a_living_one_has_a_body():
    data = cl.simulators.neurons(2, cells=600)
    # The largest bright piece near the middle, after a light blur: a soma is large and round.
    largest = np.empty(600)
    for row, picture in enumerate(data.inputs):
        bright = ndimage.gaussian_filter(picture, 0.7)[12:36, 12:36] > 0.45
        numbered, count = ndimage.label(ndimage.binary_opening(bright, np.ones((3, 3))))
        largest[row] = np.bincount(numbered.ravel())[1:].max() if count else 0
    # Ground truth by a measurement that knows nothing of the simulator: bodies are larger than pieces.
    assert roc_auc_score(data.targets == 0, largest) > 0.6
    assert np.median(largest[data.targets == 0]) > np.median(largest[data.targets == 1])


def test_photons_are_counted():
    data = cl.simulators.neurons(3, cells=40)
    counts = data.inputs * 60
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)


# ---------------------------------------------------------------------------------------------------------
# Chest films


@pytest.fixture(scope="module")
def chest():
    return cl.simulators.chest_films(0)


def test_parts_have_their_sizes_and_a_third_of_each_finding(chest):
    assert chest.inputs.shape == (2000, 32, 32)
    for by in ("internal", "external"):
        for part, size in (("train", 600), ("valid", 200), ("test", 600)):
            findings = chest.split(part, by=by)[1]
            assert len(findings) == size
            assert max(np.bincount(findings)) - min(np.bincount(findings)) <= 1
    inside, outside = (set(chest.splits[by]["test"]) for by in ("internal", "external"))
    learnt = {*chest.splits["internal"]["train"], *chest.splits["internal"]["valid"]}
    assert not inside & outside
    assert not (inside | outside) & learnt


def test_the_letter_is_that_of_the_class_inside_and_anyones_outside(chest):
    agree = chest.truth["marker"] == chest.targets
    for part, share in (("train", 0.98), ("internal", 0.98), ("external", 1 / 3)):
        rows = chest.splits["external" if part == "external" else "internal"][
            "train" if part == "train" else "test"
        ]
        assert stats.binomtest(int(agree[rows].sum()), 600, share).pvalue > 0.001
    outside = chest.splits["external"]["test"]
    table = np.histogram2d(chest.truth["marker"][outside], chest.targets[outside], bins=3)[0]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_the_corner_tells_the_letter_and_nothing_else_of_the_finding(chest):
    corner, rows = chest.truth["corner"], chest.splits["external"]["test"]
    pixels = chest.inputs[:, corner]
    inside = chest.splits["internal"]["test"]
    of_letter = LogisticRegression(max_iter=2000).fit(pixels[inside], chest.truth["marker"][inside])
    assert of_letter.score(pixels[rows], chest.truth["marker"][rows]) > 0.98
    # Where letters fall by lot, a model of the corner is no better than guessing.
    first, second = rows[:300], rows[300:]
    of_finding = LogisticRegression(max_iter=2000, C=0.01).fit(pixels[first], chest.targets[first])
    assert of_finding.score(pixels[second], chest.targets[second]) < 0.43


def test_the_lungs_tell_of_the_finding_alike_in_all_parts():
    data = cl.simulators.chest_films(1)
    lungs = np.where(data.truth["corner"], 0, data.inputs).reshape(len(data.inputs), -1)
    train = data.splits["internal"]["train"]
    model = LogisticRegression(C=0.1, max_iter=2000).fit(lungs[train], data.targets[train])
    shares = [
        model.score(lungs[data.splits[by]["test"]], data.targets[data.splits[by]["test"]])
        for by in ("internal", "external")
    ]
    assert min(shares) > 0.45
    assert abs(shares[0] - shares[1]) < 0.08


# ---------------------------------------------------------------------------------------------------------
# Skin lesions


def test_one_lesion_in_ten_is_malignant_in_both_parts():
    data = cl.simulators.skin_lesions(0)
    assert data.inputs.shape == (4000, 3, 32, 32)
    assert data.inputs.min() >= 0
    assert data.inputs.max() <= 1
    for part in ("train", "test"):
        assert np.bincount(data.split(part)[1]).tolist() == [1800, 200]


def test_no_score_of_the_features_beats_the_planted_ceiling():
    by_sum, by_regression = [], []
    for seed in range(6):
        data = cl.simulators.skin_lesions(seed)
        features, targets = data.truth["features"], data.targets
        by_sum.append(roc_auc_score(targets, features.sum(axis=1)))
        train, test = data.splits["random"].values()
        model = LogisticRegression().fit(features[train], targets[train])
        by_regression.append(roc_auc_score(targets[test], model.decision_function(features[test])))
    assert np.mean(by_sum) == pytest.approx(0.85, abs=0.015)
    assert np.mean(by_regression) < 0.87
    assert data.truth["best_auc"] == 0.85


def test_each_feature_can_be_seen_in_the_photograph():
    data = cl.simulators.skin_lesions(1, lesions=2000)
    photos, features = data.inputs, data.truth["features"]
    mole = (photos.mean(axis=1) < 0.5).astype(float)
    # Two colours: blue minus red spreads wider inside the mole.
    bluish = np.where(mole > 0, photos[:, 2] - photos[:, 0], np.nan)
    spread = np.nanstd(bluish.reshape(len(photos), -1), axis=1)
    assert stats.spearmanr(spread, features[:, 2]).statistic > 0.4
    # The outline: how far it reaches in 24 directions from the centre of mass, and its waves.
    waves = np.empty((len(mole), 12))
    for row, shape in enumerate(mole):
        places = np.argwhere(ndimage.binary_opening(shape)).astype(float)  # without hairs
        rows, columns = (places - places.mean(axis=0)).T
        direction = ((np.arctan2(rows, columns) / (2 * np.pi) % 1) * 24).astype(int)
        reach = np.array([np.hypot(rows, columns)[direction == k].max(initial=0) for k in range(24)])
        waves[row] = np.abs(np.fft.rfft(reach))[1:] / reach.mean()
    for feature in (0, 1):
        found = cross_val_predict(LinearRegression(), waves, features[:, feature], cv=5)
        assert np.corrcoef(found, features[:, feature])[0, 1] > 0.3


# ---------------------------------------------------------------------------------------------------------
# DNA with a planted motif


def test_the_motif_stands_where_the_truth_says_and_nowhere_else():
    data = cl.simulators.planted_motif(0)
    texts = ["".join("ACGT"[code] for code in row) for row in data.inputs]
    found = np.array([text.find("CGACCGAACTCC") for text in texts])
    np.testing.assert_array_equal(found, data.truth["start"])
    np.testing.assert_array_equal(found >= 0, data.targets == 1)
    assert np.bincount(data.targets).tolist() == [1000, 1000]


def test_the_motif_may_stand_anywhere_and_the_other_bases_know_nothing():
    data = cl.simulators.planted_motif(1, sequences=8000)
    start = data.truth["start"][data.targets == 1]
    assert stats.chisquare(np.bincount(start, minlength=39)).pvalue > 0.001
    apart = data.inputs[data.targets == 0]
    assert stats.chisquare(np.bincount(apart.ravel(), minlength=4)).pvalue > 0.001
    # Outside the motif the sequences that have it are like the others.
    outside = np.ones((len(start), 50), dtype=bool)
    for row, first in enumerate(start):
        outside[row, first : first + 12] = False
    counts = np.bincount(data.inputs[data.targets == 1][outside], minlength=4)
    assert stats.chisquare(counts).pvalue > 0.001


def test_the_parts_of_the_motif_set_hold_all_rows_once():
    data = cl.simulators.planted_motif(2, sequences=50)
    rows = np.concatenate(list(data.splits["random"].values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(50))
    assert {part: len(rows) for part, rows in data.splits["random"].items()} == {
        "train": 30,
        "valid": 10,
        "test": 10,
    }


@pytest.mark.parametrize("name", ["neurons", "chest_films", "skin_lesions", "planted_motif"])
def test_a_picture_of_a_seed_is_the_same_and_of_two_seeds_is_not(name):
    size = {"neurons": 40, "chest_films": 9, "skin_lesions": 40, "planted_motif": 40}[name]
    draw = getattr(cl.simulators, name)
    first, again, other = (draw(seed, size) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    np.testing.assert_array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)
    assert str(len(first.inputs)) in first.card


@pytest.mark.parametrize(
    ("draw", "arguments", "message"),
    [
        (cl.simulators.purchases, {"seed": -1}, "`seed` is -1"),
        (cl.simulators.purchases, {"seed": 0, "customers": 1}, "`customers` is 1.*from 2 on"),
        (cl.simulators.purchases, {"seed": 0, "vehicles": 4.0}, "`vehicles` is 4.0"),
        (cl.simulators.quiet_direction, {"seed": True}, "`seed` is True"),
        (cl.simulators.quiet_direction, {"seed": 0, "examples": 1}, "`examples` is 1.*from 2 on"),
        (cl.simulators.neurons, {"seed": 0, "cells": 3}, "`cells` is 3.*from 4 on"),
        (cl.simulators.neurons, {"seed": -1}, "`seed` is -1"),
        (cl.simulators.chest_films, {"seed": 0, "films": 600.0}, "`films` is 600.0"),
        (cl.simulators.chest_films, {"seed": 0, "films": 601}, "multiple of 3.*films=600"),
        (cl.simulators.skin_lesions, {"seed": 0, "lesions": 30}, "multiple of 20.*lesions=20"),
        (cl.simulators.skin_lesions, {"seed": True}, "`seed` is True"),
        (cl.simulators.planted_motif, {"seed": 0, "sequences": 41}, "an even number.*sequences=42"),
        (cl.simulators.planted_motif, {"seed": -2}, "`seed` is -2"),
    ],
)
def test_no_simulator_draws_what_it_cannot(draw, arguments, message):
    with pytest.raises(CourseError, match=message):
        draw(**arguments)
