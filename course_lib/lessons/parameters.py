"""The parameters of a lesson: what a person asked for, in the types that its parameters cell gives."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from course_lib.errors import CourseError, closest
from course_lib.lessons.report import cut


def parse_parameters(settings: Sequence[str]) -> dict[str, str]:
    """Return `["SEED=3"]` as `{"SEED": "3"}`; the lesson says later of which type it is.

    Parameters
    ----------
    settings : sequence of str
        As a person types them.

    Raises
    ------
    CourseError
        If one is not of the form NAME=VALUE.
    """
    pairs = [setting.partition("=") for setting in settings]
    for setting, (name, equals, _) in zip(settings, pairs, strict=True):
        if not (equals and name.strip().isidentifier()):
            raise CourseError(
                f"`{setting}` sets nothing.", "Expected NAME=VALUE.", "For example `--set SEED=3`."
            )
    return {name.strip(): value for name, _, value in pairs}


def typed_parameters(notebook, values: Mapping[str, object]) -> dict[str, object]:
    """Return the values with the types that the notebook's parameters cell gives them.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook; one cell is tagged `parameters`.
    values : mapping
        New values by name; text is read as a literal of the parameter's type.

    Raises
    ------
    CourseError
        If the notebook has no such parameter (papermill would only warn), or the type is another.
    """
    known = _parameters(notebook)
    for name in values:
        if name not in known:
            raise CourseError(
                f"The lesson has no parameter `{name}`.",
                "Expected a name from its parameters cell.",
                closest(name, known),
            )
    return {name: _typed(name, value, *known[name]) for name, value in values.items()}


def _parameters(notebook) -> dict[str, tuple[str, str]]:
    """Return type and default, as they are written, of each parameter."""
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            for line in ast.parse(cell.source).body:
                match line:
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value) if value:
                        found[name] = ast.unparse(kind), ast.unparse(value)
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        found[name] = type(ast.literal_eval(value)).__name__, ast.unparse(value)
    return found


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "tuple": tuple, "dict": dict}


def _typed(name: str, value: object, kind: str, default: str) -> object:
    wanted = _TYPES.get(kind.partition("[")[0])
    try:
        if isinstance(value, str) and wanted is not str:
            value = _read(value, wanted)
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted and type(value) is not wanted:
            raise ValueError
    except (ValueError, SyntaxError):
        raise CourseError(
            f"`{name}` was set to `{cut(str(value), 60)}`.",
            f"Expected a value of type `{kind}`.",
            f"The lesson's own is `{default}`.",
        ) from None
    return value


def _read(text: str, wanted: type | None) -> object:
    if wanted is bool:
        if text.strip().lower() not in _TRUTH:
            raise ValueError
        return _TRUTH[text.strip().lower()]
    if wanted in (int, float):
        return wanted(text)
    return ast.literal_eval(text.strip())
