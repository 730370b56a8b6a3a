"""Whatever a host does: nothing that is not the file takes its name, and the next place is tried."""

import errno
import os
import shutil
import time
import tracemalloc

import pytest
from faulty_host import ANSWERS, CONTENT, PATH, tiny

from course_lib.data import download, sources
from course_lib.data.sources import obtain
from course_lib.errors import CourseError

# How a host answers, and what a person is told.
FAULTS = {
    "page": "it gives a web page of 26 bytes instead of 200,000",
    "page-of-the-right-length": "it gives other bytes than the registry's sha256 says",
    "missing": "it answers 404 (Not Found)",
    "ill": "it answers 500 (Internal Server Error)",
    "other": "it gives a file of 11 bytes instead of 200,000",
    "empty": "it gives a file of 0 bytes instead of 200,000",
    "flipped": "it gives other bytes than the registry's sha256 says",
    "truncated": "the connection broke off after 150,000 of 200,000 bytes",
    "truncated-without-a-word": "it ended after 150,000 of 200,000 bytes",
    "longer": "it gives more than the 200,000 bytes that the file has",
    "bomb": "it gives other bytes than the registry's sha256 says",
    "circle": "it redirects more than 5 times",
    "to-a-local-file": "its answer cannot be used (InvalidSchema)",
    "nonsense": "its answer is not HTTP",
    "trickle": "it crawls: ",
    "trickling-headers": "no answer from 127.0.0.1 within 3 s",
    "silence": "it fell silent for 1 s after 100,000 of 200,000 bytes",
    "endless": "it gives more than the 200,000 bytes that the file has",
    "reset": "127.0.0.1 broke off the connection",
    "reset-midway": "the connection broke off after 70,000 of 200,000 bytes",
}
pytestmark = pytest.mark.usefixtures("impatient")


def named(cache) -> list[str]:
    """What has taken a name in the cache."""
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())


