"""Rules on exercises: answers, checks, hints, entries and tests; nothing later hangs on an answer."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib.errors import closest
from course_lib.lessons.lint.page import (
    FUNCTIONS,
    HEADER,
    SCOPES,
    Page,
    Problem,
    names_bound,
    names_read,
    words_of,
)
from course_lib.lessons.source import called, calls, first_string, solution_blocks

RIGHT, WRONG = 3, 5  # how many answers of either kind an exercise's tests hold at least
_FIELDS = ("id", "title", "kind", "minutes", "difficulty", "hints", "verify")


def answers_are_in_order(page: Page) -> Iterator[Problem]:
    """Exercise cells: named rightly and once, with a blank in a function's body."""
    seen: dict[str, int] = {}
    for cell, student in zip(page.cells, page.student, strict=True):
        blocks = solution_blocks(cell)
        for number, line in enumerate(cell.text.split("\n")):
            strayed = number or not cell.exercise
            if cell.kind == "code" and strayed and re.match(r"#\s*EXERCISE\b", line, re.IGNORECASE):
                yield page.problem(
                    cell.line + number,
                    f"`{line.strip()}` does not name an exercise.",
                    f"Begin the answer cell with the line `# EXERCISE {page.lesson.number}.1`.",
                )
        if not cell.exercise:
            if blocks:
                yield page.problem(
                    cell.line + blocks[0][0],
                    "A solution stands in a cell that answers no exercise.",
                    f"Begin the cell with `# EXERCISE {page.lesson.number}.1`, or tag the cell `solution`.",
                )
            continue
        if not re.fullmatch(rf"{page.lesson.number}\.[1-9]\d*", cell.exercise):
            yield page.problem(
                cell.line,
                f"`{cell.exercise}` is no exercise of lesson {page.lesson.number}.",
                f"Write the lesson's number, a dot and a number from 1: `{page.lesson.number}.1`.",
            )
        if cell.exercise in seen:
            yield page.problem(
                cell.line,
                f"Exercise {cell.exercise} has been answered in line {seen[cell.exercise]} already.",
                "Give it a number of its own.",
            )
        seen.setdefault(cell.exercise, cell.line)
        if not blocks:
            yield page.problem(
                cell.line,
                f"The answer to exercise {cell.exercise} has no blank.",
                "Put `### BEGIN SOLUTION` and `### END SOLUTION` around what the student is to write.",
            )
        if student is None:
            yield page.problem(
                cell.line,
                f"The answer to exercise {cell.exercise} is tagged `solution`, so the student gets no blank.",
                "Take the tag off: the markers are enough.",
            )
            continue
        inside = {
            node.lineno
            for function in ast.walk(student.tree)
            if isinstance(function, FUNCTIONS)
            for node in ast.walk(function)
            if isinstance(node, ast.Raise)
        }
        for begin, _ in blocks:
            if begin + 1 not in inside:
                yield page.problem(
                    cell.line + begin,
                    "The blank stands outside a function, so the untouched notebook would stop here.",
                    "Ask for a function, and put the blank into its body.",
                )


def exercises_are_checked(page: Page) -> Iterator[Problem]:
    """Beside each answer stand its header, its check and its hint; no check stands alone."""
    text = "\n".join(cell.text for cell in page.cells)
    headers = {match["id"] for cell in page.markdown for match in HEADER.finditer(cell.text)}
    checked = set()
    for index, cell in enumerate(page.cells):
        if len(cell.checks) > 1:
            yield page.problem(cell.line, "Two checks stand in one cell.", "Give each a cell of its own.")
        for call in cell.checks:
            line = cell.line + call.lineno - 1
            name = first_string(call)
            if name not in page.exercises:
                yield page.problem(
                    line,
                    f"This check is of no exercise of the lesson: {ast.unparse(call)}.",
                    'Write `cl.check("…", answer)` with the id of an answer cell. '
                    + closest(str(name), page.exercises),
                )
            elif index < page.exercises[name]:
                yield page.problem(line, f"The check of {name} stands before the answer.", "Move it below.")
            elif len(call.args) != 2 or not isinstance(call.args[1], ast.Name):
                yield page.problem(
                    line,
                    f"The check of {name} is not given the answer itself.",
                    f'Write `cl.check("{name}", name)` with the name of the function: a call would stop the '
                    "untouched notebook.",
                )
            checked.add(name)
    for name, index in page.exercises.items():
        line = page.cells[index].line
        if name not in checked:
            yield page.problem(
                line,
                f"Exercise {name} has no check.",
                f'Put a cell `cl.check("{name}", name_of_the_function)` under the answer.',
            )
        if f'cl.hint("{name}")' not in text:
            yield page.problem(
                line, f"Exercise {name} offers no hint.", f'Put a cell `# cl.hint("{name}")` under the check.'
            )
        if name not in headers:
            yield page.problem(
                line,
                f"Exercise {name} has no header.",
                f"Write `### Exercise {name} · complete · about 10 minutes · difficulty 2 of 5` above.",
            )


