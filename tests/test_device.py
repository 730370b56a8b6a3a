"""Profile, device, precision and threads: chosen for a reason, and the reason is said."""

import os
import platform
import subprocess
import sys

import pytest
import torch

from course_lib import device
from course_lib.errors import CourseError


@pytest.fixture(autouse=True)
def threads_are_set_from_outside(monkeypatch):
    """Keep `pick_device` from choosing the threads of the process that runs the tests."""
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))


@pytest.fixture
def without_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def with_gpu(monkeypatch):
    monkeypatch.setattr(device, "describe_device", lambda: (torch.device("cuda"), "cuda."))


def test_the_argument_beats_the_environment_which_beats_auto(monkeypatch, capsys, with_gpu):
    assert device.pick_profile() == "full"
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    assert device.pick_profile() == "quick"
    assert device.pick_profile("full") == "full"
    assert capsys.readouterr().out.splitlines() == [
        "Profile: full, as there is a CUDA GPU.",
        "Profile: quick, as `COURSE_PROFILE` asks.",
        "Profile: full, as the lesson's parameters ask.",
    ]


def test_without_a_gpu_the_profile_is_quick(without_gpu, capsys):
    assert device.pick_profile("auto") == "quick"
    assert "no CUDA GPU" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["argument", "environment"])
def test_an_unknown_profile_is_refused_wherever_it_comes_from(place, monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "quik" if place == "environment" else "")
    with pytest.raises(CourseError, match="Did you mean `quick`"):
        device.pick_profile("auto" if place == "environment" else "quik")


def test_without_a_gpu_the_cpu_is_picked_and_the_reason_said(without_gpu, capsys):
    assert device.pick_device() == torch.device("cpu")
    assert capsys.readouterr().out == "Device: cpu, as PyTorch finds no CUDA GPU.\n"


# A container may give a process fewer cores than the machine has.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
POOLS = """
import numpy
import course_lib as cl
cl.pick_device("cpu")
cl.pick_device("cpu")
import scipy.linalg, threadpoolctl
pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
assert len(pools) >= 2, "NumPy and SciPy bring one each"
print(sorted({pool["num_threads"] for pool in pools}))
"""


@pytest.mark.skipif(CORES < 2, reason="there is one core, and so one thread in any case")
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, ["Device: cpu", "NumPy, SciPy: one thread", "Device: cpu", "[1]"]),
        ({"OPENBLAS_NUM_THREADS": "2"}, ["Device: cpu", "Device: cpu", "[2]"]),
        ({"OMP_NUM_THREADS": "2"}, ["Device: cpu", "Device: cpu", "[2]"]),
    ],
)
def test_linear_algebra_keeps_to_one_thread_unless_told_otherwise(variables, said):
    environment = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", POOLS], capture_output=True, text=True, env=environment | variables
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(said), done.stdout + done.stderr
    for line, start in zip(lines, said, strict=True):
        assert line.startswith(start)


def test_describing_a_device_prints_nothing(capsys):
    chosen, reason = device.describe_device("cpu")
    assert chosen == torch.device("cpu")
    assert reason.endswith(".")
    assert capsys.readouterr().out == ""


