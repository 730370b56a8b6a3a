"""The command line: quick, and plain words for whatever a person may type."""

import os
import re
import shutil
import statistics
import subprocess
import sys

import pytest

from course_lib import cli


def course(*words, cwd=None, **environment):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | environment,
    )


@pytest.fixture
def copy(root, tmp_path):
    """A checkout of its own to spoil: the package and the lessons, nothing else."""
    for name in ("course_lib", "notebooks", "data", "tests/exercises"):
        shutil.copytree(root / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("words", [["--help"], ["list"]])
def test_help_and_list_answer_at_once_and_without_torch(words):
    seconds = []
    for _ in range(3):
        before = os.times()
        assert course(*words).returncode == 0
        after = os.times()  # what the command computed: on a busy machine it also waits
        seconds.append(
            after.children_user - before.children_user + after.children_system - before.children_system
        )
    assert 0 < statistics.median(seconds) < 0.3, seconds
    code = f"import sys; from course_lib.cli import main\ntry: main({words})\nexcept SystemExit: pass\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "assert 'torch' not in sys.modules"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_command_explains_itself():
    names = re.findall(r"^    (\w+) ", course("--help").stdout, re.M)
    assert set(names) >= {"doctor", "list", "lab", "build", "run", "new", "check"}
    for name in names:
        assert len(course(name, "--help").stdout.splitlines()) >= 5


@pytest.mark.parametrize(
    ("words", "code", "fragments"),
    [
        (["rnu", "01"], 2, ["invalid choice", "run"]),
        (["run", "99"], 1, ["`99`", "Known"]),
        (["run", "01_learning_form_data"], 1, ["Did you mean `01_learning_from_data`"]),
        (["run", "01", "--set", "SEDE=1"], 1, ["`SEDE`", "Did you mean `SEED`"]),
        (["run", "01", "--set", "SEED"], 1, ["NAME=VALUE"]),
        (["run", "01", "--set", "SEED=many"], 1, ["SEED", "int"]),
        (["run", "01", "--seeds", "0"], 2, ["whole number"]),
        (["run", "01", "--record"], 1, ["--seeds"]),
        (["run", "01", "--profile", "huge"], 2, ["quick", "full"]),
        (["build", "99"], 1, ["`99`"]),
        (["check", "no-such-folder"], 1, ["no-such-folder"]),
        (["new", "5 cnn"], 1, ["For example: `course new "]),
        (["new", "01_again"], 1, ["01"]),
        (["lab", "77"], 1, ["`77`"]),
    ],
)
def test_bad_input_gets_one_clear_message(words, code, fragments, tmp_path):
    done = course(*words, cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    for fragment in fragments:
        assert fragment in done.stderr, done.stderr
    assert not list(tmp_path.iterdir()), "bad input must leave nothing behind"


def test_a_broken_source_is_refused_and_nothing_is_written(copy):
    source = copy / "notebooks/source/1_basics/01_learning_from_data.py"
    built = copy / "notebooks/1_basics/01_learning_from_data.ipynb"
    before = built.read_bytes()
    source.write_text(source.read_text(encoding="utf-8").replace("### END SOLUTION", "", 1), encoding="utf-8")
    done = course("build", cwd=copy, PYTHONPATH=str(copy))
    assert done.returncode == 1
    assert "01_learning_from_data.py" in done.stderr
    assert re.search(r"\.py:\d+", done.stderr), "the line is named"
    assert "Traceback" not in done.stderr
    assert built.read_bytes() == before


def test_a_folder_that_may_not_be_written_costs_nothing(copy, tmp_path):
    # Root may write anywhere, so a file stands where a folder would be made: it fails for everybody.
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    done = course("run", "00", "--out", blocked / "build", cwd=copy, PYTHONPATH=str(copy))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "blocked" in done.stderr
    assert blocked.read_text() == "in the way"


def test_a_full_disk_is_said_in_one_sentence(monkeypatch, capsys):
    from course_lib.lessons import build

    def full(*words, **named):
        raise OSError(28, "No space left on device", "notebooks/00_start_here.ipynb")

    monkeypatch.setattr(build, "build", full)
    assert cli.main(["build"]) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert said.count("\n") == 1
