"""The rule against leaks: no solution stands in the student's copy.

It compares text: it sees an expression of a solution that stands again in the student's copy, in code,
comment, prose or fold-out, however it is spaced. It does not see the same computation with other names, in
another order, as a formula, or as the number that it comes out at.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator

from course_lib.lessons.lint.page import HEADER, Page, Problem
from course_lib.lessons.source import Cell, solution_blocks


def nothing_leaks(page: Page) -> Iterator[Problem]:
    """What is new in a solution stands nowhere in the student's copy from the task on.

    Expressions that the lesson has taught before the task give nothing away, unless one cell holds them all.
    """
    kept = [cell for cell in page.student if cell]
    headers = {match["id"]: cell.line for cell in page.markdown for match in HEADER.finditer(cell.text)}
    for name, index in page.exercises.items():
        answer = page.cells[index]
        task = headers.get(name, answer.line)
        earlier = [cell for cell in kept if cell.line < task]
        whole = _telling_parts(answer)
        new = [part for part in whole if not any(_line_of_part(part, cell) for cell in earlier)]
        for part in new:
            for cell in kept:
                if cell.line >= task and (line := _line_of_part(part, cell)):
                    yield page.problem(
                        line,
                        f"A part of the solution of exercise {name} stands in the student's copy: `{part}`.",
                        "Take it out, or write it with other names or by other means.",
                    )
        if whole and not new:
            for cell in earlier:
                if all(_line_of_part(part, cell) for part in whole):
                    yield page.problem(
                        cell.line,
                        f"The whole solution of exercise {name} stands here, before the task.",
                        "Ask for something that the lesson has not written out.",
                    )


def _telling_parts(answer: Cell) -> list[str]:
    """Return the expressions of a solution that are long enough to give it away, and its bare numbers."""
    ranges = [range(begin + 1, end + 2) for begin, end in solution_blocks(answer)]
    steps = (ast.BinOp, ast.BoolOp, ast.Compare, ast.Call, ast.Subscript, ast.comprehension)
    found = []
    for node in ast.walk(answer.tree):
        if not isinstance(node, ast.stmt) or not any(node.lineno in lines for lines in ranges):
            continue
        for field in ("value", "test", "iter", "exc"):
            part = getattr(node, field, None)
            if not isinstance(part, ast.expr):
                continue
            text = re.sub(r"#[^\n]*", "", ast.get_source_segment(answer.text, part) or "")
            long = len(re.sub(r"\s", "", text)) >= 20
            telling = long and sum(isinstance(inner, steps) for inner in ast.walk(part)) >= 2
            # A bare number that is returned is the answer itself, where it has three digits that count.
            digits = re.sub(r"(?i)e.*|\D", "", text).strip("0")
            bare = isinstance(node, ast.Return) and re.fullmatch(r"-?[\d.]+(?i:e[+-]?\d+)?", text)
            if (telling or (bare and len(digits) >= 3)) and text not in found:
                found.append(text)
    return found


def _line_of_part(part: str, cell: Cell) -> int | None:
    """Return the line of the file in which a part of a solution stands in a cell, however it is spaced."""
    gaps = r"\s*".join(re.escape(token) for token in re.findall(r"\w+|\S", part))
    match = re.search(rf"(?<![\w.]){gaps}(?!\w|\.\d)", html.unescape(cell.text))
    return cell.line + html.unescape(cell.text).count("\n", 0, match.start()) if match else None
