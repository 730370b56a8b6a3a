"""One server and one browser for all lessons; one page for each lesson, run from top to bottom.

Shared among processes (`pytest -n`), each process has its own server and browser, and takes whole lessons.
"""

import os
from pathlib import Path

import chromium
import lab_server
import pytest
from lesson_page import LessonPage

from course_lib.lessons.syllabus import Lesson, course_info

ROOT = Path(__file__).resolve().parent.parent.parent
# Read at import: tests/conftest.py unsets it before each test.
DATA = {name: os.environ[name] for name in ("COURSE_DATA_MIRROR",) if os.environ.get(name)}
PICTURES = ROOT / "build" / "browser"  # kept by CI: one screenshot of each lesson


def pytest_collection_modifyitems(items):
    """Keep together what shares a page: the tests of one lesson, and those of the planted faults."""
    for item in items:
        lesson = item.callspec.params.get("lesson") if hasattr(item, "callspec") else None
        item.add_marker(pytest.mark.xdist_group(lesson.number if lesson else item.path.stem))


@pytest.fixture(scope="session")
def browser():
    """A Chromium, or a skip that says how to get one."""
    with chromium.started() as browser:
        if browser is None:
            pytest.skip(chromium.HOW_TO_GET_IT)
        yield browser


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    """A JupyterLab on fresh copies of all lessons. After the browser: without one it would start in vain."""
    with lab_server.started(ROOT, tmp_path_factory.mktemp("lab"), DATA) as server:
        yield server


@pytest.fixture(scope="module", params=course_info().ready, ids=lambda lesson: lesson.number)
def lesson(request) -> Lesson:
    """Each lesson in turn: pytest does all that one lesson needs before the next begins."""
    return request.param


@pytest.fixture(scope="module")
def opened(browser, server, lesson):
    """The student's notebook, open and run from top to bottom."""
    page = LessonPage(browser, server, lesson.notebook)
    page.open()
    page.run_all()
    yield page
    page.close()


@pytest.fixture
def pictures() -> Path:
    """The folder of the screenshots."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES
