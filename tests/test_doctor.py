"""The doctor reports what is wrong, names the remedy, and changes nothing."""

import importlib.metadata
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from course_lib import doctor


def finding(name):
    (found,) = [found for found in doctor.examine() if found.name == name]
    return found


def without(monkeypatch, *packages):
    """Let these packages look as if they were not installed."""
    real = importlib.metadata.version

    def version(name):
        if name in packages:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def with_version(monkeypatch, package, version):
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: version if name == package else real(name)
    )


def test_where_everything_is_there_nothing_is_to_be_mended(monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory", lambda: 2**34)
    findings = doctor.examine()
    assert [(found.name, found.said) for found in findings if not found.ok or found.remedy] == []
    names = {found.name for found in findings}
    assert names == {
        "Python", "libraries", "PyTorch", "device", "threads", "memory", "disk",
        "your copies", "progress", "JupyterLab", "widgets", "papermill", "data",
    }  # fmt: skip
    assert all(found.said and "\n" not in found.said for found in findings)


def test_the_versions_are_those_of_the_packages():
    import torch

    assert sys.version.split()[0] in finding("Python").said
    assert finding("PyTorch").said.startswith(torch.__version__)
    assert importlib.metadata.version("jupyterlab") in finding("JupyterLab").said


def test_a_torch_that_is_not_there_is_reported_and_not_raised(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    names = [found.name for found in doctor.examine()]
    assert "device" not in names, "without torch there is no device to speak of"
    torch = finding("PyTorch")
    assert not torch.ok
    assert "torch" in torch.remedy


def test_a_torch_that_is_broken_is_reported_and_not_raised(tmp_path):
    # In a process of its own, as a real torch cannot be unloaded.
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text("raise OSError('libcudart.so.12: cannot open shared object')")
    code = "from course_lib.doctor import examine\nfor f in examine(): print(f.ok, f.name, f.said)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert "False PyTorch it cannot be used: OSError: libcudart.so.12" in done.stdout
    assert done.stderr == ""


def test_a_library_that_is_missing_or_too_old_is_named(monkeypatch):
    without(monkeypatch, "scikit-learn")
    assert not finding("libraries").ok
    assert "scikit-learn is not installed" in finding("libraries").said
    monkeypatch.undo()
    with_version(monkeypatch, "numpy", "1.26.4")
    assert "numpy is 1.26.4 and not 2.0 or newer" in finding("libraries").said


def test_what_a_single_lesson_needs_is_looked_at_too(monkeypatch):
    without(monkeypatch, "statsmodels")
    assert "statsmodels is not installed" in finding("libraries").said
    assert not finding("libraries").ok


def test_versions_are_compared_as_numbers(monkeypatch):
    with_version(monkeypatch, "numpy", "10.0.0rc1")
    assert finding("libraries").ok
    with_version(monkeypatch, "matplotlib", "3.9.4")  # 3.9 is older than 3.10
    assert not finding("libraries").ok


def test_memory_and_disk_that_do_not_suffice_are_named(monkeypatch):
    monkeypatch.setattr(doctor, "_free_memory", lambda: 2**28)
    assert not finding("memory").ok
    assert finding("memory").said == "0.2 GiB free"
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**20))
    assert not finding("disk").ok


def test_a_folder_for_copies_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    # A file stands where the folder would be: that stops root, too.
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    monkeypatch.setattr(doctor, "_work_folder", lambda: blocked / "work")
    found = finding("your copies")
    assert not found.ok
    assert "blocked" in found.said
    assert found.remedy


def test_progress_that_cannot_be_kept_stops_no_lesson(monkeypatch, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    monkeypatch.setenv("COURSE_STATE", str(blocked / "progress.json"))
    assert finding("progress").ok
    assert "COURSE_STATE" in finding("progress").remedy


def test_a_front_end_is_needed_but_not_on_colab(monkeypatch):
    without(monkeypatch, "jupyterlab", "notebook")
    assert not finding("JupyterLab").ok
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    assert finding("JupyterLab").ok


def test_colabs_own_versions_are_fine(monkeypatch):
    for package, version in {"ipywidgets": "7.7.1", "ipython": "7.34.0", "matplotlib": "3.10.0"}.items():
        with_version(monkeypatch, package, version)
    assert finding("widgets").ok
    assert finding("libraries").ok


def test_without_papermill_lessons_still_open(monkeypatch):
    without(monkeypatch, "papermill")
    assert finding("papermill").ok
    assert finding("papermill").remedy


@pytest.mark.parametrize(
    ("name", "value", "mended"),
    [
        ("COURSE_DATA_MIRROR", "/no/such/folder", True),
        ("COURSE_DATA_MIRROR", "https://example.org/data", False),
        ("COURSE_CACHE", __file__ + "/cache", True),
    ],
)
def test_settings_for_data_are_shown_and_a_wrong_one_is_named(monkeypatch, name, value, mended):
    monkeypatch.setenv(name, value)
    found = finding("data")
    assert value in found.said
    assert (name in found.remedy) is mended


def test_the_examination_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(doctor, "checkout", lambda: None)
    doctor.examine()
    assert list(tmp_path.iterdir()) == []
