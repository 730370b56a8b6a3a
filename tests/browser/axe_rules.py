"""What axe-core finds in what the course draws: prose, outputs and widgets, not JupyterLab around them."""

from __future__ import annotations

import re

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# The rendered prose and the outputs of the notebook; a cell's editor and the menus are JupyterLab's own.
DRAWN = (".jp-Notebook .jp-MarkdownOutput", ".jp-Notebook .jp-OutputArea-output")

# A cell out of sight is not laid out, and JupyterLab's body has no height and cuts off what is beyond it: axe
# takes such words for invisible and looks at none of them.
_LAID_OUT = """
.jp-Notebook .jp-Cell { content-visibility: visible !important; }
/* What is behind it in its panel; the selected cell would let the page behind the panel shine through. */
.jp-Notebook .jp-Cell { background: var(--jp-layout-color0) !important; }
html, body, body :has(.jp-Notebook), .jp-WindowedPanel-outer { overflow: visible !important; }
"""
# JupyterLab puts the cells on the page one after another, when it has nothing else to do.
_ALL_THERE = """() =>
  document.querySelectorAll('.jp-Notebook .jp-Cell').length === window.lesson.content.widgets.length"""
_SENTENCE = re.compile(r"(\S+\s+){4,}\S.*[.?!…][\"”’')\]]*\s*", re.DOTALL)
# JupyterLab's own looks, the same in every notebook: it underlines no link.
_NOT_OURS = ("link-in-text-block",)
_RUN = """async ([drawn, off]) => {
  const rules = Object.fromEntries(off.map((rule) => [rule, {enabled: false}]));
  const found = await axe.run({include: drawn.map((one) => [one])}, {rules});
  return {
    violations: found.violations.flatMap((rule) => rule.nodes.map((node) => ({
      rule: rule.id, impact: rule.impact, html: node.html.slice(0, 300), why: node.failureSummary,
    }))),
    kept: Object.fromEntries(found.passes.map((rule) => [rule.id, rule.nodes.length])),
  };
}"""


def findings(page: Page) -> tuple[list[dict], dict[str, int]]:
    """Run every rule of axe-core on what the course draws.

    Returns
    -------
    tuple of list of dict and dict
        One entry for each element that breaks a rule; and for each rule the number of elements that keep it.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    page.wait_for_function(_ALL_THERE)
    style = page.add_style_tag(content=_LAID_OUT)
    try:
        result = page.evaluate(_RUN, [list(DRAWN), list(_NOT_OURS)])
    finally:
        style.evaluate("(style) => style.remove()")
    return result["violations"], result["kept"]


def pictures_without_a_sentence(page: Page) -> list[str]:
    """Return the alt texts that are no sentence; JupyterLab gives "Image" to a picture that has none."""
    alts = page.locator(".jp-Notebook img").evaluate_all("(all) => all.map((one) => one.alt)")
    return [alt for alt in alts if not _SENTENCE.fullmatch(alt)]


def report(violations: list[dict]) -> str:
    """Return the violations for people: rule, element, reason."""
    return "\n".join(
        f"{one['rule']} ({one['impact']}): {one['html']}\n    {one['why']}" for one in violations
    )
