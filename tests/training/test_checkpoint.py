"""Runs that were broken off, and end as if they had not been."""

import copy
import os
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from small_runs import Rows, X, Y, a_model, column, quiet, same, weights
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader

from course_lib.errors import CourseError
from course_lib.training import History
from course_lib.training.checkpoint import Checkpoint


class Stop(Exception):
    pass


def stop_at(call):
    """Return a loss that fails at one of its calls."""
    calls = []

    def cross_entropy(outputs, targets):
        calls.append(1)
        if len(calls) == call:
            raise Stop
        return F.cross_entropy(outputs, targets)

    return cross_entropy


def long_run(model, path, epochs=6, data=None, on_epoch=None, **changes):
    settings = {
        "loss": F.cross_entropy,
        "batch_size": 16,
        "schedule": lr_scheduler.CosineAnnealingLR,
        "clip_norm": 1.0,
        "learning_rate": 0.02,
    }
    data = (X, Y) if data is None else data
    return quiet(model, data, (X, Y), epochs=epochs, checkpoint=path, on_epoch=on_epoch, **settings | changes)


def without_times(history):
    return [{name: value for name, value in record.items() if name != "seconds"} for record in history]


# Two calls of the loss are the rehearsal; then come five batches to learn from and two to measure, again and
# again. So the run breaks at the first batch, within the first epoch, in its validation, at the first batch
# of the second epoch, and within the fifth.
@pytest.mark.parametrize("broken_at", [3, 6, 8, 10, 34])
@pytest.mark.parametrize("seed", [None, 7])
@pytest.mark.parametrize("form", ["tensors", "dataset", "loader"])
def test_a_resumed_run_ends_bit_for_bit_like_one_that_was_never_broken(
    tmp_path, monkeypatch, seed, form, broken_at
):
    check_resuming(tmp_path, monkeypatch, seed, form, broken_at)


def test_workers_draw_the_same_random_rows_after_a_break(tmp_path, monkeypatch):
    check_resuming(tmp_path, monkeypatch, 7, "workers", 13)


def check_resuming(tmp_path, monkeypatch, seed, form, broken_at):
    # The fifth batch is the last of an epoch: a run can also be broken off between it and the validation.
    monkeypatch.setattr(Checkpoint, "is_due", lambda self: len(self.losses.rows) in (2, 4, 5))

    def run(path, call=0):
        data = {
            "tensors": lambda: (X, Y),
            "dataset": lambda: Rows(X, Y, noise=0.1),
            "workers": lambda: Rows(X, Y, noise=0.1),
            "loader": lambda: DataLoader(Rows(X, Y, noise=0.1), batch_size=16, shuffle=True),
        }[form]()
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 3))
        try:
            history = long_run(
                model, path, data=data, loss=stop_at(call), seed=seed, workers=int(form == "workers")
            )
        except Stop:
            return None
        return weights(model), without_times(history), torch.rand(3), np.random.rand(3), random.random()

    def start(number):
        torch.manual_seed(number)
        np.random.seed(number)
        random.seed(number)

    start(11)
    whole = run(tmp_path / "whole.pt")
    start(11)
    assert run(tmp_path / "broken.pt", broken_at) is None
    start(99)  # another session: nothing is as it was, apart from the file
    again = run(tmp_path / "broken.pt")
    assert same(whole[0], again[0])
    assert whole[1] == again[1]
    if seed is None:
        assert torch.equal(whole[2], again[2])  # also what is drawn next
    assert np.array_equal(whole[3], again[3])
    assert whole[4] == again[4]


@pytest.mark.parametrize(("seconds_to_write", "saved_at"), [(0, [15, 30, 45, 60]), (3, [30, 60])])
def test_an_epoch_is_saved_every_thirty_seconds_and_for_a_twentieth_of_the_time(
    monkeypatch, tmp_path, seconds_to_write, saved_at
):
    now, batches = [100.0], []
    monkeypatch.setattr("course_lib.training.checkpoint.time.monotonic", lambda: now[0])

    def write(_self, state):
        batches.append(len(state["rows"]))
        now[0] += seconds_to_write

    def two_seconds(outputs, targets):
        now[0] += 2
        return F.cross_entropy(outputs, targets)

    monkeypatch.setattr(Checkpoint, "_write", write)
    quiet(a_model(), (X, Y), loss=two_seconds, epochs=2, batch_size=1, checkpoint=tmp_path / "run.pt")
    assert batches == [0, *saved_at, 0, *saved_at, 0]


def test_an_interrupted_run_goes_on_from_its_last_save_when_the_cell_runs_again(tmp_path):
    def run(path, breaks):
        calls = []

        def cross_entropy(outputs, targets):
            calls.append(1)
            if len(calls) == breaks:
                raise KeyboardInterrupt
            return F.cross_entropy(outputs, targets)

        return long_run(model, path, loss=cross_entropy)

    torch.manual_seed(4)
    model = a_model(dropout=0.3)
    whole = run(None, 0)
    expected = weights(model)
    torch.manual_seed(4)
    model = a_model(dropout=0.3)
    assert len(run(tmp_path / "run.pt", 5)) == 0
    assert not same(expected, weights(model))
    assert without_times(run(tmp_path / "run.pt", 0)) == without_times(whole)  # the same model, half trained
    assert same(expected, weights(model))


def test_another_run_that_had_not_made_a_step_is_no_obstacle(tmp_path):
    with pytest.raises(Stop):
        long_run(a_model(), tmp_path / "run.pt", loss=stop_at(3), learning_rate=0.5)
    assert (tmp_path / "run.pt").exists()
    history = long_run(a_model(), tmp_path / "run.pt")
    assert len(history) == 6


