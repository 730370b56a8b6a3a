"""The one-shot runs: nobody shows and asks, distances are what they say, the page says the results."""

import dataclasses
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.distance import cdist

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import provenance
from benchmarks.omniglot import __main__ as command
from benchmarks.omniglot import baselines, choices, distort, drawings, networks, page, scores, training
from course_lib.data.readers import pictures
from course_lib.registry import record


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def lines(random: np.random.Generator, *shape: int, size: int = 105) -> np.ndarray:
    """Return drawings of three strokes each."""
    pages = np.zeros((int(np.prod(shape)), size, size), dtype=np.float32)
    for one in pages:
        for ends in random.uniform(0.2 * size, 0.8 * size, (3, 2, 2)):
            for share in np.linspace(0, 1, 2 * size):
                y, x = (ends[0] + share * (ends[1] - ends[0])).astype(int)
                one[y : y + 2, x : x + 2] = 1
    return pages.reshape(*shape, size, size)


@pytest.fixture(scope="module")
def tiny() -> drawings.MinimalSet:
    """Two alphabets of six characters; each drawer has shifted the same strokes a little."""
    random = np.random.default_rng(0)
    characters = lines(random, 12)
    shifts = random.integers(-6, 7, (12, drawings.DRAWERS, 2))
    drawn = [
        [np.roll(page, shift, (0, 1)) for shift in row] for page, row in zip(characters, shifts, strict=True)
    ]
    return drawings.MinimalSet(np.array(drawn), np.array(["one"] * 6 + ["two"] * 6))


# The drawings.


def test_drawings_are_sorted_by_character_and_drawer():
    characters, drawers = np.repeat([0, 1], 20), np.tile(np.arange(20), 2)
    pages = (100 * characters + drawers).astype(np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    order = np.random.default_rng(0).permutation(40)
    names = np.array([f"Greek {number + 1:02}" for number in drawers])
    found = drawings.by_drawer(
        pages[order], characters[order], np.repeat(["a", "b"], 20)[order], names[order]
    )
    assert np.array_equal(found.drawings[:, :, 0, 0], 100 * np.arange(2)[:, None] + np.arange(20))
    assert found.alphabets.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="drawn once by each drawer"):
        drawings.by_drawer(pages, characters, characters, np.array(["Greek 01"] * 40))


def test_an_episode_is_shown_by_one_drawer_and_asked_by_another():
    found = drawings.episodes(24, 200, np.random.default_rng(0))
    assert all(shows != asks for _, shows, asks in found)
    assert all(len(set(characters)) == len(characters) == 20 for characters, _, _ in found)
    assert len(drawings.episodes(17, 1, np.random.default_rng(0))[0][0]) == 17
    assert {drawer for _, *two in found for drawer in two} == set(range(20))


@pytest.mark.parametrize("name", training.METHODS)
def test_in_training_who_asks_has_not_shown(name):
    method, random = training.METHODS[name], torch.Generator().manual_seed(0)
    alphabets = np.repeat(["small", "large"], [20, 60])
    seen = set()
    for _ in range(50):
        characters, drawers, symmetries = training.episode(method, alphabets, random)
        assert len(set(characters.tolist())) == len(characters) == method.ways
        assert drawers.shape == (len(characters), 1 + method.asked)
        assert all(len(set(row)) == len(row) for row in drawers.tolist())
        of = set(alphabets[characters].tolist())
        seen |= of
        if method.is_within_alphabet:
            assert len(of) == 1
            assert len(set(symmetries.tolist())) == 1
        assert method.has_symmetries or not symmetries.any()
    assert seen == {"small", "large"}


