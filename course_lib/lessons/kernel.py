"""Kernels of this very Python, and the one place that ends them, with whatever they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

Item, Outcome = TypeVar("Item"), TypeVar("Outcome")


class Kernels:
    """The kernels that one command starts.

    A notebook's `python3` may be absent, or belong to another environment, so its name is not looked at: the
    kernel is the interpreter that runs this code.
    """

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._over = False

    @contextlib.contextmanager
    def manager(self, environment: Mapping[str, str | None], folder: Path | str) -> Iterator[type]:
        """Yield a class of kernel managers for nbclient; on the way out end its kernels and their children.

        Parameters
        ----------
        environment : mapping of str to str or None
            What the kernels' environment has besides this process's own; None takes a variable away.
        folder : Path or str
            Where the kernels run.
        """
        from ipykernel.kernelspec import get_kernel_dict
        from jupyter_client.kernelspec import KernelSpec
        from jupyter_client.manager import AsyncKernelManager

        kernels, started = self, set()
        with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as private:
            # What runs on somebody's behalf is not what they solved: progress has its own, empty file.
            variables = {**os.environ, "COURSE_STATE": f"{private}/progress.json", **environment}
            variables = {name: value for name, value in variables.items() if value is not None}

            class ThisPython(AsyncKernelManager):
                kernel_spec = KernelSpec(**get_kernel_dict())

                def __init__(self, **settings) -> None:
                    super().__init__(**settings)
                    # Unix sockets are closed to other people, where loopback ports are not.
                    self.transport = "tcp" if os.name == "nt" else "ipc"
                    self.connection_file = f"{private}/{uuid.uuid4().hex[:8]}.json"

                async def start_kernel(self, **settings) -> None:
                    if kernels._over:
                        raise RuntimeError("The command was stopped.")
                    await super().start_kernel(**settings | {"env": variables, "cwd": str(folder)})
                    started.add(self.provisioner.pid)
                    kernels._running.add(self.provisioner.pid)

            try:
                yield ThisPython
            finally:
                for process in started:
                    _end(process)
                self._running -= started

    def each(
        self,
        work: Callable[[Item], Outcome],
        items: Iterable[Item],
        *,
        at_once: int = 1,
        desc: str | None = None,
    ) -> list[Outcome]:
        """Do some work on each item and return the outcomes in order; Ctrl-C ends every kernel.

        The work waits for its kernels in threads, so that this one is free to hear Ctrl-C, which nbclient
        would take for the kernel's death.

        Parameters
        ----------
        work : callable
            Called with each item.
        items : iterable
            What to work on.
        at_once : int
            How many at a time, and not more than there are processors.
        desc : str, optional
            What a progress bar says, if there shall be one.
        """
        from tqdm import tqdm

        at_once = max(1, min(at_once, os.cpu_count() or 1))
        with ThreadPoolExecutor(at_once) as pool, tqdm(**bar(desc or "", desc is not None)) as shown:
            futures = [pool.submit(_tidily, work, item) for item in items]
            waiting, shown.total = set(futures), len(futures)
            try:
                while waiting:
                    # In short steps, as Windows does not hear Ctrl-C while it waits.
                    finished, waiting = wait(waiting, timeout=0.2)
                    for future in finished:
                        future.result()  # raises what the work raised
                        shown.update()
            except BaseException:
                self._over = True
                pool.shutdown(wait=False, cancel_futures=True)
                for process in list(self._running):
                    _end(process)
                raise
        return [future.result() for future in futures]


def _tidily(work: Callable[[Item], Outcome], item: Item) -> Outcome:
    """Do some work, and close the event loop that nbclient leaves open in this thread."""
    try:
        return work(item)
    finally:
        with contextlib.suppress(RuntimeError):  # there is none
            asyncio.get_event_loop().close()


def _end(process: int) -> None:
    """End a process and its children. A kernel leads a process group of its own, which outlives it."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process)], capture_output=True)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


def bar(desc: str, wanted: bool = True) -> dict:
    """Return tqdm's settings for a bar on stderr, which is shown only where somebody sees it.

    Parameters
    ----------
    desc : str
        What is under way.
    wanted : bool
        Whether there shall be one at all; `COURSE_PROGRESS=off` takes it away too.
    """
    seen = wanted and sys.stderr.isatty() and os.environ.get("COURSE_PROGRESS") != "off"
    return {"desc": desc, "disable": not seen}
