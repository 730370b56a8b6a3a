"""The lessons as they stand: what a wrong answer does to them, and how old the record of their claims is."""

import nbformat
import pytest

from course_lib.lessons.run import run_notebook
from course_lib.lessons.seeds import recorded_is_current
from course_lib.lessons.syllabus import course_info

BLANK = 'raise NotImplementedError("your code here")'
ALL = [pytest.param(lesson, id=lesson.number) for lesson in course_info().ready]


@pytest.mark.parametrize("lesson", ALL)
def test_a_wrong_answer_is_not_yet_and_the_notebook_runs_to_its_end(lesson, root, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    notebook = nbformat.read(root / "notebooks" / lesson.notebook, as_version=4)
    answers = [cell for cell in notebook.cells if cell.source.startswith("# EXERCISE")]
    assert answers
    for cell in answers:
        assert BLANK in cell.source
        cell.source = cell.source.replace(BLANK, 'return "a wrong answer"')
    path = tmp_path / "typed_in.ipynb"
    nbformat.write(notebook, path)
    run = run_notebook(path, out=tmp_path / "build")
    assert [check["outcome"] for check in run.checks] == ["not yet"] * len(answers)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.number for cell in run.cells] == list(range(1, len(code) + 1))


@pytest.mark.parametrize("lesson", ALL)
def test_the_claims_were_tried_on_many_seeds_since_the_code_last_changed(lesson, root):
    assert recorded_is_current(lesson, root), (
        f"Lesson {lesson.number} has newer code than its record. Run `make seeds LESSON={lesson.number}`."
    )
