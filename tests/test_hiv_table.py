"""The HIV table: its folds keep apart what belongs apart, its models and scores are what they say."""

import ast
import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import provenance
from benchmarks.hiv_table import __main__ as command
from benchmarks.hiv_table import folds, isolates, jobs, models, page, recipe, scores
from course_lib.simulators import hiv_isolates


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def simulated() -> isolates.Table:
    """Simulated isolates, measured for two drugs; for the second every third, with noise of its own."""
    data = hiv_isolates(3, patients=150)
    noise = np.random.default_rng(0).normal(0, 0.1, len(data.inputs))
    log_fold = np.stack([data.truth["log_fold"], data.truth["log_fold"] + noise], axis=1)
    log_fold[np.arange(len(log_fold)) % 3 > 0, 1] = np.nan
    labels = np.where(np.isnan(log_fold), np.nan, log_fold >= np.log10(isolates.CUT_OFF))
    names = tuple(map(str, range(len(log_fold))))
    return isolates.Table(("ONE", "TWO"), names, data.inputs, labels, log_fold)


# The folds.


def test_folds_of_a_drug_are_stratified():
    labels = np.array([1] * 69 + [0] * 1222)
    fold_of = folds.by_drug(labels, seed=1)
    assert {int(labels[fold_of == fold].sum()) for fold in range(5)} == {13, 14}
    assert not np.array_equal(fold_of, folds.by_drug(labels, seed=2))


def test_folds_of_a_class_never_part_identical_sequences(simulated):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    fold_by_sequence = {}
    for sequence, fold in zip(simulated.sequences, fold_of, strict=True):
        fold_by_sequence.setdefault(sequence.tobytes(), set()).add(int(fold))
    assert len(fold_by_sequence) < len(fold_of), "There are no identical sequences to keep together."
    assert all(len(found) == 1 for found in fold_by_sequence.values())


def test_folds_of_a_class_are_stratified_for_every_drug(simulated):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    for drug in simulated.drugs:
        rows = simulated.measured(drug)
        for label in (0, 1):
            held = [np.sum(simulated.label(drug, rows[fold_of[rows] == fold]) == label) for fold in range(5)]
            assert max(held) - min(held) <= 4, (drug, label, held)


