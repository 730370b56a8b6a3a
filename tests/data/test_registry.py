"""The registry and the cards: complete, of one form, and the record type keeps what it is given."""

import copy
import importlib.util
import json
import pickle
import re
import tomllib

import numpy as np
import pytest

from course_lib import simulators
from course_lib.errors import CourseError
from course_lib.registry import TASKS, Dataset, card, loadable, names, record, records

OUTLINE = [
    "What was measured",
    "How, by whom and when",
    "Known faults",
    "Published results",
    "Not for",
]


def small(**changes) -> Dataset:
    """A dataset of four rows, two of them for training."""
    facts = {
        "name": "small",
        "inputs": np.arange(8.0).reshape(4, 2),
        "targets": np.array([0, 1, 0, 1], dtype=np.int32),
        "input_names": ("length", "width"),
        "target_names": ("no", "yes"),
        "units": {"length": "cm", "width": "cm"},
        "splits": {
            "time": {"train": np.array([0, 1]), "test": np.array([2, 3])},
            "random": {"train": np.array([3, 0]), "test": np.array([1, 2])},
        },
        "card": "# Small\n\nFour rows.\n",
    }
    return Dataset(**{**facts, **changes})


# --- the record type


def test_the_default_split_is_the_first_scheme():
    inputs, targets = small().split("test")
    np.testing.assert_array_equal(inputs, [[4, 5], [6, 7]])
    np.testing.assert_array_equal(targets, [0, 1])


def test_another_scheme_is_taken_by_name():
    np.testing.assert_array_equal(small().split("train", by="random")[0], [[6, 7], [0, 1]])


def test_floats_come_out_float32_and_classes_int64():
    inputs, targets = small().split("train")
    assert (inputs.dtype, targets.dtype) == (np.float32, np.int64)
    assert small(targets=np.zeros(4)).targets.dtype == np.float32


def test_integer_inputs_stay_as_they_are():
    assert small(inputs=np.zeros((4, 2), dtype=np.uint8)).inputs.dtype == np.uint8


