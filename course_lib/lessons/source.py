"""Lesson sources: `py:percent` text as cells that know their line, and the two versions of a cell."""

from __future__ import annotations

import ast
import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import cached_property

BLANK = 'raise NotImplementedError("your code here")'
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"

_DELIMITER = re.compile(r"#\s*%%(?:\s|$)")
# nbgrader's words, and what looks like them: a misspelt marker would leave the solution where it is.
_MARKER = re.compile(r"###\s*(BEGIN|END)\b|#+\s*(?i:(begin|end)\s*(solution|hidden))")
_EXERCISE = re.compile(r"# EXERCISE (\S+)[ \t]*(?:\n|$)")


class SourceError(Exception):
    """A source that cannot be read as cells: the line (from 1), what was found there, what to do."""

    def __init__(self, line: int, found: str, suggestion: str) -> None:
        super().__init__(f"line {line}: {found} {suggestion}")
        self.line, self.found, self.suggestion = line, found, suggestion


@dataclass(frozen=True)
class Cell:
    """A cell of a source. `line` is the line of the file (from 1) that its text begins in."""

    kind: str  # "markdown", "code" or "raw"
    text: str
    line: int
    metadata: dict = field(default_factory=dict)

    @property
    def tags(self) -> list[str]:
        """The cell's tags, such as `parameters` or `solution`."""
        return self.metadata.get("tags", [])

    @property
    def exercise(self) -> str | None:
        """The id of the exercise that is answered here, from the first line `# EXERCISE 05.2`."""
        match = _EXERCISE.match(self.text) if self.kind == "code" else None
        return match[1] if match else None

    @cached_property
    def checks(self) -> list[ast.Call]:
        """The calls of `cl.check` in the cell."""
        return [call for call in calls(self.tree) if called(call) == "cl.check"]

    @cached_property
    def tree(self) -> ast.Module:
        """The cell's code as a syntax tree; empty for prose and for code that does not parse."""
        try:
            return ast.parse(self.text if self.kind == "code" else "")
        except SyntaxError:
            return ast.parse("")