def test_answers_of_the_runs_are_read_from_their_list(tmp_path, monkeypatch):
    answers, path = {}, tmp_path / "all_runs.zip"
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for run in ("run01", "run02"):
            order = answers[run] = random.permutation(20)
            said = [
                f"{run}/test/item{item + 1:02}.png {run}/training/class{place + 1:02}.png"
                for item, place in enumerate(order)
            ]
            archive.writestr(f"{run}/class_labels.txt", "\n".join(said) + "\n")
            for number in range(20):
                for name, value in (
                    (f"training/class{number + 1:02}", number),
                    (f"test/item{number + 1:02}", 30 + number),
                ):
                    page = np.ones((105, 105), dtype=bool)
                    page[value] = False  # the row that has the ink says which drawing it is
                    picture = io.BytesIO()
                    Image.fromarray(page).save(picture, "PNG")
                    archive.writestr(f"{run}/{name}.png", picture.getvalue())
    entry = record("omniglot/runs")
    parts = pictures.read(entry, {"all_runs.zip": path})
    monkeypatch.setattr("course_lib.load", lambda name: parts)
    found = drawings.published_runs()
    assert len(found) == 2
    for run, order in zip(found, answers.values(), strict=True):
        assert run.answers.tolist() == order.tolist()
        assert run.shown.any(2).argmax(1).tolist() == list(range(20))
        assert run.asked.any(2).argmax(1).tolist() == list(range(30, 50))


# What learns nothing.


def test_the_modified_hausdorff_distance_is_that_of_all_pairs_of_points():
    random = np.random.default_rng(1)
    shown, asked = lines(random, 4, size=40), lines(random, 3, size=40)
    for row, one in zip(baselines.by_hausdorff(shown, asked), asked, strict=True):
        for found, other in zip(row, shown, strict=True):
            a, b = (np.argwhere(page) - np.argwhere(page).mean(0) for page in (one, other))
            apart = cdist(a, b)
            assert -found == pytest.approx(max(apart.min(0).mean(), apart.min(1).mean()))


def test_pixels_are_compared_by_euclidean_distance():
    random = np.random.default_rng(2)
    shown, asked = lines(random, 4, size=20), lines(random, 3, size=20)
    expected = cdist(asked.reshape(3, -1), shown.reshape(4, -1))
    np.testing.assert_allclose(-baselines.by_pixels(shown, asked), expected, atol=1e-9)


def test_gradients_are_those_of_a_ramp():
    down, right = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    found = baselines.gradients((2 * right + 3 * down)[None, None])[0, :, 6, 6]
    assert torch.allclose(found[:9], torch.full((9,), 2.0))
    assert torch.allclose(found[9:], torch.full((9,), 3.0))


# Deformation.


def test_deformation_is_the_sum_over_places_of_the_nearest_counterpart():
    random = torch.Generator().manual_seed(0)
    asked, shown = torch.randn(2, 3, 5, 4, generator=random), torch.randn(3, 3, 5, 4, generator=random)
    prices = torch.rand(3, 3, generator=random)

    def left(one, other, sign):
        total = 0.0
        for y in range(5):
            for x in range(4):
                total += min(
                    float(((one[:, y, x] - other[:, y + dy, x + dx]) ** 2).sum())
                    + float(prices[1 + sign * dy, 1 + sign * dx])
                    for dy in (-1, 0, 1)
                    for dx in (-1, 0, 1)
                    if 0 <= y + dy < 5 and 0 <= x + dx < 4
                )
        return total

    found = networks.deformed(asked, shown, 1, prices)
    expected = [[left(one, other, 1) + left(other, one, -1) for other in shown] for one in asked]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_a_shift_within_reach_is_no_difference():
    page = torch.zeros(1, 2, 12, 12)
    page[:, :, 4:8, 4:8] = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    free = torch.zeros(5, 5)
    assert networks.deformed(page, page.roll((2, -2), (2, 3)), 2, free).item() == pytest.approx(0, abs=1e-5)
    assert networks.deformed(page, page.roll(3, 3), 2, free).item() > 1


# Distortion.


def test_centred_drawings_have_their_ink_in_the_middle_and_one_size():
    pages = torch.from_numpy(lines(np.random.default_rng(3), 6, size=35))
    moved = distort.centred(pages.roll((3, -2), (1, 2)))
    places = (2 * np.arange(35) + 1) / 35 - 1
    for drawn in moved.numpy():
        ink = drawn / drawn.sum()
        middle = ink.sum(0) @ places, ink.sum(1) @ places
        spread = ink.sum(0) @ (places - middle[0]) ** 2 + ink.sum(1) @ (places - middle[1]) ** 2
        np.testing.assert_allclose(middle, 0, atol=0.03)
        assert np.sqrt(spread) == pytest.approx(distort.SPREAD, abs=0.04)


