"""The page of the results: everything on it is computed from the files in results/.

    python -m benchmarks.page

writes training.md and training.svg anew; `make bench` and `make kills` do it by themselves.
"""

from __future__ import annotations

import dataclasses
import operator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import provenance
from benchmarks.two_processes import TOGETHER

PAGE, PLOT = "training.md", "training.svg"

NAMES = {
    "fit": "`fit` itself (the null)",
    "usual": "usual `DataLoader` loop",
    "tuned": "best hand-tuned loop",
    "tuned_graphs": "best hand-tuned loop, CUDA graphs",
    "lightning": "Lightning `Trainer`",
    "fabric": "Lightning Fabric",
    "accelerate": "Accelerate",
    "ignite": "Ignite",
    "skorch": "skorch",
    "sklearn": "scikit-learn `MLPClassifier`",
}
FRAMEWORKS = ("lightning", "fabric", "accelerate", "ignite", "skorch")

# The limits that the project has set itself.
USUAL, TUNED, FASTEST, PROPORTIONAL, TORCHRUN, KILLS = 0.45, 1.05, 1.0, 0.10, 0.58, 50


@dataclass(frozen=True)
class Verdict:
    """One line of the table: what was measured, how much is allowed, what came out, and whether it holds."""

    what: str
    limit: str
    measured: str
    holds: bool | None
    reason: str = ""
    is_clear: bool = True  # whether the whole interval is on that side of the limit

    @property
    def word(self) -> str:
        """Return the verdict as the table shows it."""
        if self.holds is None:
            return self.reason
        return ("holds" if self.holds else "**does not hold**") + ("" if self.is_clear else ", narrowly")


def verdicts(results: dict[str, dict]) -> list[Verdict]:
    """Judge what there is among the results of `make bench`, `make bench-gpu` and `make kills`."""
    lines = []
    if training := results.get("training"):
        for name, case in training["speed"].items():
            lines += _of_case(name, case)
        if training["void"]:
            lines = [dataclasses.replace(line, holds=None, reason="void") for line in lines]
    if size := results.get("data_size"):
        lines.append(_of_size(size["found"]))
    if two := results.get("two_processes"):
        lines.append(_of_processes(two["found"]))
    if kills := results.get("kills"):
        lines.append(
            Verdict(
                "killed at random moments, started again: identical to the uninterrupted run",
                f"{KILLS} of {KILLS}",
                f"{kills['identical']} of {kills['kills']}",
                kills["identical"] == kills["kills"] >= KILLS,
            )
        )
    if card := results.get("training_gpu"):
        for case in card["speed"].values():
            against = {name: one for name, one in case["against"].items() if name != "fit"}
            name, worst = max(against.items(), key=lambda item: item[1]["ratio"])
            what = f"{card['card']}, {case['title']}, bfloat16, compiled: against the {NAMES[name]}"
            line = _at_most(what, TUNED, worst)
            lines.append(dataclasses.replace(line, holds=None, reason="void") if card["void"] else line)
    return lines


def _of_case(name: str, case: dict) -> list[Verdict]:
    title, against, lines = case["title"], case["against"], []
    if name == "mlp" and "usual" in against:
        lines.append(_at_most(f"{title}: against the {NAMES['usual']}", USUAL, against["usual"]))
    if "tuned" in against:
        lines.append(_at_most(f"{title}: against the {NAMES['tuned']}", TUNED, against["tuned"]))
    if frameworks := [one for one in FRAMEWORKS if one in against]:
        fastest = max(frameworks, key=lambda one: against[one]["ratio"])
        what = f"{title}: against the fastest framework ({NAMES[fastest]})"
        lines.append(_at_most(what, FASTEST, against[fastest], is_below=True))
    return lines


def _at_most(what: str, limit: float, found: dict, is_below: bool = False) -> Verdict:
    """Judge a ratio that may be at most the limit, or has to stay below it."""
    sign, fits = ("<", operator.lt) if is_below else ("≤", operator.le)
    holds, (low, high) = fits(found["ratio"], limit), found["interval"]
    is_clear = fits(high if holds else low, limit) == holds
    return Verdict(what, f"{sign} {limit:g}", _ratio(found), holds, is_clear=is_clear)


