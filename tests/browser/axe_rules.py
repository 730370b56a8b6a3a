"""What axe-core finds in what the course draws: prose, outputs and widgets, not JupyterLab around them."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# The rendered prose and the outputs of the notebook; a cell's editor and the menus are JupyterLab's own.
DRAWN = (".jp-Notebook .jp-MarkdownOutput", ".jp-Notebook .jp-OutputArea-output")

_RUN = """async (drawn) => {
  const found = await axe.run({include: drawn.map((one) => [one])}, {resultTypes: ['violations']});
  const told = (result) => result.nodes.map((node) => ({
    rule: result.id, impact: result.impact, target: node.target.join(' '),
    html: node.html.slice(0, 300), why: node.failureSummary,
  }));
  return {violations: found.violations.flatMap(told), passed: found.passes.map((rule) => rule.id)};
}"""


def findings(page: Page) -> tuple[list[dict], list[str]]:
    """Run every rule of axe-core on what the course draws.

    Returns
    -------
    tuple of list of dict and list of str
        One entry for each element that breaks a rule, and the names of the rules that something was held to
        and kept.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    # A cell out of sight is not laid out, and what is not laid out has no contrast: show all for the while.
    style = page.add_style_tag(content=".jp-Notebook .jp-Cell { content-visibility: visible !important; }")
    try:
        result = page.evaluate(_RUN, list(DRAWN))
    finally:
        style.evaluate("(style) => style.remove()")
    return result["violations"], result["passed"]


def report(violations: list[dict]) -> str:
    """Return the violations for people: rule, element, reason."""
    return "\n".join(
        f"{one['rule']} ({one['impact']}): {one['html']}\n    {one['why']}" for one in violations
    )
