"""Kill `fit` at random moments, start it again, and compare with a run that nobody touched, bit for bit.

    python -m benchmarks.kills

takes five to seven minutes on two cores. Each of the killed runs gets one SIGKILL: before its first
checkpoint, while a checkpoint is being written, or at any moment, some of them between the epochs' ends.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from benchmarks import page, provenance
from course_lib.training import checkpoint, fit

KILLS = 50
EPOCHS = 12
# How the moments are chosen, of ten kills each.
KINDS = ("before the first save", *["in a save"] * 3, *["at any moment"] * 6)


class Rows(Dataset):
    """The same rows one by one, with noise from torch's generator, as augmentation would add it."""

    def __init__(self, inputs, targets):
        self.pairs = TensorDataset(inputs, targets)

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        inputs, target = self.pairs[index]
        return inputs + 0.01 * torch.randn(inputs.shape), target


def work(kind: str, folder: Path) -> None:
    """Train with all that a checkpoint has to keep: momentum, schedule, running means, random numbers."""
    # In a lesson a checkpoint within an epoch is half a minute away; here the whole run takes a few seconds.
    checkpoint._SECONDS_BETWEEN, checkpoint._SHARE_OF_TIME = 0.05, 0.5
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(32, 400),
        nn.BatchNorm1d(400),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(400, 400),
        nn.Linear(400, 4),
    )
    inputs = torch.randn(1580, 32)
    targets = inputs[:, :4].argmax(1)
    (train, valid), (y, valid_y) = inputs.split(1280), targets.split(1280)
    (folder / "begun").touch()
    history = fit(
        model,
        Rows(train, y) if kind == "dataset" else (train, y),
        (valid, valid_y),
        loss=F.cross_entropy,
        epochs=EPOCHS,
        batch_size=32,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR,
        clip_norm=1.0,
        checkpoint=folder / "kept" / "run.pt",
        progress=False,
    )
    records = [{name: value for name, value in record.items() if name != "seconds"} for record in history]
    torch.save({"weights": model.state_dict(), "history": records}, folder / "end.part")
    os.replace(folder / "end.part", folder / "end.pt")


@dataclasses.dataclass
class Course:
    """The uninterrupted run: what it ended with, and when it began, saved first, and ended [s]."""

    end: dict
    first_save: float
    end_after: float
    saves: int


def start(kind: str, folder: Path) -> subprocess.Popen:
    """Start a worker and return once it is about to call `fit`."""
    begun = folder / "begun"
    begun.unlink(missing_ok=True)
    (folder / "kept").mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COURSE_PROGRESS": "off"}
    command = [sys.executable, "-m", "benchmarks.kills", "--work", kind, str(folder)]
    log = (folder / "log").open("a")
    process = subprocess.Popen(command, cwd=provenance.ROOT, env=environment, stdout=log, stderr=log)
    log.close()
    while not begun.exists() and process.poll() is None:
        time.sleep(0.001)
    return process


def finish(process: subprocess.Popen, folder: Path) -> dict:
    """Wait for a worker and return what it ended with."""
    if process.wait(timeout=300) != 0:
        raise RuntimeError(f"A run stopped by itself:\n{(folder / 'log').read_text()[-2000:]}")
    return torch.load(folder / "end.pt", weights_only=True)


def watch(kind: str, folder: Path) -> Course:
    """Run without a kill, and note when the checkpoint appears and how often it changes."""
    process, began = start(kind, folder), time.monotonic()
    path, versions, first_save = folder / "kept" / "run.pt", set(), None
    while process.poll() is None:
        if path.exists():
            first_save = first_save or time.monotonic() - began
            versions.add(path.stat().st_mtime_ns)
        time.sleep(0.002)
    ended = time.monotonic() - began
    return Course(finish(process, folder), first_save, ended, len(versions))


