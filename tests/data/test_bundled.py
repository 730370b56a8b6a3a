"""What `load` gives of a bundled set is what its package has, parted by rule, with the gaps named aloud."""

import collections
import csv
import datetime
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets as upstream

import course_lib as cl
from course_lib.errors import CourseError
from course_lib.registry import record, records

BUNDLED = [name for name, entry in records().items() if not entry.files]


@pytest.fixture(scope="module")
def loaded():
    """Every bundled dataset, loaded once."""
    return {name: cl.load(name) for name in BUNDLED}


@pytest.mark.parametrize("name", BUNDLED)
def test_shapes_types_and_names_are_those_of_the_registry(loaded, name):
    data, entry = loaded[name], record(name)
    assert data.inputs.shape == entry.shape
    assert data.targets.shape == entry.shape[:1]
    assert data.inputs.dtype == np.float32
    assert data.targets.dtype == (np.int64 if entry.task == "classification" else np.float32)
    assert np.isfinite(data.inputs).all()
    assert np.isfinite(data.targets).all()
    assert data.units.keys() == {*data.input_names, *entry.target}
    if entry.classes:
        np.testing.assert_array_equal(np.unique(data.targets), np.arange(len(data.target_names)))
    else:
        assert data.target_names == tuple(entry.target)
    if name != "digits":
        assert len(data.input_names) == data.inputs.shape[1]


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "wine", "iris"])
def test_columns_and_classes_have_the_names_of_scikit_learn(loaded, name):
    theirs = getattr(upstream, f"load_{name}")()
    assert loaded[name].input_names == tuple(theirs.feature_names)
    if "target_names" in theirs:
        assert loaded[name].target_names == tuple(theirs.target_names)
        np.testing.assert_array_equal(loaded[name].targets, theirs.target)


@pytest.mark.parametrize("name", BUNDLED)
def test_the_parts_hold_every_row_once(loaded, name):
    data = loaded[name]
    for parts in data.splits.values():
        rows = np.concatenate(list(parts.values()))
        np.testing.assert_array_equal(np.sort(rows), np.arange(len(data.targets)))


@pytest.mark.parametrize("name", BUNDLED)
def test_shares_are_kept_in_every_class(loaded, name):
    data = loaded[name]
    for rule in record(name).splits:
        if rule.rule == "time":
            continue
        for part, share in rule.parts.items():
            rows = data.splits[rule.name][part]
            assert abs(len(rows) - share * len(data.targets)) <= 1 + len(record(name).classes) / 2
            if rule.rule == "shuffled" and record(name).classes:
                wanted = share * np.bincount(data.targets)
                assert np.abs(np.bincount(data.targets[rows]) - wanted).max() <= 1


def test_a_random_split_gives_the_same_rows_for_ever(loaded):
    # Written down once: test rows that move between releases would make old and new scores incomparable.
    assert loaded["iris"].splits["random"]["test"][:5].tolist() == [138, 14, 122, 19, 29]


def test_digits_are_shares_of_inked_dots(loaded):
    digits = loaded["digits"]
    assert digits.inputs.min() == 0
    assert digits.inputs.max() == 1
    np.testing.assert_array_equal(digits.inputs * 16, upstream.load_digits().images)
    np.testing.assert_array_equal(digits.targets, upstream.load_digits().target)


def test_consecutive_digits_are_blocks_of_the_file(loaded):
    rows = np.concatenate(list(loaded["digits"].splits["consecutive"].values()))
    np.testing.assert_array_equal(rows, np.arange(1797))
    assert next(iter(loaded["digits"].splits)) == "consecutive"


def test_a_random_split_of_the_digits_flatters(loaded):
    from sklearn.linear_model import LogisticRegression

    def accuracy(by):
        (inputs, targets), (test_inputs, test_targets) = (
            loaded["digits"].split(part, by=by) for part in ("train", "test")
        )
        model = LogisticRegression(max_iter=1000).fit(inputs.reshape(len(inputs), 64), targets)
        return model.score(test_inputs.reshape(len(test_inputs), 64), test_targets)

    assert accuracy("random") - accuracy("consecutive") > 0.03


def test_diabetes_columns_are_raw(loaded):
    raw = upstream.load_diabetes(scaled=False).data
    np.testing.assert_allclose(loaded["diabetes"].inputs, raw, rtol=1e-6)
    assert loaded["diabetes"].inputs[0, 0] == 59  # years


def rows_of(package: str, file: str) -> list[list[str]]:
    """The package's own file, read without the package."""
    folder = os.path.dirname(__import__(f"statsmodels.datasets.{package}", fromlist=["data"]).__file__)
    with open(os.path.join(folder, file), encoding="utf-8") as text:
        return list(csv.reader(text))[1:]


def test_co2_is_the_file_without_its_gaps(loaded):
    kept = [(day, float(ppm)) for day, ppm in rows_of("co2", "co2.csv") if ppm]
    data = loaded["co2_weekly"]
    assert len(kept) == len(data.targets)
    np.testing.assert_allclose(data.targets, [ppm for _, ppm in kept], rtol=1e-6)
    for (day, _), year in zip(kept, data.inputs[:, 0], strict=True):
        date = datetime.datetime.strptime(day, "%Y%m%d")
        start, end = datetime.datetime(date.year, 1, 1), datetime.datetime(date.year + 1, 1, 1)
        assert year == pytest.approx(date.year + (date - start) / (end - start), abs=2e-4)  # 2 hours
        assert int(year) == date.year


