"""Build the notebooks: one `py:percent` source gives the student's copy and the solution, always the same
bytes."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.lessons import lint
from course_lib.lessons.lint import Problem
from course_lib.lessons.source import (
    Cell,
    cell_ids,
    first_string,
    is_local,
    links,
    read_cells,
    solution_cell,
    student_cell,
)
from course_lib.lessons.syllabus import Lesson, Syllabus, markdown_table, read
from course_lib.resources import checkout

_POINTS = 1  # per exercise, for nbgrader
_TABLE = re.compile(r"(<!-- lessons:[^\n]*-->\n).*?(<!-- /lessons -->)", re.DOTALL)

_COLAB_HEAD = """# @title Set-up for Colab: run this cell first (elsewhere it does nothing)
import os

if os.environ.get("COLAB_RELEASE_TAG"):
"""
_COLAB_INSTALL = """    import subprocess
    import sys

    print("Installing the course's library. What Colab has installed stays as it is.")
    pip = [sys.executable, "-m", "pip"]
    listed = [*pip, "list", "--format=freeze", "--exclude=course_lib"]
    with open("/tmp/colab_has.txt", "w") as kept:
        kept.write(subprocess.run(listed, capture_output=True, text=True).stdout)
    library = "{requirement}"
    done = subprocess.run([*pip, "install", "--quiet", "--constraint", kept.name, library])
    print("That did not work: run this cell again." if done.returncode else "Installed: go on below.")
"""
_COLAB_NO_ADDRESS = """    print("This notebook does not know where its course is to be had.")
    print("In a new cell, with the address that you have the course from:")
    print('    %pip install --quiet "{library} @ git+https://github.com/OWNER/NAME"')
"""

_NBGRADER_CONFIG = """# Written by `course build --nbgrader`; yours to change.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "deep_learning_for_scientific_discovery"
c.ClearSolutions.code_stub = {"python": 'raise NotImplementedError("your code here")'}
c.Execute.timeout = 600  # seconds per cell: lessons train
"""
# nbgrader gives a test cell its points unless it raises; `cl.check` raises only in strict mode.
_HIDDEN_TEST = """### BEGIN HIDDEN TESTS
import os
from unittest import mock

with mock.patch.dict(os.environ, COURSE_STRICT="1"):
{check}
### END HIDDEN TESTS"""


def notebooks_of(lesson: Lesson, text: str, syllabus: Syllabus | None = None):
    """Return the student's and the solution notebook of a source.

    Parameters
    ----------
    lesson : Lesson
        Its entry in the syllabus: the title block and the metadata are made from it.
    text : str
        The source, `py:percent`.
    syllabus : Syllabus, optional
        By default the one that travels with the package.

    Returns
    -------
    tuple of nbformat.NotebookNode
        Without outputs. A cell that stands in both has the same id in both.

    Raises
    ------
    SourceError
        If the text cannot be read as cells, or a solution marker is broken.
    """
    syllabus = syllabus or read()
    cells = read_cells(text)
    named = list(zip(cell_ids(cells), cells, strict=True))
    student = [(name, blanked) for name, cell in named if (blanked := student_cell(cell))]
    solution = [(name, solution_cell(cell)) for name, cell in named]
    return (
        _notebook(lesson, syllabus, student, lesson.notebook),
        _notebook(lesson, syllabus, solution, lesson.solution),
    )


def build(root: Path, lessons: list[str] | None = None) -> list[Path]:
    """Build the notebooks of some lessons, or of all, and the README's table of lessons.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    lessons : list of str, optional
        Numbers or ids; by default every lesson that is ready.

    Returns
    -------
    list of Path
        The files whose content has changed.

    Raises
    ------
    CourseError
        If a source is refused; then nothing is written.
    """
    root = Path(root)
    syllabus = read(root / "notebooks/source/lessons.toml")
    chosen = [syllabus.find(name) for name in lessons] if lessons else None
    _refuse(lint.problems(root, chosen))
    written = []
    for path, content in _contents(root, syllabus, chosen).items():
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, content)
            written.append(path)
    return written


