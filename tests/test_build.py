"""The build: one source, two notebooks, always the same bytes."""

import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from tiny_course import CHECKS, MEANS, SOURCE, SYLLABUS, write_course

from course_lib.errors import CourseError
from course_lib.lessons.build import build, check_built, code_hash, export_nbgrader, notebooks_of
from course_lib.lessons.source import SourceError
from course_lib.lessons.syllabus import lessons, markdown_table, read, table

STUDENT = "notebooks/1_basics/01_means.ipynb"
SOLUTION = "notebooks/solutions/1_basics/01_means.ipynb"


@pytest.fixture
def course(tmp_path):
    return write_course(tmp_path)


@pytest.fixture
def syllabus(course):
    return read(course / "notebooks/source/lessons.toml")


def pair(syllabus, text=MEANS, number="01"):
    return notebooks_of(syllabus.find(number), text, syllabus)


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_the_student_gets_blanks_where_the_solution_stands(syllabus):
    student, solution = map(by_id, pair(syllabus))
    assert student["ex-01-1"].source == (
        "# EXERCISE 01.1\n"
        "def mean_square(numbers):\n"
        '    """Return the mean of the squares."""\n'
        "    if len(numbers) == 0:\n"
        '        raise NotImplementedError("your code here")\n'
        '    raise NotImplementedError("your code here")'
    )
    assert 'return float("nan")' in solution["ex-01-1"].source
    assert "sum(number**2" in solution["ex-01-1"].source


def test_no_marker_is_left_in_either_notebook(syllabus):
    for notebook in pair(syllabus):
        text = nbformat.writes(notebook)
        assert "BEGIN" not in text
        assert "END SOLUTION" not in text


def test_a_cell_tagged_solution_is_only_in_the_solution_and_other_tags_stay(syllabus):
    student, solution = pair(syllabus)
    assert not [cell for cell in student.cells if "only in the solution" in cell.source]
    assert [cell for cell in solution.cells if "only in the solution" in cell.source]
    for notebook in (student, solution):
        tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
        assert {"parameters", "raises-exception"} <= set(tags)


def test_the_notebooks_are_valid_and_have_no_outputs(course):
    build(course)
    for name in (STUDENT, SOLUTION):
        content = json.loads((course / name).read_text(encoding="utf-8"))
        assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
        nbformat.validate(content)
        code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_every_code_cell_of_the_student_parses(syllabus):
    for cell in pair(syllabus)[0].cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)


def test_building_twice_gives_the_same_bytes_also_in_another_process(course):
    build(course)
    before = {path: path.read_bytes() for path in course.rglob("*.ipynb")}
    assert len(before) == 4
    code = (
        "from pathlib import Path; from course_lib.lessons.build import build; print(build(Path('.')) == [])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=course,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "True", done.stderr
    assert before == {path: path.read_bytes() for path in course.rglob("*.ipynb")}


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(syllabus):
    assert pair(syllabus) == pair(syllabus, "\ufeff" + MEANS.replace("\n", "\r\n"))


# Ids


def test_ids_say_what_a_cell_is_and_are_unique(syllabus):
    for notebook in pair(syllabus):
        ids = [cell.id for cell in notebook.cells]
        assert len(set(ids)) == len(ids)
        assert {"title", "colab-set-up", "parameters", "ex-01-1", "check-01-1"} <= set(ids)
        assert {"code-print-again", "code-print-again-2"} <= set(ids)


def test_a_cell_has_the_same_id_in_both_notebooks(syllabus):
    student, solution = map(by_id, pair(syllabus))
    assert set(student) < set(solution)
    for name, cell in student.items():
        if name not in ("title", "ex-01-1"):
            assert cell.source.replace("../", "") == solution[name].source.replace("../", "").replace(
                "1_basics/", ""
            )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# %%\nimport", "# %%\nimport math\n\n# %% [markdown]\n# A new cell.\n\n# %%\nimport"),
        ("Return the mean of the squares.\n\n", "Return the mean of all squares, please.\n\n"),
        ("sum(number**2 for", "sum(number * number for"),
        ("# What is a mean?", "# What, then, is a mean?"),
    ],
)
def test_an_insertion_or_a_small_edit_moves_no_id(syllabus, old, new):
    before = [cell.id for cell in pair(syllabus)[0].cells]
    after = [cell.id for cell in pair(syllabus, MEANS.replace(old, new, 1))[0].cells]
    assert [name for name in after if name in before] == before


# What the build adds


