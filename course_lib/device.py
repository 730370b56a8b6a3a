"""Which profile, which device, which precision, how many threads, and one sentence why."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

from course_lib.errors import CourseError, closest

if TYPE_CHECKING:
    import torch

__all__ = [
    "autocast",
    "choose_threads",
    "describe_device",
    "keep_freed_memory",
    "pick_device",
    "pick_profile",
    "tensor_float_32",
    "threads",
]

PROFILES = ("quick", "full")
PRECISIONS = ("float32", "bfloat16", "auto")

# Multiplications in a step (parameters times rows) that make another thread worth its waiting.
_WORK_PER_THREAD = 100_000_000

# As malloc.h of the GNU C library numbers what `mallopt` sets, and the variables that set the same.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MEMORY_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def pick_profile(profile: str = "auto") -> str:
    """Choose between the quick and the full run of a lesson, and say why.

    Both are real runs. Quick fits a processor and a few minutes, full is what a GPU is for.

    Parameters
    ----------
    profile : str
        "quick", "full", or "auto": what `COURSE_PROFILE` says, else full on a CUDA GPU and quick elsewhere.

    Returns
    -------
    str
        "quick" or "full".

    Raises
    ------
    CourseError
        If the profile has another name.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 00, "Set-up".
    """
    reason = "as the lesson's parameters ask"
    if profile == "auto":
        profile, reason = os.environ.get("COURSE_PROFILE") or "auto", "as `COURSE_PROFILE` asks"
    if profile == "auto":
        if describe_device()[0].type == "cuda":
            profile, reason = "full", "as there is a CUDA GPU"
        else:
            profile, reason = "quick", "as there is no CUDA GPU"
    if profile not in PROFILES:
        raise CourseError(
            f"The profile is `{profile}`.",
            "Expected `quick`, `full` or `auto`.",
            closest(str(profile), (*PROFILES, "auto")),
        )
    print(f"Profile: {profile}, {reason}.")
    return profile


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Choose the device to compute on, and say why.

    A CUDA GPU if there is one that works, else the CPU. Apple's MPS is used only on request, and only after
    one training step on it has agreed with the CPU. From here on the linear algebra of NumPy and SciPy, and
    so of scikit-learn, computes on one thread, unless a variable such as `OMP_NUM_THREADS` says otherwise.

    Parameters
    ----------
    device : str or torch.device, optional
        A device by name: "cpu", "cuda", "cuda:1", "mps".

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    CourseError
        If the device that was asked for is not there.

    Notes
    -----
    **Source:** standard result. **Shown in:** lesson 00, "Set-up".
    """
    device, reason = describe_device(device)
    print(f"Device: {reason}")
    if _calm_linear_algebra():
        print("NumPy, SciPy: one thread, as on small data a second one costs more than it brings.")
    return device


_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def _calm_linear_algebra() -> bool:
    """Let NumPy and SciPy use one thread; return whether that is new."""
    # OpenBLAS waits by spinning. On two cores of which another program used one, a logistic regression on the
    # digits took 44 s on two threads and 0.1 s on one.
    import threadpoolctl

    if any(name in os.environ for name in _THREAD_VARIABLES):
        return False
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for SciPy's own copy, which is mostly loaded later
    threadpoolctl.threadpool_limits(limits=1, user_api="blas")
    return True


def describe_device(device: str | torch.device | None = None) -> tuple[torch.device, str]:
    """Choose the device as `pick_device` does, silently.

    Parameters
    ----------
    device : str or torch.device, optional
        A device by name.

    Returns
    -------
    tuple of torch.device and str
        The device and the sentence that says why.

    Raises
    ------
    CourseError
        If the device that was asked for is not there.
    """
    import torch

    if device is not None:
        return _requested(device)
    if not torch.cuda.is_available():
        return torch.device("cpu"), "cpu, as PyTorch finds no CUDA GPU."
    name = torch.cuda.get_device_name()
    try:
        torch.ones(2, device="cuda").sum().item()  # an old card is listed but cannot run today's kernels
    except RuntimeError as error:
        said = str(error).splitlines()[0]
        return torch.device("cpu"), f"cpu, as the GPU {name} is there but does not compute ({said})."
    return torch.device("cuda"), f"cuda, as there is a GPU that computes: {name}."


def _requested(device: str | torch.device) -> tuple[torch.device, str]:
    import torch

    try:
        device = torch.device(device)
        if device.type not in ("cpu", "cuda", "mps"):
            raise RuntimeError
    except (RuntimeError, TypeError):
        raise CourseError(
            f"`device` is {device!r}.",
            "Expected `cpu`, `cuda`, `cuda:1` or `mps`.",
            closest(str(device), ("cpu", "cuda", "mps")),
        ) from None
    here = {
        "cpu": lambda: True,
        "cuda": lambda: torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available,
    }
    if not here[device.type]():
        raise CourseError(
            f"The device `{device}` was asked for.",
            f"Expected one that this PyTorch ({torch.__version__}) finds here.",
            "Leave `device` out to get the best there is; `course doctor` says more.",
        )
    if device.type == "mps" and not _agrees_with_cpu(device):
        return torch.device("cpu"), "cpu, as one training step on mps did not agree with the CPU."
    return device, f"{device}, as you asked for it."


