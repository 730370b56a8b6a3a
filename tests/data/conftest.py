"""What the tests of data share: the real mirror, where there is one, an empty cache, and a faulty host."""

import os
import threading
from pathlib import Path

import pytest
from faulty_host import CONTENT, PATH, Host

ROOT = Path(__file__).resolve().parent.parent.parent
# Read at import: tests/conftest.py unsets it before each test.
MIRROR = Path(os.environ.get("COURSE_DATA_MIRROR") or ROOT.parent / "shared" / "mirror")


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of the real datasets, which are never part of the checkout."""
    if not MIRROR.is_dir():
        pytest.skip(f"no mirror of the real datasets: neither COURSE_DATA_MIRROR nor {MIRROR} is a folder")
    return MIRROR


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory) -> Path:
    """One cache for the whole session."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def from_mirror(monkeypatch, mirror, shared_cache) -> Path:
    """Load from the mirror, through a cache of the session, and never from the network."""
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    monkeypatch.setenv("COURSE_CACHE", str(shared_cache))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    return mirror


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    """An empty cache; the folder of `tiny` below it."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data" / "tiny"


@pytest.fixture
def folder_mirror(tmp_path) -> Path:
    """A mirror in a folder, with the file of `tiny`."""
    path = tmp_path / "mirror" / "tiny" / PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def host():
    """A host on loopback."""
    server = Host()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.is_closing.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def impatient(monkeypatch):
    """Wait no longer than a test does, on a machine that may be busy."""
    from course_lib.data import download

    for name, value in {
        "ANSWER_SECONDS": 3,
        "SILENT_SECONDS": 1,
        "WINDOW_SECONDS": 0.3,
        "WINDOW_BYTES": 10_000,
    }.items():
        monkeypatch.setattr(download, name, value)
