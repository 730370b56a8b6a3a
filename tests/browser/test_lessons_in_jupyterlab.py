"""Each lesson in a real JupyterLab in a real browser, as a student uses it.

The tests of one lesson share one page, on which the notebook was run once; each does its own part there, in
the order in which they stand, and the last one looks back at what should not have happened.
"""

import ast
import re

import axe_rules
import pytest
from playwright.sync_api import expect

from course_lib.lessons.source import BLANK, called, calls, read_cells, solution_cell

# What a widget consists of that a person can move; boxes and labels are no part of it.
MOVABLE = ".jupyter-widgets :is(input, select, textarea, button, [role=slider], [contenteditable=true])"
SLIDER = ".course-slider .noUi-handle"


@pytest.fixture
def exercise(opened):
    """The first exercise: its id, and where its answer, its check and its hint stand."""
    cells = opened.cells()
    answer = next(cell for cell in cells if cell.exercise)
    number = answer.exercise
    (check,) = [cell.index for cell in cells if cell.source.startswith(f'cl.check("{number}"')]
    (hint,) = [cell.index for cell in cells if re.search(rf'cl\.hint\("{number}"\)', cell.source)]
    return number, answer.index, check, hint


@pytest.fixture
def solution(root, lesson, exercise):
    """The answer cell of that exercise with its solution."""
    cells = read_cells((root / lesson.source).read_text(encoding="utf-8"))
    return next(solution_cell(cell).text for cell in cells if cell.exercise == exercise[0])


def sliders_in(source: str) -> int:
    """Return how many sliders a cell makes with `cl.slider`."""
    found = [call for call in calls(ast.parse(source)) if called(call) == "cl.slider"]
    return sum(word.arg != "alt" for call in found for word in call.keywords)


def test_the_untouched_notebook_runs_to_its_end(opened):
    code = [cell for cell in opened.cells() if cell.kind == "code"]
    assert [cell.source for cell in code if cell.count is None] == []
    not_attempted = opened.page.get_by_text(re.compile(r"^Exercise \d\d\.\d+: not attempted$"))
    expect(not_attempted).to_have_count(sum(cell.exercise is not None for cell in code))


def test_each_widget_is_reached_by_keyboard_and_moves_its_figure(opened, lesson, pictures):
    page = opened.page
    expected = {cell.index: sliders_in(cell.source) for cell in opened.cells() if cell.kind == "code"}
    expected = {index: made for index, made in expected.items() if made}
    sources = [cell.source for cell in opened.cells()]
    expect(page.locator(SLIDER)).to_have_count(sum(expected.values()))
    assert page.locator(MOVABLE).count() == sum(expected.values()), (
        "There is a widget that nothing here moves."
    )
    for index, made in expected.items():
        output = opened.output(index)
        expect(output.locator(SLIDER)).to_have_count(made)
        for number in range(made):
            handle = output.locator(SLIDER).nth(number)
            opened.reach_by_tab(index, handle)
            seen = [_figure(output)]
            for key in ("Home", "End"):
                before, value = _figure(output), handle.get_attribute("aria-valuenow")
                page.keyboard.press(key)
                if handle.get_attribute("aria-valuenow") != value:
                    expect(output.locator("figure img")).not_to_have_attribute("src", before)
                seen.append(_figure(output))
            opened.wait_until_idle()
            assert seen[1] != seen[2], f"{handle.get_attribute('aria-label')}: its two ends show the same"
            expect(output.get_by_role("alert")).to_have_count(0)  # a `draw` that fails
        assert opened.cells()[index].source == sources[index], "Tab has written into the cell"
    if expected:
        opened.bring_into_view(opened.output(min(expected)).locator("figure img"))
    page.screenshot(path=pictures / f"{lesson.number}.png")


def _figure(output) -> str:
    return output.locator("figure img").get_attribute("src")


def test_a_slider_says_its_name_and_the_value_that_stands_beside_it(opened):
    for slider in opened.page.locator(".course-slider .widget-slider").all():
        handle = slider.locator(".noUi-handle")
        # The text itself, not what is laid out of it: of a cell out of sight that is nothing.
        label, readout = (slider.locator(f".widget-{part}").text_content() for part in ("label", "readout"))
        assert label
        assert readout
        expect(handle).to_have_attribute("aria-label", label)
        expect(handle).to_have_attribute("aria-valuetext", readout)


def test_a_wrong_answer_a_hint_and_a_right_answer_are_answered(opened, exercise, solution):
    number, answer, check, hint = exercise
    blank = opened.cells()[answer].source
    assert BLANK in blank
    for text, verdict in (
        (blank.replace(BLANK, 'return "a wrong answer"'), "not yet"),
        (solution, "correct"),
    ):
        opened.type_into(answer, text)
        opened.run_cell(answer)
        opened.run_cell(check)
        expect(opened.output(check)).to_contain_text(f"Exercise {number}: {verdict}")
        if verdict == "not yet":
            opened.uncomment(hint)
            opened.run_cell(hint)
            expect(opened.output(hint)).to_contain_text(f"Exercise {number}, hint 1 of 3")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_in_what_the_course_draws(opened, theme):
    opened.use_theme(theme)
    try:
        violations, kept = axe_rules.findings(opened.page)
    finally:
        opened.use_theme("JupyterLab Light")
    assert not violations, axe_rules.report(violations)
    # That it looked: at every picture and every slider, and at the words of all cells of prose.
    assert kept["image-alt"] == opened.page.locator(".jp-Notebook img").count()
    assert kept.get("aria-input-field-name", 0) == opened.page.locator(SLIDER).count()
    assert kept["color-contrast"] >= sum(cell.kind == "markdown" for cell in opened.cells())
    assert {"heading-order", "link-name"} <= set(kept)


def test_every_picture_has_a_sentence(opened):
    assert opened.page.locator(".jp-Notebook img").count()
    assert axe_rules.pictures_without_a_sentence(opened.page) == []


def test_what_was_saved_is_there_again_and_a_new_kernel_resumes(opened, exercise, solution):
    number, answer, check, _ = exercise
    opened.type_into(answer, solution)
    opened.save()
    opened.open()
    assert opened.cells()[answer].source == solution
    opened.restart_and_run_to(check)
    cells = opened.cells()
    assert [cell.index for cell in cells[: check + 1] if cell.kind == "code" and cell.count is None] == []
    assert cells[check].count == sum(cell.kind == "code" for cell in cells[: check + 1])  # it counts anew
    expect(opened.output(check)).to_contain_text(f"Exercise {number}: correct")


def test_nothing_went_wrong_and_nothing_left_the_machine(opened, server):
    meant = [
        f"{output['ename']}: {output['evalue']}"
        for cell in opened.cells()
        if "raises-exception" in cell.tags
        for output in cell.outputs
        if output["output_type"] == "error"
    ]
    assert [text for text in opened.red() if text not in meant] == []
    assert opened.page_errors == []
    assert opened.left_the_machine == []
    assert server.asked_of_the_network() == []
