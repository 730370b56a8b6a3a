"""What the tests of data share: the real mirror, where there is one."""

import os
from pathlib import Path

import pytest

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
