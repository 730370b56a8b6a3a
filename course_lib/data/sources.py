"""Find the files of a dataset: in the cache, in a mirror, by download. Verified, or not at all.

Every file is looked for in this order, and each place that does not give it says why. A file takes its name
in the cache only after its size and sha256 are those of the registry; until then it lies in `.incoming`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from course_lib.data.cache import NOT_THERE, cache_folder, fault
from course_lib.data.refusals import Refusal, Unreachable
from course_lib.errors import CourseError
from course_lib.registry import File, Record, megabytes

_LOCK_SECONDS = 600  # how long to wait for another process that fetches the same dataset


def obtain(entry: Record) -> dict[str, Path]:
    """Return a local, verified file for every file of a dataset.

    Parameters
    ----------
    entry : Record
        A dataset, or a member of a set.

    Returns
    -------
    dict of str to pathlib.Path
        The paths of the registry, and where each lies; empty for a bundled dataset. An optional file that no
        place has is left out.

    Raises
    ------
    CourseError
        If a file cannot be had: with each place that was tried, and why it failed.
    """
    folder = cache_folder() / entry.folder if entry.files else Path()
    paths = {file.path: folder / file.path for file in entry.files}
    lacking = [file for file in entry.files if fault(paths[file.path], file)]
    if not any(_may_be_had(file) for file in lacking):
        return {path: place for path, place in paths.items() if path not in {file.path for file in lacking}}
    with _alone(entry) as no_room:
        # Anew: another process may have brought them while this one waited.
        faults = {file: fault(paths[file.path], file) for file in entry.files}
        lacking = [file for file, why in faults.items() if why]
        hunt = _Hunt(entry, no_room)
        with hunt, _progress(entry, lacking) as hunt.told:
            for file in lacking:
                if faults[file] != NOT_THERE:
                    _remove_damaged(entry, paths[file.path], faults[file])
                try:
                    paths[file.path] = hunt.bring(file, faults[file])
                except CourseError:
                    if not file.optional:
                        raise
                    del paths[file.path]
        hunt.report()
    return paths


def _may_be_had(file: File) -> bool:
    """Return False for what is not needed and lies nowhere: no need to look for it at every load."""
    return not file.optional or bool(file.url) or bool(os.environ.get("COURSE_DATA_MIRROR"))


@dataclass
class _Hunt:
    """Ask one place after the other for the files of one dataset.

    `no_room` says why nothing can be kept in the cache; "" where it can.
    """

    entry: Record
    no_room: str
    told: Callable[[int], Any] = lambda count: None
    downloaded: dict[str, int] = field(default_factory=dict)  # host to bytes
    dead: dict[str, str] = field(default_factory=dict)  # place to why it need not be asked again
    session: Any = None

    def __enter__(self) -> _Hunt:
        return self

    def __exit__(self, *_: object) -> None:
        if self.session:
            self.session.close()
        # What is left there is worth keeping only if a download can go on from it.
        for empty in sorted(self._incoming().glob("**/"), reverse=True):
            with contextlib.suppress(OSError):
                empty.rmdir()

    def report(self) -> None:
        """Say what came over the network, so that nobody wonders what took so long."""
        for host, count in self.downloaded.items():
            kept = cache_folder() / self.entry.folder
            print(f"{self.entry.name}: downloaded {megabytes(count)} from {host}, kept in {kept}.")

    def bring(self, file: File, in_cache: str) -> Path:
        """Return the file from the first place that has it."""
        tried = {f"cache ({cache_folder() / self.entry.folder})": in_cache}
        for place, give in self._places(file):
            try:
                if place in self.dead:
                    raise Refusal(self.dead[place])
                return give(file)
            except Refusal as refusal:
                tried[place] = str(refusal)
                if isinstance(refusal, Unreachable):
                    self.dead[place] = str(refusal)
            except OSError as error:
                tried[place] = f"it cannot be kept in the cache ({error.strerror or error})"
        raise _not_to_be_had(self.entry, file, tried)

    def _places(self, file: File) -> Iterator[tuple[str, Callable[[File], Path]]]:
        mirror = os.environ.get("COURSE_DATA_MIRROR", "")
        if not mirror:
            yield "mirror", _refuse("COURSE_DATA_MIRROR is not set")
        elif folder := _local(mirror):
            yield f"mirror ({folder})", lambda file: self._from_folder(folder, file)
        else:
            address = f"{mirror.rstrip('/')}/{self.entry.folder}/{quote(file.path)}"
            yield f"mirror ({mirror})", self._from_network(address)
        if file.url:
            yield f"download ({urlsplit(file.url).hostname})", self._from_network(file.url)
        else:
            yield "download", _refuse("no publisher has exactly these bytes, only a mirror has")

    def _from_folder(self, folder: Path, file: File) -> Path:
        """Copy from a mirror's folder, or use the file where it lies if it cannot be kept."""
        source = folder / self.entry.folder / file.path
        if not folder.is_dir():
            raise Refusal("there is no such folder")
        if why := fault(source, file):
            raise Refusal(f"{self.entry.folder}/{file.path}: {why}")
        copy = self._incoming() / (file.path + ".copy")
        try:
            if self.no_room:
                return source
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            if fault(copy, file):
                return source
            return self._named(copy, file)
        except OSError:  # a full disk, most likely: the mirror's own file is as good
            with contextlib.suppress(OSError):
                copy.unlink()
            return source

    def _from_network(self, address: str) -> Callable[[File], Path]:
        if is_offline():
            return _refuse("COURSE_OFFLINE is set")
        if self.no_room:
            return _refuse(f"the cache cannot be written to ({self.no_room})")

        def give(file: File) -> Path:
            import requests

            from course_lib.data.download import download

            self.session = self.session or requests.Session()
            counted = 0

            def told(so_far: int) -> None:
                nonlocal counted
                self.told(so_far - counted)
                counted = so_far

            try:
                arrived = download(address, file, self._incoming(), self.session, told)
            except BaseException:
                told(0)  # the next place begins again
                raise
            host = urlsplit(address).hostname or address
            self.downloaded[host] = self.downloaded.get(host, 0) + file.bytes
            return self._named(arrived, file)

        return give

    def _named(self, arrived: Path, file: File) -> Path:
        """Give a verified file its name in the cache: in one step, so that nobody ever sees half of it."""
        path = cache_folder() / self.entry.folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(arrived, path)
        return path

    def _incoming(self) -> Path:
        return cache_folder() / ".incoming" / self.entry.folder


