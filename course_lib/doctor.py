"""Say whether this machine can run the lessons: a line for each thing, and a remedy where one is needed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.progress import place_of_progress
from course_lib.lessons.syllabus import lessons
from course_lib.resources import checkout

_GIB = 2**30
_MEMORY_GIB = 0.7  # a kernel with torch and a lesson's data
_DISK_GIB = 0.2  # the copies in work/, and what a run leaves in build/
_INSTALL = "Install the course again: `make env`, or `pip install -e '.[lab]'` in its folder."


@dataclass(frozen=True)
class Finding:
    """One line of the examination.

    Parameters
    ----------
    name : str
        What was looked at.
    ok : bool
        Whether a lesson would run, as far as this goes.
    said : str
        What was found.
    remedy : str
        What to do, where something is to be mended; it may be wanted although a lesson would run.
    """

    name: str
    ok: bool
    said: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Look at everything that a lesson needs. Nothing is changed, nothing is asked of the network.

    Returns
    -------
    list of Finding
        In the order in which one would mend them.
    """
    torch = _torch()
    findings = [_python(), _libraries(), torch]
    findings += [_device(), _threads()] if torch.ok else []
    findings += [_memory(), _disk(), _work(), _progress()]
    return [*findings, _jupyterlab(), _widgets(), _papermill(), _data()]


def _python() -> Finding:
    # An older one than 3.11 does not come as far as here: pip refuses the package.
    return Finding("Python", True, f"{platform.python_version()}, {sys.executable}")


def _libraries() -> Finding:
    """Look at the versions of what the package and the lessons ask for; torch has a line of its own."""
    try:
        extras = sorted({extra for lesson in lessons() for extra in lesson.extras})
        asked = [_Requirement(line) for line in importlib.metadata.requires("course_lib") or ()]
    except importlib.metadata.PackageNotFoundError:
        return Finding("libraries", False, "course_lib itself is not installed", _INSTALL)
    except CourseError as error:
        return Finding("libraries", False, error.found, error.suggestion)
    lacking, fine = [], 0
    for requirement in asked:
        wanted = requirement.extra in (None, *extras)
        if not wanted or requirement.name in ("torch", "course_lib"):
            continue
        found = _version(requirement.name)
        if found is None:
            lacking.append(f"{requirement.name} is not installed")
        elif _numbers(found) < _numbers(requirement.least):
            lacking.append(f"{requirement.name} is {found} and not {requirement.least} or newer")
        else:
            fine += 1
    if lacking:
        return Finding("libraries", False, "; ".join(lacking), _INSTALL)
    needed = f", with what the lessons need beyond them: {', '.join(extras)}" if extras else ""
    return Finding("libraries", True, f"all {fine} that are needed are new enough{needed}")


