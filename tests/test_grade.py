"""Marking a class's folder: every kind of bad answer costs only itself."""

import csv
import json
import os
import subprocess
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.errors import CourseError
from course_lib.lessons import grade

# A lesson with three exercises. Its check is too small to have a fault of its own: answer(3) is 3 ** number.
SET_UP = """
import json, os
from IPython.display import display
class cl:
    def check(id, answer):
        try:
            right = answer(3) == 3 ** int(id[-1])
            outcome, message = ("correct", "") if right else ("not yet", "Not that power.")
        except NotImplementedError:
            outcome, message = "not attempted", "The blank is still there."
        except Exception as error:
            outcome, message = "not yet", f"{type(error).__name__}: {error}"
        record = {"id": id, "outcome": outcome, "message": message}
        display({"application/vnd.course.check+json": record, "text/plain": outcome}, raw=True)
"""
BLANK = '# EXERCISE 77.{n}\ndef power_{n}(x):\n    raise NotImplementedError("your code here")'
RIGHT = "# EXERCISE 77.{n}\ndef power_{n}(x):\n    return x ** {n}"
WRONG = "# EXERCISE 77.{n}\ndef power_{n}(x):\n    return x + {n}"


def answers(*cells):
    """The cells of a submission, each with the number of its exercise filled in."""
    return [cell.replace("{n}", str(n)) for n, cell in enumerate(cells, 1)]


def write(path, code, metadata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, code)]
    nbformat.write(new_notebook(cells=cells, metadata=metadata or {}), path)
    return path


SUBMISSIONS = {
    "all_right": answers(RIGHT, RIGHT, RIGHT),
    "untouched": answers(BLANK, BLANK, BLANK),
    "one_wrong": answers(RIGHT, WRONG, RIGHT),
    "twice": [*answers(WRONG, RIGHT, RIGHT), *answers(RIGHT)],
    "twice_and_last_wrong": [*answers(RIGHT, RIGHT, RIGHT), *answers(WRONG)],
    "one_missing": answers(RIGHT, "# a note to myself", RIGHT),
    "syntax_error": answers(RIGHT, "# EXERCISE 77.2\ndef power_2(x:\n    return", RIGHT),
    "loops_at_top_level": answers(RIGHT, "# EXERCISE 77.2\nwhile True:\n    pass", RIGHT),
    "loops_and_cannot_be_interrupted": answers(
        RIGHT, "# EXERCISE 77.2\nwhile True:\n    try:\n        while True: pass\n    except: pass", RIGHT
    ),
    "floods": answers(RIGHT, "# EXERCISE 77.2\nwhile True:\n    print('again' * 1000)", RIGHT),
    "sys_exit": answers(RIGHT, "# EXERCISE 77.2\nimport sys\nsys.exit(0)", RIGHT),
    "kills_the_kernel": answers(RIGHT, "# EXERCISE 77.2\nos._exit(1)", RIGHT),
    "kills_the_kernel_when_called": answers(
        "# EXERCISE 77.1\ndef power_1(x):\n    os._exit(1)", RIGHT, RIGHT
    ),
    "spoils_the_others": answers("# EXERCISE 77.1\ncl = None\ndef power_1(x):\n    return x", RIGHT, RIGHT),
    "other_name": answers(RIGHT, "# EXERCISE 77.2\ndef square(x):\n    return x * x", RIGHT),
    "helper_elsewhere": [
        "def helper(x):\n    return x * x",
        *answers(RIGHT, "# EXERCISE 77.2\ndef power_2(x):\n    return helper(x)", RIGHT),
    ],
    "an_exercise_too_many": [*answers(RIGHT, RIGHT, RIGHT), "# EXERCISE 77.9\nx = 1"],
    "comment_above": answers("# my try\n\n" + RIGHT, RIGHT, RIGHT),
    "leaves_a_process": answers(
        "# EXERCISE 77.1\nimport subprocess, sys\nsubprocess.Popen([sys.executable, '-c', "
        "'import time; time.sleep(98765)'])\ndef power_1(x):\n    return x",
        RIGHT,
        RIGHT,
    ),
    "another_lesson": ["# EXERCISE 55.1\ndef f():\n    pass"],
    "no_answers": ["x = 1"],
}


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """A folder of built lessons, as `notebooks/` is one."""
    folder = tmp_path_factory.mktemp("lessons")
    cells = [SET_UP]
    for n in (1, 2, 3):
        cells += [BLANK.replace("{n}", str(n)), f'cl.check("77.{n}", power_{n})']
    after = "import time\ntime.sleep(600)"  # what follows the last check is not run
    write(folder / "9_unit/77_powers.ipynb", [*cells, after])
    write(folder / "78_other.ipynb", ["# EXERCISE 78.1\ndef f():\n    pass"])
    write(folder / "solutions/9_unit/77_powers.ipynb", ["# EXERCISE 77.1\nan_answer_that_is_never_read"])
    return folder