def test_a_part_may_be_changed_and_the_dataset_may_not():
    data = small()
    inputs, targets = data.split("train")
    inputs -= 10
    targets += 1
    np.testing.assert_array_equal(data.split("train")[0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(data.split("train")[1], [0, 1])
    for array in (data.inputs, data.targets, data.splits["time"]["train"]):
        with pytest.raises(ValueError, match="read-only"):
            array += 1


def test_the_arrays_that_were_given_stay_writeable_and_apart():
    inputs = np.zeros((4, 2), dtype=np.float32)
    data = small(inputs=inputs)
    inputs += 1
    assert data.inputs.max() == 0


@pytest.mark.parametrize(
    ("part", "by", "message"),
    [
        ("tets", None, 'no part `tets`. Expected "train" or "test". Did you mean `test`?'),
        ("train", "randm", 'no split by `randm`. Expected by="time" or "random". Did you mean `random`?'),
        (0, None, 'no part `0`. Expected "train" or "test"'),
    ],
)
def test_an_unknown_part_or_scheme_is_named(part, by, message):
    with pytest.raises(CourseError) as error:
        small().split(part, by)
    assert message in str(error.value)


def test_a_dataset_in_one_piece_says_so():
    with pytest.raises(CourseError, match=r"in one piece.*cross-validate"):
        small(splits={}).split("train")


def test_rows_that_do_not_match_are_refused():
    with pytest.raises(CourseError, match="`inputs` has 4 rows and `targets` 3"):
        small(targets=np.zeros(3))


def test_the_repr_has_two_lines_with_shapes_classes_and_sizes():
    assert repr(small()).splitlines() == [
        "small: inputs (4, 2), targets (4,), 2 classes: 0 no, 1 yes",
        "  split by time: train 2, test 2; split by random: train 2, test 2",
    ]


def test_the_repr_of_a_regression_names_the_unit():
    data = small(targets=np.zeros(4), target_names=("mass",), units={"mass": "kg"}, splits={})
    assert repr(data).splitlines() == ["small: inputs (4, 2), targets (4,), mass [kg]", "  in one piece"]


def test_the_card_is_printed_outside_a_notebook(capsys):
    small().describe()
    assert capsys.readouterr().out.startswith("# Small\n")


def test_the_card_is_markdown_in_a_notebook_below_the_headings_of_the_lesson(monkeypatch):
    import IPython

    shown = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: shown.append((bundle, raw)))
    small().describe()
    assert shown == [
        ({"text/markdown": "### Small\n\nFour rows.\n", "text/plain": "# Small\n\nFour rows.\n"}, True)
    ]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_a_dataset_survives_being_copied_and_sent_to_another_process(again):
    np.testing.assert_array_equal(again(small()).split("train")[0], small().split("train")[0])


# --- the entries


@pytest.mark.parametrize("name", records())
def test_an_entry_is_complete(name):
    entry = record(name)
    assert entry.name == name
    assert entry.task in TASKS
    if entry.task in ("classification", "regression"):
        assert entry.task == ("classification" if entry.classes else "regression")
    assert entry.shape[0] > 0
    assert len(entry.target) == 1 or not entry.classes
    assert all([entry.title, entry.source, entry.licence, entry.citation, entry.splits])
    assert all(entry.units.values())
    for rule in entry.splits:
        assert rule.why.endswith(".")
        assert [part for part in ("train", "valid", "test") if part in rule.parts] == list(rule.parts)
        assert {"train", "test"} <= set(rule.parts)
        assert bool(rule.by) == (rule.rule == "groups")
        if rule.rule == "time":
            assert list(rule.parts.values()) == sorted(rule.parts.values())
        elif rule.rule in ("published", "prepared"):
            assert sum(rule.parts.values()) <= entry.shape[0]
        else:
            assert rule.rule in ("blocks", "shuffled", "groups")
            assert sum(rule.parts.values()) == pytest.approx(1)


DOWNLOADED = [name for name, entry in records().items() if entry.files]


def test_what_is_downloaded_says_so():
    assert {name for name, entry in records().items() if entry.source == "download"} == set(DOWNLOADED)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_every_file_of_a_download_is_pinned_and_stays_in_its_folder(name):
    entry = record(name)
    assert re.fullmatch(r"\w+", entry.folder)
    assert importlib.util.find_spec(f"course_lib.data.readers.{entry.reader}")
    assert len({file.path for file in entry.files}) == len(entry.files)
    for file in entry.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.bytes > 0
        assert re.fullmatch(r"[\w.() -]+(/[\w.() -]+)*", file.path)
        assert ".." not in file.path.split("/")
        # A commit, not a branch: what stands at this address never changes.
        pinned = r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/\S+"
        assert file.url == "" or re.fullmatch(pinned, file.url)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_the_files_of_a_download_are_those_of_the_mirror(mirror, name):
    entry = record(name)
    source = json.loads((mirror / entry.folder / "SOURCE.json").read_text(encoding="utf-8"))
    theirs = {(file["path"], file["sha256"], file["bytes"], file["url"] or "") for file in source["files"]}
    assert {(file.path, file.sha256, file.bytes, file.url) for file in entry.files} == theirs


def test_every_set_of_the_mirror_is_registered(mirror):
    folders = {path.parent.name for path in mirror.glob("*/SOURCE.json")}
    assert {record(name).folder for name in DOWNLOADED} == folders


@pytest.mark.parametrize("name", names())
def test_what_can_be_loaded_is_a_set_or_a_member(name):
    entry = loadable(name)
    assert entry.name == name
    assert not entry.members
    assert {file.path for file in entry.files} <= {file.path for file in record(name.split("/")[0]).files}


@pytest.mark.parametrize("name", records())
def test_a_card_follows_the_outline_and_says_something_under_each_heading(root, name):
    lines = (root / "data" / "cards" / f"{name}.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {record(name).title}"
    assert [line.removeprefix("## ") for line in lines if line.startswith("#")][1:] == OUTLINE
    for place, line in enumerate(lines):
        if line.startswith("#"):
            assert lines[place + 1] == "", f"no blank line after {line!r}"
            assert line is lines[0] or lines[place + 2][:1] not in ("", "#"), f"nothing under {line!r}"


def test_every_entry_has_a_card_and_every_card_an_entry(root):
    assert {path.stem for path in (root / "data" / "cards").glob("*.md")} == set(records())


@pytest.mark.parametrize("name", records())
def test_the_shown_card_carries_the_facts_of_the_record(name):
    text, entry = card(name), record(name)
    assert text.startswith(f"# {entry.title}\n\n- **Inputs:** ")
    for fact in [entry.licence, entry.citation, *entry.inputs, *entry.target, *entry.classes]:
        assert fact in text
    for rule in entry.splits:
        assert f"`{rule.name}`" in text
        assert rule.why in text


def test_the_shown_card_formats_sizes_classes_units_and_splits():
    assert (
        "- **Inputs:** 1,797 × 8 × 8, ink [1]\n- **Target:** digit: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n"
        in card("digits")
    )
    assert "- **Split by `random`:** at random: train 60%, valid 20%, test 20%. It flatters" in card("digits")
    assert "- **Target:** diagnosis: 0 malignant, 1 benign\n" in card("breast_cancer")
    assert "- **Target:** co2 [ppm]\n" in card("co2_weekly")
    assert (
        "- **Split by `time`, the default:** by time: train to the end of 1980, valid to the end of 1990"
        in card("co2_weekly")
    )


def test_what_a_dataset_needs_is_an_extra_of_the_package(root):
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {entry.needs for entry in records().values()} - {""} <= set(extras)


def test_the_lessons_and_the_registry_agree_on_who_uses_what(root):
    syllabus = tomllib.loads((root / "notebooks" / "source" / "lessons.toml").read_text(encoding="utf-8"))
    for lesson in syllabus["lesson"]:
        used = {name for name, entry in records().items() if lesson["id"] in entry.used_by}
        assert used == set(lesson["data"]) & set(records()), lesson["id"]
        assert {record(name).needs for name in used} - {""} <= set(lesson["extras"]), lesson["id"]
    known = {lesson["id"] for lesson in syllabus["lesson"]} | set(syllabus["planned"])
    assert {lesson for entry in records().values() for lesson in entry.used_by} <= known


def test_a_stand_in_is_a_simulator_that_draws_the_same_shape():
    for name, entry in records().items():
        if entry.stand_in:
            call = re.fullmatch(r"cl\.simulators\.(\w+)\(SEED\)", entry.stand_in)
            drawn = getattr(simulators, call[1])(0)
            assert drawn.inputs.shape[1:] == entry.shape[1:], name
            assert drawn.target_names == entry.classes, name


def test_an_unknown_dataset_gets_the_name_that_was_probably_meant():
    with pytest.raises(CourseError, match=r"no dataset `digts`.*Did you mean `digits`"):
        record("digts")
    with pytest.raises(CourseError, match="no dataset `digts`"):
        card("digts")