def _agrees_with_cpu(device: torch.device) -> bool:
    """Return whether one training step on `device` gives the CPU's loss and weights."""
    import torch

    def step(where):
        generator = torch.Generator().manual_seed(0)
        first, second = (torch.randn(shape, generator=generator) for shape in ((8, 1, 3, 3), (8, 5)))
        images = torch.randn(16, 1, 8, 8, generator=generator).to(where)
        labels = torch.randint(5, (16,), generator=generator).to(where)
        weights = [weight.to(where).requires_grad_() for weight in (first, second)]
        hidden = torch.nn.functional.conv2d(images, weights[0]).relu().mean((2, 3))
        loss = torch.nn.functional.cross_entropy(hidden @ weights[1], labels)
        loss.backward()
        torch.optim.AdamW(weights, lr=0.1).step()
        return [tensor.detach().cpu() for tensor in (loss, *weights)]

    return all(
        torch.allclose(there, here, rtol=1e-3, atol=1e-3)
        for there, here in zip(step(device), step("cpu"), strict=True)
    )


def choose_threads(work: int, cores: int | None = None, processes: int = 1) -> int:
    """Return how many threads a training step deserves.

    Small steps are fastest on one thread: others spend their time waiting for each other. On a busy machine
    all wait for the core that is busy, and two threads on two cores were seen to be nine times slower than
    one; so one core is left to the browser and the notebook server. It is a function of the cores and the
    work, never of a timing, so that a run repeats.

    Parameters
    ----------
    work : int
        Parameters of the model times rows of a batch.
    cores : int, optional
        Cores to share; those that this process may use if left out.
    processes : int
        Processes that train together on this computer, and share them.

    Returns
    -------
    int
        At least 1, one less than `cores` at most, and never above `OMP_NUM_THREADS` where it is set.
    """
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = (cores - 1) // processes
    ceiling = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if ceiling.isdigit():
        most = min(most, int(ceiling))
    return max(1, min(most, work // _WORK_PER_THREAD))


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute with `n` threads inside the `with` block, and with as many as before after it.

    Parameters
    ----------
    n : int
        What `choose_threads` returned.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep up to 1 GiB of the memory that it frees, for what it needs next.

    The activations of a training step are freed at its end and needed again in the next. The C library of
    Linux gives such large pieces back to the system and gets them anew, page by page, each filled with zeros.
    That was a quarter of the time of two wide convolutions on 32×32 images, and one to four hundredths of a
    small ResNet's. It holds for the whole process, until it ends.

    Returns
    -------
    bool
        Whether it is so now. It is not where a variable such as `MALLOC_TRIM_THRESHOLD_` says what to do, nor
        on systems with another C library, which is left alone.

    Notes
    -----
    **Source:** the GNU C Library Reference Manual, "Malloc Tunable Parameters".
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _MEMORY_VARIABLES):
        return False
    set_option = ctypes.CDLL(None).mallopt
    # Pieces above the second limit are always given back at once; it cannot be set above 32 MiB.
    return bool(set_option(_TRIM_THRESHOLD, 2**30) and set_option(_MMAP_THRESHOLD, 2**25))


@contextlib.contextmanager
def tensor_float_32(device: torch.device, is_allowed: bool) -> Iterator[None]:
    """Settle inside the `with` block whether a CUDA GPU may round to TF32, and put it back after it.

    TF32 keeps the range of float32 and 10 bits of its mantissa's 23. PyTorch leaves it off in matrix products
    and on in convolutions. Here it is off in both where float32 is asked for, so that classmates get the same
    numbers on a GPU and without one, and on in both where bfloat16, which keeps 7 bits, is good enough.

    Parameters
    ----------
    device : torch.device
        Where it computes; anything but a CUDA GPU has no TF32.
    is_allowed : bool
        Whether to allow it.
    """
    import torch

    if device.type != "cuda":
        yield
        return
    switches = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = is_allowed
        yield
    finally:
        for switch, was_allowed in zip(switches, before, strict=True):
            switch.allow_tf32 = was_allowed


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Return the context in which a model computes with the precision asked for.

    Parameters
    ----------
    device : torch.device
        Where it computes.
    precision : str
        "float32", "bfloat16" (half the bits, the same range), or "auto": bfloat16 on a card made for it.

    Returns
    -------
    context manager
        To be entered at every step.

    Raises
    ------
    CourseError
        If the precision has another name.
    """
    import torch

    if precision not in PRECISIONS:
        raise CourseError(
            f"`precision` is {precision!r}.",
            "Expected `float32`, `bfloat16` or `auto`.",
            closest(str(precision), PRECISIONS),
        )
    if precision == "auto":
        made_for_it = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bfloat16" if made_for_it else "float32"
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)