@pytest.fixture(scope="module")
def class_folder(lessons, tmp_path_factory):
    """A class in which everything that can go wrong does, and the results by name."""
    folder = tmp_path_factory.mktemp("class")
    for name, code in SUBMISSIONS.items():
        write(folder / name / "77_powers.ipynb", code)
    whole = (folder / "all_right/77_powers.ipynb").read_text()
    (folder / "broken.ipynb").write_text(whole[: len(whole) // 2])
    (folder / "empty_file.ipynb").write_text("")
    (folder / "latin.ipynb").write_bytes(whole.replace("A lesson", "Größe").encode("latin-1"))
    (folder / "no_notebook.ipynb").write_text("[1, 2]")
    write(folder / "77_powers.ipynb", [])
    write(folder / "bob.ipynb", ["x = 1"], metadata={"colab": {"name": "77_powers.ipynb"}})
    write(folder / ".ipynb_checkpoints/77_powers-checkpoint.ipynb", SUBMISSIONS["all_right"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grade, "_ANSWER_SECONDS", 2)
        patch.setenv("COURSE_STRICT", "1")  # what the caller has set is not the class's affair
        results = grade.grade(folder, timeout=60, lessons=lessons)
    return {str(result.file).removesuffix("/77_powers.ipynb"): result for result in results}, results


@pytest.fixture(scope="module")
def by_name(class_folder):
    return class_folder[0]


@pytest.mark.parametrize(
    ("name", "outcomes"),
    {
        "all_right": ["correct", "correct", "correct"],
        "untouched": ["not attempted", "not attempted", "not attempted"],
        "one_wrong": ["correct", "not yet", "correct"],
        "twice": ["correct", "correct", "correct"],
        "twice_and_last_wrong": ["not yet", "correct", "correct"],
        "one_missing": ["correct", "missing", "correct"],
        "syntax_error": ["correct", "not run", "correct"],
        "loops_at_top_level": ["correct", "not run", "correct"],
        "loops_and_cannot_be_interrupted": ["correct", "not run", "correct"],
        "floods": ["correct", "not run", "correct"],
        "sys_exit": ["correct", "not run", "correct"],
        "kills_the_kernel": ["correct", "not run", "correct"],
        "kills_the_kernel_when_called": ["not run", "correct", "correct"],
        "spoils_the_others": ["not run", "correct", "correct"],
        "other_name": ["correct", "not run", "correct"],
        "helper_elsewhere": ["correct", "not yet", "correct"],
        "an_exercise_too_many": ["correct", "correct", "correct"],
        "comment_above": ["correct", "correct", "correct"],
        "leaves_a_process": ["correct", "correct", "correct"],
        "77_powers.ipynb": ["missing", "missing", "missing"],
        "bob.ipynb": ["missing", "missing", "missing"],
    }.items(),
)
def test_a_bad_answer_costs_only_itself(by_name, name, outcomes):
    result = by_name[name]
    assert [mark.outcome for mark in result.marks] == outcomes, result
    assert result.lesson == "77_powers"


@pytest.mark.parametrize(
    ("name", "exercise", "fragment"),
    [
        ("one_wrong", "77.2", "Not that power"),
        ("syntax_error", "77.2", "SyntaxError"),
        ("loops_at_top_level", "77.2", "did not end within 2 s"),
        ("loops_and_cannot_be_interrupted", "77.2", "did not end within 2 s"),
        ("floods", "77.2", "did not end within 2 s"),
        ("sys_exit", "77.2", "SystemExit"),
        ("kills_the_kernel", "77.2", "ended the kernel"),
        ("kills_the_kernel_when_called", "77.1", "ended the kernel"),
        ("spoils_the_others", "77.1", "has no attribute 'check'"),
        ("other_name", "77.2", "name 'power_2' is not defined"),
    ],
)
def test_a_mark_says_why(by_name, name, exercise, fragment):
    (message,) = [mark.message for mark in by_name[name].marks if mark.exercise == exercise]
    assert fragment in message


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("twice", "77.1 stands there 2 times"),
        ("one_missing", "No cell with `# EXERCISE` for 77.2"),
        ("an_exercise_too_many", "77.9 is no exercise of this lesson"),
        ("helper_elsewhere", "77.2 needs `helper` from another cell"),
        ("broken.ipynb", "JSON in it is broken"),
        ("empty_file.ipynb", "JSON in it is broken"),
        ("latin.ipynb", "not UTF-8"),
        ("no_notebook.ipynb", "not a notebook"),
        ("another_lesson", "none of ours"),
        ("bob.ipynb", "77.1, 77.2, 77.3"),
    ],
)
def test_a_note_says_what_a_person_should_know(by_name, name, fragment):
    assert fragment in " ".join(by_name[name].notes)


def test_a_right_notebook_needs_no_note(by_name):
    assert by_name["all_right"].notes == ()


def test_a_notebook_that_names_the_lesson_is_recognised_without_answers(by_name):
    assert by_name["no_answers"].lesson == "77_powers"


def test_checkpoints_are_passed_over_and_the_order_is_by_name(class_folder):
    files = [str(result.file) for result in class_folder[1]]
    assert files == sorted(files)
    assert len(files) == len(SUBMISSIONS) + 6
    assert not [file for file in files if "checkpoint" in file]


@pytest.mark.skipif(os.name == "nt", reason="looks with ps")
def test_nothing_that_an_answer_started_is_left(by_name):
    for _ in range(20):
        left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        if "time.sleep(98765)" not in left:
            return
        time.sleep(0.1)
    raise AssertionError("a process that an answer started outlived its notebook")


def test_the_table_names_every_notebook_and_the_reasons(class_folder):
    shown = grade.table(class_folder[1])
    assert "all_right/77_powers.ipynb  77_powers  3 of 3 correct" in shown
    assert "77.2  not yet: Not that power." in shown
    assert "latin.ipynb  not checked" in shown
    assert "note: It is not UTF-8" in shown


def test_the_csv_has_a_row_for_each_notebook_and_a_column_for_each_exercise(class_folder, tmp_path):
    path = tmp_path / "marks.csv"
    grade.write_csv(class_folder[1], path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert len(rows) == len(class_folder[1])
    row = rows["one_wrong/77_powers.ipynb"]
    assert [row["correct"], row["exercises"]] == ["2", "3"]
    assert [row["77.1"], row["77.2"], row["77.3"]] == ["correct", "not yet", "correct"]
    assert "77.2: Not that power." in row["messages"]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "Excel reads it as UTF-8 only with the mark"


def test_a_file_name_never_becomes_a_formula(tmp_path):
    mark = grade.Mark("77.1", "not yet", "=1+1")
    result = grade.Result(tmp_path.__class__("=HYPERLINK(1).ipynb"), "77_powers", (mark,), ("@note",))
    grade.write_csv([result], tmp_path / "marks.csv")
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["file"].startswith("'=")
    assert row["notes"].startswith("'@")


def test_one_notebook_can_be_checked_alone_and_is_left_as_it_is(lessons, tmp_path):
    path = write(tmp_path / "mine.ipynb", SUBMISSIONS["one_wrong"])
    before = path.read_bytes()
    (result,) = grade.grade(path, timeout=60, lessons=lessons)
    assert result.solved == 2
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_cells_with_lists_of_lines_are_read_as_jupyter_writes_them(lessons, tmp_path):
    path = write(tmp_path / "mine.ipynb", SUBMISSIONS["all_right"])
    content = json.loads(path.read_text())
    assert isinstance(content["cells"][1]["source"], list) or "\n" in content["cells"][1]["source"]
    content["cells"] += [{"cell_type": "code", "source": "".join(SUBMISSIONS["one_wrong"][1])}, "no cell"]
    path.write_text(json.dumps(content))  # neither valid by the schema nor a reason to refuse it
    (result,) = grade.grade(path, timeout=60, lessons=lessons)
    assert [mark.outcome for mark in result.marks] == ["correct", "not yet", "correct"]


def test_the_time_limit_ends_a_lesson_that_hangs(tmp_path):
    hangs = ["import time\ntime.sleep(600)", BLANK.replace("{n}", "1"), 'cl.check("77.1", power_1)']
    write(tmp_path / "lessons/77_powers.ipynb", hangs)
    path = write(tmp_path / "mine.ipynb", answers(RIGHT))
    start = time.perf_counter()
    (result,) = grade.grade(path, timeout=2, lessons=tmp_path / "lessons")
    assert time.perf_counter() - start < 20
    assert result.marks[0].outcome == "not run"
    assert "time was up" in result.marks[0].message


def test_what_is_solved_for_others_is_not_the_callers_progress(tmp_path):
    check = 'open(os.environ["COURSE_STATE"], "w").write("{}")\ncl.check("77.1", power_1)'
    write(tmp_path / "lessons/77_powers.ipynb", [SET_UP, BLANK.replace("{n}", "1"), check])
    path = write(tmp_path / "mine.ipynb", answers(RIGHT))
    (result,) = grade.grade(path, timeout=60, lessons=tmp_path / "lessons")
    assert result.solved == 1
    assert not os.path.exists(os.environ["COURSE_STATE"])


@pytest.mark.parametrize("name", ["nowhere", "empty", "text.txt"])
def test_a_path_that_is_no_notebook_is_refused_in_one_sentence(lessons, tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no notebook")
    with pytest.raises(CourseError, match=name):
        grade.grade(tmp_path / name, lessons=lessons)


def test_lessons_that_are_not_built_are_named(tmp_path):
    path = write(tmp_path / "mine.ipynb", SUBMISSIONS["all_right"])
    with pytest.raises(CourseError, match="course build"):
        grade.grade(path, lessons=tmp_path / "nowhere")


@pytest.mark.parametrize(("folder", "outcome"), [("solutions", "correct"), ("", "not attempted")])
def test_the_courses_own_solution_is_marked_right_and_its_blanks_as_blanks(root, folder, outcome):
    (result,) = grade.grade(root / "notebooks" / folder / "00_start_here.ipynb")
    assert result.lesson == "00_start_here"
    assert {mark.outcome for mark in result.marks} == {outcome}
    assert result.notes == ()
