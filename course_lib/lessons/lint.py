"""What the build refuses: each rule names a file and a line, says what stands there, and what to do.

The rule against leaks compares text. It sees an expression of a solution that stands again in the student's
copy, in code, comment, prose or fold-out, however it is spaced. It does not see the same computation with
other names, in another order, as a formula, or as the number that it comes out at.
"""

from __future__ import annotations

import ast
import html
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from course_lib.errors import closest
from course_lib.lessons.source import (
    Cell,
    SourceError,
    called,
    calls,
    first_string,
    is_local,
    links,
    prose,
    read_cells,
    solution_blocks,
    student_cell,
)
from course_lib.lessons.syllabus import Lesson, Syllabus, read
from course_lib.registry import records

TAGS = {"parameters", "raises-exception", "solution", "syllabus", "twin"}
RIGHT, WRONG = 3, 5  # how many answers of either kind an exercise's tests hold at least

_TOML = "notebooks/source/lessons.toml"
_FIELDS = ("id", "title", "kind", "minutes", "difficulty", "hints", "verify")
_HEADER = re.compile(
    r"^#+ Exercise (?P<id>\S+) · (?P<kind>\w+)(?: · optional)? · about (?P<minutes>\d+) minutes?"
    r" · difficulty (?P<difficulty>\d) of 5\s*$",
    re.MULTILINE,
)
_MAKES_FIGURE = re.compile(
    r"plt\.(figure|axes|subplot\w*|plot|scatter|hist\w*|imshow|matshow|bar\w*|errorbar|boxplot|violinplot"
    r"|contour\w*|pcolor\w*|fill_between|step|stem|semilog\w|loglog|pie)"
)
_DRAWS_NOTHING = {"cl.plots.use_style", "cl.plots.show", "cl.plots.to_html"}
_SAYS_NOTHING = {"", "here", "click here", "this", "link", "this link", "this page", "more", "read more"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SHOW = 'End the cell with `cl.show(fig, alt="…")`: kind of figure, axes, finding, in one sentence.'
_BANNED = {
    "plt.show": _SHOW,
    "warnings.filterwarnings": "Mend the cause, or say in the prose why the warning stands.",
    "warnings.simplefilter": "Mend the cause, or say in the prose why the warning stands.",
    "get_ipython": "Write it as Python, or leave it to the library.",
    "os.system": "Write it as Python: the Colab cell, which the build adds, is the only shell call.",
    "subprocess.run": "Write it as Python: the Colab cell, which the build adds, is the only shell call.",
}


@dataclass(frozen=True)
class Problem:
    """One thing that the build refuses: where, what was found, what to do."""

    file: str
    line: int
    found: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.found} {self.suggestion}"


@dataclass(frozen=True)
class _Page:
    """A source as the rules see it: its cells, beside each its version for the student (or None)."""

    root: Path
    syllabus: Syllabus
    lesson: Lesson
    cells: list[Cell]
    student: list[Cell | None]

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def markdown(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "markdown" and "syllabus" not in cell.tags]

    @property
    def exercises(self) -> dict[str, int]:
        """Exercise id -> index of its (first) answer cell."""
        found: dict[str, int] = {}
        for index, cell in enumerate(self.cells):
            if cell.exercise:
                found.setdefault(cell.exercise, index)
        return found

    def problem(self, line: int, found: str, suggestion: str, file: str | None = None) -> Problem:
        return Problem(file or self.lesson.source, line, found, suggestion)


Rule = Callable[[_Page], Iterator[Problem]]


def problems(root: Path, lessons: list[Lesson] | None = None) -> list[Problem]:
    """Return everything in the sources of some lessons, or of all, that the build refuses.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    lessons : list of Lesson, optional
        By default every lesson that is ready; then sources without an entry are found as well.
    """
    root = Path(root)
    syllabus = read(root / _TOML)
    found = []
    if lessons is None:
        known = {lesson.source for lesson in syllabus.ready}
        for path in sorted((root / "notebooks/source").rglob("*.py")):
            seen = path.relative_to(root).as_posix()
            if seen not in known:
                found.append(
                    Problem(
                        seen,
                        1,
                        "This source has no entry in the syllabus.",
                        f"Give `{path.stem}` a `[[lesson]]` in `{_TOML}` with the unit of its folder.",
                    )
                )
    for lesson in syllabus.ready if lessons is None else lessons:
        try:
            text = (root / lesson.source).read_text(encoding="utf-8")
            found += lesson_problems(root, syllabus, lesson, text)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            found.append(Problem(lesson.source, line, "A byte is not UTF-8.", "Save the source as UTF-8."))
        except FileNotFoundError:
            found.append(
                Problem(
                    _TOML,
                    _line_of(root / _TOML, f'"{lesson.id}"'),
                    f"`{lesson.id}` has no source `{lesson.source}`.",
                    "Write it, or move the entry to `[planned]`.",
                )
            )
    return found