def _of_size(size: dict) -> Verdict:
    copies, worst = max(size.items(), key=lambda item: abs(item[1]["against_proportional"] - 1))
    off = worst["against_proportional"] - 1
    low, high = (edge - 1 for edge in worst["interval"])
    holds = abs(off) <= PROPORTIONAL
    within = low >= -PROPORTIONAL and high <= PROPORTIONAL
    return Verdict(
        "time against data size, 1× to 64×: off proportional",
        f"≤ {PROPORTIONAL:.0%}",
        f"{off:+.1%} at {copies}× ({low:+.1%} to {high:+.1%})",
        holds,
        is_clear=within if holds else (low > PROPORTIONAL or high < -PROPORTIONAL),
    )


def _of_processes(found: dict) -> Verdict:
    what = "two processes under `torchrun` against one, one thread each, inside `fit`"
    if not found["is_available"]:
        return Verdict(what, f"≤ {TORCHRUN}", "–", None, f"not available: {found['reason']}")
    line = _at_most(what, TORCHRUN, found)
    if not found["is_void"]:
        return line
    void = f"two independent processes reached {found['two_apart_reach']:.2f}× together, not {TOGETHER}×"
    return dataclasses.replace(line, holds=None, reason=f"void: {void}")


def _ratio(found: dict) -> str:
    low, high = found["interval"]
    return f"{found['ratio']:.3f} ({low:.3f}–{high:.3f})"


def table(lines: list[Verdict]) -> str:
    """Return the verdicts as a table in Markdown."""
    rows = [(line.what, line.limit, line.measured, line.word) for line in lines]
    return _table(("what", "at most", "measured", "verdict"), rows)


def _table(head, rows) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def text(results: dict[str, dict]) -> str:
    """Return the page."""
    training = results["training"]
    parts = [
        "# `fit` beside other loops",
        "This page is made by `make bench` and `make kills`; all its numbers are computed from "
        "the results in [results](results), each of which says what it was made from. The loops stand in "
        "[loops.py](loops.py), the models in [cases.py](cases.py).",
        table(verdicts(results)),
        "A verdict is that of the median; “narrowly” says that its 95 % interval reaches across the limit.",
        f"![`fit`'s time divided by that of each other loop, for each case]({PLOT})",
        "## Time",
        _how(training),
        _matrix(training["speed"]),
    ]
    if size := results.get("data_size"):
        parts += ["## Data size", _SIZE, _sizes(size["found"])]
    if start := results.get("start"):
        parts += ["## Start and memory", _START, _starts(start["found"])]
    if (two := results.get("two_processes")) and two["found"]["is_available"]:
        parts += ["## Two processes", _two(two["found"], two["tries"])]
    if "kills" in results:
        parts += ["## Killed runs", _killed(results["kills"])]
    if "training_gpu" in results:
        parts += ["## On a GPU", _card(results["training_gpu"])]
    parts += ["## Made from", _origins(results)]
    return "\n\n".join(parts) + "\n"


_SIZE = (
    "The digits, cut to whole batches because a short one costs a step as well; the rows to learn from and "
    "those to measure on repeated alike, for equally many epochs of the MLP; medians of at least 15 rounds. "
    "One is exactly as many times the time as there are times the rows."
)
_START = (
    "Medians of at least three fresh processes: the import; the time from the call to the end of the first "
    "step; the most memory that the process ever held, and how much of it came with training on 64 times the "
    "digits. torch loads a part of itself at the first step of an optimizer, unless a library has done so "
    "while it was imported: so the sum of the two is what a person waits for."
)


