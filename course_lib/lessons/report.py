"""What came of a run: time per cell, claims, exercises; as text, and as the end of its page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CellRun:
    """A code cell that ran: its number from 1, the heading above it, its first line, and how long it took."""

    number: int
    heading: str
    line: str
    seconds: float


@dataclass(frozen=True)
class Run:
    """What came of one run of a notebook.

    Parameters
    ----------
    name : str
        What the results are called: the lesson's id.
    notebook, page : Path
        The executed notebook, and it as a web page.
    cells : tuple of CellRun
        The code cells that ran, in order.
    claims, checks : tuple of dict
        What `claim` and `check` left: sentence, numbers and outcome; exercise, outcome and message. A claim
        has also the `place` it was made at, which is the same in every run.
    seconds : float
        How long all of it took, the kernel's start included [s].
    undescribed : int
        How many pictures have no alt text.
    """

    name: str
    notebook: Path
    page: Path
    cells: tuple[CellRun, ...]
    claims: tuple[dict, ...]
    checks: tuple[dict, ...]
    seconds: float
    undescribed: int = 0

    @property
    def came_out(self) -> bool:
        """Whether every claim came out as expected and every check was correct."""
        return not self.surprises

    @property
    def surprises(self) -> list[str]:
        """What did not come out: claims, and exercises that are not solved."""
        claims = [
            f'the claim "{claim["sentence"]}" {_verdict(claim)}'
            for claim in self.claims
            if not came_out(claim)
        ]
        checks = [check for check in self.checks if check["outcome"] != "correct"]
        return claims + [f"exercise {check['id']} is {check['outcome']}" for check in checks]

    def table(self) -> str:
        """Return the report for the terminal: time per cell, claims, exercises, and where the results are."""
        lines = [f"{self.name}: {_count(self.cells, 'cell')} in {self.seconds:.1f} s", ""]
        heading = None
        for cell in self.cells:
            if cell.heading != heading:
                lines.append(heading := cell.heading)
            lines.append(f"  [{cell.number:>2}] {cell.seconds:7.2f} s  {cut(cell.line, 70)}")
        for title, entries in self._outcomes():
            lines += ["", title, *(f"  {entry}" for entry in entries)]
        if self.undescribed:
            lines += [
                "",
                f"Pictures without alt text: {self.undescribed}. Show them with `cl.show(fig, alt=…)`.",
            ]
        return "\n".join([*lines, "", f"notebook  {near(self.notebook)}", f"page      {near(self.page)}"])

    def summary(self) -> str:
        """Return the report as Markdown, for the end of the page."""
        parts = [f"## This run\n\n{_count(self.cells, 'cell')} in {self.seconds:.1f} s."]
        for title, entries in self._outcomes():
            parts.append(f"**{title}**\n\n" + "\n".join(f"- {html.escape(entry)}" for entry in entries))
        rows = [
            f"| {cell.number} | {cell.seconds:.2f} | {_in_table(cell.heading)} | {_in_table(cell.line)} |"
            for cell in self.cells
        ]
        parts.append("\n".join(["| cell | seconds | under | begins |", "|--:|--:|:--|:--|", *rows]))
        return "\n\n".join(parts)

    def _outcomes(self) -> Iterator[tuple[str, list[str]]]:
        if self.claims:
            right = sum(map(came_out, self.claims))
            entries = [
                f"{'✓' if came_out(claim) else '✗'} {claim['sentence'].rstrip('.')} – {_verdict(claim)}"
                for claim in self.claims
            ]
            yield f"Claims: {right} of {len(entries)} came out as expected", entries
        if self.checks:
            right = sum(check["outcome"] == "correct" for check in self.checks)
            marks = {"correct": "✓", "not yet": "✗", "not attempted": "·"}
            entries = [
                f"{marks[check['outcome']]} {check['id']} – {check['outcome']}" for check in self.checks
            ]
            yield f"Exercises: {right} of {len(entries)} correct", entries


def came_out(claim: dict) -> bool:
    """Return whether a claim came out as the lesson expects."""
    return claim["holds"] == (claim["expect"] == "holds")


def near(path: Path) -> Path:
    """Return a path as seen from here, if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _verdict(claim: dict) -> str:
    said = "holds" if claim["holds"] else "does not hold"
    if claim["expect"] == "fails":
        said += ", although the lesson refutes it" if claim["holds"] else ", as the lesson shows"
    numbers = f"{float(claim['left']):.4g} {claim['relation']} {float(claim['right']):.4g}"
    return f"{said} ({numbers}" + (f", margin {claim['margin']:.4g})" if claim["margin"] else ")")


def _count(things: Sequence, noun: str) -> str:
    return f"{len(things)} {noun}{'s' * (len(things) != 1)}"


def cut(text: str, length: int) -> str:
    """Return the text, shortened where it is longer than `length`."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _in_table(text: str) -> str:
    """Return text that a Markdown table takes as it is."""
    return re.sub(r"([\\`*_|$\[\]<])", r"\\\1", cut(text, 70))