def test_a_process_that_is_killed_and_started_again_ends_like_one_that_was_not(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import os, signal, sys
        import torch
        from torch import nn
        import course_lib as cl

        path, fatal, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        torch.manual_seed(0)
        x = torch.randn(40, 4); y = x[:, :2].argmax(1)
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 2))
        calls = 0
        def loss(outputs, targets):
            global calls
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return nn.functional.cross_entropy(outputs, targets)
        cl.fit(model, (x, y), loss=loss, epochs=4, batch_size=8, checkpoint=path, progress=False)
        print([parameter.tolist() for parameter in model.parameters()])
        """)
    )

    def run(name, fatal, seed):
        command = [sys.executable, str(script), str(tmp_path / name), str(fatal), str(seed)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    whole = run("whole.pt", 0, 0)
    assert whole.returncode == 0, whole.stderr
    # In the rehearsal, before there is a file; at the first batch, with another start afterwards; later.
    for fatal, seed in ((1, 0), (2, 1), (9, 1)):
        assert run(f"{fatal}.pt", fatal, 0).returncode == -9
        assert run(f"{fatal}.pt", 0, seed).stdout == whole.stdout


def test_a_finished_run_returns_at_once(tmp_path):
    path = tmp_path / "run.pt"
    first = a_model()
    history = long_run(first, path)
    bytes_before = path.read_bytes()
    again, calls = a_model(), []
    found = long_run(again, path, on_epoch=calls.append)
    assert found == history
    assert type(found) is History
    assert same(weights(first), weights(again))
    assert not calls
    assert path.read_bytes() == bytes_before
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written beside it


def test_more_epochs_continue_a_finished_run(tmp_path):
    steady = {"schedule": None, "seed": 3}
    whole, parts = a_model(), a_model()
    long_run(whole, None, epochs=6, **steady)
    long_run(parts, tmp_path / "run.pt", epochs=2, **steady)
    history = long_run(parts, tmp_path / "run.pt", epochs=6, **steady)
    assert column(history, "epoch") == [1, 2, 3, 4, 5, 6]
    assert same(weights(whole), weights(parts))


def test_a_schedule_is_laid_out_anew_over_more_epochs(tmp_path):
    model = a_model()
    long_run(model, tmp_path / "run.pt", epochs=2)
    history = long_run(model, tmp_path / "run.pt", epochs=8)
    steps = 8 * 5
    # The closed form of the cosine: the rate of the last step of an epoch.
    expected = [0.01 * (1 + np.cos(np.pi * (5 * epoch - 1) / steps)) for epoch in range(3, 9)]
    assert column(history, "learning_rate")[2:] == pytest.approx(expected, rel=1e-3)


def test_a_run_that_was_stopped_is_finished(tmp_path):
    def at_two(record):
        return "stop" if record["epoch"] == 2 else None

    model = a_model()
    assert len(long_run(model, tmp_path / "run.pt", on_epoch=at_two)) == 2
    assert len(long_run(model, tmp_path / "run.pt", on_epoch=at_two)) == 2
    assert len(long_run(model, tmp_path / "run.pt", epochs=7)) == 7


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 8}, "`batch_size` was 16, not 8"),
        ({"seed": 1}, "`seed` was None, not 1"),
        ({"learning_rate": 0.5}, "`optimizer` was"),
        ({"optimizer": "sgd"}, "`optimizer` was"),
        ({"clip_norm": None}, "`clip_norm` was"),
        ({"schedule": None}, "`schedule` was"),
        ({"data": (X[:-1], Y[:-1])}, "`rows` was 70, not 69"),
        ({"loss": nn.CrossEntropyLoss()}, "`loss` was"),
        ({"model": a_model(outputs=4)}, "other weights"),
        ({"epochs": 5}, "has 6 epochs"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_left_alone(tmp_path, changes, words):
    path = tmp_path / "run.pt"
    long_run(a_model(), path)
    before = path.read_bytes()
    changes = dict(changes)
    model = copy.deepcopy(changes.pop("model", a_model()))
    untouched = weights(model)
    with pytest.raises(CourseError, match=words):
        long_run(model, path, **changes)
    assert path.read_bytes() == before
    assert same(untouched, weights(model))


@pytest.mark.parametrize("damage", ["cut", "text", "other", "empty"])
def test_what_is_no_whole_checkpoint_is_refused_and_left_alone(tmp_path, damage):
    path = tmp_path / "run.pt"
    long_run(a_model(), path, epochs=1)
    if damage == "other":
        torch.save({"weights": torch.ones(2)}, path)
    else:
        content = path.read_bytes()
        path.write_bytes({"cut": content[: len(content) // 2], "text": b"my thesis", "empty": b""}[damage])
    before = path.read_bytes()
    with pytest.raises(CourseError, match="half-written, or no checkpoint"):
        long_run(a_model(), path)
    assert path.read_bytes() == before


def test_a_checkpoint_cannot_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    torch.save({"format": "course_lib fit 1", "x": Evil()}, tmp_path / "run.pt")
    with pytest.raises(CourseError, match="half-written, or no checkpoint"):
        long_run(a_model(), tmp_path / "run.pt")
    assert not (tmp_path / "owned").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("in the way")
    model = a_model()
    before = weights(model)
    with pytest.raises(CourseError, match="cannot be written"):
        long_run(model, tmp_path / "file" / "run.pt")
    assert same(before, weights(model))


def test_a_write_that_breaks_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "run.pt"
    long_run(a_model(), path, epochs=2)
    before = path.read_bytes()

    def full(_state, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CourseError, match="No space left on device"):
        long_run(a_model(), path, epochs=3)
    assert path.read_bytes() == before
