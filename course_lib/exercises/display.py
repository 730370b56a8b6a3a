"""Put a verdict on the page: words for people, a small record for programs."""

from __future__ import annotations

import html
import json
import os
import re
import sys

# One colour per tone, each with a contrast of at least 3 to 1 against a white page and against JupyterLab's
# dark one. The words say the same, so nothing hangs on the colour.
TONES = {"good": "#0A7BBD", "bad": "#CC5500", "calm": "#767676"}


def strict() -> bool:
    """Return whether COURSE_STRICT makes a failed claim or check an error."""
    return os.environ.get("COURSE_STRICT", "") not in ("", "0")


def in_notebook() -> bool:
    """Return whether a front end is there that shows more than text. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def marked_up(text: str) -> str:
    """Return `text` as HTML: escaped, with `code`, *emphasis*, and a line break for each newline."""
    escaped = html.escape(text, quote=False).replace("\n", "<br>")
    parts = re.split(r"`([^`]+)`", escaped)  # prose and code in turn; a star in code is code
    parts[::2] = [re.sub(r"\*(\S|\S[^*]*\S)\*", r"<em>\1</em>", prose) for prose in parts[::2]]
    parts[1::2] = [f"<code>{code}</code>" for code in parts[1::2]]
    return "".join(parts)


def show(heading: str, message: str, *, tone: str, record: tuple[str, dict] | None = None) -> None:
    """Show a heading and a message as a box in a notebook, as text elsewhere.

    Parameters
    ----------
    heading, message : str
        Words with `code` in backticks.
    tone : str
        A key of `TONES`: the colour of the box's edge.
    record : tuple of str and dict, optional
        A MIME type and what a program reads under it.
    """
    plain = f"{heading}\n{message}" if message else heading
    if not in_notebook():
        print(plain)
        return
    bundle = {"text/plain": plain, "text/html": box(heading, message, tone)}
    if record is not None:
        mime, data = record
        bundle[mime] = json.loads(json.dumps(data, allow_nan=False))  # nothing but JSON leaves the kernel
    from IPython.display import display

    display(bundle, raw=True)


def box(heading: str, message: str, tone: str) -> str:
    """Return the HTML of a message: an edge in the tone's colour, the text in the page's own."""
    return (
        f'<div role="note" style="border-left: 5px solid {TONES[tone]}; padding: 0.2em 0 0.2em 0.9em; '
        f'margin: 0.3em 0"><strong>{marked_up(heading)}</strong><br>{marked_up(message)}</div>'
    )


def show_table(columns: tuple[str, ...], rows: list[tuple[str, ...]], *, caption: str) -> None:
    """Show a table with its caption: HTML in a notebook, aligned text elsewhere."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (columns, *rows)]
    plain = "\n".join([caption, "", *lines])
    if not in_notebook():
        print(plain)
        return
    head = "".join(f'<th scope="col" style="text-align: left">{marked_up(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align: left">{marked_up(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    table = (
        f'<table><caption style="text-align: left">{marked_up(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    from IPython.display import display

    display({"text/plain": plain, "text/html": table}, raw=True)
