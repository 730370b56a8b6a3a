"""The benchmarks measure what they say, and the recorded results are of the code as it stands."""

import ast
import dataclasses
import gc
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import kills, loops, page, probe, provenance, speed, training
from benchmarks.cases import CASES, TINY
from benchmarks.data_size import SIZES
from benchmarks.pairs import Timing, compare, in_turns, timed
from benchmarks.share import SHARED
from benchmarks.two_processes import TOGETHER


@pytest.fixture
def calm(monkeypatch):
    """One thread, no libraries to compare with, and everything as before afterwards."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    is_installed = probe.is_installed
    for module in (speed, training):
        monkeypatch.setattr(
            module, "is_installed", lambda name: name not in loops.FRAMEWORKS and is_installed(name)
        )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    gc.unfreeze()


# What is recorded.


@pytest.mark.parametrize("name", provenance.MADE_FROM)
def test_a_recorded_result_is_of_the_code_as_it_stands(name, root):
    path = root / "benchmarks" / "results" / f"{name}.json"
    if not path.exists():
        pytest.skip("Not recorded yet.")
    target, _ = provenance.MADE_FROM[name]
    recorded = provenance.read(path)["code_hash"]
    assert recorded == provenance.code_hash(name), (
        f"{path.name} is of other code. Make it anew: make {target}"
    )


def test_the_page_is_what_the_results_say(root):
    results, written = page.recorded(), root / "benchmarks" / page.PAGE
    if "training" not in results:
        assert not written.exists(), "There is a page without results."
        pytest.skip("Not recorded yet.")
    anew = "Write it anew: python -m benchmarks.page"
    assert written.read_text(encoding="utf-8") == page.text(results), anew
    picture = (root / "benchmarks" / page.PLOT).read_text(encoding="utf-8")
    assert provenance.fingerprint(results["training"]["speed"]) in picture, anew


OF_LOOPS, OF_PARTS = {"training", "training_gpu"}, set(training.PARTS)


@pytest.fixture
def copy(root, tmp_path):
    for folder in ("benchmarks", "course_lib", "tests/browser"):
        shutil.copytree(root / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_comments_docstrings_and_layout_make_no_result_stale(copy):
    before = provenance.code_hash("training", copy)
    assert before == provenance.code_hash("training")
    edited(copy / "benchmarks" / "pairs.py", '"""Time one run. ', '"""Time a run, once.\n\n    ')
    edited(copy / "benchmarks" / "pairs.py", "RESAMPLES = 4000", "# Enough.\nRESAMPLES = (\n    4000\n)")
    assert provenance.code_hash("training", copy) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        ("benchmarks/pairs.py", "RESAMPLES = 4000", "RESAMPLES = 4001", {*OF_LOOPS, *OF_PARTS}),
        ("benchmarks/loops.py", "lr=case.", "lr=2 * case.", {*OF_LOOPS, "data_size", "start"}),
        ("benchmarks/speed.py", "0.98, 1.02", "0.99, 1.02", OF_LOOPS),
        ("benchmarks/share.py", "epochs=3", "epochs=4", {"two_processes"}),
        ("benchmarks/training.py", "TRIES = 3", "TRIES = 4", set()),
        ("benchmarks/kills.py", "EPOCHS = 12", "EPOCHS = 13", {"kills"}),
        ("benchmarks/page.py", "TUNED, ", "TUNED_, ", set()),
        ("tests/browser/lesson_page.py", "_TABS = 40", "_TABS = 41", {"browser"}),
        ("course_lib/device.py", "100_000_000", "100_000_001", {*OF_LOOPS, *OF_PARTS, "kills"}),
    ],
)
def test_other_code_makes_stale_what_it_was_made_of(copy, file, old, new, stale):
    edited(copy / file, old, new)
    found = {
        name
        for name in provenance.MADE_FROM
        if provenance.code_hash(name, copy) != provenance.code_hash(name)
    }
    assert found == stale


def test_a_new_file_of_fit_makes_every_result_of_fit_stale(copy):
    (copy / "course_lib" / "training" / "extra.py").write_text("NEW = 1\n", encoding="utf-8")
    for name in (*OF_LOOPS, *OF_PARTS, "kills"):
        assert provenance.code_hash(name, copy) != provenance.code_hash(name)


def test_what_a_result_is_made_of_leaves_out_no_module_that_it_imports(root):
    for _, patterns in provenance.MADE_FROM.values():
        covered = {path for pattern in patterns for path in root.glob(pattern)}
        for path in covered:
            if path.parent.name == "benchmarks":
                missing = {root / "benchmarks" / f"{name}.py" for name in imported(path)} - covered
                # None of them has a hand in a number; of the probe, loops are told which libraries there are.
                aside = {"page.py", "provenance.py", "probe.py"}
                assert {file.name for file in missing} <= aside, path


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "benchmarks":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("benchmarks."):
            names.add(node.module.split(".")[1])
    return names


def test_the_benchmarks_run_on_the_torch_of_the_course(root):
    def pins(path):
        lines = path.read_text(encoding="utf-8").splitlines()
        return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))

    ours, course = pins(root / "benchmarks" / "constraints.txt"), pins(root / "constraints.txt")
    assert {"torch", "lightning", "accelerate", "pytorch-ignite", "skorch", "scikit-learn"} <= ours.keys()
    differ = {
        name: (ours[name], course[name]) for name in ours.keys() & course.keys() if ours[name] != course[name]
    }
    assert not differ


# What is compared.


@pytest.mark.parametrize("name", [*loops.BY_HAND, *loops.FRAMEWORKS])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_loop_has_the_losses_of_fit(case, name, calm):
    if not probe.is_installed(name):
        pytest.skip(f"{name} is an extra of the benchmarks.")
    assert speed.off_fit(case, name) < 1e-3


def test_a_loop_that_does_other_work_is_noticed(monkeypatch, calm):
    def lazy(case, model, train, valid, order=None):
        return loops.usual(case, model, tuple(part[:64] for part in train), valid)

    monkeypatch.setitem(loops.EVERY, "usual", lazy)
    with pytest.raises(RuntimeError, match="`usual`"):
        speed.same_work((TINY,))


def test_the_sizes_repeat_all_rows_alike():
    (train, valid) = SIZES[0].data()
    for case in SIZES:
        for (x, y), (one, labels) in zip(case.data(), (train, valid), strict=True):
            assert len(x) == len(y) == int(case.name) * len(one)
            assert len(one) % case.batch_size == 0  # a short batch costs a step, as a whole one does
            assert torch.equal(x[-len(one) :], one)
            assert torch.equal(y[-len(one) :], labels)
        assert dataclasses.replace(case, name="", title="", make_data=None) == dataclasses.replace(
            SIZES[0], name="", title="", make_data=None
        )


def test_the_residues_are_240_long_and_the_mlp_is_64_64_10():
    shapes = {case.name: tuple(case.data()[0][0].shape[1:]) for case in CASES}
    assert shapes == {
        "mlp": (64,),
        "cnn": (1, 8, 8),
        "gru": (240,),
        "transformer": (240,),
        "resnet": (3, 32, 32),
    }
    weights = [tuple(weight.shape) for weight in CASES[0].model().parameters()]
    assert weights == [(64, 64), (64,), (10, 64), (10,)]


def test_two_processes_have_much_to_compute_little_to_send_and_no_piece_that_is_always_given_back():
    model, (x, _) = SHARED.model(), SHARED.data()[0]
    sizes = []
    for layer in model:
        layer.register_forward_hook(lambda layer, inputs, output: sizes.append(output.nbytes))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x[: SHARED.batch_size])
    assert max(sizes) < 2**25  # as in course_lib.device.keep_freed_memory
    weights = sum(weight.numel() for weight in model.parameters())
    assert counter.get_total_flops() > 1e5 * weights
    assert not any(isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) for layer in model)
    assert len(x) % SHARED.batch_size == 0


# How it is timed.


def test_the_interval_is_that_of_scipys_bootstrap():
    from scipy import stats

    ratios = np.random.default_rng(1).normal(0.5, 0.05, 31)
    found = compare([Timing(ratio, ratio) for ratio in ratios], [Timing(1, 1)] * 31)
    theirs = stats.bootstrap((ratios,), np.median, method="percentile", rng=np.random.default_rng(2))
    assert found["ratio"] == pytest.approx(np.median(ratios))
    assert found["interval"] == pytest.approx(list(theirs.confidence_interval), abs=0.01)


def test_pairs_are_compared_one_by_one():
    # A machine that slows down slows both of a pair: the ratio stays.
    ours, theirs = [Timing(t, t) for t in (1, 2, 4)], [Timing(2 * t, t) for t in (1, 2, 4)]
    found = compare(ours, theirs)
    assert found["ratio"] == 0.5
    assert found["cpu_ratio"] == 1
    assert found["share_of_a_core"] == pytest.approx(14 / 21)


def test_runs_take_turns_in_random_order_after_one_that_does_not_count(calm):
    seen = []
    times = in_turns({name: lambda name=name: seen.append(name) for name in "ab"}, 20)
    rounds = ["".join(seen[start : start + 2]) for start in range(2, 42, 2)]
    assert len(seen) == 42
    assert set(rounds) == {"ab", "ba"}
    assert {name: len(list_of) for name, list_of in times.items()} == {"a": 20, "b": 20}


def test_clock_and_processor_time_are_told_apart():
    import time

    timing, result = timed(lambda: time.sleep(0.05) or "done")
    assert result == "done"
    assert timing.wall >= 0.05 > timing.cpu


# The whole command, in small.


def test_a_quick_run_compares_and_records_nothing(calm, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(training, "CASES", (dataclasses.replace(TINY, name="mlp"),))
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "TRIED", tmp_path / "tried")
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    code = training.main(["--only", "mlp", "--pairs", "2"])
    result = provenance.read(tmp_path / "tried" / "training.json")
    assert not (tmp_path / "results").exists()
    assert code == bool(result["void"])
    against = result["speed"]["mlp"]["against"]
    assert list(against) == ["fit", "usual", "tuned", "sklearn"]
    assert all(len(one["interval"]) == 2 and min(one["seconds"]) > 0 for one in against.values())
    assert result["losses_differ_by"].keys() == {"usual", "tuned"}
    assert result["versions"]["torch"] == torch.__version__
    printed = capsys.readouterr().out
    assert "best hand-tuned loop" in printed
    assert "tried/training.json" in printed


def test_a_run_for_the_record_needs_every_library(calm, capsys):
    assert training.main([]) == 1
    assert "lightning" in capsys.readouterr().out


@pytest.fixture
def on_record(calm, monkeypatch, tmp_path):
    """A run for the record of two cases and two parts, all made up; the nulls that come out, in turn."""
    cases = tuple(dataclasses.replace(TINY, name=name, title=name) for name in ("mlp", "gru"))
    nulls = {"mlp": [1.0], "gru": [1.05, 0.97, 1.01]}

    def timed_anew(cases, pairs):
        (case,) = cases
        against = {
            "fit": compared(nulls[case.name].pop(0)),
            "tuned": compared(1.2),
            "lightning": compared(0.9),
        }
        return {case.name: {"title": case.title, "against": against}}

    monkeypatch.setattr(training, "CASES", cases)
    monkeypatch.setattr(
        training, "PARTS", {name: lambda rounds, name=name: found(name) for name in ("data_size", "start")}
    )
    monkeypatch.setattr(training, "MODULES", ())
    monkeypatch.setattr(training, "speed", timed_anew)
    monkeypatch.setattr(training, "same_work", lambda cases: {"tuned": 1e-7})
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "TRIED", tmp_path / "tried")
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(provenance, "made_from", lambda name: MADE_FROM)
    monkeypatch.setattr(provenance, "code_hash", lambda name: MADE_FROM["code_hash"])
    monkeypatch.setattr(page.write, "__defaults__", (tmp_path,))
    return nulls


def test_a_case_whose_null_leaves_the_band_is_timed_again_and_the_page_says_so(on_record, tmp_path):
    assert training.main([]) == 0
    result = provenance.read(tmp_path / "results" / "training.json")
    assert result["tries"] == {"mlp": 1, "gru": 3}
    assert result["speed"]["gru"]["against"]["fit"]["ratio"] == 1.01
    assert result["speed"]["gru"]["against"]["tuned"]["ratio"] == 1.2  # a verdict is no reason to try again
    written = (tmp_path / page.PAGE).read_text(encoding="utf-8")
    assert "(gru: 3 times in all)" in written
    assert "whose null left {:.2f}–{:.2f}".format(*speed.NULL) in written
    assert list((tmp_path / "tried").iterdir()) == []


def test_a_run_that_stays_void_records_nothing_and_keeps_what_is_good(on_record, tmp_path, capsys):
    on_record["gru"] = [1.05, 0.97, 1.03, 1.0]
    assert training.main([]) == 1
    assert "Void: gru: `fit` against itself came out at 1.030." in capsys.readouterr().out
    record = tmp_path / "results" / "training.json"
    assert not record.exists()
    assert training.main([]) == 0  # a second try at the other case would find no null
    assert provenance.read(record)["tries"] == {"mlp": 1, "gru": 4}


def test_what_is_of_the_code_as_it_stands_is_kept(on_record, monkeypatch, tmp_path, capsys):
    assert training.main([]) == 0
    measured = []
    monkeypatch.setitem(training.PARTS, "start", lambda rounds: measured.append(rounds) or found("start"))
    assert training.main([]) == 0  # a second try at a case would find no null
    assert not measured
    assert capsys.readouterr().out.count("is of the code as it stands") == 3
    assert training.main(["--only", "start", "--anew"]) == 0
    assert len(measured) == 1
    path = tmp_path / "results" / "start.json"
    provenance.write(path, provenance.read(path) | {"code_hash": "1" * 64})
    assert training.main([]) == 0
    assert len(measured) == 2
    assert provenance.read(path)["code_hash"] == MADE_FROM["code_hash"]


def test_a_part_is_tried_out_without_a_record(on_record, tmp_path):
    assert training.main(["--only", "start", "--pairs", "2"]) == 0
    assert (tmp_path / "tried" / "start.json").exists()
    assert not (tmp_path / "results").exists()


def test_two_processes_on_a_machine_that_is_not_calm_are_timed_again(on_record, monkeypatch, tmp_path):
    reached = [1.5, 1.95]

    def processes(rounds):
        together = reached.pop(0)
        said = {"ratio": 0.7, "two_apart_reach": together, "is_void": together < TOGETHER}
        return found("two_processes") | said

    monkeypatch.setattr(training, "PARTS", {"two_processes": processes})
    assert training.main([]) == 0
    result = provenance.read(tmp_path / "results" / "two_processes.json")
    assert result["tries"] == 2
    assert result["found"]["ratio"] == 0.7  # a verdict is no reason to try again
    assert "1.95 times the work of one (try 2;" in (tmp_path / page.PAGE).read_text(encoding="utf-8")


def test_two_processes_that_stay_void_are_recorded_as_such_and_timed_by_the_next_call(
    on_record, monkeypatch, tmp_path
):
    reached = [1.5, 1.6, 1.7, 1.95]

    def processes(rounds):
        together = reached.pop(0)
        return found("two_processes") | {"two_apart_reach": together, "is_void": together < TOGETHER}

    monkeypatch.setattr(training, "PARTS", {"two_processes": processes})
    assert training.main([]) == 1
    assert "void: two independent processes reached 1.70" in (tmp_path / page.PAGE).read_text("utf-8")
    assert training.main([]) == 0
    assert "1.95 times the work of one (try 4;" in (tmp_path / page.PAGE).read_text("utf-8")


def test_two_processes_that_failed_are_timed_again(on_record, monkeypatch):
    came_out = [{"is_available": False, "reason": "not finished after two minutes"}, found("two_processes")]
    monkeypatch.setattr(training, "PARTS", {"two_processes": lambda rounds: came_out.pop(0)})
    assert training.main([]) == 0
    assert not came_out


def test_void_tries_are_recorded_one_by_one(on_record, monkeypatch, tmp_path):
    def processes(rounds):
        if (tmp_path / "results" / "two_processes.json").exists():
            raise KeyboardInterrupt
        return found("two_processes") | {"is_void": True}

    monkeypatch.setattr(training, "PARTS", {"two_processes": processes})
    with pytest.raises(KeyboardInterrupt):
        training.main([])
    assert provenance.read(tmp_path / "results" / "two_processes.json")["tries"] == 1


def test_what_was_measured_of_other_code_is_measured_anew(on_record, monkeypatch):
    on_record["gru"] = [1.05, 0.97, 1.03, 1.0]
    on_record["mlp"] = [1.0, 1.0]
    assert training.main([]) == 1
    monkeypatch.setattr(provenance, "made_from", lambda name: MADE_FROM | {"code_hash": "1" * 64})
    assert training.main([]) == 0
    assert on_record == {"mlp": [], "gru": []}


# The verdicts and the page.


MADE_FROM = {
    "code_hash": "0" * 64,
    "commit": "0" * 40,
    "has_uncommitted_changes": False,
    "machine": {"system": "a system", "processor": "a processor", "cores": 2},
    "versions": {"python": "3.11", "torch": "2.13.0"},
    "load_before": [0.0, 0.0, 0.0],
    "load_after": [1.0, 1.0, 1.0],
    "minutes": 12.0,
}


def compared(ratio: float) -> dict:
    return {
        "pairs": 15,
        "ratio": ratio,
        "interval": [ratio - 0.01, ratio + 0.01],
        "cpu_ratio": ratio,
        "seconds": [ratio, 1.0],
        "share_of_a_core": 0.99,
    }


def a_result(**ratios: float) -> dict:
    usual = {"fit": 1.0, "usual": 0.4, "tuned": 1.0, "lightning": 0.2, "fabric": 0.5} | ratios
    return {
        "speed": {
            "mlp": {"title": CASES[0].title, "against": {name: compared(r) for name, r in usual.items()}}
        },
        "tries": {"mlp": 1},
        "losses_differ_by": {"usual": 1e-7},
        "void": [],
    } | MADE_FROM


def found(name: str) -> dict:
    return {
        "data_size": {
            "1": {"seconds": 0.1, "against_proportional": 1.0, "interval": [1.0, 1.0]},
            "64": {"seconds": 6.0, "against_proportional": 0.95, "interval": [0.94, 0.96]},
        },
        "start": {"fit": {"import_s": 1.0, "first_step_s": 0.5, "before_mib": 300.0, "peak_mib": 330.0}},
        "two_processes": {
            "is_available": True,
            "rounds": 5,
            "ratio": 0.55,
            "interval": [0.54, 0.56],
            "seconds": {"one": 4.0, "torchrun": 2.2, "apart": 4.1},
            "two_apart_reach": 1.95,
            "is_void": False,
            "losses_differ_by": 1e-7,
        },
    }[name]


def a_part(name: str, **other) -> dict:
    return {"found": found(name) | other, "tries": 1} | MADE_FROM


def all_results() -> dict[str, dict]:
    return {"training": a_result()} | {name: a_part(name) for name in training.PARTS}


def words(**results: dict) -> list[str]:
    return [line.word for line in page.verdicts(all_results() | results)]


def test_each_limit_decides():
    assert words() == ["holds"] * 5
    for number, (name, ratio) in enumerate([("usual", 0.47), ("tuned", 1.07), ("fabric", 1.02)]):
        assert words(training=a_result(**{name: ratio}))[number] == "**does not hold**"
    for off in (0.88, 1.12):
        assert words(data_size=of_size(off, off - 0.01, off + 0.01))[3] == "**does not hold**"
    large = a_part("two_processes", ratio=0.59, interval=[0.585, 0.6])
    assert words(two_processes=large)[4] == "**does not hold**"


def of_size(ratio: float, low: float, high: float) -> dict:
    size = a_part("data_size")
    size["found"]["64"] |= {"against_proportional": ratio, "interval": [low, high]}
    return size


def test_the_median_decides_and_an_interval_across_the_limit_is_told():
    for number, (name, limit) in enumerate([("usual", 0.45), ("tuned", 1.05), ("fabric", 1.0)]):
        for ratio, word in ((limit - 0.005, "holds"), (limit + 0.005, "**does not hold**")):
            assert words(training=a_result(**{name: ratio}))[number] == f"{word}, narrowly"
    assert (
        words(training=a_result(fabric=1.0))[2] == "**does not hold**, narrowly"
    )  # below one, and not at it
    for ratio, low, high in ((0.95, 0.85, 1.0), (1.05, 1.0, 1.15)):
        assert words(data_size=of_size(ratio, low, high))[3] == "holds, narrowly"
    for ratio, low, high in ((0.85, 0.8, 0.95), (1.15, 1.05, 1.2)):
        assert words(data_size=of_size(ratio, low, high))[3] == "**does not hold**, narrowly"
    wide = a_part("two_processes", ratio=0.57, interval=[0.55, 0.6])
    assert words(two_processes=wide)[4] == "holds, narrowly"


def test_the_fastest_framework_is_the_one_that_counts():
    line = page.verdicts({"training": a_result(lightning=0.9)})[2]
    assert "Lightning" in line.what
    assert line.measured.startswith("0.900")


def test_what_is_void_or_missing_does_not_hold():
    void = a_result()
    void["void"] = ["a reason"]
    assert words(training=void) == ["void"] * 3 + ["holds"] * 2
    busy = a_part("two_processes", is_void=True, two_apart_reach=1.5)
    assert words(two_processes=busy)[4].startswith("void: two independent processes reached 1.50×")
    alone = a_part("two_processes") | {"found": {"is_available": False, "reason": "one thing"}}
    assert words(two_processes=alone)[4] == "not available: one thing"


def test_a_null_that_leaves_its_band_voids_the_run():
    assert speed.reasons_to_void(a_result()) == []
    for ratio in (0.979, 1.021):
        assert len(speed.reasons_to_void(a_result(fit=ratio))) == 1


def test_fewer_than_fifty_identical_runs_do_not_hold():
    def word(identical, count):
        return page.verdicts({"kills": {"kills": count, "identical": identical}})[0].word

    assert word(50, 50) == "holds"
    assert word(49, 50) == word(49, 49) == "**does not hold**"


def test_the_page_shows_the_numbers_and_the_picture_names_them(tmp_path):
    (tmp_path / "results").mkdir()
    for name, result in all_results().items():
        provenance.write(tmp_path / "results" / f"{name}.json", result)
    assert page.write(tmp_path)
    written, results = (tmp_path / page.PAGE).read_text(encoding="utf-8"), page.recorded(tmp_path / "results")
    assert written == page.text(results)
    for piece in ("0.400 (0.390–0.410)", "1.95 times the work", "≤ 0.45", "**Data size**: a processor"):
        assert piece in written
    assert (
        page.text(results | {"start": results["start"] | {"note": "Said beside."}}).count("Said beside.") == 1
    )
    picture = (tmp_path / page.PLOT).read_text(encoding="utf-8")
    assert provenance.fingerprint(results["training"]["speed"]) in picture
    provenance.write(tmp_path / "results" / "training.json", a_result(usual=0.3))
    assert provenance.fingerprint(page.recorded(tmp_path / "results")["training"]["speed"]) not in picture


def test_on_a_gpu_the_faster_of_the_tuned_loops_counts():
    against = {"fit": compared(1.0), "tuned": compared(1.0), "tuned_graphs": compared(1.07)}
    speed = {"cnn": {"title": "a case", "against": against, "failed": {}}}
    line = page.verdicts({"training_gpu": {"card": "a card", "speed": speed, "void": []}})[0]
    assert line.word == "**does not hold**"
    assert "CUDA graphs" in line.what


def test_without_a_gpu_nothing_is_claimed(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training.main(["--gpu"]) == 0
    assert "nothing was measured" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        training.main(["--gpu", "--only", "data_size"])
    assert "cnn, resnet, and not `data_size`" in capsys.readouterr().err


# The kills.


def test_one_bit_or_one_digit_of_the_history_is_a_difference():
    end = {"weights": {"w": torch.tensor([1.0, 2.0])}, "history": [{"train_loss": 0.5}]}
    moved = torch.nextafter(end["weights"]["w"], torch.tensor(9.0))
    assert kills._same(end, {"weights": {"w": torch.tensor([1.0, 2.0])}, "history": [{"train_loss": 0.5}]})
    assert not kills._same(end, end | {"weights": {"w": moved}})
    assert not kills._same(end, end | {"history": [{"train_loss": 0.5 + 2**-53}]})
    assert not kills._same(end, end | {"weights": {}})


def test_where_a_kill_hit_is_read_from_what_it_left(tmp_path):
    assert kills._seen(tmp_path)["hit"] == "before the first save"
    torch.save({"history": [{}, {}], "losses": torch.zeros(3)}, tmp_path / "run.pt")
    assert kills._seen(tmp_path) == {
        "hit": "with a checkpoint from within an epoch",
        "epochs_kept": 2,
        "batches_kept": 3,
    }
    (tmp_path / "run.pt.part").write_bytes(b"half")
    assert kills._seen(tmp_path)["hit"] == "in the middle of a save"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a process's own peak")
def test_the_peak_memory_of_a_probe_is_its_own_and_not_that_of_the_process_that_started_it(root):
    ballast = np.ones(300 * 2**20, dtype=np.uint8)  # what a child would inherit as `ru_maxrss`
    code = "from benchmarks.probe import _peak_mib; print(_peak_mib())"
    said = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert 1 < float(said.stdout) < ballast.nbytes / 2**20
