"""Published results, recomputed from what `load` gives: the digits on the cards are those of the data."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import StratifiedKFold, cross_val_score

from course_lib.data import load
from course_lib.registry import card

# Steiner, Gibson and Crandall (2020), their files: sequences, resistant fraction, accuracy of always
# answering the larger class; and the accuracy that one-hot logistic regression (C = 0.3, five stratified
# folds) was reported to reach on them.
HIV = {
    "FPV": (1444, 0.365, 0.635, 0.920),
    "ATV": (987, 0.434, 0.566, 0.925),
    "IDV": (1491, 0.437, 0.563, 0.941),
    "LPV": (1267, 0.447, 0.553, 0.950),
    "NFV": (1532, 0.528, 0.528, 0.946),
    "SQV": (1483, 0.376, 0.624, 0.934),
    "TPV": (696, 0.178, 0.822, 0.889),
    "DRV": (605, 0.215, 0.785, 0.934),
    "3TC": (1270, 0.583, 0.583, 0.942),
    "ABC": (1293, 0.461, 0.539, 0.882),
    "AZT": (1283, 0.418, 0.582, 0.914),
    "D4T": (1291, 0.130, 0.870, 0.921),
    "DDI": (1291, 0.053, 0.947, 0.966),
    "TDF": (1025, 0.088, 0.912, 0.931),
    "EFV": (1471, 0.415, 0.585, 0.955),
    "NVP": (1478, 0.478, 0.522, 0.957),
    "ETR": (481, 0.287, 0.713, 0.871),
    "RPV": (181, 0.320, 0.680, 0.779),
}
# Accuracy of the authors' networks, means over five folds and the drugs of a class; the last is all 18.
NETWORKS = {
    "MLP": {"PI": 0.826, "NRTI": 0.795, "NNRTI": 0.706, "all": 0.789},
    "BRNN": {"PI": 0.912, "NRTI": 0.896, "NNRTI": 0.837, "all": 0.890},
    "CNN": {"PI": 0.921, "NRTI": 0.920, "NNRTI": 0.911, "all": 0.918},
}
CURVES = {"MLP": 0.879, "BRNN": 0.909, "CNN": 0.953}
# The report says neither how its folds were drawn nor where its solver stopped. Folds shuffled with seed 0
# fit: 13 of 18 drugs equal to the digit with lbfgs, against at most 3 with seed 1, seed 42 or folds not
# shuffled, which are off by 0.012 to 0.027. What is left are one to three sequences whose probability is so
# near one half that the solver decides. liblinear comes within 0.002; its default tolerance would leave
# decisions uncertain by more than the nearest sequence is from one half, and so to the machine's rounding.
FOLDS_NOT_PUBLISHED = 0.0025


def test_esol_the_linear_model_of_the_paper(from_mirror):
    pytest.importorskip("rdkit")
    data = load("esol")
    assert round(root_mean_squared_error(data.targets, data.extras["delaney"]), 3) == 0.910
    assert "0.910" in data.card


def test_freesolv_the_simulation(from_mirror):
    pytest.importorskip("rdkit")
    data = load("freesolv")
    assert round(root_mean_squared_error(data.targets, data.extras["physics"]), 3) == 1.542
    assert round(mean_absolute_error(data.targets, data.extras["physics"]), 3) == 1.114
    assert "1.542" in data.card
    assert "1.114" in data.card


def test_genomics_primer_the_motif_as_a_rule(from_mirror):
    data = load("genomics_primer")
    rule = np.array(["CGACCGAACTCC" in sequence for sequence in data.extras["sequences"]])
    assert np.mean(rule == data.targets) == 1
    assert (rule.sum(), (~rule).sum()) == (987, 1013)


def test_isbi_always_cell(from_mirror):
    assert round(np.mean(load("isbi2012_em").targets == 0), 2) == 0.78


def test_omniglot_the_publishers_baseline(from_mirror):
    """The modified Hausdorff distance of Dubuisson and Jain (1994), as in the publisher's demonstration."""
    from scipy.spatial import KDTree

    def centred(drawing):
        points = np.argwhere(drawing)
        return points - points.mean(axis=0)

    def distance(one, other):
        return max(other[1].query(one[0])[0].mean(), one[1].query(other[0])[0].mean())

    data = load("omniglot/runs")
    shown, asked = data.splits["published"]["train"], data.splits["published"]["test"]
    items = [(points, KDTree(points)) for points in map(centred, data.inputs)]
    wrong = 0
    for run in np.unique(data.groups["run"]):
        candidates = shown[data.groups["run"][shown] == run]
        for item in asked[data.groups["run"][asked] == run]:
            nearest = min(candidates, key=lambda candidate: distance(items[item], items[candidate]))
            wrong += data.targets[nearest] != data.targets[item]
    assert round(100 * wrong / len(asked), 1) == 38.8