def lesson_problems(root: Path, syllabus: Syllabus, lesson: Lesson, text: str) -> list[Problem]:
    """Return what the build refuses in one source.

    Parameters
    ----------
    root : Path
        The top of the checkout: checks, tests and pictures are looked for there.
    syllabus, lesson : Syllabus, Lesson
        Where the lesson stands.
    text : str
        The source.
    """
    try:
        cells = read_cells(text)
    except SourceError as error:
        return [Problem(lesson.source, error.line, error.found, error.suggestion)]
    found = []
    for cell in cells:
        try:
            solution_blocks(cell)
        except SourceError as error:
            found.append(Problem(lesson.source, error.line, error.found, error.suggestion))
    if found:
        return found
    page = _Page(root, syllabus, lesson, cells, [student_cell(cell, keep_lines=True) for cell in cells])
    # Rules that read the code need code that parses.
    return list(_code_parses(page)) or sorted(
        (problem for rule in _RULES for problem in rule(page)),
        key=lambda problem: (problem.file != lesson.source, problem.file, problem.line),
    )


# --- what can be read ---------------------------------------------------------------------------------------


def _code_parses(page: _Page) -> Iterator[Problem]:
    for cell, student in zip(page.cells, page.student, strict=True):
        if cell.kind != "code":
            continue
        try:
            ast.parse(cell.text)
        except SyntaxError as error:
            number = (error.lineno or 1) - 1
            line = cell.text.split("\n")[min(number, cell.text.count("\n"))]
            if line.lstrip().startswith(("%", "!")):
                yield page.problem(
                    cell.line + number,
                    f"`{line.strip()}` is a magic or a shell line.",
                    "Write it as Python, or leave it out: figures need no magic, and Colab's cell is added.",
                )
            else:
                yield page.problem(cell.line + number, f"The code does not parse: {error.msg}.", "Mend it.")
            continue
        try:
            ast.parse(student.text if student else "")
        except SyntaxError as error:
            begin = solution_blocks(cell)[0][0]
            yield page.problem(
                cell.line + begin,
                f"With the blank in place of the solution the cell does not parse: {error.msg}.",
                "Let the block hold whole statements of one function body.",
            )


def _cells_are_of_a_known_kind(page: _Page) -> Iterator[Problem]:
    for cell in page.cells:
        if cell.kind == "raw":
            yield page.problem(cell.line, "A raw cell shows nothing.", "Make it `[markdown]` or code.")
        for tag in cell.tags:
            if tag not in TAGS:
                yield page.problem(
                    cell.line - 1, f"`{tag}` is no tag that the build knows.", closest(tag, TAGS)
                )


# --- exercises ----------------------------------------------------------------------------------------------


def _answers_are_in_order(page: _Page) -> Iterator[Problem]:
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
            if isinstance(function, _FUNCTIONS)
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


def _exercises_are_checked(page: _Page) -> Iterator[Problem]:
    """Beside each answer stand its header, its check and its hint; no check stands alone."""
    text = "\n".join(cell.text for cell in page.cells)
    headers = {match["id"] for cell in page.markdown for match in _HEADER.finditer(cell.text)}
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


def _exercises_have_entries(page: _Page) -> Iterator[Problem]:
    """`course_lib/exercises/lesson_NN.py` knows the lesson's exercises, with three hints, and no others."""
    if not page.exercises:
        return
    file = f"course_lib/exercises/lesson_{page.lesson.number}.py"
    entries, mistake = _literals(page.root / file, _entries)
    if mistake:
        yield page.problem(*mistake, file=file)
        return
    headers = {match["id"]: match for cell in page.markdown for match in _HEADER.finditer(cell.text)}
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
                    hint for hint in hints if not (isinstance(hint, ast.Constant) and not _words(hint))
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


def _exercises_have_tests(page: _Page) -> Iterator[Problem]:
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


