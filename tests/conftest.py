"""What every test starts from: no trace of this machine's own settings, and its own place for progress."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """Unset what a person may have set, and keep progress out of their home."""
    for name in [name for name in os.environ if name.startswith("COURSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "course-state.json"))
