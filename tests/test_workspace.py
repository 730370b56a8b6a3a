"""Students' copies are never overwritten, newer lessons arrive beside them, a new lesson builds at once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import MEANS, SOURCE, SYLLABUS, write_course

from course_lib.errors import CourseError
from course_lib.exercises.engine import judge
from course_lib.lessons import skeleton
from course_lib.lessons.build import build, check_built, export_nbgrader
from course_lib.lessons.syllabus import read
from course_lib.lessons.workspace import new_lesson, prepare

COPY = "1_basics/01_means.ipynb"
NEW = "1_basics/01_means_new.ipynb"


@pytest.fixture
def course(tmp_path):
    root = write_course(tmp_path / "course")
    build(root)
    return root


@pytest.fixture
def work(course):
    return course / "work"


def change_lesson(course, number):
    """Give lesson 01 another sentence and build it."""
    text = MEANS.replace("What is a mean?", f"What is a mean, for the {number}th time?")
    (course / SOURCE).write_text(text, encoding="utf-8")
    build(course)


def everything(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Copies


def test_the_first_opening_copies_every_student_notebook_and_says_so(course, work):
    said = prepare(course, work)
    assert len(said) == 1
    assert "2 lessons" in said[0]
    for name in ("00_start.ipynb", COPY):
        assert (work / name).read_bytes() == (course / "notebooks" / name).read_bytes()
    assert not list(work.rglob("*solution*"))
    assert "sum(number**2" not in (work / COPY).read_text(encoding="utf-8")


def test_the_second_opening_changes_nothing_and_says_nothing(course, work):
    prepare(course, work)
    before = everything(work)
    assert prepare(course, work) == []
    assert everything(work) == before


def test_an_answer_is_never_overwritten(course, work):
    prepare(course, work)
    (work / COPY).write_text("my answer", encoding="utf-8")
    assert prepare(course, work) == []
    change_lesson(course, 5)
    prepare(course, work)
    assert (work / COPY).read_text(encoding="utf-8") == "my answer"


def test_a_newer_lesson_arrives_once_beside_the_copy_and_says_so(course, work):
    prepare(course, work)
    (work / COPY).write_text("my answer", encoding="utf-8")
    change_lesson(course, 5)
    said = prepare(course, work)
    assert len(said) == 1
    assert NEW in said[0]
    assert "Lesson 01" in said[0]
    assert (work / NEW).read_bytes() == (course / "notebooks" / COPY).read_bytes()
    assert prepare(course, work) == []


def test_a_third_version_leaves_the_second_alone(course, work):
    prepare(course, work)
    change_lesson(course, 5)
    prepare(course, work)
    (work / NEW).write_text("my second answer", encoding="utf-8")
    change_lesson(course, 6)
    said = prepare(course, work)
    assert "01_means_new_2.ipynb" in said[0]
    assert (work / NEW).read_text(encoding="utf-8") == "my second answer"


@pytest.mark.parametrize("deed", ["delete", "rename"])
def test_a_deleted_or_renamed_copy_is_replaced_and_said(course, work, deed):
    prepare(course, work)
    (work / COPY).write_text("my answer", encoding="utf-8")
    if deed == "delete":
        (work / COPY).unlink()
    else:
        (work / COPY).rename(work / "1_basics/mine.ipynb")
    said = prepare(course, work)
    assert len(said) == 1
    assert "fresh copy" in said[0]
    assert (work / COPY).read_bytes() == (course / "notebooks" / COPY).read_bytes()
    if deed == "rename":
        assert (work / "1_basics/mine.ipynb").read_text(encoding="utf-8") == "my answer"


@pytest.mark.parametrize("state", [None, "{ broken", '{"handed out": 3}', '["a list"]', ""])
def test_a_lost_memory_loses_no_answer(course, work, state):
    prepare(course, work)
    memory = work / ".course.json"
    memory.unlink() if state is None else memory.write_text(state, encoding="utf-8")
    assert prepare(course, work) == []  # untouched copies are recognised
    (work / COPY).write_text("my answer", encoding="utf-8")
    memory.unlink()
    said = prepare(course, work)
    assert NEW in said[0]  # nothing tells whether this copy is an older lesson, so the lesson comes beside it
    assert (work / COPY).read_text(encoding="utf-8") == "my answer"


def test_a_lesson_that_is_new_in_the_course_arrives(course, work):
    prepare(course, work)
    new_lesson(course, "02_sums")
    build(course, ["02"])
    said = prepare(course, work)
    assert "one lesson" in said[0]
    assert (work / "1_basics/02_sums.ipynb").exists()


def test_pictures_travel_with_the_copies(course, work):
    means = MEANS.replace("# Now a cell", "# ![A cell.](img/cell.png) Now a cell")
    picture = course / "notebooks/1_basics/img/cell.png"
    picture.parent.mkdir()
    picture.write_bytes(b"a picture")
    (course / SOURCE).write_text(means, encoding="utf-8")
    build(course)
    prepare(course, work)
    assert (work / "1_basics/img/cell.png").read_bytes() == b"a picture"


def test_a_link_out_of_the_notebooks_keeps_nobody_from_the_course(course, work):
    (course / "secret.md").write_text("not for students", encoding="utf-8")
    original = course / "notebooks" / COPY
    text = original.read_text(encoding="utf-8")
    original.write_text(text.replace("What is a mean?", "What is [it](../../secret.md)?"), encoding="utf-8")
    prepare(course, work)
    assert "secret.md" in (work / COPY).read_text(encoding="utf-8")
    assert not list(course.parent.rglob("work/**/secret.md"))


def test_the_course_as_it_is_can_be_opened(tmp_path):
    root = Path(__file__).parents[1]
    prepare(root, tmp_path / "work")
    copies = {path.relative_to(tmp_path / "work").as_posix() for path in tmp_path.rglob("*.ipynb")}
    assert copies == {lesson.notebook for lesson in read(root / "notebooks/source/lessons.toml").ready}


def test_a_folder_that_cannot_be_written_is_said_in_words(course, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way", encoding="utf-8")
    with pytest.raises(CourseError, match=r"blocked.*cannot be written"):
        prepare(course, blocked / "work")
    assert blocked.read_text(encoding="utf-8") == "in the way"


def test_a_full_disk_leaves_no_half_of_a_notebook(course, work, monkeypatch):
    prepare(course, work)
    (work / COPY).unlink()
    whole = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, content):
            self.file.write(content[:10])
            raise OSError(28, "No space left on device")

    def open_full(path, mode="r", *words, **named):
        file = whole(path, mode, *words, **named)
        return Full(file) if mode == "xb" else file

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(CourseError, match="No space left"):
        prepare(course, work)
    monkeypatch.undo()
    assert not (work / COPY).exists()
    assert "fresh copy" in prepare(course, work)[0]


def test_a_course_that_was_not_built_says_what_to_do(course, work):
    (course / "notebooks" / COPY).unlink()
    with pytest.raises(CourseError, match="course build"):
        prepare(course, work)


# A new lesson


def test_a_planned_lesson_is_begun_with_its_unit_and_title(course):
    written = new_lesson(course, "02_sums")
    assert [path.as_posix() for path in written] == [
        "notebooks/source/1_basics/02_sums.py",
        "course_lib/exercises/lesson_02.py",
        "tests/exercises/test_lesson_02.py",
        "notebooks/source/lessons.toml",
    ]
    syllabus = read(course / "notebooks/source/lessons.toml")
    lesson = syllabus.find("02")
    assert (lesson.id, lesson.unit, lesson.title, lesson.status) == ("02_sums", "1_basics", "Sums", "ready")
    assert len(syllabus.lessons) == 3
    assert "# What is to come.\n[planned]" in (course / "notebooks/source/lessons.toml").read_text(
        encoding="utf-8"
    )


def test_a_new_lesson_builds_at_once_and_nothing_in_it_is_refused(course):
    new_lesson(course, "02_sums")
    assert len(build(course)) >= 2
    assert check_built(course) == []
    assert len(export_nbgrader(course, course / "department", ["02"])) == 1


def test_an_unplanned_lesson_gets_an_entry_too(course):
    toml = course / "notebooks/source/lessons.toml"
    toml.write_text(SYLLABUS[: SYLLABUS.index("# What is to come")], encoding="utf-8")
    new_lesson(course, "07_two_words")
    lesson = read(toml).find("07")
    assert (lesson.title, lesson.unit) == ("Two words", "1_basics")
    assert len(build(course, ["07"])) == 2


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("5 cnn", "course new 02_sums"),
        ("cnn", "course new 02_sums"),
        ("../05_x", "course new 02_sums"),
        ("03_Large", "course new 02_sums"),
        ("01_again", "Lesson 01 is written"),
        ("02_other", "planned as `02_sums`"),
    ],
)
def test_a_bad_name_or_a_taken_number_is_refused_and_nothing_is_written(course, name, fragment):
    before = everything(course)
    with pytest.raises(CourseError) as error:
        new_lesson(course, name)
    assert fragment in str(error.value)
    assert everything(course) == before


def test_a_file_in_the_way_is_not_touched(course):
    mine = course / "tests/exercises/test_lesson_02.py"
    mine.write_text("mine", encoding="utf-8")
    before = everything(course)
    with pytest.raises(CourseError, match="there already"):
        new_lesson(course, "02_sums")
    assert everything(course) == before


def test_a_new_lesson_that_cannot_be_written_whole_leaves_nothing(course):
    tests = course / "tests/exercises"
    shutil.rmtree(tests)
    tests.write_text("in the way", encoding="utf-8")
    before = everything(course)
    with pytest.raises(CourseError, match="nothing was left behind"):
        new_lesson(course, "02_sums")
    assert everything(course) == before


def skeleton_module(text):
    names = {}
    exec(text.replace("NN", "02"), names)
    return names


def test_the_skeleton_checks_right_and_wrong_answers_as_a_lesson_must():
    (exercise,) = skeleton_module(skeleton.CHECKS)["EXERCISES"]
    tests = skeleton_module(skeleton.TESTS)
    for answer in tests["RIGHT"]["02.1"]:
        assert judge(exercise, answer).outcome == "correct"
    messages = []
    for answer, fragment in tests["WRONG"]["02.1"]:
        verdict = judge(exercise, answer)
        assert verdict.outcome == "not yet"
        assert fragment in verdict.message
        messages.append(verdict.message)
    assert len(set(messages)) == 5


def test_the_solution_of_a_new_lesson_runs_and_its_claims_hold(root, tmp_path):
    """In a copy of the course, so that the library knows the new lesson's checks."""
    copy = tmp_path / "copy"
    for name in ("course_lib", "data", "notebooks/source", "tests/exercises"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    lesson = next(lesson for lesson in read().lessons if lesson.status == "planned")
    new_lesson(copy, lesson.id)
    build(copy, [lesson.number])
    environment = os.environ | {"PYTHONPATH": str(copy), "COURSE_STRICT": "1", "COURSE_PROFILE": "quick"}
    solution = copy / "notebooks/solutions" / lesson.notebook
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "--output",
            "executed",
            str(solution),
        ],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads(solution.with_name("executed.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert "application/vnd.course.claim+json" in json.dumps(outputs)
    assert not [output for output in outputs if output.get("name") == "stderr"]