@pytest.mark.parametrize("drug", HIV)
def test_hiv_size_resistant_fraction_and_majority(from_mirror, drug):
    pytest.importorskip("pandas")
    targets = load(f"hiv_resistance/{drug}").targets
    resistant = targets.mean()
    found = (len(targets), round(resistant, 3), round(max(resistant, 1 - resistant), 3))
    assert found == HIV[drug][:3]


def test_hiv_logistic_regression_on_one_hot_letters(from_mirror, capsys):
    pytest.importorskip("pandas")
    found = {drug: logistic_regression(load(f"hiv_resistance/{drug}")) for drug in HIV}
    off = {drug: found[drug] - HIV[drug][3] for drug in HIV}
    with capsys.disabled():
        same = sum(round(found[drug], 3) == HIV[drug][3] for drug in HIV)
        print(
            f"\nHIV, one-hot logistic regression: {same} of {len(HIV)} drugs equal to the digit, all within "
            f"{max(map(abs, off.values())):.4f}: "
            + ", ".join(f"{drug} {found[drug]:.3f} ({off[drug]:+.4f})" for drug in HIV)
        )
    assert max(map(abs, off.values())) < FOLDS_NOT_PUBLISHED
    # The report's own headline, a mean of 0.925, is not the mean of its 18 numbers, which is 0.920.
    assert round(np.mean([reported for *_, reported in HIV.values()]), 3) == 0.920
    assert f"{np.mean(list(found.values())):.3f}" in card("hiv_resistance")


def logistic_regression(data) -> float:
    """Mean accuracy of five stratified folds."""
    one_hot = np.eye(len(data.extras["alphabet"]))[data.inputs].reshape(len(data.inputs), -1)
    model = LogisticRegression(C=0.3, solver="liblinear", tol=1e-8)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return float(cross_val_score(model, one_hot, data.targets, cv=folds).mean())


def test_hiv_the_authors_networks(from_mirror):
    """Their own results by fold, which come with each drug, give the means on the card."""
    pd = pytest.importorskip("pandas")
    results = pd.concat(load(f"hiv_resistance/{drug}").extras["published_results"] for drug in HIV)
    assert len(results) == len(HIV) * len(NETWORKS) * 5
    for network, rows in results.groupby("architecture"):
        means = rows.groupby("drug_class")["accuracy"].mean().to_dict() | {"all": rows["accuracy"].mean()}
        assert {group: round(mean, 3) for group, mean in means.items()} == NETWORKS[network]
        assert round(rows["auc_from_roc_file"].mean(), 3) == CURVES[network]
        for value in [*NETWORKS[network].values(), CURVES[network]]:
            assert f"{value:.3f}" in card("hiv_resistance")


def test_hiv_the_published_mlp_is_below_the_larger_class_for_five_drugs(from_mirror):
    pytest.importorskip("pandas")
    below = 0
    for drug in HIV:
        data = load(f"hiv_resistance/{drug}")
        rows = data.extras["published_results"].query("architecture == 'MLP'")
        below += rows["accuracy"].mean() < max(data.targets.mean(), 1 - data.targets.mean())
    assert below == 5