def test_the_title_block_says_what_the_syllabus_says(syllabus):
    student, solution = map(by_id, pair(syllabus))
    title = student["title"].source
    assert title.startswith("# 01 · Means\n")
    for said in ("10 minutes", "CPU", "`digits`", "[00 Start](../00_start.ipynb)"):
        assert said in title
    assert "solution" not in title
    assert "**This is the solution.**" in solution["title"].source
    assert "(../../1_basics/01_means.ipynb)" in solution["title"].source


def test_links_lead_to_the_same_file_from_both_notebooks(course, syllabus):
    build(course)
    for place, notebook in zip((STUDENT, SOLUTION), pair(syllabus), strict=True):
        targets = [
            target
            for cell in notebook.cells
            if cell.cell_type == "markdown"
            for target in re.findall(r"\]\(([^)]+)\)", cell.source)
        ]
        assert len(targets) >= 2
        for target in targets:
            assert ((course / place).parent / target).exists(), (place, target)


def test_without_an_address_there_is_no_badge_and_the_colab_cell_says_so(syllabus):
    cells = by_id(pair(syllabus)[0])
    assert "colab" not in cells["title"].source
    said = run_as_on_colab(cells["colab-set-up"].source)
    assert "does not know" in said
    assert "pip install" in said


def test_with_an_address_there_is_a_badge_with_alt_text_and_the_colab_cell_installs(course):
    toml = SYLLABUS.replace('repository = ""', 'repository = "someone/course"')
    toml = toml.replace(
        'data = ["digits"]\nextras = []', 'data = ["digits"]\nextras = ["statsmodels", "lab"]'
    )
    (course / "notebooks/source/lessons.toml").write_text(toml, encoding="utf-8")
    syllabus = read(course / "notebooks/source/lessons.toml")
    cells = by_id(pair(syllabus)[0])
    assert re.search(
        r"\[!\[Open lesson 01 in Colab\]\(https://colab\.research\.google\.com/assets/colab-badge\.svg\)\]"
        r"\(https://colab\.research\.google\.com/github/someone/course/blob/main/notebooks/1_basics/01_means\.ipynb\)",
        cells["title"].source,
    )
    said = run_as_on_colab(cells["colab-set-up"].source)
    assert "'course_lib[statsmodels,lab] @ git+https://github.com/someone/course@main'" in said
    assert "'--quiet'" in said
    assert "'list', '--format=freeze', '--exclude=course_lib'" in said
    assert "'--constraint', '/tmp/colab_has.txt'" in said
    for word in ("--upgrade", "-U", "--force"):
        assert word not in said


