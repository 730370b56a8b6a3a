"""Read compressed files in memory, up to a stated size; nothing is ever unpacked onto the disk."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from course_lib.errors import CourseError

_MOST = 500_000_000  # bytes: ten times the largest set of the course


def read_gzip(path: Path, *, most: int = _MOST) -> bytes:
    """Return what a gzip file holds.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    most : int
        How many bytes it may hold.

    Raises
    ------
    CourseError
        If it is no gzip file, is cut short, or holds more than `most`.
    """
    try:
        with gzip.open(path) as packed:
            content = packed.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _broken(path, "gzip file", error) from error
    if len(content) > most:
        raise _too_large(path, most)
    return content


def read_archive(path: Path, *, most: int = _MOST) -> dict[str, bytes]:
    """Return the files of a zip or tar archive, by the names they have in it.

    Parameters
    ----------
    path : pathlib.Path
        The archive; tar may be compressed.
    most : int
        How many bytes its files may hold together.

    Returns
    -------
    dict of str to bytes
        In the order of the archive, without its folders.

    Raises
    ------
    CourseError
        If it is no archive or damaged, holds more than `most`, or holds an entry that has no business there:
        a name that is absolute or leads out of the archive, a link, a device, a name that occurs twice.
    """
    try:
        files = _zipped(path, most) if zipfile.is_zipfile(path) else _tarred(path, most)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        EOFError,
        zlib.error,
        OSError,
        NotImplementedError,
    ) as error:
        raise _broken(path, "zip or tar archive", error) from error
    return files


def _zipped(path: Path, most: int) -> dict[str, bytes]:
    files, left = {}, most
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            is_plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
            _expect_harmless(path, entry.filename, is_plain, files)
            if not entry.is_dir():
                with archive.open(entry) as file:
                    files[entry.filename] = _at_most(file, left, path, most)
                left -= len(files[entry.filename])
    return files


def _tarred(path: Path, most: int) -> dict[str, bytes]:
    files, left = {}, most
    with tarfile.open(path) as archive:
        for entry in archive:
            _expect_harmless(path, entry.name, entry.isreg() or entry.isdir(), files)
            if entry.isreg():
                files[entry.name] = _at_most(archive.extractfile(entry), left, path, most)
                left -= len(files[entry.name])
    return files


def _at_most(file: io.BufferedIOBase, left: int, path: Path, most: int) -> bytes:
    """Read a file to its end, but never more than is left: what a header says of its size proves nothing."""
    content = file.read(left + 1)
    if len(content) > left:
        raise _too_large(path, most)
    return content


def _expect_harmless(path: Path, name: str, is_plain: bool, known: dict[str, bytes]) -> None:
    if not is_plain:
        what = "a link or a device"
    elif PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        what = "an absolute path"
    elif ".." in PureWindowsPath(name).parts:
        what = "a path that leads out of the archive"
    elif name in known:
        what = "a name that occurs twice"
    else:
        return
    raise CourseError(
        f"`{path.name}` has an entry `{name}`: {what}.",
        "Expected files and folders inside the archive.",
        "Do not unpack it. Tell the authors of the course where it came from.",
    )


def _broken(path: Path, kind: str, error: Exception) -> CourseError:
    return CourseError(
        f"`{path.name}` cannot be unpacked ({error}).",
        f"Expected a whole {kind}.",
        "Remove it and load the dataset again: `course data verify` says where it lies.",
    )


def _too_large(path: Path, most: int) -> CourseError:
    return CourseError(
        f"`{path.name}` unpacks to more than {most:,} bytes.",
        "Expected no more than that.",
        "Do not unpack it. Tell the authors of the course where it came from.",
    )