def exercises_have_entries(page: Page) -> Iterator[Problem]:
    """`course_lib/exercises/lesson_NN.py` knows the lesson's exercises, with three hints, and no others."""
    if not page.exercises:
        return
    file = f"course_lib/exercises/lesson_{page.lesson.number}.py"
    entries, mistake = _literals(page.root / file, _entries)
    if mistake:
        yield page.problem(*mistake, file=file)
        return
    headers = {match["id"]: match for cell in page.markdown for match in HEADER.finditer(cell.text)}
    for name, index in page.exercises.items():
        if name not in entries:
            yield page.problem(
                page.cells[index].line,
                f"Exercise {name} has no `Exercise` in `{file}`.",
                "Write one there, with three hints and a function that verifies an answer.",
            )
            continue
        line, given = entries[name]
        match given.get("hints"):
            case ast.Tuple(elts=hints) | ast.List(elts=hints):
                written = [
                    hint for hint in hints if not (isinstance(hint, ast.Constant) and not words_of(hint))
                ]
            case _:
                written = []
        if len(written) != 3:
            yield page.problem(
                line,
                f"Exercise {name} has {len(written)} hints.",
                "Write three, as a tuple of strings: where to look, what to try, almost the line.",
                file=file,
            )
        for field in ("kind", "minutes", "difficulty"):
            value = given.get(field)
            if (
                name in headers
                and isinstance(value, ast.Constant)
                and str(value.value) != headers[name][field]
            ):
                yield page.problem(
                    line,
                    f"{name} has the {field} `{value.value}`, in the lesson `{headers[name][field]}`.",
                    "Let both say the same.",
                    file=file,
                )
    for name, (line, _) in entries.items():
        if name not in page.exercises:
            yield page.problem(
                line,
                f"Exercise {name} stands here, but not in the lesson.",
                closest(name, page.exercises) + f" Or write its answer cell, or delete it from `{file}`.",
                file=file,
            )


def exercises_have_tests(page: Page) -> Iterator[Problem]:
    """`tests/exercises/test_lesson_NN.py` holds enough right and wrong answers to each exercise."""
    if not page.exercises:
        return
    file = f"tests/exercises/test_lesson_{page.lesson.number}.py"
    tables, mistake = _literals(page.root / file, _tables)
    if mistake:
        yield page.problem(*mistake, file=file)
        return
    for table, least, what in (
        ("RIGHT", RIGHT, "right answers in different styles"),
        ("WRONG", WRONG, "typical wrong answers"),
    ):
        line, answers = tables.get(table, (1, {}))
        for name in page.exercises:
            if answers.get(name, 0) < least:
                yield page.problem(
                    line,
                    f"`{table}` holds {answers.get(name, 0)} answers to exercise {name}.",
                    f'Write a literal `{table} = {{"{name}": [ … ]}}` with at least {least} {what}.',
                    file=file,
                )


def _literals(path: Path, look: Callable[[ast.Module], dict]) -> tuple[dict, tuple[int, str, str] | None]:
    """Return what `look` finds in a module, or else where the module is broken."""
    try:
        return look(ast.parse(path.read_text(encoding="utf-8"))), None
    except FileNotFoundError:
        return {}, (1, "The module is missing.", "Write it; `course new` shows how one begins.")
    except SyntaxError as error:
        return {}, (error.lineno or 1, f"The module does not parse: {error.msg}.", "Mend it.")


def _entries(module: ast.Module) -> dict[str, tuple[int, dict[str, ast.expr]]]:
    """Return id -> (line, arguments) of every `Exercise(…)` in a module."""
    found = {}
    for call in calls(module):
        if called(call).split(".")[-1] == "Exercise":
            given = dict(zip(_FIELDS, call.args, strict=False)) | {
                word.arg: word.value for word in call.keywords
            }
            if isinstance(name := given.get("id"), ast.Constant):
                found[name.value] = (call.lineno, given)
    return found


def _tables(module: ast.Module) -> dict[str, tuple[int, dict[str, int]]]:
    """Return table -> (line, exercise id -> number of answers) of the dictionaries in a module."""
    found = {}
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as table):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as table):
                pass
            case _:
                continue
        found[name] = (
            node.lineno,
            {
                key.value: len(answers.elts)
                for key, answers in zip(table.keys, table.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(answers, ast.List | ast.Tuple)
            },
        )
    return found


def nothing_hangs_on_answers(page: Page) -> Iterator[Problem]:
    """No later cell uses a student's answer, or a name that only a cell tagged `solution` makes."""
    uncertain: dict[str, str] = {}  # name -> whose it is
    for cell in page.cells:
        if cell.kind != "code":
            continue
        own = {
            id(node) for call in cell.checks for argument in call.args for node in ast.walk(argument)
        }  # what is given to a check may be the student's
        for statement in cell.tree.body:
            bound = set(names_bound(statement))
            if "solution" not in cell.tags:
                for node in names_read(statement, frozenset(bound if isinstance(statement, SCOPES) else ())):
                    if node.id in uncertain and id(node) not in own:
                        yield page.problem(
                            cell.line + node.lineno - 1,
                            f"`{node.id}` is {uncertain[node.id]}.",
                            "Use the library's version, or define it anew in a cell that the student keeps.",
                        )
            for name in bound:
                uncertain.pop(name, None)
        if cell.exercise or "solution" in cell.tags:
            whose = (
                f"the student's answer to exercise {cell.exercise}, which may be blank"
                if cell.exercise
                else "made only in a cell tagged `solution`, which the student does not get"
            )
            # What an answer cell imports is there whatever the student writes below.
            made = [node for node in cell.tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
            uncertain |= {name: whose for node in made for name in names_bound(node)}
