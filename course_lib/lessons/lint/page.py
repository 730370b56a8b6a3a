"""A source as the rules see it, and the problem that a rule finds in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.lessons.source import Cell
from course_lib.lessons.syllabus import Lesson, Syllabus

TAGS = {"parameters", "raises-exception", "solution", "syllabus", "twin"}
TOML = "notebooks/source/lessons.toml"
HEADER = re.compile(
    r"^#+ Exercise (?P<id>\S+) · (?P<kind>\w+)(?: · optional)? · about (?P<minutes>\d+) minutes?"
    r" · difficulty (?P<difficulty>\d) of 5\s*$",
    re.MULTILINE,
)

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


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
class Page:
    """A source as the rules see it: its cells, beside each its version for the student (or None)."""

    root: Path
    syllabus: Syllabus
    lesson: Lesson
    cells: list[Cell]
    student: list[Cell | None]

    @property
    def code(self) -> list[Cell]:
        """The code cells."""
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def markdown(self) -> list[Cell]:
        """The cells of prose that the author wrote."""
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
        """Return a problem of this source, or of another file that belongs to it."""
        return Problem(file or self.lesson.source, line, found, suggestion)


def words_of(constant: ast.Constant) -> str:
    """Return what a constant says, or "" if it is no text."""
    return constant.value.strip() if isinstance(constant.value, str) else ""


def names_bound(statement: ast.stmt) -> Iterator[str]:
    """Return the names that a statement binds in its own scope."""
    if isinstance(statement, SCOPES):
        yield statement.name
        return
    for node in walk_outside(statement, SCOPES + COMPREHENSIONS + (ast.Lambda,)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, SCOPES):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def names_read(node: ast.AST, bound: frozenset[str]) -> Iterator[ast.Name]:
    """Return the names that are read in a tree and not bound in a scope of it."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in bound:
            yield node
        return
    if isinstance(node, (*FUNCTIONS, ast.Lambda)):
        arguments = [argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
        body = node.body if isinstance(node.body, list) else []
        bound |= {*arguments, *(name for statement in body for name in names_bound(statement))}
    elif isinstance(node, COMPREHENSIONS):
        bound |= {
            name.id
            for generator in node.generators
            for name in ast.walk(generator.target)
            if isinstance(name, ast.Name)
        }
    for child in ast.iter_child_nodes(node):
        yield from names_read(child, bound)


def walk_outside(node: ast.AST, kinds: tuple[type, ...]) -> Iterator[ast.AST]:
    """Walk a tree without entering nodes of these kinds (which are given themselves)."""
    yield node
    if not isinstance(node, kinds):
        for child in ast.iter_child_nodes(node):
            yield from walk_outside(child, kinds)


def line_of(path: Path, words: str) -> int:
    """Return the first line of a file (from 1) that holds some words."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next((number for number, line in enumerate(lines, 1) if words in line), 1)
