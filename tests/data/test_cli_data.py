"""`course data`: list, fetch, verify, mirror, card."""

import subprocess
import sys
from dataclasses import replace

import pytest
from faulty_host import CONTENT, PATH, tiny

from course_lib import registry
from course_lib.cli import main
from course_lib.data import holdings
from course_lib.data.sources import obtain
from course_lib.registry import File


@pytest.fixture
def sets(monkeypatch, cache, host):
    """Three datasets: one that can be had, one that cannot, one that is bundled."""
    right, wrong = tiny(host.url("whole")), tiny(host.url("missing"))
    entries = {
        "tiny": replace(right, used_by=("07_detection",)),
        "gone": replace(wrong, name="gone", folder="gone", used_by=("07_detection", "08_next")),
        "iris": registry.record("iris"),
    }
    for module in (registry, holdings):
        monkeypatch.setattr(module, "records", lambda: entries)
    return entries


def test_the_list_says_size_place_lessons_and_licence(sets, capsys, cache):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "size", "here", "lessons", "licence", "as", "stated"]
    assert lines[1].split() == ["tiny", "0.2", "MB", "no", "07", "none"]
    assert lines[3].startswith("iris  in scikit-learn  yes")
    assert lines[-1] == f"The cache is {cache.parent}."
    obtain(sets["tiny"])
    capsys.readouterr()
    main(["data", "list"])
    assert capsys.readouterr().out.splitlines()[1].split() == ["tiny", "0.2", "MB", "yes", "07", "none"]


def test_a_set_that_is_here_in_part_is_listed_so(sets, capsys, host):
    obtain(sets["tiny"])
    (file,) = sets["tiny"].files
    sets["tiny"] = replace(sets["tiny"], files=(file, File("more.csv", file.sha256, file.bytes, file.url)))
    main(["data", "list"])
    assert "in part" in capsys.readouterr().out.splitlines()[-4]


def test_fetch_brings_what_can_be_had_and_fails_for_what_cannot(sets, capsys, cache):
    assert main(["data", "fetch", "gone", "tiny", "iris"]) == 1
    said = capsys.readouterr()
    assert "gone: NOT FETCHED. `gone` cannot be had: cache" in said.out
    assert "tiny: 1 file, 0.2 MB, verified" in said.out
    assert "iris: comes with scikit-learn, nothing to fetch" in said.out
    assert "1 could not be fetched: gone." in said.err
    assert (cache / PATH).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["07"], ["tiny", "gone"]),
        (["7"], ["tiny", "gone"]),
        (["07_detection"], ["tiny", "gone"]),
        (["08", "tiny"], ["gone", "tiny"]),
        (["tiny", "07"], ["tiny", "gone"]),
        (["--all"], ["tiny", "gone", "iris"]),
    ],
)
def test_fetch_takes_names_and_lessons(sets, monkeypatch, words, meant):
    asked = []
    monkeypatch.setattr("course_lib.data.holdings.fetch", lambda entries: asked.extend(entries) or [])
    assert main(["data", "fetch", *words]) == 0
    assert [entry.name for entry in asked] == meant


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fetch"], "It was not said what to fetch."),
        (["fetch", "--all", "tiny"], "`--all` was given with names."),
        (["fetch", "tinny"], "`tinny` is neither a dataset nor a lesson that uses one."),
        (["fetch", "tinny"], "Did you mean `tiny`?"),
        (["fetch", "99"], "No dataset is used by a lesson 99."),
        (["fetch", "iris/setosa"], "`iris` has no member `setosa`."),
        (["card", "tinny"], "There is no dataset `tinny`."),
    ],
)
def test_a_wrong_call_is_answered_in_words(sets, capsys, words, message):
    assert main(["data", *words]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_member_alone_can_be_fetched(sets, host, cache, capsys):
    (file,) = sets["tiny"].files
    other = File("other.csv", file.sha256, file.bytes, host.url("missing"))
    sets["tiny"] = replace(sets["tiny"], files=(file, other), members={"a": {"files": [PATH]}})
    assert main(["data", "fetch", "tiny/a"]) == 0
    assert "tiny/a: 1 file, 0.2 MB, verified" in capsys.readouterr().out


def test_verify_finds_the_one_bit_and_fails(sets, capsys, cache):
    assert main(["data", "verify"]) == 0
    assert "Nothing is in the cache" in capsys.readouterr().out
    path = obtain(sets["tiny"])[PATH]
    assert main(["data", "verify"]) == 0
    assert "tiny: 1 of 1 files are here and whole" in capsys.readouterr().out
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert main(["data", "verify"]) == 1
    said = capsys.readouterr().out
    assert f"tiny: DAMAGED {path}: other bytes than the registry's sha256 says" in said
    assert main(["data", "fetch", "tiny"]) == 0
    assert main(["data", "verify"]) == 0


def test_a_mirror_serves_who_has_nothing_else(sets, capsys, tmp_path, monkeypatch, cache):
    stick = tmp_path / "stick"
    assert main(["data", "mirror", str(stick), "tiny", "iris"]) == 0
    assert f"Set COURSE_DATA_MIRROR={stick} to use it." in capsys.readouterr().out
    assert {str(path.relative_to(stick)) for path in stick.rglob("*") if path.is_file()} == {
        f"tiny/{PATH}",
        "SHA256SUMS",
        "README.md",
    }
    assert "- `tiny`: Tiny. none. Cite: nobody." in (stick / "README.md").read_text()
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "another"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(stick))
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    assert obtain(sets["tiny"])[PATH].read_bytes() == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason="no sha256sum on Windows")
def test_the_sums_of_a_mirror_are_those_of_sha256sum(sets, tmp_path):
    stick = tmp_path / "stick"
    main(["data", "mirror", str(stick), "tiny"])
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=stick).returncode == 0
    (stick / "tiny" / PATH).write_bytes(b"x")
    assert subprocess.run(check, cwd=stick, capture_output=True).returncode == 1


def test_a_mirror_mends_what_is_damaged_in_it(sets, tmp_path):
    stick = tmp_path / "stick"
    (stick / "tiny" / PATH).parent.mkdir(parents=True)
    (stick / "tiny" / PATH).write_bytes(b"half")
    assert main(["data", "mirror", str(stick), "tiny"]) == 0
    assert (stick / "tiny" / PATH).read_bytes() == CONTENT


def test_a_mirror_of_what_cannot_be_had_fails(sets, tmp_path, capsys):
    assert main(["data", "mirror", str(tmp_path / "stick"), "gone"]) == 1
    assert "`gone` cannot be had" in capsys.readouterr().err
    assert not (tmp_path / "stick" / "gone").exists()


def test_the_card_is_shown(capsys):
    assert main(["data", "card", "iris"]) == 0
    assert capsys.readouterr().out.startswith("# Three species of iris\n")


def test_the_real_list_names_every_dataset(capsys, cache):
    assert main(["data", "list"]) == 0
    said = capsys.readouterr().out
    for name in registry.records():
        assert f"\n{name} " in said
    assert max(map(len, said.splitlines()[:-1])) <= 140
