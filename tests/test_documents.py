"""What the project's own documents point to is there."""

import re
import subprocess

import pytest

from course_lib.cli import _parser
from course_lib.lessons.syllabus import read

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_local_link_and_picture_leads_to_a_file(name, root):
    text = (root / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            assert (root / name).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_and_course_command_that_is_named_exists(name, root):
    text = (root / name).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.M))
    commands = set(_parser()._subparsers._group_actions[0].choices)
    written = re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)
    typed = re.findall(r"(?:^|`|/)course ([a-z]+)", text, re.M)
    assert set(written) <= targets, set(written) - targets
    assert set(typed) <= commands, set(typed) - commands


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "course_lib/cli.py"])
def test_a_lesson_that_is_begun_as_an_example_is_not_written_yet(name, root):
    text = (root / name).read_text(encoding="utf-8")
    begun = re.findall(r"course new (\d\d_\w+)|noun phrase, e\.g\. (\d\d_\w+)", text)
    planned = {
        one.id for one in read(root / "notebooks/source/lessons.toml").lessons if one.status == "planned"
    }
    assert begun
    for example in ("".join(pair) for pair in begun):
        assert example in planned, f"{example} is not among the planned lessons of `course list`."


def test_every_setting_that_the_library_reads_stands_in_the_readme(root):
    code = "".join(path.read_text(encoding="utf-8") for path in (root / "course_lib").rglob("*.py"))
    read_there = set(re.findall(r"\bCOURSE_[A-Z_]+[A-Z]\b", code))
    text = (root / "README.md").read_text(encoding="utf-8")
    settings = text[text.index("## Settings") : text.index("## What is where")]
    assert read_there == set(re.findall(r"COURSE_[A-Z_]+[A-Z]", settings))


def test_every_folder_of_the_top_is_in_the_readmes_map(root):
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("This copy of the course is no git checkout.")
    folders = {line.split("/")[0] for line in tracked.stdout.splitlines() if "/" in line}
    text = (root / "README.md").read_text(encoding="utf-8")
    for folder in folders - {".ci"}:
        assert f"| `{folder}/` |" in text, folder