def is_offline() -> bool:
    """Return True where `COURSE_OFFLINE` forbids the network.

    Returns
    -------
    bool
    """
    return os.environ.get("COURSE_OFFLINE", "") not in ("", "0")


def _local(mirror: str) -> Path | None:
    """Return the folder that a mirror is, or None if it is an address."""
    if mirror.startswith("file://"):
        return Path(url2pathname(urlsplit(mirror).path))
    return None if mirror.startswith(("http://", "https://")) else Path(mirror).expanduser().absolute()


def _refuse(why: str) -> Callable[[File], Path]:
    def give(file: File) -> Path:
        raise Refusal(why)

    return give


def _remove_damaged(entry: Record, path: Path, why: str) -> None:
    print(f"{entry.name}: {path} is damaged ({why}). It is fetched anew.")
    with contextlib.suppress(OSError):
        path.unlink()


@contextlib.contextmanager
def _alone(entry: Record) -> Iterator[str]:
    """Hold the lock of a dataset; yield why the cache cannot be written to, or "".

    The lock is the system's: it goes with the process that holds it, however that ends.
    """
    import filelock

    lock, no_room = filelock.FileLock(cache_folder() / ".locks" / f"{entry.folder}.lock"), ""
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        _acquire(lock, entry)
        _clear(cache_folder() / ".incoming" / entry.folder)
    except (OSError, NotImplementedError) as error:
        no_room = getattr(error, "strerror", None) or str(error)
    try:
        yield no_room
    finally:
        lock.release()


def _acquire(lock: Any, entry: Record) -> None:
    import filelock

    try:
        try:
            lock.acquire(timeout=2)
        except filelock.Timeout:
            print(f"{entry.name}: another process is fetching it; waiting.")
            lock.acquire(timeout=_LOCK_SECONDS)
    except filelock.Timeout as error:
        minutes = _LOCK_SECONDS / 60
        raise CourseError(
            f"Another process has been fetching `{entry.name}` for more than {minutes:.0f} minutes.",
            "Expected it to be done, or gone.",
            "End that process and load again: what has arrived is kept.",
        ) from error


def _clear(incoming: Path) -> None:
    """Remove what a process that was killed left under temporary names; the parts can be continued."""
    for stray in incoming.glob("**/*"):
        if stray.is_file() and stray.suffix != ".part":
            stray.unlink()


@contextlib.contextmanager
def _progress(entry: Record, lacking: list[File]) -> Iterator[Callable[[int], Any]]:
    """Yield what counts arriving bytes: a bar where somebody looks on and it takes a while."""
    if os.environ.get("COURSE_PROGRESS", "").lower() == "off":
        yield lambda count: None
        return
    from tqdm import tqdm

    total = sum(file.bytes for file in lacking)
    # delay: what arrives in a moment needs no bar. stdout: stderr is for what went wrong.
    with tqdm(
        total=total, desc=entry.name, unit="B", unit_scale=True, delay=1, leave=False, file=sys.stdout
    ) as bar:
        yield bar.update


def _not_to_be_had(entry: Record, file: File, tried: dict[str, str]) -> CourseError:
    places = "; ".join(f"{place}: {why}" for place, why in tried.items())
    advice = ["Set COURSE_DATA_MIRROR to a mirror (a folder or an address)"]
    if is_offline():
        advice.append("unset COURSE_OFFLINE")
    elif any("cannot be kept" in why or "cannot be written" in why for why in tried.values()):
        advice.append(f"make room for {megabytes(entry.bytes)}, or set COURSE_CACHE to another folder")
    elif file.url:
        advice.append("load again when there is a network")
    suggestion = ", or ".join(advice)
    if entry.stand_in:
        suggestion += f"; or go on with the simulated stand-in: `{entry.stand_in}`"
    return CourseError(
        f"`{entry.name}` cannot be had: {places}.",
        f"Expected `{file.path}` ({megabytes(file.bytes)}) from one of them.",
        f"{suggestion}.",
    )