def check_built(root: Path) -> list[Problem]:
    """Return what `course build` would refuse, and every built file that is not what its source gives.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    """
    root = Path(root)
    found = lint.problems(root)
    if found:
        return found
    contents = _contents(root, read(root / "notebooks/source/lessons.toml"))
    again = "Run `course build` and commit what it writes."
    for path, content in contents.items():
        if not path.exists():
            found.append(Problem(_seen(path, root), 1, "The built file is missing.", again))
        elif path.read_bytes() != content:
            found.append(
                Problem(
                    _seen(path, root),
                    _first_difference(path.read_bytes(), content),
                    "The built file is not what its source gives: stale, or edited by hand.",
                    again + " An edit belongs in the source.",
                )
            )
    for path in sorted((root / "notebooks").rglob("*.ipynb")):
        if path not in contents and ".ipynb_checkpoints" not in path.parts:
            found.append(
                Problem(
                    _seen(path, root),
                    1,
                    "No lesson gives this notebook.",
                    "Delete it, or give its lesson an entry in `notebooks/source/lessons.toml`.",
                )
            )
    return found


def export_nbgrader(root: Path, folder: Path, lessons: list[str] | None = None) -> list[Path]:
    """Write an nbgrader course folder: `source/<lesson>/<lesson>.ipynb` and a configuration.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    folder : Path
        The course folder. An `nbgrader_config.py` that stands there already is left alone.
    lessons : list of str, optional
        Numbers or ids; by default every lesson that has an exercise.

    Returns
    -------
    list of Path
        The notebooks written.

    Raises
    ------
    CourseError
        If a source is refused.

    Notes
    -----
    The notebooks hold the solutions between nbgrader's markers, and `nbgrader generate_assignment` makes
    the student's copy. Each check cell ends in a hidden test that raises unless the answer is correct.
    """
    root, folder = Path(root), Path(folder)
    syllabus = read(root / "notebooks/source/lessons.toml")
    chosen = [syllabus.find(name) for name in lessons] if lessons else None
    _refuse(lint.problems(root, chosen))
    written = []
    for lesson in chosen or syllabus.ready:
        cells = read_cells((root / lesson.source).read_text(encoding="utf-8"))
        named = [
            (name, cell)
            for name, cell in zip(cell_ids(cells), cells, strict=True)
            if "solution" not in cell.tags
        ]
        if not any(cell.exercise for _, cell in named):
            continue
        notebook = _notebook(lesson, syllabus, named, lesson.notebook)
        for cell in notebook.cells:
            if cell.id.startswith("check-"):
                call = "\n".join("    " + line for line in cell.source.split("\n"))
                cell.source += "\n" + _HIDDEN_TEST.format(check=call)
        path = folder / "source" / lesson.id / f"{lesson.id}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, _bytes(notebook))
        written.append(path)
    config = folder / "nbgrader_config.py"
    if written and not config.exists():
        _write(config, _NBGRADER_CONFIG.encode())
    return written


def code_hash(lesson: Lesson, root: Path | None = None) -> str:
    """Return a hash of what a lesson computes: its code cells with the solutions, without the prose.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    root : Path, optional
        The top of the checkout, by default the one that the package runs from.

    Returns
    -------
    str
        The sha256 as 64 hexadecimal digits.
    """
    path = Path(root or checkout() or ".") / lesson.source
    cells = [cell for cell in read_cells(path.read_text(encoding="utf-8")) if cell.kind == "code"]
    code = "\n# %%\n".join(solution_cell(cell).text for cell in cells)
    return hashlib.sha256(code.encode()).hexdigest()