def test_folds_follow_their_seed(simulated):
    one, same, other = (folds.by_class(simulated.sequences, simulated.labels, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_planted_leak_is_refused(simulated):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    train, test = np.flatnonzero(fold_of != 0), np.flatnonzero(fold_of == 0)
    folds.refuse_a_leak(simulated.sequences, train, test)
    with pytest.raises(ValueError, match="1 isolates are in the training rows and in the test rows"):
        folds.refuse_a_leak(simulated.sequences, np.append(train, test[0]), test)
    planted = simulated.sequences.copy()
    planted[train[0]] = planted[test[0]]
    twins = sum(np.array_equal(planted[row], planted[test[0]]) for row in test)
    with pytest.raises(ValueError, match=f"{twins} test isolates have the sequence of a training isolate"):
        folds.refuse_a_leak(planted, train, test)


# The recipe.


@pytest.fixture
def small(monkeypatch):
    """The recipe with few rounds of boosting."""
    monkeypatch.setattr(recipe, "ROUNDS", 5)


def test_the_recipe_refuses_a_test_isolate_among_its_training_rows(simulated, small):
    rows = np.arange(len(simulated.sequences))
    with pytest.raises(ValueError, match="in the training rows and in the test rows"):
        recipe.predict(simulated, rows[:-40], rows[-41:], seed=0)


def test_the_recipe_sees_no_test_isolate_through_any_drug(simulated, small):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    train, test = np.flatnonzero(fold_of != 0), np.flatnonzero(fold_of == 0)
    honest = recipe.predict(simulated, train, test, seed=0)
    labels, log_fold = simulated.labels.copy(), simulated.log_fold.copy()
    labels[test], log_fold[test] = 1 - labels[test], 99.0
    spoilt = dataclasses.replace(simulated, labels=labels, log_fold=log_fold)
    assert np.array_equal(honest, recipe.predict(spoilt, train, test, seed=0))
    assert honest.shape == (len(test), 2)
    assert honest.min() >= 0
    assert honest.max() <= 1


def test_a_position_counts_as_much_as_its_letters_explain(simulated, monkeypatch):
    found = recipe.by_effect(simulated.sequences, simulated.log_fold)
    sites = hiv_isolates(3, patients=150).truth["effects"] != 0
    assert found[sites].mean() > 3 * found[~sites].mean()
    assert found.mean() == pytest.approx(1)
    monkeypatch.setattr(recipe, "SHRUNK", 1e-9)
    monkeypatch.setattr(recipe, "LEAST", 0.0)
    one = simulated.log_fold[:, :1]
    letters = isolates.one_hot(simulated.sequences)
    by_regression = np.array(
        [
            LinearRegression().fit(letters[:, place], one[:, 0]).score(letters[:, place], one[:, 0])
            for place in range(letters.shape[1])
        ]
    )
    ours = recipe.by_effect(simulated.sequences, one)
    assert ours == pytest.approx(by_regression / by_regression.mean(), abs=1e-4)


def test_two_sequences_are_alike_by_the_positions_at_which_they_differ(simulated):
    weights = np.random.default_rng(0).random(simulated.sequences.shape[1])
    train, rows = simulated.sequences[:7], simulated.sequences[7:12]
    apart = np.array([[weights[one != other].sum() for other in train] for one in train])
    across = np.array([[weights[one != other].sum() for other in train] for one in rows])
    unit = recipe.APART * np.median(apart)
    between, asked = recipe._alike(train, rows, weights)
    assert between == pytest.approx(np.exp(-apart / unit), abs=1e-5)
    assert asked == pytest.approx(np.exp(-across / unit), abs=1e-5)


def test_for_one_drug_the_process_over_drugs_is_kernel_ridge_regression(simulated):
    one = dataclasses.replace(
        simulated, drugs=("ONE",), labels=simulated.labels[:, :1], log_fold=simulated.log_fold[:, :1]
    )
    train, rows = np.arange(100), np.arange(100, 130)
    values = one.log_fold[train]
    weights = recipe.by_effect(one.sequences[train], values)
    between, asked = recipe._alike(one.sequences[train], one.sequences[rows], weights)
    ridge = KernelRidge(alpha=recipe.NOISE, kernel="precomputed").fit(between, values - values.mean())
    assert recipe.together(one, train, rows, 0, count=recipe.by_effect) == pytest.approx(
        ridge.predict(asked) + values.mean(), abs=1e-3
    )


def test_what_is_known_of_one_drug_helps_the_other(simulated):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    alone = dataclasses.replace(simulated, log_fold=simulated.log_fold.copy())
    alone.log_fold[np.isnan(alone.log_fold[:, 1]), 0] = np.nan  # the first drug measured where the second is
    error = {}
    for name, table in (("both", simulated), ("alone", alone)):
        said = np.empty(len(fold_of))
        for fold in range(folds.FOLDS):
            train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
            said[test] = recipe.together(table, train, test, 0, count=recipe.by_effect)[:, 1]
        error[name] = np.mean((said - simulated.log_fold[:, 0]) ** 2)
    assert error["both"] < error["alone"], error


# The models.


def letters_of(simulated) -> torch.Tensor:
    return torch.tensor(isolates.one_hot(simulated.sequences[:8]))


def test_the_position_blind_mlp_sees_no_position_and_the_cnn_does(simulated):
    letters = letters_of(simulated)
    shuffled = letters[:, torch.randperm(99, generator=torch.Generator().manual_seed(0))]
    differ = {}
    for network in (models.PositionBlind, models.Flat, models.Convolutions, models.Recurrent):
        torch.manual_seed(0)
        model = network(99).eval()
        with torch.no_grad():
            differ[network.__name__] = (model(letters) - model(shuffled)).abs().max().item()
    assert differ.pop("PositionBlind") < 1e-6
    assert min(differ.values()) > 1e-3


def test_the_position_blind_mlp_is_embedding_then_average(simulated):
    model = models.PositionBlind(99).eval()
    codes = torch.tensor(simulated.sequences[:8])
    by_lookup = nn.functional.embedding(codes, model.embedding.weight.T).mean(1)
    assert torch.allclose(model(letters_of(simulated)), model.head(by_lookup), atol=1e-6)


def test_only_a_model_that_sees_positions_learns_the_simulator(simulated):
    fold_of = folds.by_class(simulated.sequences, simulated.labels, seed=1)
    train, test = fold_of != 0, fold_of == 0
    found = {}
    for name in ("logistic_regression", "flat", "position_blind"):
        said = models.MODELS[name](
            simulated.sequences[train], simulated.labels[train, 0], simulated.sequences[test], seed=0
        )
        assert said.shape == (test.sum(),)
        found[name] = scores.of_fold(simulated.labels[test, 0], said)["auc"]
    assert min(found["logistic_regression"], found["flat"]) > found["position_blind"] + 0.05


def test_every_model_is_the_same_twice(simulated):
    sequences, labels = simulated.sequences[:60], simulated.labels[:60, 0]
    for name in ("logistic_regression", "flat"):
        one, two = (models.MODELS[name](sequences, labels, sequences[:9], seed=5) for _ in range(2))
        assert np.array_equal(one, two)


# The scores.


def test_scores_are_those_counted_by_hand():
    labels = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    said = np.array([0.9, 0.5, 0.4, 0.6, 0.3, 0.2, 0.1, 0.45])  # two of three, four of five
    found = scores.of_fold(labels, said)
    assert found["accuracy"] == pytest.approx(6 / 8)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    pairs = [(p > q) + 0.5 * (p == q) for p in said[labels == 1] for q in said[labels == 0]]
    assert found["auc"] == pytest.approx(np.mean(pairs))


def test_both_spreads_are_standard_deviations():
    def fold(value):
        return dict.fromkeys(scores.MEASURES, value)

    found = scores.summary([[fold(v) for v in (1, 2, 3)], [fold(v) for v in (3, 5, 7)]])["auc"]
    assert found == pytest.approx({"mean": 3.5, "sd_folds": 1.5, "sd_seeds": np.std([2, 5], ddof=1)})
    assert "sd_seeds" not in scores.summary([[fold(1), fold(2)]])["auc"]


# The run.


def test_a_run_covers_every_drug_model_and_protocol_once():
    stages = command._stages()
    assert sorted(stages) == [(protocol, seed) for protocol in ("grouped", "published") for seed in (1, 2, 3)]
    assert stages[0] == ("published", 1)
    names = set()
    for stage in stages:
        todo = jobs.jobs(*stage)
        assert len(todo) == len({job.name for job in todo}) == 18 * 5 + 3 * 5
        assert {job.protocol for job in todo if job.model == jobs.RECIPE} == {"grouped"}
        assert {job.protocol for job in todo if job.model != jobs.RECIPE} == {stage[0]}
        names |= {job.name for job in todo}
    single = 18 * 5 * 2 * 3  # drugs, models of one drug, protocols, seeds
    assert len(names) == single + 3 * 5 * 3


def test_a_run_that_was_stopped_goes_on(monkeypatch, tmp_path):
    todo, done = jobs.jobs("published", 1)[:4], []
    folders = dict.fromkeys(jobs.ORDER, tmp_path / "kept")

    def work(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job)
        return {"folds": {}, "seconds": 1.0}

    monkeypatch.setattr(jobs, "work", work)
    with pytest.raises(KeyboardInterrupt):
        list(jobs.run(todo, folders, 1))
    assert [job for job in todo if jobs.is_done(job, folders)] == todo[:2]
    done.clear()
    assert list(jobs.run(todo, folders, 1)) == todo[2:] == done
    assert list(jobs.run(todo, folders, 1)) == []


def test_pieces_are_found_again_only_by_the_code_and_versions_they_were_made_with(monkeypatch):
    before = command._folders(made_from())
    assert before == command._folders(made_from())
    assert before[jobs.RECIPE] not in [before[name] for name in models.MODELS]
    other_recipe = command._folders(made_from() | {"code_hash": "1" * 64})
    assert other_recipe[jobs.RECIPE] != before[jobs.RECIPE]
    assert all(other_recipe[name] == before[name] for name in models.MODELS)
    other_python = command._folders(made_from() | {"versions": {"python": "3.12"}})
    assert not set(other_python.values()) & set(before.values())
    monkeypatch.setattr(provenance, "hash_of", lambda patterns: "other models")
    assert command._folders(made_from())["cnn"] != before["cnn"]


@pytest.fixture
def tiny(monkeypatch, simulated, tmp_path, small):
    """A world of one class with two simulated drugs, and results in a folder of their own."""
    monkeypatch.setattr(jobs, "table", lambda name: simulated)
    for module in (jobs, isolates):
        monkeypatch.setattr(module, "CLASSES", {"SIM": simulated.drugs})
        monkeypatch.setattr(module, "DRUGS", dict.fromkeys(simulated.drugs, "SIM"))
    quick = {name: models.MODELS["logistic_regression"] for name in models.MODELS}
    monkeypatch.setattr(models, "MODELS", quick)
    numbers = {"accuracy": 0.9, "balanced_accuracy": 0.8, "auc": 0.9, "minutes": 9.0, "fewest": 3, "most": 9}
    theirs = {network: numbers for network in page.NETWORKS}
    monkeypatch.setattr(page, "published", lambda: dict.fromkeys(simulated.drugs, theirs))
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "TRIED", tmp_path / "tried")
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(page.write, "__defaults__", (tmp_path,))
    monkeypatch.setattr(provenance, "made_from", lambda name: made_from())
    return tmp_path


def made_from() -> dict:
    return {
        "code_hash": "0" * 64,
        "commit": "0" * 40,
        "has_uncommitted_changes": False,
        "machine": {"system": "a system", "processor": "a processor", "cores": 2},
        "versions": {"python": "3.11"},
    }


def test_the_whole_command_in_small(tiny, capsys):
    assert command.main(["--processes", "1"]) == 0
    result = provenance.read(tiny / "results" / "hiv_table.json")
    assert {(row["drug"], row["model"], row["protocol"]) for row in result["rows"]} == {
        (drug, model, "published") for drug in ("ONE", "TWO") for model in page.NAMES
    }
    assert (tiny / page.PAGE).read_text(encoding="utf-8") == page.text(result)
    assert page.fingerprint(result) in (tiny / page.PLOT).read_text(encoding="utf-8")
    assert "mean accuracy of the recipe" in capsys.readouterr().out


def test_a_full_run_records_what_is_done_and_no_more(tiny, monkeypatch):
    work = jobs.work
    monkeypatch.setattr(command, "SEEDS", (1, 2))

    def stopped(job):
        if (job.protocol, job.seed, job.model) == ("published", 2, "cnn"):
            raise KeyboardInterrupt
        return work(job)

    monkeypatch.setattr(jobs, "work", stopped)
    with pytest.raises(KeyboardInterrupt):
        command.main(["--processes", "1", "--full"])
    path = tiny / "results" / "hiv_table.json"
    result = provenance.read(path)
    assert result["runs"] == {"published": [1], "grouped": [1]}
    assert len(result["rows"]) == 2 * 6 * 2
    said = page.text(result)
    assert "stratified drug by drug: five folds each on seed 1." in said
    assert "not run" not in said
    monkeypatch.setattr(jobs, "work", work)
    assert command.main(["--processes", "1", "--full"]) == 0
    result = provenance.read(path)
    assert result["runs"] == {"published": [1, 2], "grouped": [1, 2]}
    assert "sd_seeds" in result["rows"][0]["accuracy"]
    by_seed = result["rows"][0]["accuracy_by_seed"]
    assert result["rows"][0]["accuracy"]["mean"] == pytest.approx(np.mean(by_seed), rel=1e-3)


def test_a_smaller_run_does_not_replace_a_larger_one(tiny):
    assert command.main(["--processes", "1"]) == 0
    path = tiny / "results" / "hiv_table.json"
    small = provenance.read(path)
    assert "identical sequences together: not run" in page.text(small)
    larger = small | {"runs": {"published": [1, 2]}}
    provenance.write(path, larger)
    assert command.main(["--processes", "1"]) == 0
    assert provenance.read(path) == larger
    provenance.write(path, larger | {"code_hash": "of other code"})
    assert command.main(["--processes", "1"]) == 0
    assert provenance.read(path) == small


# The page.


def a_result(recipe_accuracy: float = 0.95) -> dict:
    rows = []
    for drug, name in isolates.DRUGS.items():
        for model in page.NAMES:
            value = recipe_accuracy if model == "recipe" else 0.92
            measured = {name: {"mean": value, "sd_folds": 0.012} for name in scores.MEASURES}
            about = {"drug": drug, "class": name, "model": model, "protocol": "published"}
            rows.append(about | {"isolates": 1000, "resistant": 0.3, "seconds": 60.0} | measured)
    return made_from() | {"runs": {"published": [1]}, "rows": rows, "processor_minutes": {"published": 59.0}}


def words(result: dict) -> list[str]:
    return [line.word for line in page.verdicts(result)]


def test_each_limit_decides():
    flatters = "no verdict: it flatters"
    again = "no verdict: a reproduction"
    assert words(a_result(0.999)) == ["holds", "holds", flatters, "holds", "holds", again, "holds"]
    assert words(a_result(0.93))[0] == words(a_result(0.93))[1] == "**does not hold**"
    slow = a_result()
    slow["processor_minutes"]["published"] = 60.0
    assert words(slow)[-1] == "**does not hold**"
    poor = a_result()
    for row in poor["rows"]:
        if row["model"] in ("cnn", "rnn"):
            row["accuracy"] = {"mean": 0.889, "sd_folds": 0.01}
    assert words(poor)[3:5] == ["**does not hold**"] * 2


@pytest.mark.parametrize("measure", scores.MEASURES)
def test_every_drug_that_the_recipe_loses_gets_its_sentence(measure):
    rows = page.of(a_result(0.93), "published")
    lost = [drug for drug in rows if page.best_published(drug, measure)[1] > 0.93]
    sentences = page.behind(rows, measure).splitlines()
    assert 0 < len(lost) == len(sentences)
    for drug, sentence in zip(lost, sentences, strict=True):
        assert sentence.startswith(f"- **{drug}:** the published ")
    assert page.behind(page.of(a_result(0.999), "published"), measure).startswith("Nowhere")


def test_the_page_says_where_the_rebuilt_network_falls_short():
    result = a_result()
    mlp = [row for row in result["rows"] if row["model"] == "position_blind"]
    assert "on no drug is it lower" in page.text(result)  # 0.92 is above every published MLP
    for row in mlp[:3]:
        row["accuracy"] = {"mean": 0.1 if row is mlp[1] else 0.4, "sd_folds": 0.012}
    assert f"it is lower on 3 of 18 drugs, most on {mlp[1]['drug']}, with 0.100" in page.text(result)


def test_the_page_is_what_the_result_says(root):
    path, written = root / "benchmarks" / "results" / "hiv_table.json", root / "benchmarks" / page.PAGE
    if not path.exists():
        assert not written.exists(), "There is a page without a result."
        pytest.skip("Not recorded yet.")
    result, anew = provenance.read(path), "Write it anew: python -m benchmarks.hiv_table.page"
    assert written.read_text(encoding="utf-8") == page.text(result), anew
    assert page.fingerprint(result) in (root / "benchmarks" / page.PLOT).read_text(encoding="utf-8"), anew


def test_the_record_is_of_the_data_as_pinned(root):
    path = root / "benchmarks" / "results" / "hiv_table.json"
    if not path.exists():
        pytest.skip("Not recorded yet.")
    assert provenance.read(path)["data_hash"] == command.data_hash(), "Make it anew: make hiv-table"


def test_the_published_means_are_the_known_ones():
    every = page.published()
    assert list(every) == list(isolates.DRUGS)
    known = {"MLP": (0.789, 0.879, 1.7), "BRNN": (0.890, 0.909, 127.8), "CNN": (0.918, 0.953, 20.9)}
    for network, (accuracy, auc, hours) in known.items():
        rows = [every[drug][network] for drug in every]
        assert round(np.mean([row["accuracy"] for row in rows]), 3) == accuracy
        assert round(np.mean([row["auc"] for row in rows]), 3) == auc
        assert round(sum(row["minutes"] for row in rows) / 60, 1) == hours


# What it is made of.


def test_the_hash_covers_every_module_that_has_a_hand_in_a_number(root):
    _, patterns = provenance.MADE_FROM["hiv_table"]
    covered = {path for pattern in patterns for path in root.glob(pattern)}
    assert len(covered) == len(patterns)
    for path in covered:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("benchmarks.hiv_table"):
                parts = node.module.split(".")[2:]
                for name in parts or [alias.name for alias in node.names]:
                    assert root / "benchmarks" / "hiv_table" / f"{name}.py" in covered, (path, name)


def test_a_row_is_written_with_what_json_knows():
    found = scores.summary([[scores.of_fold(np.array([0, 1]), np.array([0.1, 0.9]))] * 5])
    assert json.loads(json.dumps(found)) == found
