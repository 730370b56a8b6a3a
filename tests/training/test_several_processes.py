"""The same `fit` in several processes: two real ones, which `torchrun` starts on this computer."""

import itertools
import json
import re
import textwrap
import time
from pathlib import Path

import pytest
import together
import torch
from launch import HERE, torchrun

from course_lib.errors import CourseError
from course_lib.training.processes import Team


@pytest.fixture(scope="module")
def by_two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    done = torchrun(HERE / "together.py", folder)
    assert done.returncode == 0, done.stderr
    return *(json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)), done.stdout


@pytest.mark.parametrize("name", together.RUNS)
def test_two_processes_give_the_losses_and_weights_of_one(by_two, name):
    first, second, _ = by_two
    alone = together.run(name)
    assert len(first[name]["losses"]) == len(alone["losses"])
    for ours, expected in zip(first[name]["losses"], alone["losses"], strict=True):
        assert ours == pytest.approx(expected, rel=1e-5)
    for ours, expected in zip(first[name]["weights"], alone["weights"], strict=True):
        assert torch.allclose(torch.tensor(ours), torch.tensor(expected), rtol=1e-3, atol=1e-4)
    assert first[name] == second[name]


def test_dropout_falls_otherwise_in_each_process_and_what_is_drawn_afterwards_is_the_same(by_two):
    first, second, _ = by_two
    assert first["drawn"] != second["drawn"]
    assert first["drawn afterwards"] == second["drawn afterwards"]


def test_one_process_prints_and_says_where_two_are_not_like_one(by_two):
    said = by_two[2].splitlines()
    assert len([line for line in said if line.startswith("1 of 1 epochs")]) == 1
    note = "2 processes do not give quite the numbers of one: `loss` is not the mean over the examples."
    assert said.count(note) == 1


LONG_RUN = """
    import json, os, signal, sys
    import torch
    from small_runs import a_model, classes
    from torch.nn import functional as F
    from course_lib.training import checkpoint, fit

    checkpoint._SECONDS_BETWEEN, checkpoint._SHARE_OF_TIME = 0, 1e9  # a save after each batch
    path, fatal = sys.argv[1], int(sys.argv[2])
    torch.manual_seed(0 if fatal or path.endswith("whole.pt") else 99)
    calls = 0

    def loss(outputs, targets):
        global calls
        calls += 1
        if calls == fatal and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return F.cross_entropy(outputs, targets)

    model = a_model(dropout=0.5)
    fit(model, classes(), classes(), loss=loss, epochs=4, batch_size=16, checkpoint=path)
    if os.environ["RANK"] == "0":
        print("weights", [p.tolist() for p in model.parameters()])
"""


@pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="Linux alone lists the threads of a process there"
)
def test_the_threads_that_carry_messages_end_before_the_process_does(tmp_path):
    # One that still lets go of a tensor while Python ends aborts the process, a few times in a hundred.
    script = tmp_path / "ends.py"
    script.write_text(
        textwrap.dedent("""
        import atexit
        import json
        import os
        import sys
        from pathlib import Path
        from small_runs import a_model, classes
        from torch.nn import functional as F
        from course_lib.training import fit

        # Each to a file of its own: what two processes print may come mixed.
        def note(when):
            threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
            Path(sys.argv[1], f"{when}_{os.environ['RANK']}.json").write_text(json.dumps(threads))

        # What is registered first is called last, so after the processes have parted.
        atexit.register(note, "at_the_end")
        fit(a_model(), classes(), loss=F.cross_entropy, epochs=1, batch_size=16, progress=False)
        note("in_between")
        """)
    )
    done = torchrun(script, tmp_path)
    assert done.returncode == 0, done.stderr
    in_between, at_the_end = (
        ["".join(json.loads((tmp_path / f"{when}_{rank}.json").read_text())) for rank in range(2)]
        for when in ("in_between", "at_the_end")
    )
    assert all("gloo" in names for names in in_between)
    assert not any("gloo" in names for names in at_the_end)


