"""Processes that are killed, that run out of disk, and that want the same dataset at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faulty_host import CONTENT, PATH

# What a process of its own does: obtain `tiny` from an address, and say where it lies.
CODE = """
import sys
sys.path.insert(0, {here!r})
from faulty_host import PATH, tiny
from course_lib.data import download
from course_lib.data.sources import obtain
from course_lib.errors import CourseError
download.SILENT_SECONDS = 5
try:
    print(obtain(tiny(sys.argv[1]))[PATH])
except CourseError as error:
    sys.exit(str(error))
"""


def process(url: str, *before: str) -> subprocess.Popen:
    """Start a process that obtains `tiny`."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", CODE.format(here=str(Path(__file__).parent)), url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COURSE_PROGRESS": "off"},
    )


def test_eight_processes_that_want_the_same_at_once_all_get_it_and_the_host_is_asked_once(cache, host):
    together = [process(host.url("whole")) for _ in range(8)]
    for one in together:
        said, complaint = one.communicate(timeout=120)
        assert one.returncode == 0, complaint
        assert complaint == ""
        assert Path(said.splitlines()[-1]).read_bytes() == CONTENT
    assert len(host.asked) == 1


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_process_killed_in_mid_download_leaves_no_name_no_lock_and_a_beginning(cache, host):
    part = cache.parent / ".incoming" / "tiny" / (PATH + ".part")
    killed = process(host.url("silence"))
    try:
        deadline = time.monotonic() + 60
        while not part.exists() or part.stat().st_size < 100_000:
            assert time.monotonic() < deadline, "the download never began"
            assert killed.poll() is None, killed.stderr.read()
            time.sleep(0.02)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    assert not (cache / PATH).exists()
    host.asked.clear()
    said, complaint = process(host.url("whole")).communicate(timeout=60)
    assert Path(said.splitlines()[-1]).read_bytes() == CONTENT, complaint
    assert [asked for _, asked in host.asked] == ["bytes=100000-"]
    left = [path for path in cache.parent.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"small.csv", "tiny.lock"}


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
@pytest.mark.parametrize("answer", ["whole", "broken-off-once"])
def test_whenever_a_process_is_killed_the_name_stands_for_the_whole_file_or_for_nothing(cache, host, answer):
    for milliseconds in (0, 2, 8, 32):
        host.asked.clear()
        one = process(host.url(answer))
        while not host.asked and one.poll() is None:
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)  # from the first answer to the name it takes a few of them
        one.send_signal(signal.SIGKILL)
        one.communicate()
        assert not (cache / PATH).exists() or (cache / PATH).read_bytes() == CONTENT
        (cache / PATH).unlink(missing_ok=True)
    said, complaint = process(host.url("whole")).communicate(timeout=60)
    assert Path(said.splitlines()[-1]).read_bytes() == CONTENT, complaint


MOUNT = ["unshare", "-rm", "sh", "-c"]


def can_mount() -> bool:
    """Whether this system lets us make a small disk of our own."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    tried = subprocess.run([*MOUNT, "mount -t tmpfs -o size=64k none /mnt"], capture_output=True)
    return tried.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no small disk can be mounted here")
@pytest.mark.parametrize(
    ("size", "arrives"), [("100k", False), ("4m", True)], ids=["too small", "large enough"]
)
def test_a_disk_that_is_full_is_a_clear_error_without_half_a_file(cache, tmp_path, size, arrives):
    # The small disk is seen by this one process only, so the host runs in it, too.
    disk = tmp_path / "disk"
    disk.mkdir()
    code = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from faulty_host import CONTENT, PATH, Host, tiny
from course_lib.data.sources import obtain
from course_lib.errors import CourseError
host = Host()
threading.Thread(target=host.serve_forever, daemon=True).start()
try:
    print(obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT)
except CourseError as error:
    print(error)
print(sorted(path.name for path in Path({str(disk)!r}).rglob("*") if path.is_file()))
"""
    done = subprocess.run(
        [*MOUNT, f'mount -t tmpfs -o size={size} none {disk} && exec "$0" "$@"', sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COURSE_CACHE": str(disk), "COURSE_PROGRESS": "off"},
    )
    assert done.returncode == 0, done.stderr
    *_, said, left = done.stdout.splitlines()
    if arrives:
        assert said == "True"
        assert left == "['small.csv', 'tiny.lock']"
    else:
        assert "it cannot be kept in the cache (No space left on device)" in said
        assert "make room for 0.2 MB" in said
        assert left == "['tiny.lock']"
