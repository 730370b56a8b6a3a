"""What a run shows."""

import pytest
import torch
from small_runs import a_model, accuracy, classes
from torch.nn import functional as F

from course_lib.training import History, fit
from course_lib.training.bar import Bar


def test_fifty_silent_runs_print_nothing(capfd, monkeypatch):
    for index in range(50):
        if index == 25:
            monkeypatch.setenv("COURSE_PROGRESS", "off")
        fit(a_model(), classes(), loss=F.cross_entropy, epochs=1, progress=index >= 25)
    assert capfd.readouterr() == ("", "")


def test_a_run_ends_with_one_line_and_the_threads_are_said_once(capsys, monkeypatch):
    monkeypatch.setattr(Bar, "threads_were_said", False)
    for _ in range(2):
        fit(a_model(), classes(), classes(), loss=F.cross_entropy, epochs=2, metrics={"accuracy": accuracy})
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("Training on one thread")
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("2 of 2 epochs · ")
        assert "train loss" in line
        assert "accuracy" in line


def test_a_terminal_shows_one_line_that_is_written_over(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(Bar, "is_due", lambda self: True)
    fit(a_model(), classes(), loss=F.cross_entropy, epochs=2, batch_size=16)
    shown = capsys.readouterr().out
    assert shown.count("\n") <= 2  # the threads, and the end
    assert shown.count("\r") == 11
    assert "epoch 1 of 2" in shown
    assert "rows/s" in shown


def test_the_bar_is_due_a_few_times_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("course_lib.training.bar.time.monotonic", lambda: now[0])
    bar = Bar(False, 1, torch.device("cpu"), 1)
    bar.begin(History())
    due = 0
    for _ in range(1000):
        now[0] += 0.01
        due += bar.is_due()
    assert 30 <= due <= 50  # in ten seconds


def test_a_notebook_keeps_one_bar_with_the_last_state():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    code = """
import torch, course_lib as cl
from course_lib.training.bar import Bar
Bar.is_due = lambda self: True
x = torch.randn(70, 6)
history = cl.fit(torch.nn.Linear(6, 1), (x, x[:, :1]), loss=torch.nn.functional.mse_loss, epochs=3)
"""
    cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("history")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    said, bar = notebook.cells[0].outputs
    assert said.text.startswith("Training on one thread")
    assert bar.data["text/plain"].startswith("3 of 3 epochs")
    assert '<progress value="1.000" max="1"' in bar.data["text/html"]
    assert "<table>" in notebook.cells[1].outputs[0].data["text/html"]
