"""The course as a site: what Sphinx is given to read."""

import json
import shutil

import nbformat
import pytest
from tiny_course import write_course

from course_lib.lessons.book import lay_out
from course_lib.lessons.build import build
from course_lib.lessons.source import is_local, links
from course_lib.lessons.syllabus import read

SLIDER = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "a slider"}


@pytest.fixture
def course(tmp_path):
    """A checkout of a tiny course, with what a site links to."""
    root = write_course(tmp_path / "checkout")
    (root / "docs").mkdir()
    (root / "data/cards").mkdir(parents=True)
    (root / "benchmarks").mkdir()
    (root / "docs/plot.png").write_bytes(b"a picture")
    (root / "docs/training.md").write_text(
        "# Training\n\n[terms](../LICENSE), [tests](../benchmarks), [docs](../docs), ![A plot.](plot.png)\n"
    )
    (root / "data/cards/digits.md").write_text("# Digits\n")
    (root / "LICENSE").write_text("Do as you like.")
    (root / "CONTRIBUTING.md").write_text("# Contributing\n\n[Front](README.md#front)\n")
    readme = "# Front\n\n[Means](notebooks/1_basics/01_means.ipynb) [web](https://example.org)\n"
    (root / "README.md").write_text(readme)
    build(root)
    return root


@pytest.fixture
def pages(course, tmp_path):
    """What Sphinx reads, from runs in which every cell printed, and one showed a slider."""
    syllabus, runs = read(course / "notebooks/source/lessons.toml"), tmp_path / "runs"
    runs.mkdir()
    for lesson in syllabus.ready:
        ran = nbformat.read(course / "notebooks" / lesson.solution, as_version=4)
        for cell in ran.cells:
            if cell.cell_type == "code":
                said = nbformat.v4.new_output("stream", name="stdout", text=f"from {cell.id}")
                cell.outputs = [said, nbformat.v4.new_output("display_data", data=SLIDER)]
            else:
                cell.source = "prose of the run, whose links lead elsewhere"
        ran.cells.append(nbformat.v4.new_markdown_cell("12 cells in 1 s", id="this-run"))
        nbformat.write(ran, runs / f"{lesson.id}.ipynb")
    lay_out(course, syllabus, runs, tmp_path / "pages")
    return tmp_path / "pages"


def means(pages):
    return nbformat.read(pages / "notebooks/solutions/1_basics/01_means.ipynb", as_version=4)


def test_a_lesson_has_its_own_prose_and_the_outputs_of_its_run(pages):
    cells = means(pages).cells
    assert "What is a mean?" in "".join(cell.source for cell in cells)
    assert not any("of the run" in cell.source for cell in cells)
    assert not {"this-run", "colab-set-up"} & {cell.id for cell in cells}
    for cell in cells:
        if cell.cell_type == "code":
            assert [output.text for output in cell.outputs] == [f"from {cell.id}"], "and no widget"


def test_solutions_are_folded_and_nothing_else_is(pages, course):
    folded = {cell.id for cell in means(pages).cells if "hide-input" in cell.metadata.get("tags", [])}
    source = (course / "notebooks/source/1_basics/01_means.py").read_text()
    assert len(folded) == source.count("# EXERCISE") > 0
    assert all(name.startswith("ex-01-") for name in folded)


def test_every_local_link_leads_to_something_in_the_tree(pages):
    found = 0
    for page in [*pages.rglob("*.md"), *pages.rglob("*.ipynb")]:
        text = page.read_text(encoding="utf-8")
        if page.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
            if "solutions" not in page.parts:
                continue  # a copy to take away; at home its links lead where they should
        for begin, end in links(text):
            target = text[begin:end].partition("#")[0]
            if is_local(target):
                found += 1
                assert (page.parent / target).is_file(), (page, target)
    assert found >= 6


def test_another_lesson_is_read_on_the_site_and_ones_own_is_taken_away(pages):
    text = "".join(cell.source for cell in means(pages).cells)
    assert "[lesson 00](../00_start.ipynb)" in text
    assert "[Take the notebook](../../1_basics/01_means.ipynb)" in text
    assert (pages / "notebooks/1_basics/01_means.ipynb").is_file()
    front = (pages / "index.md").read_text()
    assert "[Means](notebooks/solutions/1_basics/01_means.ipynb) [web](https://example.org)" in front
    assert (pages / "CONTRIBUTING.md").read_text().endswith("[Front](index.md#front)\n")


def test_a_folder_is_no_page_and_its_link_is_words(pages):
    text = (pages / "docs/training.md").read_text()
    assert text == "# Training\n\n[terms](../LICENSE), tests, docs, ![A plot.](plot.png)\n"
    assert (pages / "docs/plot.png").read_bytes() == b"a picture"


def test_every_page_stands_in_a_table_of_contents(pages):
    front = (pages / "index.md").read_text()
    for page in ("docs/training.md", "data/cards/digits.md", "CONTRIBUTING.md", "api.md"):
        assert f"\n{page}\n" in front
    assert front.index("/00_start") < front.rindex("/01_means")
    assert "02_sums" not in front


def test_the_library_page_names_all_that_is_public(pages):
    import course_lib

    text = (pages / "api.md").read_text()
    for name in course_lib.__all__:
        assert f"## `cl.{name}`" in text
    assert "course_lib.plots.history" in text


def test_with_an_address_a_lesson_opens_in_colab_and_no_picture_comes_from_elsewhere(course, tmp_path):
    toml = course / "notebooks/source/lessons.toml"
    toml.write_text(toml.read_text().replace('repository = ""', 'repository = "someone/course"'))
    build(course)
    syllabus, runs = read(toml), tmp_path / "runs"
    runs.mkdir()
    for lesson in syllabus.ready:
        shutil.copyfile(course / "notebooks" / lesson.solution, runs / f"{lesson.id}.ipynb")
    lay_out(course, syllabus, runs, tmp_path / "pages")
    title = means(tmp_path / "pages").cells[0].source
    assert "![" not in title
    address = (
        "https://colab.research.google.com/github/someone/course/blob/main/notebooks/1_basics/01_means.ipynb"
    )
    assert f"[open it in Colab]({address})" in title
