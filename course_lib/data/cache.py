"""Where downloaded files lie on this machine, and whether one is whole."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from course_lib.registry import File


def cache_folder() -> Path:
    """Return the folder of all downloaded datasets: `COURSE_CACHE`, or the system's usual place.

    It is laid out as a mirror is, so one person's cache can be another's mirror.

    Returns
    -------
    pathlib.Path
        It need not exist yet.
    """
    if chosen := os.environ.get("COURSE_CACHE"):
        return Path(chosen).expanduser().absolute() / "data"
    import pooch

    return Path(pooch.os_cache("course")) / "data"


def fault(path: Path, file: File) -> str:
    """Say what is wrong with a local file, in a few words.

    Parameters
    ----------
    path : pathlib.Path
        Where it should lie.
    file : File
        What the registry says of it.

    Returns
    -------
    str
        "" if it is whole: there, of the right size, with the right sha256.
    """
    try:
        size = path.stat().st_size
        if size != file.bytes:
            return f"{size:,} bytes instead of {file.bytes:,}"
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return NOT_THERE
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "" if digest == file.sha256 else "other bytes than the registry's sha256 says"


NOT_THERE = "not there"
