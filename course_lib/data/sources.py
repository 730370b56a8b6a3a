"""Find the files of a dataset: in the cache, in a mirror, or by download; verified, or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.registry import Record


def obtain(entry: Record) -> dict[str, Path]:
    """Return path to local, verified file, for every file (so far only from a mirror's folder)."""
    mirror = os.environ.get("COURSE_DATA_MIRROR", "")
    found = {}
    for file in entry.files:
        path = Path(mirror) / entry.folder / file.path
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
            raise CourseError(f"No `{path}`.", "Expected a mirror.", "Set COURSE_DATA_MIRROR.")
        found[file.path] = path
    return found
