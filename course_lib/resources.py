"""Find the files that travel with the package: in a wheel beside the code, in a checkout at the top."""

from __future__ import annotations

from pathlib import Path

from course_lib.errors import CourseError

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {
    "registry.toml": "data/registry.toml",
    "cards": "data/cards",
    "files": "data/files",
    "lessons.toml": "notebooks/source/lessons.toml",
}


def resource(name: str) -> Path:
    """Return the path of `registry.toml`, `cards`, `files` or `lessons.toml`.

    Raises
    ------
    CourseError
        If neither an installed copy nor a checkout has it.
    """
    for path in (_PACKAGE / "_resources" / name, _PACKAGE.parent / _IN_CHECKOUT[name]):
        if path.exists():
            return path
    raise CourseError(
        f"`{name}` is not beside the package.",
        "Expected it in the installed package or in a checkout of the course.",
        "Install the course again: `pip install --force-reinstall --no-deps course_lib`, or clone it anew.",
    )


def checkout() -> Path | None:
    """Return the root of the checkout that this package runs from, or None when it was installed."""
    root = _PACKAGE.parent
    return root if (root / "notebooks" / "source" / "lessons.toml").exists() else None


def checkout_root() -> Path:
    """Return the root of the checkout that this package runs from.

    Raises
    ------
    CourseError
        If the package was installed without the lessons.
    """
    if root := checkout():
        return root
    raise CourseError(
        "This `course_lib` was installed without the lessons.",
        "Expected a checkout of the course, where the notebooks are.",
        "Clone the course, and run `make env` in it.",
    )