def _nothing_hangs_on_answers(page: _Page) -> Iterator[Problem]:
    """No later cell uses a student's answer, or a name that only a cell tagged `solution` makes."""
    uncertain: dict[str, str] = {}  # name -> whose it is
    for cell in page.cells:
        if cell.kind != "code":
            continue
        own = {
            id(node) for call in cell.checks for argument in call.args for node in ast.walk(argument)
        }  # what is given to a check may be the student's
        for statement in cell.tree.body:
            bound = set(_bound(statement))
            if "solution" not in cell.tags:
                for node in _free(statement, frozenset(bound if isinstance(statement, _SCOPES) else ())):
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
            uncertain |= {name: whose for node in made for name in _bound(node)}


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Return the names that a statement binds in its own scope."""
    if isinstance(statement, _SCOPES):
        yield statement.name
        return
    for node in _walk_outside(statement, _SCOPES + _COMPREHENSIONS + (ast.Lambda,)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, _SCOPES):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def _free(node: ast.AST, bound: frozenset[str]) -> Iterator[ast.Name]:
    """Return the names that are read in a tree and not bound in a scope of it."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            yield node
        return
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        arguments = [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
        body = node.body if isinstance(node.body, list) else []
        bound |= {*arguments, *(name for statement in body for name in _bound(statement))}
    elif isinstance(node, _COMPREHENSIONS):
        bound |= {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
    for child in ast.iter_child_nodes(node):
        yield from _free(child, bound)


def _walk_outside(node: ast.AST, kinds: tuple[type, ...]) -> Iterator[ast.AST]:
    """Walk a tree without entering nodes of these kinds (which are given themselves)."""
    yield node
    if not isinstance(node, kinds):
        for child in ast.iter_child_nodes(node):
            yield from _walk_outside(child, kinds)


def _nothing_leaks(page: _Page) -> Iterator[Problem]:
    """What is new in a solution stands nowhere in the student's copy from the task on.

    Expressions that the lesson has taught before the task give nothing away, unless one cell holds them all.
    """
    kept = [cell for cell in page.student if cell]
    headers = {match["id"]: cell.line for cell in page.markdown for match in _HEADER.finditer(cell.text)}
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


# --- figures and prose --------------------------------------------------------------------------------------


def _figures_have_alt_text(page: _Page) -> Iterator[Problem]:
    for cell in page.code:
        shows = [
            call for call in calls(cell.tree) if called(call) in ("cl.show", "cl.plots.show", "cl.slider")
        ]
        for call in shows:
            alt = next((word.value for word in call.keywords if word.arg == "alt"), None)
            spread = any(word.arg is None for word in call.keywords)
            if not spread and (alt is None or (isinstance(alt, ast.Constant) and not _words(alt))):
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{called(call)}` has no alt text.",
                    'Write `alt="…"`: kind of figure, axes, finding, in one sentence.',
                )
        for call in (
            node for node in _walk_outside(cell.tree, (*_FUNCTIONS, ast.Lambda)) if isinstance(node, ast.Call)
        ):
            drawn = called(call)
            own = drawn.startswith("cl.plots.") and drawn not in _DRAWS_NOTHING
            onto = any(word.arg == "ax" for word in call.keywords)
            if (_MAKES_FIGURE.fullmatch(drawn) or (own and not onto)) and not shows:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{drawn}` makes a figure that is shown without alt text.",
                    _SHOW,
                )
                break


def _words(constant: ast.Constant) -> str:
    return constant.value.strip() if isinstance(constant.value, str) else ""


def _prose_is_accessible(page: _Page) -> Iterator[Problem]:
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
                    f"The build writes the title from `{_TOML}`: begin with `##`.",
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
            path = here / unquote(re.split(r"[#?]", target)[0])
            if target.startswith("/"):
                found = "is a path of one machine"
            elif not is_local(target) or path.exists() or _place(path, page.root / "notebooks") in lessons:
                continue
            else:
                found = "leads nowhere"
            yield page.problem(
                line(begin),
                f"The link to `{target}` {found}.",
                f"Write the way as seen from the student's notebook, in `notebooks/{page.lesson.unit}`.",
            )


def _place(path: Path, top: Path) -> str:
    try:
        return path.resolve().relative_to(top.resolve()).as_posix()
    except ValueError:
        return ""


# --- parameters, manners, data ------------------------------------------------------------------------------


def _parameters_are_plain(page: _Page) -> Iterator[Problem]:
    """The first code cell is tagged `parameters`: literals, typed and commented, and all in use."""
    tagged = [cell for cell in page.code if "parameters" in cell.tags]
    if len(tagged) != 1 or page.code[0] is not tagged[0]:
        yield page.problem(
            (tagged or page.code or page.cells)[-1].line,
            f"{len(tagged) or 'No'} cells are tagged `parameters`."
            if len(tagged) != 1
            else "The `parameters` cell is not the first code cell.",
            'Make the first code cell `# %% tags=["parameters"]`, with `SEED` and `PROFILE`.',
        )
        return
    cell = tagged[0]
    tokens = tokenize.generate_tokens(io.StringIO(cell.text).readline)
    commented = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
    names = {}
    for statement in cell.tree.body:
        line = cell.line + statement.lineno - 1
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=ast.expr() as value):
                names[name] = line
            case _:
                yield page.problem(
                    line,
                    f"`{ast.unparse(statement)}` is no typed parameter.",
                    "Write `NAME: int = 3  # what it is`; computing belongs in the next cell.",
                )
                continue
        try:
            kind = type(ast.literal_eval(value)).__name__
        except (ValueError, TypeError):
            yield page.problem(
                line,
                f"The value of `{name}` is no literal.",
                "Write it out; computing belongs in the next cell.",
            )
            continue
        said = ast.unparse(annotation)
        if said in ("int", "float", "str", "bool", "list", "tuple") and said != kind:
            yield page.problem(
                line,
                f"`{name}` is declared {said} and is of type {kind}.",
                "Let the type and the value agree.",
            )
        if not commented & {statement.lineno, statement.end_lineno}:
            yield page.problem(
                line, f"`{name}` has no comment.", "Say on the same line what it is, with its unit."
            )
    for name in ("SEED", "PROFILE"):
        if name not in names:
            yield page.problem(
                cell.line,
                f"The lesson has no parameter `{name}`.",
                "`course run` sets it: declare and use it.",
            )
    rest = page.code[1:]
    at_once = {node.id for other in rest[:1] for node in _free(other.tree, frozenset())}
    used = {node.id for other in rest for node in _free(other.tree, frozenset())}
    for name, line in names.items():
        if name not in used:
            yield page.problem(line, f"No cell uses `{name}`.", "Use it or delete it.")
        elif name in ("SEED", "PROFILE") and name not in at_once:
            yield page.problem(
                line,
                f"The cell below the parameters does not use `{name}`.",
                "Resolve profile, seed and device there, so that a value set from outside counts.",
            )


