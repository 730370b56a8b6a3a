"""Where a lesson's prose names numbers of a record, they are those of the record as it stands."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import provenance
from benchmarks.hiv_table import page as hiv_table
from benchmarks.omniglot import page as omniglot
from course_lib.lessons.syllabus import course_info


@pytest.fixture
def prose(root):
    """Return a function from a lesson's number to the words of its source, comments' marks left out."""

    def words(number: str) -> str:
        (lesson,) = (lesson for lesson in course_info().ready if lesson.number == number)
        lines = (root / lesson.source).read_text(encoding="utf-8").splitlines()
        return " ".join(line.removeprefix("# ") for line in lines)

    return words


@pytest.fixture
def gap(root):
    """Return a function from a lesson and a claim to mean and spread, over seeds, of left minus right."""

    def of(number: str, sentence: str) -> tuple[float, float]:
        (path,) = (root / "benchmarks" / "results").glob(f"claims_{number}_*.json")
        (claim,) = (one for one in provenance.read(path)["claims"] if one["sentence"] == sentence)
        return claim["mean"], claim["spread"]

    return of


def signed(number: float) -> str:
    return f"{number:+.3f}".replace("-", "−")


def test_lesson_09_names_the_differences_of_the_hiv_table(root, prose):
    rows = hiv_table.of(provenance.read(root / "benchmarks" / "results" / "hiv_table.json"), "published")
    published = hiv_table.published()

    def ours(model, measure):
        return np.array([rows[drug][model][measure]["mean"] for drug in rows])

    def theirs(measure):
        return np.array([published[drug]["CNN"][measure] for drug in rows])

    def cell(differences):
        return f"{signed(differences.mean())}, {np.sum(differences > 0)} of {len(differences)}"

    measures = ("accuracy", "balanced_accuracy")
    regression = [ours("logistic_regression", measure) for measure in measures]
    beside_published = " | ".join(
        cell(one - theirs(name)) for one, name in zip(regression, measures, strict=True)
    )
    leads = [ours("cnn", name) - one for one, name in zip(regression, measures, strict=True)]
    said = prose("09")
    assert f"| regression − published convolution | {beside_published} |" in said
    assert f"| better-trained convolution − regression | {' | '.join(map(cell, leads))} |" in said
    rpv = leads[0][list(rows).index("RPV")] / leads[0].sum()
    assert 0.5 < rpv < 0.75, f"RPV has {rpv:.2f} of the difference."
    isolates = rows["RPV"]["cnn"]["isolates"]
    assert f"more than half of the {leads[0].mean():.3f} is RPV, with {isolates} isolates" in said


def test_lesson_09_names_what_came_out_over_its_seeds(prose, gap):
    said = prose("09")
    lead, spread = gap("09", "the convolution is clearly more accurate than one-hot logistic regression")
    assert abs(lead + 0.01) < 0.001  # the claim asks for 0.01 more
    assert f"less than 0.001 on average, with a standard deviation of {spread:.3f}" in said
    lead, spread = gap(
        "09", "the network that reads both ways beats one-hot logistic regression on the same fold"
    )
    behind = -(lead + 0.04)
    assert f"{behind:.3f} behind on average, standard deviation {spread:.3f}" in said
    loss, spread = gap("09", "scattering all neighbours costs the convolution much")
    assert f"it loses {loss + 0.03:.3f}, with a standard deviation of {spread:.3f}" in said


def test_lesson_15_says_that_contrasts_pool_brought_nothing_on_average(prose, gap):
    distortions, _ = gap("15", "distortions alone, without an unlabelled picture, help")
    more, spread = gap(
        "15", "on top of the distortions, contrast's unlabelled pictures bring as much as the distortions did"
    )
    assert abs(distortions + more) < 0.01 < spread
    assert "over the 20 seeds of the record nothing on average" in prose("15")


def test_lesson_12_names_the_errors_of_the_drawings(root, prose):
    result = provenance.read(root / "benchmarks" / "results" / "omniglot.json")
    pixels, deformation, best = (
        f"{100 * omniglot.of(result, name).mean():.1f} %"
        for name in ("centred_pixels", "deformation", omniglot.BEST)
    )
    said = prose("12")
    assert f"pixels of drawings of one size are wrong in {pixels};" in said
    assert f"and learns nothing, in {deformation};" in said
    assert f"in seven views, in {best}." in said
