"""What docs/training.md says is run."""

import re
import subprocess
import sys

import pytest
import torch
from launch import torchrun
from torch import nn

import course_lib as cl


@pytest.fixture
def page(root):
    return (root / "docs" / "training.md").read_text(encoding="utf-8")


def example(page, marker):
    """Return the code that stands below a marker."""
    return re.search(rf"<!-- runs: {marker} -->\n```python\n(.*?)```", page, re.S).group(1)


def test_links_lead_to_files_and_the_page_is_linked(page, root):
    for target in re.findall(r"\]\(([^)\s]+)\)", page):
        assert (root / "docs" / target).exists(), target
    assert "docs/training.md" in (root / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_a_training_cell_as_a_script_trains_alike_alone_and_in_two_processes(
    page, tmp_path, monkeypatch, root
):
    script = tmp_path / "digits.py"
    script.write_text(example(page, "alone and under torchrun"))
    monkeypatch.setenv("PYTHONPATH", str(root))
    for folder in ("alone", "together"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "alone")
    alone = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert alone.returncode == 0, alone.stderr
    monkeypatch.chdir(tmp_path / "together")
    together = torchrun(script)
    assert together.returncode == 0, together.stderr

    def losses(done):
        table = re.findall(r"^ +\d+ +([\d.]+) +([\d.]+) +([\d.]+) ", done.stdout, re.M)
        return [tuple(map(float, row)) for row in table]

    assert len(losses(alone)) == 5
    for ours, expected in zip(losses(together), losses(alone), strict=True):
        assert ours == pytest.approx(expected, rel=1e-3)  # as many digits as the table shows
    kept = [torch.load(tmp_path / f / "digits.pt", weights_only=True) for f in ("alone", "together")]
    for one, two in zip(*(file["history"] for file in kept), strict=True):
        assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-5)
        assert two["valid_loss"] == pytest.approx(one["valid_loss"], rel=1e-5)
        assert two["accuracy"] == one["accuracy"]


def test_tensorboard_gets_each_record(page, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="The recipe needs tensorboard, which the course does not.")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.chdir(tmp_path)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    scope = {"cl": cl, "nn": nn, "network": network, "data": cl.load("digits")}
    exec(example(page, "where tensorboard is installed"), scope)
    events = EventAccumulator(str(tmp_path / "runs" / "digits"))
    events.Reload()
    seen = [(event.step, event.value) for event in events.Scalars("train_loss")]
    assert seen == [(r["epoch"], pytest.approx(r["train_loss"], rel=1e-6)) for r in scope["history"]]
