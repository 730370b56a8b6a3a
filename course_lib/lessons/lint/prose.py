"""Rules on figures and prose: alt text, links that lead somewhere, headings in order."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from course_lib.lessons.lint.page import FUNCTIONS, TOML, Page, Problem, walk_outside, words_of
from course_lib.lessons.source import Cell, called, calls, is_local, links, prose

_MAKES_FIGURE = re.compile(
    r"plt\.(figure|axes|subplot\w*|plot|scatter|hist\w*|imshow|matshow|bar\w*|errorbar|boxplot|violinplot"
    r"|contour\w*|pcolor\w*|fill_between|step|stem|semilog\w|loglog|pie)"
)
_DRAWS_NOTHING = {"cl.plots.use_style", "cl.plots.show", "cl.plots.to_html"}
_SAYS_NOTHING = {"", "here", "click here", "this", "link", "this link", "this page", "more", "read more"}
SHOW = 'End the cell with `cl.show(fig, alt="…")`: kind of figure, axes, finding, in one sentence.'


def figures_have_alt_text(page: Page) -> Iterator[Problem]:
    """A figure is shown by `cl.show` or `cl.slider`, with alt text."""
    for cell in page.code:
        shows = [
            call for call in calls(cell.tree) if called(call) in ("cl.show", "cl.plots.show", "cl.slider")
        ]
        for call in shows:
            alt = next((word.value for word in call.keywords if word.arg == "alt"), None)
            spread = any(word.arg is None for word in call.keywords)
            if not spread and (alt is None or (isinstance(alt, ast.Constant) and not words_of(alt))):
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{called(call)}` has no alt text.",
                    'Write `alt="…"`: kind of figure, axes, finding, in one sentence.',
                )
        for call in (
            node for node in walk_outside(cell.tree, (*FUNCTIONS, ast.Lambda)) if isinstance(node, ast.Call)
        ):
            drawn = called(call)
            own = drawn.startswith("cl.plots.") and drawn not in _DRAWS_NOTHING
            onto = any(word.arg == "ax" for word in call.keywords)
            if (_MAKES_FIGURE.fullmatch(drawn) or (own and not onto)) and not shows:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{drawn}` makes a figure that is shown without alt text.",
                    SHOW,
                )
                break


def prose_is_accessible(page: Page) -> Iterator[Problem]:
    """Pictures have alt text, links lead somewhere and say where, headings skip no level."""
    level = 1  # the title, which the build writes
    here = page.root / "notebooks" / page.lesson.unit
    lessons = {place for lesson in page.syllabus.ready for place in (lesson.notebook, lesson.solution)}
    for cell in page.markdown:
        text = prose(cell.text)

        def line(position: int, cell: Cell = cell) -> int:
            return cell.line + cell.text.count("\n", 0, position)

        for match in re.finditer(r"^ {0,3}(#{1,6}) +\S", text, re.MULTILINE):
            depth = len(match[1])
            if depth == 1:
                yield page.problem(
                    line(match.start(1)),
                    "A heading of the first level stands in the source.",
                    f"The build writes the title from `{TOML}`: begin with `##`.",
                )
            elif depth > level + 1:
                yield page.problem(
                    line(match.start(1)),
                    f"The heading goes from level {level} to level {depth}.",
                    f"Write it with {level + 1} `#`.",
                )
            level = depth
        for match in re.finditer(r"!\[([^\]]*)\]\(|<img\b([^>]*)>", text):
            tag = match[2] or ""
            alt = match[1] if match[2] is None else "".join(re.findall(r"\balt=[\"']([^\"']*)", tag))
            if not alt.strip():
                yield page.problem(
                    line(match.start()),
                    "A picture has no alt text.",
                    "Write `![what it shows](…)`, in one sentence.",
                )
        for match in re.finditer(r"(?<!!)\[([^\[\]]*)\]\(|<a\b[^>]*>(.*?)</a>", text):
            words = (match[1] if match[2] is None else match[2]).strip(" .*_`")
            if words.lower() in _SAYS_NOTHING:
                yield page.problem(
                    line(match.start()),
                    f"The link `{words}` does not say where it leads.",
                    "Name what it leads to.",
                )
        for begin, end in links(cell.text):
            target = cell.text[begin:end]
            # Folded by name: the folder of a unit that was never built is not there to be walked through.
            path = Path(os.path.normpath(here / unquote(re.split(r"[#?]", target)[0])))
            place = _place(path, page.root / "notebooks")
            if target.startswith("/"):
                found = "is a path of one machine"
            elif not is_local(target) or place in lessons:
                continue
            elif not path.exists():
                found = "leads nowhere"
            elif not place:
                found = "leads out of `notebooks/`, and a student's own copy lies elsewhere"
            else:
                continue
            yield page.problem(
                line(begin),
                f"The link to `{target}` {found}.",
                f"Write the way as seen from the student's notebook, in `notebooks/{page.lesson.unit}`.",
            )


def tables_have_headers(page: Page) -> Iterator[Problem]:
    """Every column of a table has a word at its head, for those who hear the table cell by cell."""
    for cell in page.markdown:
        hidden, lines = prose(cell.text).split("\n"), cell.text.split("\n")
        for number, line in enumerate(hidden[1:], start=1):
            if not re.fullmatch(r" {0,3}\|?( *:?-+:? *\|)+( *:?-+:? *)?", line):
                continue
            head = re.split(r"(?<!\\)\|", lines[number - 1].strip().removeprefix("|").removesuffix("|"))
            if not all(map(str.strip, head)):
                yield page.problem(
                    cell.line + number - 1,
                    "A column of the table has no word at its head.",
                    "Write one, such as `name`.",
                )
        for match in re.finditer(r"<table\b.*?(?:</table>|\Z)", "\n".join(hidden), re.DOTALL | re.IGNORECASE):
            if not re.search(r"<th\b", match[0], re.IGNORECASE):
                yield page.problem(
                    cell.line + cell.text.count("\n", 0, match.start()),
                    "A `<table>` has no `<th>`.",
                    "Mark its head cells as such, or write the table in Markdown.",
                )


def _place(path: Path, top: Path) -> str:
    """Return where a path lies below `top`; nothing where it lies outside."""
    try:
        return path.resolve().relative_to(top.resolve()).as_posix()
    except ValueError:
        return ""
