"""A JupyterLab server on the students' copies of all lessons, as `course lab` makes them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.lessons.workspace import lab_command, prepare

GUARDS = Path(__file__).resolve().parent.parent / "guards"
_STARTS_WITHIN = 90  # seconds, also on a busy machine
# Toasts would lie over the page. Everything else is as a student finds it.
_QUIET = {"@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "doNotDisturbMode": True}}


@dataclass(frozen=True)
class LabServer:
    """Where the server answers, what lets one in, where the copies are, and where it writes what happens."""

    address: str
    token: str
    work: Path
    log: Path

    def asked_of_the_network(self) -> list[str]:
        """Return what the server asked of other machines; what a kernel asked stands red in its notebook.

        `tests/guards/sitecustomize.py` refuses them and notes them down.
        """
        return [
            line for line in self.log.read_text(errors="replace").splitlines() if "asked the network" in line
        ]


@contextlib.contextmanager
def started(root: Path, folder: Path, data: dict[str, str]) -> Iterator[LabServer]:
    """Copy the lessons to `folder/work`, and serve them until the end of the block.

    Parameters
    ----------
    root : Path
        The top of the checkout.
    folder : Path
        An empty folder: copies, settings, progress and log stay in it.
    data : dict
        Where kernels find real data: `COURSE_DATA_MIRROR` or nothing.
    """
    prepare(root, folder / "work")
    for name, settings in _QUIET.items():
        path = folder / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    log = folder / "server.log"
    command = [*lab_command(folder / "work"), "--no-browser", "--ip=127.0.0.1", "--port=0"]
    command.append("--LabApp.expose_app_in_browser=True")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # CI's containers know no other user
    with log.open("wb") as written:
        server = subprocess.Popen(
            command,
            env=_environment(root, folder, data),
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _answering(server, folder, log)
    finally:
        _stop(server)


def _environment(root: Path, folder: Path, data: dict[str, str]) -> dict[str, str]:
    """Return what the server and its kernels see: nothing of this machine's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "JUPYTER"))}
    own = {
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "data",
        "JUPYTER_RUNTIME_DIR": folder / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "IPYTHONDIR": folder / "ipython",
        "COURSE_STATE": folder / "progress.json",
        "COURSE_CACHE": folder / "cache",
        "COURSE_PROFILE": "quick",
        "COURSE_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{GUARDS}{os.pathsep}{root}",
    }
    return kept | {name: str(value) for name, value in own.items()} | data


def _answering(server: subprocess.Popen, folder: Path, log: Path) -> LabServer:
    """Wait until the server has written where it answers; it chose the port, so that none is fought over."""
    until = time.monotonic() + _STARTS_WITHIN
    card = folder / "runtime" / f"jpserver-{server.pid}.json"
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            said = json.loads(card.read_text())
            return LabServer(f"http://127.0.0.1:{said['port']}", said["token"], folder / "work", log)
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start. It said:\n{log.read_text(errors='replace')}")


def _stop(server: subprocess.Popen) -> None:
    """Stop the server and its kernels, which are in its session."""
    for sign, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(patience)
            return