def run_as_on_colab(source, **environment):
    """Run a set-up cell where subprocess.run only says what it is asked, and return what was printed."""
    stub = (
        "import subprocess, types\n"
        "done = types.SimpleNamespace(returncode=0, stdout='')\n"
        "subprocess.run = lambda words, **more: print(words) or done\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", stub + source],
        capture_output=True,
        text=True,
        env=os.environ | {"COLAB_RELEASE_TAG": "release", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("repository", ["", "someone/course"])
def test_the_colab_cell_is_silent_elsewhere(course, repository):
    toml = SYLLABUS.replace('repository = ""', f'repository = "{repository}"')
    (course / "notebooks/source/lessons.toml").write_text(toml, encoding="utf-8")
    cell = by_id(pair(read(course / "notebooks/source/lessons.toml"))[0])["colab-set-up"]
    assert run_as_on_colab(cell.source, COLAB_RELEASE_TAG="") == ""
    assert cell.source.startswith("# @title ")
    assert cell.metadata.cellView == "form"
    assert cell.metadata.jupyter.source_hidden is True


@pytest.mark.parametrize(("device", "expected"), [("CPU", None), ("CPU, faster on a GPU", "GPU")])
def test_colab_gives_a_gpu_only_where_the_syllabus_says_so(course, device, expected):
    toml = SYLLABUS.replace('device = "CPU"', f'device = "{device}"')
    (course / "notebooks/source/lessons.toml").write_text(toml, encoding="utf-8")
    metadata = pair(read(course / "notebooks/source/lessons.toml"))[0].metadata
    assert metadata.get("accelerator") == expected
    assert metadata.colab.name == "01_means.ipynb"
    assert metadata.kernelspec.name == "python3"


def test_the_syllabus_cell_becomes_the_table_of_lessons(course, syllabus):
    student, solution = pair(syllabus, (course / "notebooks/source/00_start.py").read_text(), "00")
    assert "[01 Means](1_basics/01_means.ipynb)" in by_id(student)["syllabus"].source
    assert "[01 Means](../1_basics/01_means.ipynb)" in by_id(solution)["syllabus"].source
    assert "02 Sums |  | planned" in by_id(student)["syllabus"].source


def test_the_readme_gets_the_table_between_its_marks(course, syllabus):
    readme = course / "README.md"
    readme.write_text(
        "# Title\n\n<!-- lessons: built -->\nold\n<!-- /lessons -->\n\nThe rest.\n", encoding="utf-8"
    )
    assert readme in build(course)
    text = readme.read_text(encoding="utf-8")
    assert markdown_table(syllabus) in text
    assert "[01 Means](notebooks/1_basics/01_means.ipynb)" in text
    assert text.startswith("# Title\n")
    assert text.endswith("The rest.\n")
    assert "old" not in text
    assert build(course) == []


# The whole of it


def test_only_what_was_asked_for_is_built_and_only_changes_are_written(course):
    written = build(course, ["01"])
    assert [path.relative_to(course).as_posix() for path in written] == [STUDENT, SOLUTION]
    assert build(course, ["1"]) == []
    source = course / SOURCE
    source.write_text(MEANS.replace("number**2", "number * number"), encoding="utf-8")
    assert [path.relative_to(course).as_posix() for path in build(course)] == [
        "notebooks/00_start.ipynb",
        "notebooks/solutions/00_start.ipynb",
        SOLUTION,
    ]


def test_a_refused_source_writes_nothing_at_all(course):
    build(course)
    before = {path: path.read_bytes() for path in course.rglob("*.ipynb")}
    (course / "notebooks/source/00_start.py").write_text("# %%\nprint(1)\n", encoding="utf-8")
    (course / SOURCE).write_text(MEANS.replace("number**2", "number * number"), encoding="utf-8")
    with pytest.raises(CourseError, match=r"00_start\.py:\d+: .* `parameters`"):
        build(course)
    assert before == {path: path.read_bytes() for path in course.rglob("*.ipynb")}


def test_a_disk_that_fills_leaves_the_old_notebook_whole(course, monkeypatch):
    build(course)
    before = (course / SOLUTION).read_bytes()
    (course / SOURCE).write_text(MEANS.replace("number**2", "number * number"), encoding="utf-8")

    def full(path, content):
        with path.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        build(course)
    assert (course / SOLUTION).read_bytes() == before
    assert not list(course.rglob("*.part"))


def test_check_says_nothing_of_what_is_current(course):
    build(course)
    assert check_built(course) == []


def test_check_names_stale_missing_and_orphaned_notebooks(course):
    build(course)
    (course / STUDENT).unlink()
    path = course / SOLUTION
    path.write_text(path.read_text(encoding="utf-8").replace("number**2", "number ** 2"), encoding="utf-8")
    (course / "notebooks/1_basics/07_gone.ipynb").write_text("{}", encoding="utf-8")
    problems = {problem.file: problem for problem in check_built(course)}
    assert set(problems) == {STUDENT, SOLUTION, "notebooks/1_basics/07_gone.ipynb"}
    assert "missing" in problems[STUDENT].found
    assert "stale" in problems[SOLUTION].found
    line = path.read_text(encoding="utf-8").split("\n")[problems[SOLUTION].line - 1]
    assert "number ** 2" in line
    assert "No lesson" in problems["notebooks/1_basics/07_gone.ipynb"].found


def test_checking_writes_nothing(course):
    assert len(check_built(course)) == 4
    assert not list(course.rglob("*.ipynb"))


def test_a_broken_marker_is_refused_by_the_pure_function_too(syllabus):
    with pytest.raises(SourceError, match="is not closed"):
        pair(syllabus, MEANS.replace("    ### END SOLUTION\n\n\n", "\n\n"))


def test_the_hash_of_the_code_knows_code_from_prose(course, syllabus):
    lesson = syllabus.find("01")
    before = code_hash(lesson, course)
    source = course / SOURCE
    source.write_text(MEANS.replace("# What is a mean?", "# What on earth is a mean?"), encoding="utf-8")
    assert code_hash(lesson, course) == before
    source.write_text(MEANS.replace("number**2", "number**3"), encoding="utf-8")
    assert code_hash(lesson, course) != before


def test_the_committed_notebooks_are_what_their_sources_give(root):
    assert [str(problem) for problem in check_built(root)] == []


# The syllabus


def test_a_lesson_is_found_by_number_and_by_id(syllabus):
    assert syllabus.find("1") == syllabus.find("01") == syllabus.find("01_means")


@pytest.mark.parametrize(
    ("name", "fragment"),
    [("99", "Known: `00_start`, `01_means`"), ("01_maens", "Did you mean `01_means`"), ("02", "is planned")],
)
def test_an_unknown_lesson_is_answered_with_what_there_is(syllabus, name, fragment):
    with pytest.raises(CourseError) as error:
        syllabus.find(name)
    assert fragment in str(error.value)


def test_the_table_names_every_lesson_and_fits_a_terminal():
    text = table()
    for lesson in lessons():
        assert lesson.title in text
    assert max(map(len, text.split("\n"))) <= 100


@pytest.mark.parametrize(
    ("old", "new", "fragment"),
    [
        ("minutes = 10", 'minutes = "ten"', "`minutes` of `01_means`"),
        ("minutes = 10\n", "", "has no `minutes`"),
        ("minutes = 10", "minutes = 10\nminuts = 3", "Did you mean `minutes`"),
        (
            'unit = "1_basics"\ntitle = "Means"',
            'unit = "1_basic"\ntitle = "Means"',
            "Did you mean `1_basics`",
        ),
        ('needs = ["00_start"]', 'needs = ["00_strat"]', "Did you mean `00_start`"),
        ('id = "01_means"', 'id = "00_means"', "same number"),
        ('id = "01_means"', 'id = "1 means"', "not the id"),
        ("minutes = 10", "minutes = ", "cannot be read"),
        ('02_sums = { unit = "1_basics", title = "Sums" }', "02_sums = 3", "02_sums"),
    ],
)
def test_a_broken_syllabus_is_refused_in_words(tmp_path, old, new, fragment):
    path = tmp_path / "lessons.toml"
    assert old in SYLLABUS
    path.write_text(SYLLABUS.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseError) as error:
        read(path)
    assert fragment in str(error.value)
    assert "lessons.toml" in str(error.value)


# nbgrader


def test_the_export_leaves_a_department_its_configuration(course, tmp_path):
    folder = tmp_path / "department"
    folder.mkdir()
    (folder / "nbgrader_config.py").write_text("ours", encoding="utf-8")
    written = export_nbgrader(course, folder)
    assert [path.relative_to(folder).as_posix() for path in written] == ["source/01_means/01_means.ipynb"]
    assert (folder / "nbgrader_config.py").read_text(encoding="utf-8") == "ours"
    cells = by_id(nbformat.read(written[0], as_version=4))
    assert "### BEGIN SOLUTION" in cells["ex-01-1"].source
    assert "### BEGIN HIDDEN TESTS" in cells["check-01-1"].source


def test_nbgrader_marks_right_wrong_and_untouched_answers_rightly(course, root, tmp_path):
    """Whole way: export, generate_assignment, three submissions, autograde, the points in the gradebook."""
    pytest.importorskip("nbgrader", reason="nbgrader is not installed: the bridge to it is not tested")
    library = tmp_path / "library"  # the tiny lesson's check has to be known to the kernel
    shutil.copytree(
        root / "course_lib",
        library / "course_lib",
        ignore=shutil.ignore_patterns("__pycache__", "lesson_*.py"),
    )
    for name in ("data", "notebooks/source"):
        shutil.copytree(root / name, library / name)
    (library / "course_lib/exercises/lesson_01.py").write_text(CHECKS, encoding="utf-8")
    folder = tmp_path / "department"
    export_nbgrader(course, folder)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    # nbgrader calls a script that is installed beside it.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    environment |= {"PYTHONPATH": str(library), "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter")}
    environment |= {
        "JUPYTER_DATA_DIR": str(tmp_path / "jupyter-data"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }

    def nbgrader(*words):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    nbgrader("generate_assignment", "01_means", "--create")
    released = (folder / "release/01_means/01_means.ipynb").read_text(encoding="utf-8")
    assert "number**2" not in released
    assert "HIDDEN" not in released
    assert "COURSE_STRICT" not in released

    # One student works in nbgrader's copy, one in the course's own notebook; one types nothing.
    build(course)
    ours = (course / STUDENT).read_text(encoding="utf-8")
    blank = json.dumps('    raise NotImplementedError("your code here")')[1:-1]
    for student, text, answer in (
        ("right", released, "    return sum(n * n for n in numbers) / len(numbers)"),
        ("right_in_ours", ours, "    return sum(n * n for n in numbers) / len(numbers)"),
        ("wrong", released, "    return sum(numbers) ** 2 / len(numbers)"),
        ("untouched", released, None),
    ):
        handed_in = folder / "submitted" / student / "01_means/01_means.ipynb"
        handed_in.parent.mkdir(parents=True)
        assert f'"{blank}"' in text
        handed_in.write_text(
            text.replace(f'"{blank}"', json.dumps(answer)) if answer else text, encoding="utf-8"
        )
    nbgrader("autograde", "01_means", "--create")
    nbgrader("export")
    with (folder / "grades.csv").open(newline="", encoding="utf-8") as file:
        points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert points == {"right": 1.0, "right_in_ours": 1.0, "wrong": 0.0, "untouched": 0.0}