def test_the_missing_weeks_are_counted_aloud(capsys):
    cl.load("co2_weekly")
    missing = sum(not ppm for _, ppm in rows_of("co2", "co2.csv"))
    said = capsys.readouterr().out
    assert said.startswith(f"co2_weekly: {missing} of {len(rows_of('co2', 'co2.csv'))} weeks have no value.")


@pytest.mark.parametrize("name", [name for name in BUNDLED if name != "co2_weekly"])
def test_a_dataset_without_gaps_loads_in_silence(capsys, name):
    cl.load(name)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["co2_weekly", "sunspots_yearly"])
def test_a_series_trains_on_the_past_and_tests_on_the_future(loaded, name):
    years = {part: loaded[name].split(part)[0][:, 0] for part in ("train", "valid", "test")}
    last = record(name).splits[0].parts
    assert years["train"].max() < years["valid"].min()
    assert years["valid"].max() < years["test"].min()
    assert {part: int(years[part].max()) for part in years} == last


def test_sunspots_are_those_of_the_file(loaded):
    rows = rows_of("sunspots", "sunspots.csv")
    np.testing.assert_allclose(loaded["sunspots_yearly"].inputs[:, 0], [float(year) for year, _ in rows])
    np.testing.assert_allclose(loaded["sunspots_yearly"].targets, [float(n) for _, n in rows], rtol=1e-6)


def test_a_change_in_place_never_reaches_another_load():
    inputs, _ = cl.load("iris").split("train")
    before = inputs.copy()
    inputs -= inputs.mean(0)
    np.testing.assert_array_equal(cl.load("iris").split("train")[0], before)


def test_loading_digits_does_not_import_torch():
    code = "import sys, course_lib as cl; cl.load('digits'); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == "False\n"


@pytest.mark.parametrize("missing", ["statsmodels", "pandas"])
@pytest.mark.parametrize("name", ["co2_weekly", "sunspots_yearly"])
def test_a_missing_extra_is_named_with_the_line_that_installs_it(monkeypatch, name, missing):
    for module in [module for module in sys.modules if module.split(".")[0] == "statsmodels"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(CourseError) as error:
        cl.load(name)
    assert f"`{name}` comes with statsmodels, and `{missing}" in error.value.found
    assert 'pip install "course_lib[statsmodels]"' in error.value.suggestion


def test_an_unknown_dataset_gets_the_name_that_was_probably_meant():
    with pytest.raises(CourseError, match="Did you mean `co2_weekly`"):
        cl.load("co2_weakly")


# --- the numbers on the cards are those of the data


def test_numbers_on_the_card_of_the_co2_series(loaded):
    gaps = collections.Counter(day[:4] for day, ppm in rows_of("co2", "co2.csv") if not ppm)
    assert (gaps.total(), gaps["1964"], gaps["1958"]) == (59, 21, 15)
    assert "59 of 2,284 weeks have no value**, 21 of them in 1964 and 15 in 1958" in oneline(
        loaded["co2_weekly"]
    )
    assert {
        datetime.datetime.strptime(day, "%Y%m%d").strftime("%A") for day, _ in rows_of("co2", "co2.csv")
    } == {"Saturday"}


def test_numbers_on_the_card_of_the_breast_masses(loaded):
    data, text = loaded["breast_cancer"], oneline(loaded["breast_cancer"])
    column = dict(zip(data.input_names, data.inputs.T, strict=True))
    assert np.bincount(data.targets).tolist() == [212, 357]
    assert "212 malignant and 357 benign" in text
    assert f"largest value is {column['mean compactness'].max():.3f}" in text
    assert f"{4 * np.pi - 1:.1f} by it" in text
    together = np.corrcoef(column["mean radius"], column["mean perimeter"])[0, 1]
    assert f"mean perimeter {together:.3f}" in text


def test_numbers_on_the_card_of_the_diabetes_patients(loaded):
    data, text = loaded["diabetes"], oneline(loaded["diabetes"])
    column = dict(zip(data.input_names, data.inputs.T, strict=True))
    assert f"{data.targets.min():.0f} to {data.targets.max():.0f}" in text
    assert f"whole number in {np.mean(column['s4'] % 1 == 0):.0%}".replace("%", " %") in text
    assert f"correlation {np.corrcoef(column['s1'], column['s2'])[0, 1]:.2f}" in text


def test_numbers_on_the_card_of_the_irises(loaded):
    data = loaded["iris"]
    np.testing.assert_allclose(data.inputs[[34, 37]], [[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]])
    np.testing.assert_array_equal(data.inputs[101], data.inputs[142])
    assert len(np.unique(data.inputs, axis=0)) == 149
    assert "the 102nd and 143rd, both *virginica*" in oneline(data)
    assert set(data.targets[[101, 142]]) == {2}


def test_numbers_on_the_card_of_the_wines(loaded):
    data, text = loaded["wine"], oneline(loaded["wine"])
    assert "59, 71 and 48 wines" in text
    assert np.bincount(data.targets).tolist() == [59, 71, 48]
    column = dict(zip(data.input_names, data.inputs.T, strict=True))
    assert (column["proline"].max(), column["hue"].max() < 2) == (1680, True)


def test_numbers_on_the_card_of_the_sunspots(loaded):
    data = loaded["sunspots_yearly"]
    whole = data.targets % 1 == 0
    early = data.inputs[:, 0] <= 1748
    assert whole[early].all()
    assert whole[~early].mean() < 0.2


@pytest.mark.parametrize("name", ["wine", "iris"])
def test_a_file_that_its_card_calls_sorted_is_sorted(loaded, name):
    assert "The file is sorted by" in loaded[name].card
    assert (np.diff(loaded[name].targets) >= 0).all()


def oneline(data) -> str:
    return " ".join(data.card.split())