def test_no_distortion_leaves_a_drawing_as_it_is():
    pages = torch.from_numpy(lines(np.random.default_rng(4), 3, size=28))
    random = torch.Generator().manual_seed(0)
    maps = distort.maps(3, distort.NONE, random)
    torch.testing.assert_close(distort.seen(pages, maps)[:, 0], pages, atol=1e-5, rtol=0)
    assert distort.fields(3, distort.NONE, random) is None


def test_symmetries_are_the_eight_of_a_square():
    page = torch.from_numpy(lines(np.random.default_rng(5), 1, size=28)[0])
    maps = torch.cat([distort.SYMMETRIES, torch.zeros(8, 2, 1)], 2)
    found = {distort.seen(page[None], one[None])[0, 0].round().numpy().tobytes() for one in maps}
    turned = [np.rot90(side, turns) for side in (page.numpy(), page.numpy().T) for turns in range(4)]
    assert found == {np.ascontiguousarray(one).tobytes() for one in turned}


def test_views_are_the_drawing_itself_and_each_distortion_both_ways():
    found = distort.views(distort.Strength(turn=0.2, stretch=0.3, shear=0.1))
    turned, wide, high = (
        torch.tensor([[0.0, -0.2], [0.2, 0.0]]),
        torch.tensor(0.15).exp(),
        torch.tensor(-0.15).exp(),
    )
    expected = [
        torch.eye(2),
        torch.linalg.matrix_exp(-turned),
        torch.linalg.matrix_exp(turned),
        torch.diag(torch.stack([high, wide])),
        torch.diag(torch.stack([wide, high])),
        torch.tensor([[1.0, -0.1], [0.0, 1.0]]),
        torch.tensor([[1.0, 0.1], [0.0, 1.0]]),
    ]
    torch.testing.assert_close(found[:, :, :2], torch.stack(expected))
    assert not found[:, :, 2].any()
    torch.testing.assert_close(distort.views(distort.NONE), torch.eye(2, 3)[None])


def test_distortions_follow_one_another():
    random = torch.Generator().manual_seed(1)
    first, then = distort.maps(1, training.STRONG, random), distort.maps(1, training.STRONG, random)
    place = torch.tensor([0.3, -0.2, 1.0])
    halfway = torch.cat([first[0] @ place, torch.ones(1)])
    torch.testing.assert_close(distort.after(first, then)[0] @ place, then[0] @ halfway)


# Learning.


@pytest.mark.parametrize("name", training.METHODS)
def test_every_method_is_the_same_twice_and_names_a_drawing_by_itself(name, tiny):
    method = dataclasses.replace(training.METHODS[name], steps=2, ways=6)
    one, two = (training.train(method, tiny, seed=3) for _ in range(2))
    shown, asked = tiny.drawings[:6, 0], tiny.drawings[:6, 1]
    together = training.alike(method, one, shown, asked)
    np.testing.assert_array_equal(together, training.alike(method, two, shown, asked))
    alone = np.concatenate([training.alike(method, one, shown, asked[[row]]) for row in range(6)])
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-3)
    same = training.alike(method, one, shown, shown)
    assert (same.argmax(1) == np.arange(6)).all()


def test_matching_learns_and_a_held_out_alphabet_is_not_trained_on(tiny, monkeypatch):
    method = dataclasses.replace(training.METHODS["places"], steps=20, ways=6)
    seen = []
    train = training.train
    monkeypatch.setattr(
        training, "train", lambda m, data, seed: seen.append(data) or train(m, data, seed=seed)
    )
    monkeypatch.setattr(choices, "EPISODES", 5)
    assert choices.error(method, tiny, "two") < 0.3
    assert set(seen[0].alphabets) == {"one"}


# Scores.


def test_errors_are_counted_question_by_question():
    alike = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [0.0, 5.0, 1.0]])
    assert scores.error(alike, np.array([0, 1, 2])) == pytest.approx(1 / 3)