def test_a_process_that_is_killed_ends_all_and_the_same_command_goes_on_where_they_stood(tmp_path):
    script = tmp_path / "long_run.py"
    script.write_text(textwrap.dedent(LONG_RUN))
    whole = torchrun(script, tmp_path / "whole.pt", 0)
    assert whole.returncode == 0, whole.stderr
    killed = torchrun(script, tmp_path / "killed.pt", 22)  # in the third epoch
    assert killed.returncode != 0
    assert "SIGKILL" in killed.stderr
    kept = torch.load(tmp_path / "killed.pt", weights_only=True)
    assert len(kept["history"]) == 2
    assert len(kept["losses"])
    resumed = torchrun(script, tmp_path / "killed.pt", 0)
    assert resumed.returncode == 0, resumed.stderr
    ours, expected = (re.search("weights.*", done.stdout).group() for done in (resumed, whole))
    assert ours == expected
    refused = torchrun(script, tmp_path / "killed.pt", 0, processes=1)
    assert refused.returncode != 0
    assert "`processes` was 2, not 1" in refused.stderr


def test_a_crash_in_one_process_ends_all_with_its_error(tmp_path):
    script = tmp_path / "crash.py"
    script.write_text(
        textwrap.dedent("""
        import os
        from small_runs import a_model, classes
        from torch.nn import functional as F
        from course_lib.training import fit

        calls = 0
        def loss(outputs, targets):
            global calls
            calls += 1
            if calls == 7 and os.environ["RANK"] == "1":
                raise ZeroDivisionError("the second process fell over")
            return F.cross_entropy(outputs, targets)

        fit(a_model(), classes(), loss=loss, epochs=100000, batch_size=16)
        """)
    )
    started = time.monotonic()
    done = torchrun(script)
    assert done.returncode != 0
    assert "the second process fell over" in done.stderr
    assert time.monotonic() - started < 120


def test_different_models_and_errors_of_the_first_process_stop_all(tmp_path):
    script = tmp_path / "differ.py"
    script.write_text(
        textwrap.dedent("""
        import os, sys
        import torch
        from small_runs import a_model, classes
        from torch.nn import functional as F
        from course_lib.errors import CourseError
        from course_lib.training import fit

        rank = int(os.environ["RANK"])

        class Late(torch.nn.Linear):
            # No numbers in the second process from its third batch on; the rehearsal has one too.
            def __init__(self, rank):
                super().__init__(6, 3)
                self.rank, self.batches = rank, 0

            def forward(self, x):
                self.batches += len(x) == 8
                return super().forward(x) * (torch.nan if self.rank and self.batches > 3 else 1)

        def train(model, rows=70, **settings):
            try:
                once = dict(loss=F.cross_entropy, epochs=1, batch_size=16, progress=False)
                fit(model, classes(rows), **once, **settings)
            except CourseError as error:
                print(f"{rank} {error.found}", file=sys.stderr)

        train(a_model(inputs=6), rows=70 + rank)
        train(a_model(), checkpoint=__file__)
        train(Late(rank))
        train(a_model(), on_epoch=lambda record: print("seen by", rank))
        """)
    )
    done = torchrun(script)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        assert f"{rank} The processes have different models, or data of different lengths." in done.stderr
        assert f"{rank} `{script}` is half-written, or no checkpoint of `fit`." in done.stderr
        assert f"{rank} The loss is nan at step 3 (epoch 1, batch 3)" in done.stderr
    assert done.stdout.split("\n").count("seen by 0") == 1
    assert "seen by 1" not in done.stdout


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_parts_of_a_batch_are_all_of_it_and_nearly_equal(size):
    for rows in range(20):
        parts = [list(range(rows))[Team(rank, size).part(rows)] for rank in range(size)]
        assert list(itertools.chain(*parts)) == list(range(rows))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_each_process_gets_a_gpu_of_its_own_or_is_told_how_many_there_are(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    chosen = []
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    cuda = torch.device("cuda")
    assert Team(1, 2, 1).own(cuda) == torch.device("cuda:1") == chosen[0]
    assert Team(1, 2, 1).own(torch.device("cpu")) == torch.device("cpu")
    assert Team().own(cuda) == cuda
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(CourseError, match="2 processes and 1 GPUs"):
        Team(1, 2, 1).own(cuda)
