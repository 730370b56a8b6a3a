"""Bring one file over HTTP: resumed where it broke off, ended where it crawls, verified before it is named.

pooch verifies and names; how the bytes arrive is written here, because pooch neither resumes a download nor
ends one that trickles for ever.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests
import urllib3

from course_lib.data.refusals import Refusal, Unreachable
from course_lib.registry import File

CONNECT_SECONDS = 5  # an offline laptop learns it in seconds
ANSWER_SECONDS = 15  # from asking to the first bytes: finding the host, connecting, redirects, headers
SILENT_SECONDS = 20  # without a single byte
WINDOW_SECONDS = (
    30  # in each of these at least so many bytes must arrive, else nobody would live to see the end
)
WINDOW_BYTES = 30_000
ATTEMPTS = 3  # a connection that breaks off is taken up again where it broke off
_BLOCK = 65_536


class _BrokenOff(Refusal):
    """The connection ended early: what has arrived is kept, and may be continued."""


def download(
    url: str, file: File, folder: Path, session: requests.Session, told: Callable[[int], Any]
) -> Path:
    """Bring a file into a folder under its own name, once its bytes have been verified.

    Parameters
    ----------
    url : str
        Where it is.
    file : File
        What the registry says of it: its path below `folder`, size and sha256.
    folder : pathlib.Path
        A folder that nobody else writes to meanwhile. What arrived so far stays in it as `<path>.part`, so
        that the next call goes on from there.
    session : requests.Session
        Keeps the connection for the next file.
    told : callable
        Is given how many bytes of the file have arrived so far; fewer than before when a start was in vain.

    Returns
    -------
    pathlib.Path
        The verified file.

    Raises
    ------
    Refusal
        If the host does not give these bytes.
    OSError
        If they cannot be written.
    """
    path = folder / file.path
    part = path.with_name(path.name + ".part")
    receive = functools.partial(_receive, part=part, file=file, session=session, told=told)
    for attempt in range(1, ATTEMPTS + 1):
        continued = _size(part)
        try:
            with _quiet_pooch():
                pooch.retrieve(url, f"sha256:{file.sha256}", file.path, folder, downloader=receive)
            return path
        except _BrokenOff:
            # Once more in any case: a connection kept from the last file may have been closed meanwhile.
            if attempt == ATTEMPTS or (attempt > 1 and _size(part) <= continued):
                raise
        except ValueError as error:  # pooch has verified and thrown away what came
            told(0)
            if not continued:
                raise Refusal("it gives other bytes than the registry's sha256 says") from error
            # The beginning was of another day, perhaps of another source: once more, from nothing.
    raise Refusal("it gives other bytes than the registry's sha256 says")


def _receive(
    url: str, output_file: str, _pooch: Any, *, part: Path, file: File, session: requests.Session, told
) -> None:
    """Receive a file as pooch asks its downloaders to, by way of a part that outlives this process."""
    part.parent.mkdir(parents=True, exist_ok=True)
    if _size(part) > file.bytes:
        part.unlink()
    if (start := _size(part)) < file.bytes:
        with _answer(url, start, session) as response:
            start = _accepted_start(response, start, file, part)
            try:
                with part.open("ab" if start else "wb") as arriving:
                    _pour(response, arriving, start, file, told)
            except OSError:  # of the disk: the network's own errors are refusals
                with contextlib.suppress(OSError):
                    part.unlink()  # a full disk needs the room more than we need the beginning
                raise
    os.replace(part, output_file)


def _answer(url: str, start: int, session: requests.Session) -> requests.Response:
    """Ask, and return the answer with its body still to come."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "course_lib"}
    if start:
        headers["Range"] = f"bytes={start}-"
    session.max_redirects = 5
    host = urlsplit(url).hostname
    ask = functools.partial(
        session.get, url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENT_SECONDS)
    )
    try:
        return _within(ANSWER_SECONDS, ask)
    except TimeoutError as error:
        raise Unreachable(f"no answer from {host} within {ANSWER_SECONDS} s") from error
    except requests.exceptions.ConnectTimeout as error:
        raise Unreachable(f"no connection to {host} within {CONNECT_SECONDS} s") from error
    except requests.exceptions.Timeout as error:
        raise Unreachable(f"{host} was silent for {SILENT_SECONDS} s") from error
    except requests.exceptions.TooManyRedirects as error:
        raise Refusal(f"it redirects more than {session.max_redirects} times") from error
    except requests.exceptions.SSLError as error:
        raise Unreachable(f"the certificate of {host} is not trusted here") from error
    except requests.exceptions.ProxyError as error:
        raise Unreachable(f"the proxy on the way to {host} does not answer") from error
    except requests.exceptions.ConnectionError as error:
        raise _why_not_connected(host, error) from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise Refusal(f"its answer cannot be used ({type(error).__name__})") from error