def test_the_interval_over_runs_is_about_that_of_a_normal_mean():
    errors = np.random.default_rng(0).normal(0.2, 0.1, 400)
    low, high = scores.interval(errors)
    half = 1.96 * errors.std() / 20
    assert (low, high) == pytest.approx((errors.mean() - half, errors.mean() + half), abs=0.001)


# The page.


@pytest.fixture
def result():
    random = np.random.default_rng(0)
    rows = [
        {"method": name, "errors": list(random.uniform(0.3, 0.5, 20)), "seconds": 1.0}
        for name in baselines.BASELINES
    ]
    rows += [
        {"method": name, "set": part, "seed": seed, "errors": [level + 0.01 * seed] * 20, "seconds": 60.0}
        for name, level in zip(training.METHODS, (0.5, 0.4, 0.3, 0.17), strict=True)
        for part in drawings.SETS
        for seed in (1, 2, 3)
    ]
    return {
        **provenance.made_from("omniglot"),
        "minutes": 20.0,
        "processor_minutes": 30.0,
        "processes": 2,
        "rows": rows,
    }


def test_the_limit_is_judged_by_the_mean_over_sets_and_trainings(result):
    first, *_ = page.verdicts(result)
    assert (first.measured, first.holds) == ("19.0%", True)
    for row in result["rows"]:
        if row["method"] == page.BEST and row["set"] == "small2":
            row["errors"] = [0.25] * 20
    first, one, two = page.verdicts(result)
    assert (first.measured, first.holds) == ("22.0%", False)
    assert (one.holds, two.holds) == (True, False)


def test_the_table_has_every_method_with_its_spread(result):
    said = page.table_of(result).splitlines()
    assert len(said) == 2 + len(page.NAMES) == 2 + len(baselines.BASELINES) + len(training.METHODS)
    assert f"| {page.NAMES[page.BEST]} | 19.0% | 19.0% to 19.0% | 19.0% ± 1.0% | 19.0% ± 1.0% |" in said


def test_the_whole_command_in_small(tiny, monkeypatch, tmp_path, capsys):
    runs = [drawings.Run(tiny.drawings[:6, 0], tiny.drawings[:6, 1], np.arange(6))] * 2
    monkeypatch.setattr(drawings, "published_runs", lambda: runs)
    monkeypatch.setattr(drawings, "minimal_set", lambda part: tiny)
    short = {name: dataclasses.replace(one, steps=2, ways=6) for name, one in training.METHODS.items()}
    monkeypatch.setattr(training, "METHODS", short)

    class Here:
        """A pool of processes that is this one."""

        def __init__(self, *words, **named):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *words):
            pass

        def submit(self, job, *words):
            found = job(*words)
            return type("Done", (), {"result": lambda self: found})()

    monkeypatch.setattr(command, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(page.write, "__defaults__", (tmp_path,))
    monkeypatch.setattr(provenance, "made_from", lambda name: made_from())
    assert command.main([]) == 0
    written = provenance.read(tmp_path / "results" / "omniglot.json")
    assert len(written["rows"]) == len(baselines.BASELINES) + len(training.METHODS) * 2 * 3
    assert (tmp_path / page.PAGE).read_text(encoding="utf-8") == page.text(written)
    assert page.fingerprint(written) in (tmp_path / page.PLOT).read_text(encoding="utf-8")
    assert "Written: results/omniglot.json" in capsys.readouterr().out


def made_from() -> dict:
    return {
        "code_hash": "0" * 64,
        "commit": "0" * 40,
        "has_uncommitted_changes": False,
        "machine": {"system": "a system", "processor": "a processor", "cores": 2},
        "versions": {"python": "3.11"},
    }


def test_the_page_is_what_the_result_says(root):
    path, written = provenance.RESULTS / "omniglot.json", root / "benchmarks" / page.PAGE
    if not path.exists():
        assert not written.exists(), "There is a page without a result."
        pytest.skip("Not recorded yet.")
    found, anew = provenance.read(path), "Write it anew: python -m benchmarks.omniglot.page"
    assert written.read_text(encoding="utf-8") == page.text(found), anew
    picture = (root / "benchmarks" / page.PLOT).read_text(encoding="utf-8")
    assert page.fingerprint(found) in picture, anew
    assert found["data_hash"] == command.data_hash(), "The data are not those of the result."
