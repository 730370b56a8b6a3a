"""What a result was made from: the code, the machine, the versions."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TRIED = ROOT / "build" / "benchmarks"  # what is no result: few pairs, a void run

_FIT = ("course_lib/training/*.py", "course_lib/device.py")
_READ = tuple(f"course_lib/data/readers/{name}.py" for name in ("hiv", "letters"))
# What the models of one drug in the HIV table depend on; the recipe for all drugs comes on top.
HIV_MODELS = (
    *_READ,
    *(f"benchmarks/hiv_table/{name}.py" for name in ("folds", "isolates", "jobs", "models", "scores")),
)
_TIMED = tuple(f"benchmarks/{name}.py" for name in ("cases", "loops", "pairs"))
_SIZES = (*_FIT, *_TIMED, "benchmarks/data_size.py")
_BAGS = (
    *(f"benchmarks/mnist_bags/{name}.py" for name in ("bags", "networks", "runs")),
    "course_lib/data/readers/digits.py",
)
_RUNS = (
    *(
        f"benchmarks/omniglot/{name}.py"
        for name in ("baselines", "distort", "drawings", "jobs", "networks", "scores", "training")
    ),
    "course_lib/data/readers/pictures.py",
)
# Result -> the make target that makes it, and the code that its numbers depend on.
MADE_FROM = {
    "training": ("bench", (*_FIT, *_TIMED, "benchmarks/speed.py")),
    "training_gpu": ("bench-gpu", (*_FIT, *_TIMED, "benchmarks/speed.py")),
    "data_size": ("bench", _SIZES),
    "start": ("bench", (*_SIZES, "benchmarks/start.py", "benchmarks/probe.py")),
    "two_processes": (
        "bench",
        (*_FIT, *(f"benchmarks/{name}.py" for name in ("cases", "pairs", "share", "two_processes"))),
    ),
    "mnist_bags": ("mnist-bags", _BAGS),
    "omniglot": ("omniglot", _RUNS),
    "browser": ("browser-ten", ("tests/browser/*.py",)),
    "kills": ("kills", (*_FIT, "benchmarks/kills.py")),
    "hiv_table": ("hiv-table", (*HIV_MODELS, "benchmarks/hiv_table/recipe.py")),
}

LIBRARIES = (
    "torch",
    "numpy",
    "lightning",
    "accelerate",
    "pytorch-ignite",
    "skorch",
    "scikit-learn",
)


def code_hash(result: str, root: Path = ROOT) -> str:
    """Return a hash of the code that a result depends on; comments, docstrings and layout do not count."""
    return hash_of(MADE_FROM[result][1], root)


def hash_of(patterns: tuple[str, ...], root: Path = ROOT) -> str:
    """Return a hash of the code in the files of these patterns; comments, docstrings, layout do not count."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(repr(_plain(ast.parse(path.read_text(encoding="utf-8")))).encode())
    return digest.hexdigest()


def _plain(node: object) -> object:
    """Return a syntax tree as nested tuples, the same for every version of Python that the course runs on."""
    if isinstance(node, list):
        return tuple(map(_plain, node))
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, ast.Constant):
        return "Constant", repr(node.value)
    if _has_docstring(node):
        fields["body"] = fields["body"][1:]
    # Empty fields differ between versions: newer ones have fields that older ones lack.
    filled = {name: value for name, value in fields.items() if value not in (None, [])}
    return type(node).__name__, tuple((name, _plain(value)) for name, value in sorted(filled.items()))


def _has_docstring(node: ast.AST) -> bool:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None


def made_from(result: str) -> dict:
    """Return what stands beside a result: hash of the code, commit, machine, versions."""
    return {
        "code_hash": code_hash(result),
        "commit": _git("rev-parse", "HEAD"),
        "has_uncommitted_changes": bool(_git("status", "--porcelain", "--", "course_lib", "benchmarks/*.py")),
        "machine": {
            "system": platform.platform(terse=True),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "versions": {"python": platform.python_version()} | _versions(),
    }


def machine(result: dict) -> str:
    """Say on which machine a result was made."""
    one = result["machine"]
    return f"{one['processor']}, {one['cores']} cores, {one['system']}"


def versions(result: dict) -> str:
    """Say of which commit a result is, and with which versions it was made."""
    changed = ", with uncommitted changes" if result["has_uncommitted_changes"] else ""
    with_these = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return f"Commit {str(result['commit'])[:12]}{changed}; {with_these}."


def fingerprint(numbers: object) -> str:
    """Return a short name for numbers, by which a picture says what it shows."""
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:16]


def load() -> list[float] | None:
    """Return how many programs wanted to compute over the last 1, 5 and 15 minutes, where the system says."""
    return [round(number, 2) for number in os.getloadavg()] if hasattr(os, "getloadavg") else None


def write(path: Path, content: dict) -> None:
    """Write a result, its numbers with four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_rounded(content), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> dict:
    """Read a result."""
    return json.loads(path.read_text(encoding="utf-8"))


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(part) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _git(*words: str) -> str | None:
    try:
        run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Return the processor's name; Linux keeps it in a file of its own."""
    try:
        named = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        named = None
    return named[1] if named else platform.processor() or platform.machine()