def test_every_answer_of_the_host_is_a_fault_or_right():
    assert set(ANSWERS) == {*FAULTS, "whole", "hung-up-once", "broken-off-once", "refuses-to-go-on"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_clear_error_and_leaves_nothing_under_the_name(cache, host, fault):
    started = time.monotonic()
    with pytest.raises(CourseError) as error:
        obtain(tiny(host.url(fault)))
    assert time.monotonic() - started < 10
    assert f"download (127.0.0.1): {FAULTS[fault]}" in error.value.found
    assert f"cache ({cache}): not there; mirror: COURSE_DATA_MIRROR is not set" in error.value.found
    assert f"Expected `{PATH}` (0.2 MB)" in error.value.expected
    assert "`cl.simulators.noise_genes(SEED)`" in error.value.suggestion
    assert named(cache) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_the_next_place_is_tried(cache, host, fault, monkeypatch, capsys):
    # The mirror is the faulty one; what it left behind must not harm the download either.
    monkeypatch.setenv("COURSE_DATA_MIRROR", host.url(fault))
    paths = obtain(tiny(host.url("whole")))
    assert paths[PATH].read_bytes() == CONTENT
    assert paths[PATH].is_relative_to(cache)
    assert named(cache) == [PATH]
    assert "tiny: downloaded 0.2 MB from 127.0.0.1" in capsys.readouterr().out
    assert host.asked[0][0] == f"/{fault}/tiny/{PATH}"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_yesterday_does_not_harm_today(cache, host, fault):
    with pytest.raises(CourseError):
        obtain(tiny(host.url(fault)))
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT


def test_a_bomb_is_never_unpacked(cache, host):
    tracemalloc.start()
    with pytest.raises(CourseError):
        obtain(tiny(host.url("bomb")))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000  # it would be two hundred million


def test_a_stream_that_is_no_file_ends_before_it_fills_the_disk(cache, host):
    with pytest.raises(CourseError):
        obtain(tiny(host.url("endless")))
    incoming = cache.parent / ".incoming"
    assert sum(path.stat().st_size for path in incoming.rglob("*") if path.is_file()) <= len(CONTENT)


# --- going on where it broke off


def test_a_connection_that_breaks_off_is_taken_up_where_it_broke_off(cache, host):
    assert obtain(tiny(host.url("broken-off-once")))[PATH].read_bytes() == CONTENT
    assert [range for _, range in host.asked] == [None, "bytes=100000-"]


def test_a_host_that_hangs_up_once_is_asked_once_more(cache, host):
    assert obtain(tiny(host.url("hung-up-once")))[PATH].read_bytes() == CONTENT
    assert [range for _, range in host.asked] == [None, None]


def test_the_next_run_goes_on_where_the_last_one_stopped(cache, host):
    with pytest.raises(CourseError):
        obtain(tiny(host.url("silence")))
    part = cache.parent / ".incoming" / "tiny" / (PATH + ".part")
    assert part.read_bytes() == CONTENT[:100_000]
    host.asked.clear()
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT
    assert [range for _, range in host.asked] == ["bytes=100000-"]


def test_a_host_that_cannot_go_on_is_asked_anew_by_the_next_run(cache, host):
    with pytest.raises(CourseError, match="no such place to go on from"):
        obtain(tiny(host.url("refuses-to-go-on")))
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT


def test_a_beginning_of_other_bytes_is_thrown_away(cache, host):
    part = cache.parent / ".incoming" / "tiny" / (PATH + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"an older version")
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT
    assert [range for _, range in host.asked] == ["bytes=16-", None]


def test_nothing_is_left_over_once_it_has_arrived(cache, host):
    obtain(tiny(host.url("whole")))
    assert named(cache.parent) == sorted([".locks/tiny.lock", f"tiny/{PATH}"])
    assert not (cache.parent / ".incoming" / "tiny").exists()


# --- no network


def test_a_host_that_is_not_there_is_given_up_at_once(cache):
    # Port 9 is "discard": nobody listens.
    with pytest.raises(CourseError, match=r"127\.0\.0\.1 refuses the connection.*when there is a network"):
        obtain(tiny("http://127.0.0.1:9/file"))


def test_a_name_that_nobody_knows_is_given_up_within_seconds(cache, monkeypatch):
    import socket

    def hang(*_, **__):
        time.sleep(2)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(CourseError, match=r"no answer from data\.example within 0\.5 s"):
        obtain(tiny("http://data.example/file"))
    assert time.monotonic() - started < 1.5
    time.sleep(2)  # the thread that hangs ends before the test does


def test_an_unknown_name_is_told_apart_from_a_host_that_refuses(cache, monkeypatch):
    import socket

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CourseError, match=r"the name data\.example is not found \(is there a network\?\)"):
        obtain(tiny("http://data.example/file"))


def test_a_mirror_that_is_not_reached_is_asked_once_and_not_per_file(cache, host, monkeypatch):
    entry = tiny(host.url("whole"))
    files = tuple(
        type(file)(f"{number}.csv", file.sha256, file.bytes, file.url)
        for file in entry.files
        for number in range(5)
    )
    monkeypatch.setenv("COURSE_DATA_MIRROR", host.url("trickling-headers"))
    assert len(obtain(tiny(files=files))) == 5
    assert sum("trickling" in path for path, _ in host.asked) == 1