def trial(number: int, course: Course, kind: str, how: str, folder: Path) -> dict | None:
    """Kill one run and let it finish; return what was seen, or None if it had ended before the kill."""
    moments = random.Random(number)
    process = start(kind, folder)
    kept = folder / "kept"
    if how == "before the first save":
        time.sleep(moments.uniform(0, course.first_save))
    elif how == "at any moment":
        time.sleep(moments.uniform(0, 0.97 * course.end_after))
    else:
        _wait_for_save(process, kept, moments.randint(1, max(1, int(0.9 * course.saves))))
        time.sleep(moments.uniform(0, 0.004))
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        return None
    seen = {"run": kind, "aimed": how, **_seen(kept)}
    end = finish(start(kind, folder), folder)
    return seen | {"is_identical": _same(end, course.end)}


def _wait_for_save(process, kept: Path, which: int) -> None:
    """Return when the file beside the checkpoint, that a save begins with, has come so many times."""
    was_there = False
    while which and process.poll() is None:
        is_there = any(name != "run.pt" for name in os.listdir(kept))
        which -= is_there and not was_there
        was_there = is_there
        time.sleep(0.0002)


def _seen(kept: Path) -> dict:
    """Say where the kill hit, by what it left behind."""
    names = set(os.listdir(kept))
    saved = torch.load(kept / "run.pt", weights_only=True) if "run.pt" in names else {}
    batches = len(saved.get("losses", ()))
    if any((kept / name).stat().st_size for name in names - {"run.pt"}):
        hit = "in the middle of a save"
    elif not saved:
        hit = "before the first save"
    else:
        hit = "with a checkpoint from within an epoch" if batches else "with a checkpoint from between epochs"
    return {"hit": hit, "epochs_kept": len(saved.get("history", ())), "batches_kept": batches}


def _same(one: dict, other: dict) -> bool:
    weights, others = one["weights"], other["weights"]
    return (
        one["history"] == other["history"]
        and weights.keys() == others.keys()
        and all(torch.equal(weights[name], others[name]) for name in weights)
    )


def kill_all(kills: int, scratch: Path) -> dict:
    """Run the trials, two at a time, and count how many ended as the run that nobody touched."""
    courses = {kind: watch(kind, scratch / kind) for kind in ("tensors", "dataset")}

    def one(number: int) -> dict:
        for attempt in range(100):
            kind, how = ("tensors", "dataset")[number % 2], KINDS[number // 2 % len(KINDS)]
            folder = scratch / f"{number}-{attempt}"
            if found := trial(1000 * number + attempt, courses[kind], kind, how, folder):
                return found
        raise RuntimeError("The runs end before they can be killed.")

    with ThreadPoolExecutor(2) as pool:
        trials = list(pool.map(one, range(kills)))
    hits = [found["hit"] for found in trials]
    return {
        "kills": kills,
        "identical": sum(found["is_identical"] for found in trials),
        "seen": {hit: hits.count(hit) for hit in sorted(set(hits))},
        "seconds_of_a_run": {kind: course.end_after for kind, course in courses.items()},
        "saves_of_a_run": {kind: course.saves for kind, course in courses.items()},
        "trials": trials,
    }


def main(words: list[str] | None = None) -> int:
    """Kill, compare and record; return 1 if a run did not end as it should."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=KILLS, help=f"how many (default: {KILLS})")
    parser.add_argument("--work", nargs=2, metavar=("RUN", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(words)
    if chosen.work:
        work(chosen.work[0], Path(chosen.work[1]))
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        found = kill_all(chosen.kills, Path(scratch))
    found["minutes"] = (time.monotonic() - started) / 60
    is_kept = chosen.kills >= KILLS
    path = (provenance.RESULTS if is_kept else provenance.TRIED) / "kills.json"
    provenance.write(path, {**provenance.made_from("kills"), **found})
    if is_kept:
        page.write()
    print(f"{found['identical']} of {found['kills']} identical to the uninterrupted run: {found['seen']}")
    print(f"Written: {path.relative_to(provenance.ROOT)}")
    return int(found["identical"] < found["kills"])


if __name__ == "__main__":
    sys.exit(main())
