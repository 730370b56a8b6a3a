"""Load a named dataset whole or not at all: bundled, from the cache, from a mirror, or downloaded."""

from __future__ import annotations

from course_lib.data.load import load

__all__ = ["load"]