class _Requirement:
    """One line of what the package asks for, such as `pandas>=2.2; extra == "statsmodels"`."""

    def __init__(self, line: str) -> None:
        self.name = re.match(r"[\w.-]+", line)[0]
        self.least = match[1] if (match := re.search(r">=\s*([\w.]+)", line)) else "0"
        self.extra = match[1] if (match := re.search(r"extra\s*==\s*[\"']([\w-]+)", line)) else None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """Return 2.11.0+cu128 as (2, 11, 0)."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3])


def _torch() -> Finding:
    try:
        import torch

        torch.ones(2).sum().item()
    except (
        Exception
    ) as error:  # a library that is missing, or of another system: every kind of error comes up
        said = f"it cannot be used: {type(error).__name__}: {_first_line(error)}"
        return Finding("PyTorch", False, said, "Install it anew: `pip install --force-reinstall torch`.")
    said = f"{torch.__version__}, built for CUDA {torch.version.cuda}"
    if not torch.version.cuda:
        said = f"{torch.__version__}, built without CUDA"
    old = _numbers(torch.__version__) < (2, 11)
    remedy = "The lessons are written for 2.11 and newer: `pip install -U torch`." if old else ""
    return Finding("PyTorch", True, said, remedy)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _device() -> Finding:
    from course_lib.device import describe_device

    try:
        _, why = describe_device()
    except Exception as error:  # a driver that is half installed
        said = f"none could be chosen: {type(error).__name__}: {_first_line(error)}"
        return Finding("device", False, said, "Hide the GPU: set CUDA_VISIBLE_DEVICES to nothing.")
    return Finding("device", True, why)


def _threads() -> Finding:
    import torch

    cores, ceiling = os.cpu_count() or 1, os.environ.get("OMP_NUM_THREADS")
    said = f"PyTorch uses {torch.get_num_threads()}, there are {cores} cores"
    said += f", OMP_NUM_THREADS is {ceiling}" if ceiling else ", OMP_NUM_THREADS is not set"
    return Finding("threads", True, said + "; training chooses by the size of its work")


def _memory() -> Finding:
    free = _free_memory()
    if free is None:
        return Finding("memory", True, "this system does not say how much is free")
    said = f"{free / _GIB:.1f} GiB free"
    if free < _MEMORY_GIB * _GIB:
        return Finding("memory", False, said, f"Close other programs: a lesson needs {_MEMORY_GIB} GiB.")
    return Finding("memory", True, said)


def _free_memory() -> int | None:
    """Return the bytes that a new process can have."""
    try:
        import psutil  # comes with Jupyter's kernel
    except ImportError:
        return None
    return psutil.virtual_memory().available


def _disk() -> Finding:
    place = _work_folder()
    try:
        free = shutil.disk_usage(_existing(place)).free
    except OSError as error:
        return Finding("disk", False, f"`{place}`: {error.strerror}", "Look whether the disk is there.")
    said = f"{free / _GIB:.1f} GiB free at `{place}`"
    if free < _DISK_GIB * _GIB:
        return Finding("disk", False, said, f"Make room: the lessons need {_DISK_GIB} GiB.")
    return Finding("disk", True, said)


def _work_folder() -> Path:
    root = checkout()
    return root / "work" if root else Path.cwd()


def _existing(path: Path) -> Path:
    """Return the nearest folder that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _why_not_writable(folder: Path) -> str:
    """Return why a file cannot be made in a folder, or where it would be made; nothing where it can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return ""
    except OSError as error:
        return (error.strerror or str(error)).lower()


def _work() -> Finding:
    place = _work_folder()
    if why := _why_not_writable(place):
        remedy = "Give yourself the right to write there, or clone the course into your home folder."
        return Finding("your copies", False, f"`{place}` cannot be written: {why}", remedy)
    return Finding("your copies", True, f"`{place}` can be written")


def _progress() -> Finding:
    try:
        place = place_of_progress()
    except RuntimeError as error:
        return Finding(
            "progress", True, f"it is not kept: {_first_line(error)}", "Set COURSE_STATE to a file."
        )
    if why := _why_not_writable(place.parent):
        said = f"it is not kept, as `{place}` cannot be written: {why}"
        return Finding("progress", True, said, "Set COURSE_STATE to a file that you may write.")
    return Finding("progress", True, f"kept in `{place}`")


def _jupyterlab() -> Finding:
    if os.environ.get("COLAB_RELEASE_TAG"):
        return Finding("JupyterLab", True, "not needed: this is Colab")
    if _version("ipykernel") is None:
        return Finding("JupyterLab", False, "the kernel (ipykernel) is not installed", _INSTALL)
    found, notebook = _version("jupyterlab"), _version("notebook")
    if found is None:
        remedy = "`pip install jupyterlab`, or open the notebooks in another editor."
        said = f"not installed, but Notebook {notebook} is" if notebook else "not installed"
        return Finding("JupyterLab", notebook is not None, said, remedy)
    old = _numbers(found) < (4, 2)
    remedy = "The lessons are written for 4.2 and newer: `pip install -U jupyterlab`." if old else ""
    return Finding("JupyterLab", True, found, remedy)


def _widgets() -> Finding:
    found = _version("ipywidgets")
    if found is None:
        said = "ipywidgets is not installed: each slider shows one still figure"
        return Finding("widgets", True, said, "`pip install ipywidgets`")
    return Finding("widgets", True, f"ipywidgets {found}")


def _papermill() -> Finding:
    found = _version("papermill")
    if found is None:
        said = "not installed: lessons run in the browser, and `course run` does not"
        return Finding("papermill", True, said, _INSTALL)
    return Finding("papermill", True, found)


def _data() -> Finding:
    """Look at what stands in the environment for data that is fetched; bundled data needs none of it."""
    cache, mirror = os.environ.get("COURSE_CACHE"), os.environ.get("COURSE_DATA_MIRROR")
    offline = os.environ.get("COURSE_OFFLINE", "") not in ("", "0")
    said = f"cache: {cache or 'the usual place'}; mirror: {mirror or 'none'}"
    said += "; offline" if offline else ""
    if cache and (why := _why_not_writable(Path(cache).expanduser())):
        remedy = f"Set COURSE_CACHE to a folder that you may write ({why})."
    elif mirror and not re.match(r"\w+://", mirror) and not Path(mirror).expanduser().is_dir():
        remedy = "Set COURSE_DATA_MIRROR to a folder that is there or to an address, or unset it."
    else:
        remedy = ""
    return Finding("data", True, said, remedy)