def test_offline_the_network_is_not_touched(cache, host, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_DATA_MIRROR", host.url("whole"))
    with pytest.raises(CourseError) as error:
        obtain(tiny(host.url("whole")))
    assert error.value.found.count("COURSE_OFFLINE is set") == 2
    assert "unset COURSE_OFFLINE" in error.value.suggestion
    assert host.asked == []


# --- the disk


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_a_clear_error_and_not_half_a_file(cache, host):
    part = cache.parent / ".incoming" / "tiny" / (PATH + ".part")
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")  # whoever writes to it learns that no space is left
    with pytest.raises(CourseError) as error:
        obtain(tiny(host.url("whole")))
    assert f"it cannot be kept in the cache ({os.strerror(errno.ENOSPC)})" in error.value.found
    assert "make room for 0.2 MB, or set COURSE_CACHE" in error.value.suggestion
    assert named(cache) == []
    assert not part.is_symlink()
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT


def test_with_a_full_disk_the_files_of_a_mirror_are_used_where_they_lie(cache, folder_mirror, monkeypatch):
    def full(_source, target):
        with open(target, "wb") as half:
            half.write(CONTENT[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder_mirror))
    assert obtain(tiny())[PATH] == folder_mirror / "tiny" / PATH
    assert named(cache.parent / ".incoming") == []
    assert named(cache) == []


@pytest.fixture
def read_only(tmp_path_factory, monkeypatch):
    """A cache that may be read and not written to, also by root, who for this has to be somebody else."""
    folder = tmp_path_factory.mktemp("read_only")
    for above in [folder, *folder.parents]:
        if above.stat().st_uid != os.geteuid() or above.stat().st_mode & 0o005 == 0o005:
            continue
        mode = above.stat().st_mode
        above.chmod(mode | 0o055)
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    (folder / "data" / "tiny" / "tables").mkdir(parents=True)

    import filelock  # noqa: F401  before the rights to read libraries may be gone
    import requests  # noqa: F401

    import course_lib.data.download  # noqa: F401

    def lock():
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if os.geteuid() == 0:
            os.seteuid(65534)

    was = os.geteuid()
    yield folder / "data" / "tiny", lock
    os.seteuid(was)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="rights work otherwise on Windows")
def test_a_read_only_cache_gives_what_it_holds(read_only):
    cache, lock = read_only
    (cache / PATH).write_bytes(CONTENT)
    lock()
    assert obtain(tiny())[PATH].read_bytes() == CONTENT


@pytest.mark.skipif(os.name == "nt", reason="rights work otherwise on Windows")
def test_a_read_only_cache_is_named_as_the_reason(read_only, host):
    _, lock = read_only
    lock()
    with pytest.raises(
        CourseError, match=r"the cache cannot be written to \(Permission denied\).*COURSE_CACHE"
    ):
        obtain(tiny(host.url("whole")))
    assert host.asked == []


@pytest.mark.skipif(os.name == "nt", reason="rights work otherwise on Windows")
def test_with_a_read_only_cache_a_mirror_in_a_folder_still_helps(read_only, monkeypatch):
    cache, lock = read_only
    mirror = cache.parent.parent / "mirror"
    (mirror / "tiny" / PATH).parent.mkdir(parents=True)
    (mirror / "tiny" / PATH).write_bytes(CONTENT)
    (cache / PATH).write_bytes(CONTENT[:10])  # damaged, and it cannot be removed
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    lock()
    assert obtain(tiny())[PATH] == mirror / "tiny" / PATH


def test_a_cache_that_is_no_folder_is_named_as_the_reason(tmp_path, monkeypatch, host):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(CourseError, match="the cache cannot be written to"):
        obtain(tiny(host.url("whole")))


def test_a_file_that_has_gone_bad_in_the_cache_is_never_used(cache, host, capsys):
    path = obtain(tiny(host.url("whole")))[PATH]
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT
    assert f"{path} is damaged (other bytes than the registry's sha256 says)" in capsys.readouterr().out


def test_a_file_that_has_gone_bad_is_gone_also_where_nothing_better_is_had(cache, host, monkeypatch):
    path = obtain(tiny(host.url("whole")))[PATH]
    path.write_bytes(b"short")
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    with pytest.raises(CourseError, match="5 bytes instead of 200,000"):
        obtain(tiny(host.url("whole")))
    assert named(cache) == []


def test_a_process_that_never_ends_is_not_waited_for_for_ever(cache, host, monkeypatch):
    import filelock

    monkeypatch.setattr(sources, "_LOCK_SECONDS", 0.2)
    place = cache.parent / ".locks" / "tiny.lock"
    place.parent.mkdir(parents=True)
    with (
        filelock.FileLock(place),
        pytest.raises(CourseError, match="Another process has been fetching `tiny`"),
    ):
        obtain(tiny(host.url("whole")))
