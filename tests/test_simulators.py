"""Noise stays noise: nothing in the genes tells of the diagnosis, and only a leak makes it look so."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
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
    code = "import sys, course_lib.simulators as s; print(dir(s)[-1], 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == "noise_genes False\n"
