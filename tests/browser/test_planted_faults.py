"""What the tests of the lessons look for is found where it is: a notebook of faults in the same browser."""

import axe_rules
import nbformat
import pytest
from lesson_page import LessonPage
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

CELLS = [
    new_markdown_cell("# A title\n\n#### A heading three levels down"),
    new_code_cell("import sys, warnings\nwarnings.warn('the data have changed')"),
    new_code_cell(
        "import ipywidgets\n\n\ndef fail(change):\n    raise ZeroDivisionError('in a callback')\n\n\n"
        "slider = ipywidgets.IntSlider(description='k')\nslider.observe(fail, 'value')\nslider"
    ),
    new_code_cell(
        "import contextlib, urllib.request\nwith contextlib.suppress(OSError):\n"
        "    urllib.request.urlopen('http://kernel.example.org', timeout=2)"
    ),
    new_code_cell(
        "from IPython.display import HTML, Javascript\n"
        'HTML(\'<p style="color: #999999; background: #ffffff">pale</p><img src="http://page.example.org/a.png">\')'
    ),
    new_markdown_cell("Words to fill the page.\n\n" * 80),
    new_code_cell("HTML('<p style=\"color: #999999; background: #ffffff\">pale, far below</p>')"),
    new_code_cell("Javascript('setTimeout(() => { throw new Error(\"planted in the page\"); })')"),
    new_markdown_cell("[A link in a cell that is selected](https://example.org), far below and right."),
]

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@pytest.fixture(scope="module")
def planted(browser, server):
    notebook = new_notebook(cells=CELLS, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, server.work / "planted.ipynb")
    page = LessonPage(browser, server, "planted.ipynb")
    page.open()
    page.run_all()
    yield page
    page.close()


def test_what_is_written_to_stderr_is_seen(planted):
    assert any("the data have changed" in text for text in planted.red())


def test_an_error_in_a_widgets_callback_is_seen(planted):
    handle = planted.output(2).locator(".noUi-handle")
    planted.reach_by_tab(2, handle)
    planted.page.keyboard.press("ArrowRight")
    planted.page.wait_for_function("() => window.red.some((text) => text.includes('in a callback'))")


def test_a_request_of_the_page_is_seen_and_stopped(planted):
    assert "http://page.example.org/a.png" in planted.left_the_machine


def test_a_request_of_the_kernel_is_seen_and_stopped(planted):
    assert any("asked the network: kernel.example.org" in text for text in planted.red())


def test_an_error_of_the_page_is_seen(planted):
    assert any("planted in the page" in error for error in planted.page_errors)


def test_axe_names_what_cannot_be_read_heard_or_followed(planted):
    violations, _ = axe_rules.findings(planted.page)
    rules = {one["rule"] for one in violations}
    assert {"color-contrast", "heading-order", "aria-input-field-name"} <= rules, rules
    pale = [one["html"] for one in violations if one["rule"] == "color-contrast"]
    assert any(">pale<" in html for html in pale)
    assert any("far below" in html for html in pale)


def test_a_picture_without_words_is_named(planted):
    assert axe_rules.pictures_without_a_sentence(planted.page) == ["Image"]


def test_axe_sees_a_selected_cell_far_below_as_a_reader_does(planted):
    planted.page.evaluate("(last) => { window.lesson.content.activeCellIndex = last; }", len(CELLS) - 1)
    planted.use_theme("JupyterLab Dark")
    try:
        violations, _ = axe_rules.findings(planted.page)
    finally:
        planted.use_theme("JupyterLab Light")
    assert [one["why"] for one in violations if "a cell that is selected" in one["html"]] == []
