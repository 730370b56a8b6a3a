"""The tables of the HIV benchmark hold the files' isolates once per class, and the authors' numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from benchmarks.hiv_table import isolates, page
from course_lib.data import load


@pytest.fixture(autouse=True)
def afresh():
    yield
    isolates.table.cache_clear()


@pytest.mark.parametrize("name", isolates.CLASSES)
def test_a_class_holds_each_isolate_once_with_all_its_drugs(from_mirror, name):
    pytest.importorskip("pandas")
    found = isolates.table(name)
    assert len(set(found.isolates)) == len(found.isolates) == len(found.sequences)
    for column, drug in enumerate(found.drugs):
        one, rows = load(f"hiv_resistance/{drug}"), found.measured(drug)
        by_isolate = dict(zip(one.extras["isolates"], range(len(one.targets)), strict=True))
        order = [by_isolate[found.isolates[row]] for row in rows]
        assert sorted(order) == list(range(len(one.targets)))
        assert np.array_equal(found.sequences[rows], one.inputs[order])
        assert np.array_equal(found.label(drug, rows), one.targets[order])
        # Fold changes of exactly 3.5 occur, and the last digit of their logarithm depends on the processor.
        fold_change = np.asarray(one.extras["fold_change"], float)[order]
        assert np.array_equal(fold_change >= isolates.CUT_OFF, found.label(drug, rows) == 1)
        assert np.allclose(10 ** found.log_fold[rows, column], fold_change, rtol=1e-5, atol=0)
        assert np.isnan(np.delete(found.log_fold[:, column], rows)).all()


def test_the_published_numbers_are_those_of_the_authors_output(from_mirror):
    pytest.importorskip("pandas")
    for drug, networks in page.published().items():
        results = load(f"hiv_resistance/{drug}").extras["published_results"]
        for network, numbers in networks.items():
            of = results[results["architecture"] == network]
            resistant, susceptible = of["TP"] + of["FN"], of["TN"] + of["FP"]
            balanced = (of["TP"] / resistant + of["TN"] / susceptible) / 2
            assert numbers["accuracy"] == pytest.approx(of["accuracy"].mean(), abs=6e-5)
            assert numbers["balanced_accuracy"] == pytest.approx(balanced.mean(), abs=6e-5)
            assert numbers["auc"] == pytest.approx(of["auc_from_roc_file"].mean(), abs=6e-5)
            assert (numbers["fewest"], numbers["most"]) == (resistant.min(), resistant.max())
