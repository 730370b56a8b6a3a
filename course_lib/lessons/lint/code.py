"""Rules on code: it parses, parameters are plain, manners, and the data that the syllabus names."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from course_lib.errors import closest
from course_lib.lessons.lint.page import TAGS, TOML, Page, Problem, line_of, names_read
from course_lib.lessons.lint.prose import SHOW
from course_lib.lessons.source import called, calls, first_string, solution_blocks
from course_lib.registry import records

_BANNED = {
    "plt.show": SHOW,
    "warnings.filterwarnings": "Mend the cause, or say in the prose why the warning stands.",
    "warnings.simplefilter": "Mend the cause, or say in the prose why the warning stands.",
    "get_ipython": "Write it as Python, or leave it to the library.",
    "os.system": "Write it as Python: the Colab cell, which the build adds, is the only shell call.",
    "subprocess.run": "Write it as Python: the Colab cell, which the build adds, is the only shell call.",
}


def code_parses(page: Page) -> Iterator[Problem]:
    """Every cell parses, as the author wrote it and with the blanks of the student."""
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


def cells_are_of_a_known_kind(page: Page) -> Iterator[Problem]:
    """No raw cell, and no tag that the build does not know."""
    for cell in page.cells:
        if cell.kind == "raw":
            yield page.problem(cell.line, "A raw cell shows nothing.", "Make it `[markdown]` or code.")
        for tag in cell.tags:
            if tag not in TAGS:
                yield page.problem(
                    cell.line - 1, f"`{tag}` is no tag that the build knows.", closest(tag, TAGS)
                )


def parameters_are_plain(page: Page) -> Iterator[Problem]:
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
    at_once = {node.id for other in rest[:1] for node in names_read(other.tree, frozenset())}
    used = {node.id for other in rest for node in names_read(other.tree, frozenset())}
    for name, line in names.items():
        if name not in used:
            yield page.problem(line, f"No cell uses `{name}`.", "Use it or delete it.")
        elif name in ("SEED", "PROFILE") and name not in at_once:
            yield page.problem(
                line,
                f"The cell below the parameters does not use `{name}`.",
                "Resolve profile, seed and device there, so that a value set from outside counts.",
            )


def manners(page: Page) -> Iterator[Problem]:
    """No call that hides a warning, shows a figure without words, or leaves Python."""
    for cell in page.code:
        for call in calls(cell.tree):
            if called(call) in _BANNED:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"`{called(call)}` does not belong in a lesson.",
                    _BANNED[called(call)],
                )


def data_are_known(page: Page) -> Iterator[Problem]:
    """The syllabus names the datasets that the lesson loads, and the extras that they need."""
    known = records()
    toml = page.root / TOML
    entry = line_of(toml, f'"{page.lesson.id}"')
    for name in page.lesson.data:
        if name not in known:
            yield page.problem(
                entry,
                f"`{page.lesson.id}` names an unknown dataset `{name}`.",
                closest(name, known) + " A new one needs an entry in `data/registry.toml` and a card.",
                file=TOML,
            )
        elif known[name].needs and known[name].needs not in page.lesson.extras:
            yield page.problem(
                entry,
                f"`{name}` needs the extra `{known[name].needs}`, which `{page.lesson.id}` does not name.",
                f'Add "{known[name].needs}" to its `extras`: the Colab cell installs them.',
                file=TOML,
            )
    for cell in page.code:
        for call in calls(cell.tree):
            name = first_string(call) if called(call) == "cl.load" else None
            # A member of a set, such as "hiv_resistance/FPV", belongs to the set that the syllabus names.
            if name and name.partition("/")[0] not in page.lesson.data:
                yield page.problem(
                    cell.line + call.lineno - 1,
                    f"The lesson loads `{name}`, and its entry in the syllabus does not say so.",
                    f"Add it to `data` in `{TOML}`.",
                )
