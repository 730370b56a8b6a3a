"""An executed notebook as one web page that needs nothing beside it."""

from __future__ import annotations

import base64
import copy
import logging
import mimetypes
from pathlib import Path

from course_lib.lessons.source import is_local, links

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_ALIVE_ONLY = (WIDGET_VIEW, "application/javascript")  # widgets, and what names their handles
# What nbconvert writes for a picture that has none.
_NO_ALT = 'alt="No description has been provided for this image"'
# Nothing here asks require.js, Mermaid or a widget manager from a server: figures are pictures, and a widget
# without its kernel only looks alive. MathJax stays: without a network a formula is read as TeX.
_TEMPLATE = """{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
"""


def page_of(notebook, folder: Path) -> tuple[str, int]:
    """Return the page of a notebook, and how many of its pictures have no alt text.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The executed notebook; it is left as it is.
    folder : Path
        Where its relative image links begin.
    """
    from nbconvert import HTMLExporter

    notebook = without_life(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _with_pictures(cell.source, folder)
    quiet = logging.getLogger("course_lib.page")  # nbconvert's warning on alt texts is our second result
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    exporter = HTMLExporter(raw_template=_TEMPLATE, log=quiet)
    page, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": _title(notebook)}})
    return page, page.count(_NO_ALT)


def without_life(notebook):
    """Return a copy of a notebook without what needs a kernel: a widget on a page only looks alive."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if not set(_ALIVE_ONLY) & set(out.get("data", {}))]
    return notebook


def _with_pictures(text: str, folder: Path) -> str:
    """Put the pictures that a Markdown text links to into it (nbconvert takes none from another folder)."""
    for begin, end in reversed(links(text)):
        target = text[begin:end]
        kind = mimetypes.guess_type(target)[0] or ""
        if is_local(target) and kind.startswith("image/") and (folder / target).is_file():
            picture = base64.b64encode((folder / target).read_bytes()).decode()
            text = f"{text[:begin]}data:{kind};base64,{picture}{text[end:]}"
    return text


def _title(notebook) -> str:
    """Return the first heading of a notebook, as its page's title."""
    lines = (
        line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.split("\n")
    )
    return next((line.lstrip("# ") for line in lines if line.startswith("# ")), "Lesson")
