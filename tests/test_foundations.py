"""The lowest floor: errors in three sentences, seeds, and the files that travel with the package."""

import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from course_lib import resources
from course_lib.errors import CourseError, closest
from course_lib.seeding import same_random_states_after, seed_everything


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_one_seed_governs_python_numpy_and_torch(capsys):
    seen = []
    for seed in (3, 3, 4):
        assert seed_everything(seed) == seed
        seen.append(draws())
    assert seen[0] == seen[1]
    assert all(first != other for first, other in zip(seen[0], seen[2], strict=True))
    assert "Seed 3" in capsys.readouterr().out


def test_seeds_of_numpy_are_numbers_too(capsys):
    assert type(seed_everything(np.int64(3))) is int


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "0", True, None])
def test_what_is_no_seed_is_refused_and_nothing_is_seeded(seed):
    random.seed(1)
    before = random.getstate()
    with pytest.raises(CourseError, match="0 to 4294967295"):
        seed_everything(seed)
    assert random.getstate() == before


def test_random_states_are_put_back_also_after_an_error():
    seed_everything(0)
    expected = draws()
    seed_everything(0)
    with pytest.raises(ZeroDivisionError), same_random_states_after():
        draws()[0] / 0
    assert draws() == expected


def test_putting_states_back_loads_no_library():
    code = (
        "import sys; from course_lib.seeding import same_random_states_after\n"
        "with same_random_states_after(): pass\n"
        "print([name for name in ('numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_error_is_three_sentences_that_survive_a_process_boundary():
    error = CourseError("It is 3.", "Expected 4.", "Add 1.")
    assert str(error) == "It is 3. Expected 4. Add 1."
    again = pickle.loads(pickle.dumps(error))
    assert (again.found, again.expected, again.suggestion) == ("It is 3.", "Expected 4.", "Add 1.")


def test_a_misspelt_name_gets_the_nearest_and_a_strange_one_the_list():
    assert closest("digitz", ["digits", "iris"]) == "Did you mean `digits`?"
    assert closest("planets", {"iris", "digits"}) == "Known: `digits`, `iris`."
    assert closest("planets", []) == "There is none yet."


@pytest.mark.parametrize("name", ["registry.toml", "cards", "files", "lessons.toml"])
def test_the_installed_copy_of_a_resource_beats_the_checkouts(name, monkeypatch, tmp_path, root):
    package = tmp_path / "course_lib"
    monkeypatch.setattr(resources, "_PACKAGE", package)
    with pytest.raises(CourseError, match=f"`{name}` is not beside the package"):
        resources.resource(name)
    monkeypatch.setattr(resources, "_PACKAGE", root / "course_lib")
    assert resources.resource(name).is_relative_to(root)
    monkeypatch.setattr(resources, "_PACKAGE", package)
    (package / "_resources").mkdir(parents=True)
    (package / "_resources" / name).touch()
    assert resources.resource(name) == package / "_resources" / name


def test_without_a_checkout_its_root_is_refused_in_words(monkeypatch, tmp_path, root):
    assert resources.checkout() == resources.checkout_root() == root
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "course_lib")
    assert resources.checkout() is None
    with pytest.raises(CourseError, match="installed without the lessons"):
        resources.checkout_root()
