"""Ten runs in the browser are counted as they were; what failed or was skipped is no good run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import browser, provenance

PASSES = "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
FAILS = "def test_one():\n    pass\n\n\ndef test_two():\n    assert False\n"
SKIPS = "import pytest\n\n\ndef test_one():\n    pytest.skip('no Chromium')\n"


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A folder with tests of its own in place of the browser's."""
    (tmp_path / "tests" / "browser").mkdir(parents=True)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "TRIED", tmp_path / "build")
    monkeypatch.setattr(provenance, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(provenance, "code_hash", lambda name: "of these tests")
    monkeypatch.setattr(provenance, "made_from", lambda name: {"code_hash": "of these tests"})
    monkeypatch.setattr(browser, "TESTS", ("-q", "-p", "no:cacheprovider", "tests/browser"))
    return tmp_path


def plant(workshop, tests):
    (workshop / "tests" / "browser" / "test_it.py").write_text(tests, encoding="utf-8")


def test_good_runs_are_kept_and_counted_up_to_ten(workshop, monkeypatch, capsys):
    plant(workshop, PASSES)
    assert browser.main(["--runs", "1"]) == 0
    assert not (workshop / "results").exists(), "One run is no record."
    one = provenance.read(workshop / "build" / "browser.json")["runs"][0]
    monkeypatch.setattr(browser, "run_once", lambda: one)
    assert browser.main([]) == 0
    record = provenance.read(workshop / "results" / "browser.json")
    assert [run["passed"] for run in record["runs"]] == [2] * 10
    assert record["lessons"] == browser.lessons()
    assert "10 of 10 runs passed" in capsys.readouterr().out


@pytest.mark.parametrize(("tests", "named"), [(FAILS, "test_two"), (SKIPS, "test_one")])
def test_what_fails_or_is_skipped_ends_it_is_named_and_is_kept(workshop, capsys, tests, named):
    plant(workshop, tests)
    assert browser.main(["--runs", "2"]) == 1
    assert f"Not passed: {named}." in capsys.readouterr().out
    plant(workshop, PASSES)
    assert browser.main(["--runs", "1"]) == 0
    runs = provenance.read(workshop / "build" / "browser.json")["runs"]
    assert [browser.is_good(run) for run in runs] == [False, True]


def test_runs_of_other_tests_do_not_count(workshop, monkeypatch):
    plant(workshop, PASSES)
    assert browser.main(["--runs", "1"]) == 0
    monkeypatch.setattr(provenance, "code_hash", lambda name: "of other tests")
    assert browser.begun(workshop / "build" / "browser.json")["runs"] == []


def test_the_ten_runs_are_those_of_make_browser(root):
    words = " ".join(word for word in browser.TESTS if word != "-q")
    assert f"/pytest {words}\n" in (root / "Makefile").read_text(encoding="utf-8")


def test_the_record_is_of_all_lessons_and_says_ten_good_runs(root):
    path = root / "benchmarks" / "results" / "browser.json"
    if not path.exists():
        pytest.skip("Not recorded yet: make browser-ten")
    record = provenance.read(path)
    assert record["lessons"] == browser.lessons(), "There is another lesson. Make it anew: make browser-ten"
    assert sum(map(browser.is_good, record["runs"])) == browser.RUNS
