"""The bags of MNIST digits are drawn as published, the networks do as they say, the page says the results."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import provenance
from benchmarks.mnist_bags import page, runs
from benchmarks.mnist_bags.bags import Bags, draw
from benchmarks.mnist_bags.networks import POOLINGS, BagNetwork


@pytest.fixture
def digits():
    return np.random.default_rng(0).integers(10, size=5000)


@pytest.fixture
def bag():
    return torch.randn(7, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=POOLINGS)
def network(request):
    torch.manual_seed(0)
    return BagNetwork(request.param).eval()


# The bags.


def test_bags_follow_the_rule_and_half_of_them_are_positive(digits):
    bags = draw(digits, 400, np.random.default_rng(1))
    holds_a_nine = [np.any(digits[rows] == 9) for rows in bags.rows]
    np.testing.assert_array_equal(bags.labels, holds_a_nine)
    assert bags.labels.mean() == 0.5


def test_lengths_are_those_of_a_normal_distribution_cut_to_whole_numbers(digits):
    bags = draw(digits, 4000, np.random.default_rng(2))
    negative = bags.lengths[bags.labels == 0]
    # Cutting takes off a half on average: 10 - 0.5.
    assert abs(negative.mean() - 9.5) < 4 * 2 / np.sqrt(len(negative))
    assert abs(negative.std() - 2) < 0.15
    assert bags.lengths.min() >= 1


def test_positive_bags_are_a_little_longer_as_the_published_way_of_drawing_makes_them(digits):
    bags = draw(digits, 20_000, np.random.default_rng(3))
    # P(length | positive) is P(length) × (1 - 0.9^length), up to a constant.
    lengths = np.maximum(1, np.random.default_rng(4).normal(10, 2, 200_000).astype(int))
    weight = 1 - 0.9**lengths
    expected = np.average(lengths, weights=weight)
    assert abs(bags.lengths[bags.labels == 1].mean() - expected) < 0.1
    assert expected > lengths.mean() + 0.1


# The networks.


def test_the_order_of_a_bag_does_not_matter(network, bag):
    order = torch.randperm(len(bag), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network(bag[order]), network(bag), atol=1e-5, rtol=1e-5)


def test_in_a_bag_of_one_all_poolings_are_the_linear_layer_alone(network, bag):
    with torch.no_grad():
        alone = network.head(network.encoder(bag[:1]))[0, 0]
        torch.testing.assert_close(network(bag[:1]), alone)


def test_gated_attention_is_the_published_formula(bag):
    network = BagNetwork("gated attention")
    with torch.no_grad():
        features = network.encoder(bag)
        v, b, u, c = network.side.weight, network.side.bias, network.gate.weight, network.gate.bias
        scores = []
        for h in features:
            hidden = torch.tanh(v @ h + b) * (1 / (1 + torch.exp(-(u @ h + c))))
            scores.append(torch.sum(network.score.weight[0] * hidden))
        powers = torch.exp(torch.stack(scores))
        torch.testing.assert_close(network.weights(features), powers / powers.sum())


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="median"):
        BagNetwork("median")


# The scores.


class Known(torch.nn.Module):
    """A network that sees the upper left pixel, and nothing else."""

    pooling = "mean"

    def encoder(self, pictures):
        return pictures[:, 0, :1, 0]

    def head(self, features):
        return features

    def pool(self, features):
        return features.amax()


def test_scores_of_a_network_that_is_known():
    pictures = torch.zeros(6, 1, 28, 28)
    pictures[:, 0, 0, 0] = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    images = runs.Images(pictures, np.array([1, 9, 3, 9, 4, 0]))
    # The first bag's top is row 3, a nine; the second's is row 2, no nine; two negative bags, one above all.
    bags = Bags(
        [np.array([0, 3, 0]), np.array([1, 2]), np.array([5, 0]), np.array([0, 0])], np.array([1, 1, 0, 0])
    )
    found = runs.scores(Known(), images, bags)
    assert found["hits_alone"] == 0.5
    assert found["auc"] == 0.5  # 3 and 2 against 5 and 0: two of four pairs
    assert found["size_auc"] == 0.75  # 3 and 2 against 2 and 2: two pairs won and two even
    assert found["hits_at_random"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert "hits_by_weight" not in found


def test_training_learns_from_bags_alone():
    random = np.random.default_rng(5)
    digits = random.integers(10, size=300)
    pictures = 0.3 * torch.randn(300, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    pictures[digits == 9, :, 10:18, 10:18] += 2  # a nine is a bright square
    images = runs.Images(pictures, digits)
    network = runs.train("attention", images, draw(digits, 30, random), seed=0, epochs=4)
    found = runs.scores(network, images, draw(digits, 60, random))
    assert found["auc"] > 0.95
    assert found["hits_alone"] > 0.9


# The page.


@pytest.fixture
def result():
    rows = [
        {
            "pooling": pooling,
            "bags": count,
            "repeat": repeat,
            "seconds": 1.0,
            "auc": 0.7 + 0.01 * repeat + 0.001 * count - 0.02 * place,
            "size_auc": 0.53,
            "hits_alone": 0.8,
            "hits_at_random": 0.15,
        }
        | ({"hits_by_weight": 0.75} if "attention" in pooling else {})
        for place, pooling in enumerate(POOLINGS)
        for count in (50, 100)
        for repeat in range(3)
    ]
    return {
        **provenance.made_from("mnist_bags"),
        "minutes": 3.0,
        "processes": 2,
        "setting": {"epochs": 20, "test_bags": 1000, "repeats": 3},
        "rows": rows,
    }


def test_the_table_holds_mean_and_spread(result):
    lines = page.table_of(result, "auc").splitlines()
    assert lines[0] == "| pooling | 50 bags | 100 bags |"
    assert lines[2] == "| attention | 0.760 ± 0.010 | 0.810 ± 0.010 |"
    assert len(lines) == 2 + len(POOLINGS)
    assert len(page.table_of(result, "hits_by_weight").splitlines()) == 2 + 2  # only attention has weights


def test_leads_are_paired_by_repeat(result):
    assert "| gated attention | +0.020, more in 3 of 3 |" in page.leads(result, "auc")


def test_the_page_sets_the_published_number_beside_ours(result):
    said = page.text(result)
    assert "0.768 for attention with 50 training bags" in said
    assert "here it is 0.760 ± 0.010, above theirs in 1 of 3 repeats" in said


def test_the_page_says_what_few_repeats_do_not_tell(result):
    assert "3 repeats do not tell apart" in page.text(result)
    result["setting"]["repeats"] = 10
    assert "do not tell apart" not in page.text(result)


def test_the_page_is_what_the_result_says(root):
    path, written = provenance.RESULTS / "mnist_bags.json", root / "benchmarks" / page.PAGE
    if not path.exists():
        assert not written.exists(), "There is a page without a result."
        pytest.skip("Not recorded yet.")
    anew = "Write it anew: python -m benchmarks.mnist_bags.page"
    assert written.read_text(encoding="utf-8") == page.text(provenance.read(path)), anew