def _manners(page: _Page) -> Iterator[Problem]:
    for cell in page.code:
        for call in calls(cell.tree):
            if called(call) in _BANNED:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{called(call)}` does not belong in a lesson.",
                    _BANNED[called(call)],
                )


def _data_are_known(page: _Page) -> Iterator[Problem]:
    """The syllabus names the datasets that the lesson loads, and the extras that they need."""
    known = records()
    toml = page.root / _TOML
    entry = _line_of(toml, f'"{page.lesson.id}"')
    for name in page.lesson.data:
        if name not in known:
            yield page.problem(
                entry,
                f"`{page.lesson.id}` names an unknown dataset `{name}`.",
                closest(name, known) + " A new one needs an entry in `data/registry.toml` and a card.",
                file=_TOML,
            )
        elif known[name].needs and known[name].needs not in page.lesson.extras:
            yield page.problem(
                entry,
                f"`{name}` needs the extra `{known[name].needs}`, which `{page.lesson.id}` does not name.",
                f'Add "{known[name].needs}" to its `extras`: the Colab cell installs them.',
                file=_TOML,
            )
    for cell in page.code:
        for call in calls(cell.tree):
            name = first_string(call) if called(call) == "cl.load" else None
            if name and name not in page.lesson.data:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"The lesson loads `{name}`, and its entry in the syllabus does not say so.",
                    f"Add it to `data` in `{_TOML}`.",
                )


_RULES: tuple[Rule, ...] = (
    _cells_are_of_a_known_kind,
    _answers_are_in_order,
    _exercises_are_checked,
    _exercises_have_entries,
    _exercises_have_tests,
    _nothing_hangs_on_answers,
    _nothing_leaks,
    _figures_have_alt_text,
    _prose_is_accessible,
    _parameters_are_plain,
    _manners,
    _data_are_known,
)


def _line_of(path: Path, words: str) -> int:
    """Return the first line of a file (from 1) that holds some words."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, 1) if words in line), 1)