def _notebook(lesson: Lesson, syllabus: Syllabus, named: list[tuple[str, Cell]], place: str):
    """Put the cells of one version together; `place` is where the notebook stands in `notebooks/`."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

    new = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    cells = [
        new_markdown_cell(_title(lesson, syllabus, place), id="title"),
        new_code_cell(
            colab_cell(lesson, syllabus),
            id="colab-set-up",
            metadata={"cellView": "form", "jupyter": {"source_hidden": True}},
        ),
    ]
    for name, cell in named:
        text = cell.text
        if cell.kind == "markdown":
            if "syllabus" in cell.tags:
                text = markdown_table(syllabus, start=_way(lesson.notebook, "."))
            text = _relinked(text, lesson, place)
        metadata = cell.metadata | _nbgrader(name, cell)
        cells.append(new[cell.kind](text, id=name, metadata=metadata))
    notebook = new_notebook(
        cells=cells,
        metadata={
            "colab": {"name": Path(place).name, "provenance": [], "toc_visible": True},
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    if "GPU" in lesson.device:
        notebook.metadata.accelerator = "GPU"
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def _title(lesson: Lesson, syllabus: Syllabus, place: str) -> str:
    data = ", ".join(f"`{name}`" for name in lesson.data) or "none"
    needs = [syllabus.find(name) for name in lesson.needs]
    before = ", ".join(
        f"[{need.number} {need.title}]({_way(lesson.notebook, need.notebook)})" for need in needs
    )
    parts = [f"{lesson.minutes} minutes", lesson.device, f"data: {data}", f"before: {before or 'nothing'}"]
    lines = [f"# {lesson.number} · {lesson.title}", "", "**" + parts[0] + "** · " + " · ".join(parts[1:])]
    if place == lesson.solution:
        copy = _way(lesson.notebook, lesson.notebook)
        lines += [
            "",
            f"**This is the solution.** Try [the lesson without the answers]({copy}) first: "
            "a prediction is worth nothing once the answer is on the page.",
        ]
    if badge := syllabus.badge(lesson, place):
        lines += ["", badge]
    return _relinked("\n".join(lines), lesson, place)


def colab_cell(lesson: Lesson, syllabus: Syllabus) -> str:
    """Return the cell that installs on Colab what a lesson needs, and changes nothing that Colab has."""
    library = "course_lib" + (f"[{','.join(lesson.extras)}]" if lesson.extras else "")
    if syllabus.repository:
        address = f"git+https://github.com/{syllabus.repository}@{syllabus.branch}"
        return (_COLAB_HEAD + _COLAB_INSTALL.format(requirement=f"{library} @ {address}")).rstrip()
    return (_COLAB_HEAD + _COLAB_NO_ADDRESS.format(library=library)).rstrip()


def _nbgrader(name: str, cell: Cell) -> dict:
    """Return nbgrader's metadata of an answer or a check cell, for departments that mark with it."""
    common = {"grade_id": name, "schema_version": 3, "task": False}
    if name.startswith("ex-"):
        return {"nbgrader": common | {"grade": False, "locked": False, "solution": True}}
    if any(first_string(call) for call in cell.checks):
        return {"nbgrader": common | {"grade": True, "locked": True, "points": _POINTS, "solution": False}}
    return {}


def _way(start: str, end: str) -> str:
    """Return the relative link from one notebook to another, both seen from `notebooks/`."""
    return os.path.relpath(end, os.path.dirname(start) or ".").replace(os.sep, "/")


def _relinked(text: str, lesson: Lesson, place: str) -> str:
    """Let relative links, written as seen from the student's notebook, lead to the same file from `place`."""
    for begin, end in reversed(links(text)):
        target = text[begin:end]
        if place != lesson.notebook and is_local(target):
            seen_from_top = os.path.normpath(os.path.join(lesson.unit, target)).replace(os.sep, "/")
            text = text[:begin] + _way(place, seen_from_top) + text[end:]
    return text


def _contents(root: Path, syllabus: Syllabus, chosen: list[Lesson] | None = None) -> dict[Path, bytes]:
    """Return what every built file should hold."""
    contents = {}
    for lesson in chosen or syllabus.ready:
        text = (root / lesson.source).read_text(encoding="utf-8")
        for place, notebook in zip(
            (lesson.notebook, lesson.solution), notebooks_of(lesson, text, syllabus), strict=True
        ):
            contents[root / "notebooks" / place] = _bytes(notebook)
    readme = root / "README.md"
    if readme.exists():
        table = f"\n{markdown_table(syllabus)}\n\n"
        text = readme.read_text(encoding="utf-8")
        contents[readme] = _TABLE.sub(lambda match: match[1] + table + match[2], text).encode()
    return contents


def _bytes(notebook) -> bytes:
    import nbformat

    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: what stood there stays until the new content is on the disk."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _refuse(found: list[Problem]) -> None:
    if found:
        count = "one thing" if len(found) == 1 else f"{len(found)} things"
        raise CourseError(
            f"The build refuses {count}, and has written nothing.",
            "".join(f"\n  {problem}" for problem in found),
            "\nMend that and build again.",
        )


def _first_difference(found: bytes, expected: bytes) -> int:
    """Return the first line (from 1) in which two texts differ."""
    pairs = zip(found.split(b"\n"), expected.split(b"\n"), strict=False)
    same = next((number for number, (a, b) in enumerate(pairs) if a != b), None)
    return 1 + (min(found.count(b"\n"), expected.count(b"\n")) if same is None else same)


def _seen(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