def _why_not_connected(host: str | None, error: Exception) -> Refusal:
    said = str(error)
    if "NameResolution" in said or "getaddrinfo" in said:
        return Unreachable(f"the name {host} is not found (is there a network?)")
    if "refused" in said:
        return Unreachable(f"{host} refuses the connection")
    if "BadStatusLine" in said:
        return Refusal("its answer is not HTTP")
    if "reset" in said or "aborted" in said or "RemoteDisconnected" in said:
        return _BrokenOff(f"{host} broke off the connection")
    return Unreachable(f"no connection to {host}")


def _accepted_start(response: requests.Response, start: int, file: File, part: Path) -> int:
    """Return where the body begins in the file, or refuse it for what its headers say."""
    if response.status_code == 206 and start:
        if response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            return start
        part.unlink()
        raise Refusal("it goes on at another place than it was asked to")
    if response.status_code == 416:
        part.unlink()
        raise Refusal("it has no such place to go on from")
    if response.status_code != 200:
        reason = f" ({response.reason})" if response.reason else ""
        raise Refusal(f"it answers {response.status_code}{reason}")
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) != file.bytes:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        what = "a web page of" if is_page else "a file of"
        raise Refusal(f"it gives {what} {int(announced):,} bytes instead of {file.bytes:,}")
    return 0


def _pour(response: requests.Response, arriving: Any, start: int, file: File, told) -> None:
    """Write what arrives, raw, as long as it arrives at a pace that has an end and is not too much.

    Raw means: nothing is unpacked on the way, so a small answer cannot become a large one.
    """
    arrived, window, at_window = start, time.monotonic(), start
    while True:
        told(arrived)
        try:
            block = response.raw.read1(_BLOCK, decode_content=False)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise _BrokenOff(f"it fell silent for {SILENT_SECONDS} s {_at(arrived, file)}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _BrokenOff(f"the connection broke off {_at(arrived, file)}") from error
        if not block:
            break
        if arrived + len(block) > file.bytes:
            arriving.truncate(0)
            raise Refusal(f"it gives more than the {file.bytes:,} bytes that the file has")
        arriving.write(block)
        arrived += len(block)
        if time.monotonic() - window > WINDOW_SECONDS:
            if arrived - at_window < WINDOW_BYTES:
                pace = (arrived - at_window) / WINDOW_SECONDS
                raise Refusal(f"it crawls: {pace:,.0f} bytes a second {_at(arrived, file)}")
            window, at_window = time.monotonic(), arrived
    if arrived < file.bytes:
        raise _BrokenOff(f"it ended {_at(arrived, file)}")


def _at(arrived: int, file: File) -> str:
    return f"after {arrived:,} of {file.bytes:,} bytes"


def _within(seconds: float, ask: Callable[[], requests.Response]) -> requests.Response:
    """Return what `ask` returns, or stop waiting: finding a host and reading headers know no timeout."""
    answer: dict[str, Any] = {}
    is_over = threading.Lock()

    def work() -> None:
        try:
            response = ask()
        except BaseException as error:
            answer["error"] = error
            return
        with is_over:
            if "late" in answer:
                response.close()
            answer["response"] = response

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    with is_over:
        if "response" not in answer and "error" not in answer:
            answer["late"] = True
            raise TimeoutError
    if "error" in answer:
        raise answer["error"]
    return answer["response"]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@contextlib.contextmanager
def _quiet_pooch():
    """Keep pooch's log out of the lesson: what it says, we say in a sentence."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
