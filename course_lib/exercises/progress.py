"""What a student has solved: a small file on their own disk, and nothing that ever stands in their way."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from course_lib.exercises.catalogue import exercises_of, lesson_numbers
from course_lib.exercises.display import show_table

_LOCK_SECONDS = 1.0  # how long a kernel waits for another one; a lock older than that was left behind
_said: set[str] = set()  # what was said once in this kernel need not be said again


def place_of_progress() -> Path:
    """Return the file: COURSE_STATE, or `~/.course_lib/progress.json`."""
    asked = os.environ.get("COURSE_STATE")
    path = Path(asked).expanduser() if asked else Path.home() / ".course_lib" / "progress.json"
    return path / "progress.json" if path.is_dir() else path


def recorded() -> dict[str, dict]:
    """Return what the file says by exercise: `{"01.2": {"solved": True, "tries": 3}}`; {} if there is none.

    Raises
    ------
    ValueError
        If the file is broken.
    OSError
        If it cannot be read.
    """
    try:
        kept = json.loads(place_of_progress().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    for entry in kept.values() if isinstance(kept, dict) else [None]:
        if not (isinstance(entry, dict) and isinstance(entry.get("tries"), int) and "solved" in entry):
            raise ValueError("not a record of progress")
    return kept


def record(id: str, outcome: str) -> list[str]:
    """Keep that an exercise was tried or solved; once solved it stays so.

    Returns
    -------
    list of str
        One quiet sentence, once in a kernel, where it could not be kept; else nothing.
    """
    if outcome == "not attempted":
        return []
    try:
        path = place_of_progress()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            said = []
            try:
                kept = recorded()
            except ValueError:
                aside = path.with_name(path.name + ".broken")
                os.replace(path, aside)
                kept, said = (
                    {},
                    [f"Your progress file was broken. It is now `{aside}`; a new one begins."],
                )
            before = kept.get(id, {"solved": False, "tries": 0})
            kept[id] = {
                "solved": bool(before["solved"]) or outcome == "correct",
                "tries": before["tries"] + 1,
            }
            _write(path, kept)
        return said
    except (OSError, RuntimeError) as error:  # RuntimeError: this system knows no home folder
        return _once(f"Your progress could not be kept ({_reason(error)}); everything else works.")


def _write(path: Path, kept: dict) -> None:
    """Write beside the file, then take its name: whoever reads sees the old one or the new one whole."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            json.dump(kept, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other kernel writes; one that died holding the lock is not waited for long."""
    lock = path.with_name(path.name + ".lock")
    seen, until = None, 0.0
    while True:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        with contextlib.suppress(FileNotFoundError):  # it was let go of in between
            found = lock.stat()
            # On a slow disk others may come first for long: what counts is how long one lock has stood.
            if seen != (found.st_ino, found.st_mtime_ns):
                seen, until = (found.st_ino, found.st_mtime_ns), time.monotonic() + _LOCK_SECONDS
            elif time.monotonic() > until:
                break  # left behind: go on without it, and take it away afterwards
        time.sleep(0.005)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()


def _once(sentence: str) -> list[str]:
    if sentence in _said:
        return []
    _said.add(sentence)
    return [sentence]


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def progress() -> None:
    """Show which exercises are solved, tried and open, lesson by lesson.

    What is solved stays in a file on your own disk: `~/.course_lib/progress.json`, or where COURSE_STATE
    says.

    Notes
    -----
    **Source:** standard practice. **Shown in:** lesson 00, "How a lesson works".
    """
    try:
        kept, said = recorded(), ""
    except (OSError, ValueError, RuntimeError) as error:
        kept, said = {}, f"Your progress could not be read ({_reason(error)})."
    rows, solved = [], 0
    for number in lesson_numbers():
        for exercise in exercises_of(number).values():
            entry = kept.get(exercise.id, {"solved": False, "tries": 0})
            solved += bool(entry["solved"])
            tries = f"{entry['tries']} {'try' if entry['tries'] == 1 else 'tries'}"
            state = "solved" if entry["solved"] else f"tried ({tries})" if entry["tries"] else "open"
            rows.append((f"Lesson {number}", exercise.id, exercise.title, state))
    summary = f"{solved} of {len(rows)} exercises solved."
    show_table(("Lesson", "Exercise", "About", "State"), rows, caption=f"{summary} {said}".strip())