def _how(training: dict) -> str:
    every = [one for case in training["speed"].values() for one in case["against"].values()]
    gap = max(abs(one["cpu_ratio"] / one["ratio"] - 1) for one in every)
    pairs, off = min(one["pairs"] for one in every), max(training["losses_differ_by"].values())
    return (
        "The time of `fit` divided by the time of the other loop, from the call to the last epoch's losses, "
        "on one thread: the median over pairs that ran one after the other in random order, and its 95 % "
        f"bootstrap interval. At least {pairs} pairs each. Below one, `fit` is faster.{_again(training)} "
        "Given the same order of the rows, the losses of every loop but scikit-learn's, which draws its own "
        f"weights, agree with those of `fit` to {off:.0e}, relative.\n\n"
        "The frameworks and the usual loop are used as their documentation shows them, with torch's "
        "optimizer as it is by default, and with nothing printed, logged or saved; `fit` runs with its "
        "defaults beside them. Beside the tuned loop it has the same settings: for the images, both keep "
        "them channels last. All are timed in one process, which keeps freed memory from the first `fit` on, "
        "so that the others gain from it too. scikit-learn's MLP computes its gradients without autograd and "
        "measures no validation loss. The same ratios in processor time instead of clock time differ from "
        f"these by {gap:.1%} at most."
    )


def _again(training: dict) -> str:
    """Say which cases were timed more than once, because the null left its band."""
    tries = {
        case["title"]: training["tries"][name]
        for name, case in training["speed"].items()
        if training["tries"][name] > 1
    }
    if not tries:
        return ""
    named = "; ".join(f"{title}: {count} times in all" for title, count in tries.items())
    return (
        " A case whose null left 0.98–1.02 says nothing and was timed again, against every loop, until the "
        f"null stayed within ({named})."
    )


def _matrix(speed: dict) -> str:
    names = [name for name in NAMES if any(name in case["against"] for case in speed.values())]
    rows = []
    for name in names:
        cells = [case["against"].get(name) for case in speed.values()]
        rows.append((NAMES[name], *(_ratio(cell) if cell else "–" for cell in cells)))
    seconds = [next(iter(case["against"].values()))["seconds"][0] for case in speed.values()]
    rows.append(("one `fit` [s]", *(f"{value:.2f}" for value in seconds)))
    return _table(("`fit` against", *(case["title"] for case in speed.values())), rows)


def _sizes(size: dict) -> str:
    rows = []
    for copies, found in size.items():
        low, high = found["interval"]
        ratio = f"{found['against_proportional']:.3f} ({low:.3f}–{high:.3f})"
        rows.append((f"{copies}×", f"{found['seconds']:.3f}", ratio))
    return _table(("rows", "time [s]", "against proportional"), rows)


def _starts(start: dict) -> str:
    rows = []
    for name, found in start.items():
        first = together = peak = added = "–"
        if "first_step_s" in found:
            first = f"{found['first_step_s']:.2f}"
            together = f"{found['import_s'] + found['first_step_s']:.2f}"
        if "peak_mib" in found:
            peak, added = f"{found['peak_mib']:.0f}", f"{found['peak_mib'] - found['before_mib']:.0f}"
        shown = "`fit`" if name == "fit" else NAMES[name]
        rows.append((shown, f"{found['import_s']:.2f}", first, together, peak, added))
    head = ("loop", "import [s]", "first step [s]", "both [s]", "peak memory [MiB]", "of it, training [MiB]")
    return _table(head, rows)


def _two(found: dict, tries: int) -> str:
    one, both, apart = (f"{found['seconds'][name]:.2f} s" for name in ("one", "torchrun", "apart"))
    return (
        "Three wide convolutions on 32×32 images, one thread each, inside the second call of `fit`: at the "
        "first, torch loads parts of itself and the processes find one another. Medians of "
        f"{found['rounds']} rounds: one process {one}, two under `torchrun` {both}, two that know nothing of "
        f"each other and do twice the work {apart}, so that this machine gives "
        f"{found['two_apart_reach']:.2f} times the work of one"
        f"{f' (try {tries}; a try below {TOGETHER} is void)' if tries > 1 else ''}. The "
        "training losses of one process and of two differ by "
        f"{found['losses_differ_by']:.1e} at most, relative."
    )


def _killed(kills: dict) -> str:
    seen = ", ".join(f"{count} {what}" for what, count in kills["seen"].items())
    return (
        f"{kills['kills']} runs were ended with SIGKILL and started again with the same call: {seen}. "
        f"Weights and history of {kills['identical']} came out bit for bit as those of the run that nobody "
        "touched; see [kills.py](kills.py) and [the results](results/kills.json)."
    )