def calls(tree: ast.AST) -> list[ast.Call]:
    """Return every call in a syntax tree."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def called(call: ast.Call) -> str:
    """Return the dotted name of what is called, such as `plt.subplots`, or nothing where it has none."""
    names, node = [], call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def first_string(call: ast.Call) -> str | None:
    """Return the first argument of a call where it is a string written out."""
    match call.args:
        case [ast.Constant(value=str(text)), *_]:
            return text
    return None


def read_cells(text: str) -> list[Cell]:
    """Read a `py:percent` source.

    Raises
    ------
    SourceError
        If the text is not a sequence of cells, or a prose cell holds a line that is no comment.
    """
    import jupytext

    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _DELIMITER.match(line)]
    before = [number for number in range(starts[0] if starts else len(lines)) if lines[number].strip()]
    if before or not starts:
        raise SourceError(
            before[0] + 1 if before else 1,
            "The source does not begin with a cell.",
            "Begin it with `# %% [markdown]` and the lesson's question.",
        )
    bodies = [lines[a + 1 : b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    # No translation of magics: what stands in the source is what the notebook gets.
    form = {"extension": ".py", "format_name": "percent", "comment_magics": False}
    read = jupytext.reads(text, fmt=form).cells
    if len(read) != len(starts):
        raise SourceError(
            starts[0] + 1,
            f"The source has {len(starts)} lines that begin a cell, and jupytext reads {len(read)} cells.",
            "Look for `# %%` or `# In[1]:` inside a string or at an indent.",
        )
    cells = []
    for start, body, cell in zip(starts, bodies, read, strict=True):
        blank = next((number for number, line in enumerate(body) if line.strip()), 0)
        if cell.cell_type != "code":
            for number, line in enumerate(body):
                if line.strip() and not line.startswith("#"):
                    raise SourceError(
                        start + number + 2,
                        "Code stands under a `[markdown]` marker.",
                        "Begin the line with `# ` if it is prose, or put `# %%` above it if it is code.",
                    )
        cells.append(
            Cell(
                kind=cell.cell_type,
                text=cell.source.strip("\n"),
                line=start + 2 + blank,
                metadata={
                    key: value for key, value in cell.metadata.items() if not key.startswith("lines_to_")
                },
            )
        )
    return cells


def solution_blocks(cell: Cell) -> list[tuple[int, int]]:
    """Return where the solution blocks of a cell begin and end, as indices of its lines, markers included.

    Raises
    ------
    SourceError
        If a marker is nested, not closed, not opened, or misspelt.
    """
    blocks, opened = [], None
    for number, line in enumerate(cell.text.split("\n")):
        word = line.strip()
        if not _MARKER.match(word):
            continue
        here = cell.line + number
        if word == BEGIN:
            if opened is not None:
                raise SourceError(
                    here,
                    f"A second `{BEGIN}` stands inside the one of line {cell.line + opened}.",
                    f"Close the first with `{END}`.",
                )
            opened = number
        elif word == END:
            if opened is None:
                raise SourceError(here, f"`{END}` closes nothing.", f"Open it with `{BEGIN}`, or delete it.")
            blocks.append((opened, number))
            opened = None
        else:
            raise SourceError(here, f"`{word}` is no marker.", f"Write `{BEGIN}` or `{END}`.")
    if opened is not None:
        raise SourceError(
            cell.line + opened,
            f"`{BEGIN}` is not closed.",
            f"Put `{END}` after the solution, in the same cell.",
        )
    return blocks


def student_cell(cell: Cell, *, keep_lines: bool = False) -> Cell | None:
    """Return a cell as the student gets it: blanks for solutions, nothing for a cell tagged `solution`.

    With `keep_lines` empty lines stand for those that the blank is shorter by.
    """
    if "solution" in cell.tags:
        return None
    lines = cell.text.split("\n")
    for begin, end in reversed(solution_blocks(cell)):
        indent = lines[begin][: len(lines[begin]) - len(lines[begin].lstrip())]
        lines[begin : end + 1] = [indent + BLANK, *[""] * (end - begin if keep_lines else 0)]
    return replace(cell, text="\n".join(lines))


def solution_cell(cell: Cell) -> Cell:
    """Return a cell as the solution notebook has it: whole, without the marker lines."""
    lines = cell.text.split("\n")
    for begin, end in reversed(solution_blocks(cell)):
        del lines[end], lines[begin]
    return replace(cell, text="\n".join(lines))


def cell_ids(cells: list[Cell]) -> list[str]:
    """Name the cells by what they are, so that an insertion or an edit further down changes no other name.

    An answer is `ex-05-2`, its check `check-05-2`; every other cell is named by its kind and the first words
    of its first line, with a counter only where two cells begin alike.
    """
    ids: list[str] = []
    for cell in cells:
        checked = [text for call in cell.checks if (text := first_string(call))]
        if cell.exercise:
            name = f"ex-{_slug(cell.exercise)}"
        elif checked:
            name = f"check-{_slug(checked[0])}"
        else:
            kind = {"markdown": "md"}.get(cell.kind, cell.kind)
            special = next((tag for tag in cell.tags if tag in ("parameters", "syllabus")), None)
            name = special or f"{kind}-{_slug(cell.text)}"
        unique, counter = name, 1
        while unique in ids:
            counter += 1
            unique = f"{name}-{counter}"
        ids.append(unique)
    return ids


def _slug(text: str) -> str:
    """Return the first words of a text's first line in the letters that nbformat allows in an id."""
    plain = unicodedata.normalize("NFKD", text.partition("\n")[0]).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain)[:6])[:48].strip("-") or "cell"


def prose(text: str) -> str:
    """Return Markdown with its code blocks and code spans blanked out, every position kept."""
    code = r"^([ ]{0,3})(`{3,}|~{3,}).*?(?:^[ ]{0,3}\2|\Z)|(?<!`)(`+)(?!`).+?(?<!`)\3(?!`)"
    return re.sub(code, lambda match: re.sub(r"[^\n]", " ", match[0]), text, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[tuple[int, int]]:
    """Return where in a Markdown text the targets of its links and images stand, also of HTML ones."""
    pattern = r"\]\(\s*<?([^)\s>]+)|<(?:img|a)\b[^>]*?\b(?:src|href)=[\"']([^\"']*)[\"']"
    return [match.span(1 if match[1] else 2) for match in re.finditer(pattern, prose(text))]


def is_local(target: str) -> bool:
    """Say whether a link's target is a file beside the notebook."""
    return bool(target) and not re.match(r"[a-zA-Z][\w+.-]*:|[#/]", target)