def test_a_gpu_that_is_listed_but_does_not_compute_is_passed_over(monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Old Card")
    monkeypatch.setattr(torch, "ones", fail)
    chosen, reason = device.describe_device()
    assert chosen.type == "cpu"
    assert "Old Card" in reason
    assert "no kernel image" in reason
    assert "more" not in reason


@pytest.mark.parametrize("name", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_here_is_refused(name, without_gpu, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(CourseError, match=f"`{name}` was asked for"):
        device.pick_device(name)


@pytest.mark.parametrize("name", ["gpu", "xpu", 3.5, "cudda"])
def test_what_is_no_device_is_refused(name):
    with pytest.raises(CourseError, match="Expected `cpu`, `cuda`"):
        device.describe_device(name)


def test_mps_is_used_only_when_a_step_agrees_with_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    for agrees, expected in ((True, "mps"), (False, "cpu")):
        monkeypatch.setattr(device, "_agrees_with_cpu", lambda _, agrees=agrees: agrees)
        chosen, reason = device.describe_device("mps")
        assert chosen.type == expected
        assert ("did not agree" in reason) is not agrees


def test_the_step_that_is_compared_agrees_with_itself_and_notices_a_wrong_convolution(monkeypatch):
    assert device._agrees_with_cpu(torch.device("cpu"))
    right, calls = torch.nn.functional.conv2d, []

    def wrong_the_first_time(*args):
        calls.append(args)
        return right(*args) * (1.1 if len(calls) == 1 else 1)

    monkeypatch.setattr(torch.nn.functional, "conv2d", wrong_the_first_time)
    assert not device._agrees_with_cpu(torch.device("cpu"))


def test_small_steps_get_one_thread_and_large_ones_all_but_one_core(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    digits_mlp = 4_810 * 64
    assert device.choose_threads(digits_mlp, cores=64) == 1
    assert device.choose_threads(10**12, cores=8) == 7
    assert device.choose_threads(10**12, cores=2) == 1
    assert device.choose_threads(10**12, cores=1) == 1
    counts = [device.choose_threads(work, cores=16) for work in (0, 10**8, 10**9, 10**10)]
    assert counts == sorted(counts)


def test_processes_on_one_computer_share_its_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [device.choose_threads(10**12, cores=9, processes=count) for count in (1, 2, 4, 20)] == [
        8,
        4,
        2,
        1,
    ]


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("3,2", 3), ("100", 15), ("0", 1), ("many", 15)])
def test_omp_num_threads_is_a_ceiling(setting, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert device.choose_threads(10**12, cores=16) == expected


def test_the_cores_of_this_process_are_counted_where_none_are_given(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if sys.platform == "linux":
        monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(5)))
    else:
        monkeypatch.delattr("os.sched_getaffinity", raising=False)
        monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert device.choose_threads(10**12) == 4


# The system counts the pages that it hands out; activations of 17 MB are 4,096 of them.
STEPS = """
import ctypes
import resource
import torch
from torch import nn
from torch.nn import functional as F
from course_lib.training import fit

x, y = torch.zeros(512, 3, 32, 32), torch.zeros(512, dtype=torch.int64)
model = nn.Sequential(
    *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
    *(nn.Flatten(), nn.Linear(64, 2)),
)

# PR_SET_THP_DISABLE: where the system gives out huge pages unasked, one fault would stand for 512 pages.
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)


def pages():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    fit(model, (x, y), loss=F.cross_entropy, epochs=2, batch_size=128, seed=0, device="cpu", progress=False)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


for _ in range(3):
    pages()  # the first calls take the memory
print(sum(pages() for _ in range(4)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is told what to keep")
def test_steps_take_the_memory_that_those_before_them_freed():
    def pages(**variables):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | variables
        run = subprocess.run(
            [sys.executable, "-c", STEPS], env=environment, capture_output=True, text=True, check=True
        )
        return int(run.stdout)

    as_set_from_outside = pages(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
    assert as_set_from_outside > 32 * 4096  # one for every step, at least
    assert pages() < 3 * 4096


def test_threads_are_set_and_put_back_also_after_an_error():
    before = torch.get_num_threads()
    inside = []

    def compute():
        with device.threads(before + 1):
            inside.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compute()
    assert inside == [before + 1]
    assert torch.get_num_threads() == before


def test_bfloat16_computes_in_bfloat16_and_float32_does_not():
    cpu, layer, x = torch.device("cpu"), torch.nn.Linear(3, 2), torch.randn(4, 3)
    for precision, dtype in (
        ("bfloat16", torch.bfloat16),
        ("float32", torch.float32),
        ("auto", torch.float32),
    ):
        with device.autocast(cpu, precision):
            assert layer(x).dtype == dtype


def test_an_unknown_precision_is_refused():
    with pytest.raises(CourseError, match="Did you mean `bfloat16`"):
        device.autocast(torch.device("cpu"), "bfloat")


def switches():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("is_allowed", [True, False])
def test_tf32_is_settled_for_products_and_convolutions_alike_and_put_back(is_allowed):
    before = switches()

    def compute():
        with device.tensor_float_32(torch.device("cuda"), is_allowed):
            assert switches() == (is_allowed, is_allowed)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        compute()
    assert switches() == before
    with device.tensor_float_32(torch.device("cpu"), is_allowed):
        assert switches() == before