def _card(result: dict) -> str:
    rows = []
    for case in result["speed"].values():
        for name, one in case["against"].items():
            ours, theirs = one["seconds"]
            rows.append((case["title"], NAMES[name], _ratio(one), f"{ours:.3f}", f"{theirs:.3f}"))
        for name, why in case["failed"].items():
            rows.append((case["title"], NAMES[name], f"failed: {why}", "–", "–"))
    head = ("case", "`fit` against", "ratio", "`fit` [s]", "the other [s]")
    return (
        f"{result['card']}, bfloat16, compiled, channels last; without the first epoch, which compiles.\n\n"
        + _table(head, rows)
    )


_MADE_BY_BENCH = {
    "training": "The loops",
    "data_size": "Data size",
    "start": "Start and memory",
    "two_processes": "Two processes",
}


def _origins(results: dict[str, dict]) -> str:
    shares = [
        one["share_of_a_core"]
        for case in results["training"]["speed"].values()
        for one in case["against"].values()
    ]
    said = [
        f"**{title}**: {provenance.machine(found)}. Load (1, 5 and 15 minutes) before: "
        f"{found['load_before']}, after: {found['load_after']}. "
        f"{provenance.versions(found)} {found.get('note', '')}".rstrip()
        for name, title in _MADE_BY_BENCH.items()
        if (found := results.get(name))
    ]
    least = f"The timed process had at least {min(shares):.0%} of a core whenever loops were compared."
    return "\n\n".join((*said, least))


def draw(training: dict, path: Path) -> None:
    """Draw the ratios of all loops in all cases; the picture says which numbers it was drawn from."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from course_lib.plots import PALETTE

    speed = training["speed"]
    names = [name for name in NAMES if any(name in case["against"] for case in speed.values())]
    markers = dict(zip(names, "osD^v<>Px*", strict=False))
    with plt.rc_context({"svg.hashsalt": "training", "svg.fonttype": "none", "font.family": "sans-serif"}):
        fig, ax = plt.subplots(figsize=(8, 0.9 * len(speed) + 1.6), layout="constrained")
        for row, case in enumerate(speed.values()):
            for column, name in enumerate(names):
                if name not in case["against"]:
                    continue
                found, height = case["against"][name], row + (column - (len(names) - 1) / 2) * 0.08
                low, high = found["interval"]
                colour = PALETTE[column % len(PALETTE)]
                ax.plot([low, high], [height, height], color=colour, linewidth=2)
                ax.plot(
                    found["ratio"],
                    height,
                    markers[name],
                    color=colour,
                    markersize=5,
                    label=None if row else NAMES[name].replace("`", ""),
                )
        ax.axvline(1, color="black", linewidth=1)
        ax.set_xscale("log")
        ticks = [0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.2]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        ax.set_yticks(range(len(speed)), [case["title"] for case in speed.values()])
        ax.invert_yaxis()
        ax.set_xlabel("time of fit / time of the other loop (left of the line, fit is faster)")
        ax.spines[["top", "right"]].set_visible(False)
        fig.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
        fig.savefig(path, metadata={"Date": None, "Description": provenance.fingerprint(training["speed"])})
        plt.close(fig)


def recorded(folder: Path = provenance.RESULTS) -> dict[str, dict]:
    """Return the results that there are, by name."""
    paths = {name: folder / f"{name}.json" for name in provenance.MADE_FROM}
    return {name: provenance.read(path) for name, path in paths.items() if path.exists()}


def write(folder: Path = provenance.ROOT / "benchmarks") -> bool:
    """Write page and picture beside the results; return whether there was anything to write about."""
    results = recorded(folder / "results")
    if "training" not in results:
        return False
    (folder / PAGE).write_text(text(results), encoding="utf-8")
    draw(results["training"], folder / PLOT)
    return True


if __name__ == "__main__":
    print("Written." if write() else "There is no result yet: `make bench` makes one.")
