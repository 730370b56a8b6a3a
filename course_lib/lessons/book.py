"""The course as a site: every lesson executed and laid out beside the other pages, for Sphinx to bind."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

from course_lib.errors import CourseError
from course_lib.lessons.kernel import Kernels
from course_lib.lessons.page import without_life
from course_lib.lessons.run import execute
from course_lib.lessons.source import is_local, links
from course_lib.lessons.syllabus import Lesson, Syllabus, read

# Texts of the checkout that become pages besides the lessons: heading of the table of contents, and which.
_CHAPTERS = {
    "The library": ("docs/*.md", "api.md"),
    "Measured": ("benchmarks/*.md",),
    "Data": ("data/cards/*.md",),
    "For authors": ("CONTRIBUTING.md",),
}


def make_book(root: Path, out: Path, *, cell_timeout: int = 600) -> Path:
    """Run every lesson's solution, and make a site of them, the other texts and the library's docstrings.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    out : Path
        The folder for the runs, what Sphinx reads, and the site. Only `runs`, `pages` and `html` in it are
        written, and emptied first.
    cell_timeout : int
        How long a cell may take [s].

    Returns
    -------
    Path
        The site's first page. It and all others can be read without a network, and without a server.

    Raises
    ------
    CourseError
        If Sphinx is not installed, a lesson does not run or a claim in it does not come out, or Sphinx warns.
    """
    root, out = Path(root), Path(out).resolve()
    if importlib.util.find_spec("myst_nb") is None:
        raise CourseError(
            "Sphinx and myst-nb are not installed in this environment.",
            "Expected what the extra `book` brings.",
            "Run `make book`, or `pip install -c constraints.txt -e '.[book]'` in the checkout.",
        )
    syllabus = read(root / "notebooks/source/lessons.toml")
    for folder in ("runs", "pages", "html"):
        shutil.rmtree(out / folder, ignore_errors=True)
    run_all(root, syllabus, out / "runs", cell_timeout)
    lay_out(root, syllabus, out / "runs", out / "pages")
    sphinx = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run([*sphinx, "-c", str(root / "docs"), str(out / "pages"), str(out / "html")])
    if done.returncode:
        raise CourseError(
            "Sphinx warned, as it says above.",
            "Expected a site without a dead link or a picture that is missing.",
            f"Mend the page's source; what Sphinx read is in `{out / 'pages'}`.",
        )
    return out / "html" / "index.html"


def run_all(root: Path, syllabus: Syllabus, runs: Path, cell_timeout: int = 600) -> None:
    """Run the solutions of all lessons, two at a time and each on one thread; every claim must come out."""
    root, runs, kernels = Path(root).resolve(), Path(runs).resolve(), Kernels()
    variables = {"OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off", "COURSE_STRICT": "1"}

    def work(lesson: Lesson) -> None:
        path = root / "notebooks" / lesson.solution
        execute(kernels, path, lesson.id, variables, {}, cell_timeout, runs, progress=False)

    kernels.each(work, syllabus.ready, at_once=2, desc="lessons")


def lay_out(root: Path, syllabus: Syllabus, runs: Path, pages: Path) -> None:
    """Write what Sphinx reads: a tree in which everything stands where it stands in the checkout.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    syllabus : Syllabus
        Its lessons; all have been run.
    runs : Path
        The folder of the executed solutions.
    pages : Path
        Where to write.
    """
    import nbformat

    texts = {
        str(PurePosixPath(path.relative_to(root).as_posix()))
        for patterns in _CHAPTERS.values()
        for pattern in patterns
        for path in root.glob(pattern)
    }
    binder = _Binder(root, syllabus, pages, texts)
    for lesson in syllabus.ready:
        executed = nbformat.read(runs / f"{lesson.id}.ipynb", as_version=4)
        built = nbformat.read(root / "notebooks" / lesson.solution, as_version=4)
        place = f"notebooks/{lesson.solution}"
        binder.write(place, nbformat.writes(_lesson_page(executed, built, lesson, binder)) + "\n")
    for place in sorted(texts):
        binder.write(place, binder.relinked((root / place).read_text(encoding="utf-8"), place))
    binder.write("api.md", _api())
    front = binder.relinked((root / "README.md").read_text(encoding="utf-8"), "README.md")
    binder.write("index.md", f"{front}\n{_contents(syllabus, texts | {'api.md'})}")


class _Binder:
    """Writes pages, and brings along what they link to."""

    def __init__(self, root: Path, syllabus: Syllabus, pages: Path, texts: set[str]) -> None:
        self.root, self.pages, self.syllabus = root, pages, syllabus
        self.solution_of = {f"notebooks/{lesson.notebook}": lesson.solution for lesson in syllabus.ready}
        self.is_page = texts | {f"notebooks/{place}" for place in self.solution_of.values()}

    def write(self, place: str, text: str) -> None:
        path = self.pages / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def relinked(self, text: str, place: str) -> str:
        """Let the links of a text lead to pages, or to files that are copied; a folder is no page."""
        folder = os.path.dirname(place)
        for begin, end in reversed(links(text)):
            target, mark, part = text[begin:end].partition("#")
            if not is_local(target):
                continue
            seen = os.path.normpath(os.path.join(folder, target)).replace(os.sep, "/")
            if seen == "README.md":
                seen = "index.md"
            elif seen in self.solution_of and f"notebooks/{self.solution_of[seen]}" != place:
                # Another lesson is read here; this lesson's own notebook is for the reader to take away.
                seen = f"notebooks/{self.solution_of[seen]}"
            elif not (self.root / seen).is_file():
                text = _plain(text, begin, end)
                continue
            if seen not in self.is_page and seen != "index.md":
                (self.pages / seen).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.root / seen, self.pages / seen)
            way = os.path.relpath(seen, folder or ".").replace(os.sep, "/")
            text = text[:begin] + way + mark + part + text[end:]
        return text


def _plain(text: str, begin: int, end: int) -> str:
    """Return a text in which the link whose target stands there is its words alone."""
    words = re.search(r"\[([^\[\]]*)\]\(\s*<?$", text[:begin])
    after = re.match(r">?[^)]*\)", text[end:])
    return f"{text[: words.start()]}{words[1]}{text[end + after.end() :]}" if words and after else text


def _lesson_page(executed, built, lesson: Lesson, binder: _Binder):
    """Return the built solution with the outputs of its run, solutions folded, and without what needs life.

    The prose is the built notebook's: that of the run has links which lead elsewhere.
    """
    outputs = {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
    kept = []
    for cell in built.cells:
        if cell.id == "colab-set-up":
            continue
        if cell.cell_type == "markdown":
            if cell.id == "title":
                cell.source = _head(cell.source, lesson, binder.syllabus)
            cell.source = binder.relinked(cell.source, f"notebooks/{lesson.solution}")
        elif cell.cell_type == "code":
            cell.outputs = outputs[cell.id]
            if cell.id.startswith("ex-"):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        kept.append(cell)
    built.cells = kept
    return without_life(built)


def _head(title: str, lesson: Lesson, syllabus: Syllabus) -> str:
    """Return the title block of a page: its badge is a picture from elsewhere, so a link stands instead."""
    title = re.sub(r"\n*\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)", "", title)
    up = "../" * lesson.solution.count("/")
    ways = [f"[Take the notebook]({up}{lesson.notebook})"]
    if syllabus.repository:
        where = f"{syllabus.repository}/blob/{syllabus.branch}/notebooks/{lesson.notebook}"
        ways.append(f"[open it in Colab](https://colab.research.google.com/github/{where})")
    return f"{title}\n\n{' · '.join(ways)} · solutions are folded on this page"


def _contents(syllabus: Syllabus, texts: set[str]) -> str:
    """Return the tables of contents, one for each unit and chapter."""
    chapters: dict[str, list[str]] = {}
    for lesson in syllabus.ready:
        chapters.setdefault(syllabus.units[lesson.unit], []).append(f"notebooks/{lesson.solution}")
    for name, patterns in _CHAPTERS.items():
        matched = [text for text in sorted(texts) if any(PurePosixPath(text).match(p) for p in patterns)]
        chapters[name] = matched
    tables = (
        "\n".join(["```{toctree}", ":hidden:", f":caption: {name}", "", *places, "```", ""])
        for name, places in chapters.items()
        if places
    )
    return "\n".join(tables)


def _api() -> str:
    """Return the page of the library's public list, which Sphinx fills from the docstrings."""
    parts = [
        "# `course_lib`, name by name",
        "What a lesson calls after `import course_lib as cl`. What is not here is not part of the interface.",
    ]
    package = importlib.import_module("course_lib")
    for name in package.__all__:
        thing = getattr(package, name)
        if inspect.ismodule(thing):
            first = (inspect.getdoc(thing) or "").partition("\n")[0]
            parts += [f"## `cl.{name}`", first]
            parts += [_auto(f"course_lib.{name}.{inner}", getattr(thing, inner)) for inner in thing.__all__]
        else:
            parts += [f"## `cl.{name}`", _auto(f"course_lib.{name}", thing)]
    return "\n\n".join(parts) + "\n"


def _auto(name: str, thing: object) -> str:
    if inspect.isclass(thing):
        kind, options = "autoclass", "\n   :members:"
    else:
        kind, options = ("autofunction" if callable(thing) else "autodata"), ""
    return f"```{{eval-rst}}\n.. {kind}:: {name}{options}\n```"
