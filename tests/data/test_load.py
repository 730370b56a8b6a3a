"""The order of places, what `load` makes of a reader's parts, the rules that part rows, and archives."""

import io
import sys
import tarfile
import types
import zipfile

import numpy as np
import pytest
from faulty_host import CONTENT, PATH, tiny

import course_lib as cl
import course_lib.data
from course_lib import registry
from course_lib.data.archives import read_archive, read_gzip
from course_lib.data.sources import obtain
from course_lib.data.splits import part_rows
from course_lib.errors import CourseError
from course_lib.registry import File, Parts, SplitRule

loading = sys.modules["course_lib.data.load"]  # the package gives the function of this name

# --- the order of places


def test_the_cache_comes_before_the_mirror_and_the_mirror_before_the_download(
    cache, host, folder_mirror, monkeypatch
):
    entry = tiny(host.url("whole"))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder_mirror))
    assert obtain(entry)[PATH].read_bytes() == CONTENT
    assert host.asked == []  # it came from the mirror
    (folder_mirror / "tiny" / PATH).unlink()
    assert obtain(entry)[PATH] == cache / PATH  # and it stays when the stick is pulled out
    assert host.asked == []
    (cache / PATH).unlink()
    assert obtain(entry)[PATH].read_bytes() == CONTENT
    assert len(host.asked) == 1


def test_a_mirror_may_be_a_folder_with_a_url(cache, folder_mirror, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", folder_mirror.as_uri())
    assert obtain(tiny())[PATH].read_bytes() == CONTENT


def test_a_mirror_may_be_the_address_of_a_school(cache, host, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", host.url("whole") + "/")
    assert obtain(tiny())[PATH].read_bytes() == CONTENT
    assert host.asked == [(f"/whole/tiny/{PATH}", None)]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(CONTENT[:-1]), "199,999 bytes instead of 200,000"),
        (lambda path: path.write_bytes(bytes(len(CONTENT))), "other bytes than the registry's sha256 says"),
        (lambda path: path.unlink(), f"tiny/{PATH}: not there"),
        (lambda path: (path.unlink(), path.mkdir()), "bytes instead of 200,000"),
    ],
    ids=["cut short", "other bytes", "missing", "a folder"],
)
def test_a_mirror_with_a_fault_is_passed_over(cache, host, folder_mirror, monkeypatch, spoil, why):
    spoil(folder_mirror / "tiny" / PATH)
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder_mirror))
    with pytest.raises(CourseError) as error:
        obtain(tiny(host.url("missing")))
    assert why in error.value.found
    assert obtain(tiny(host.url("whole")))[PATH].read_bytes() == CONTENT


def test_a_mirror_that_is_no_folder_says_so(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_MIRROR", "/no/such/folder")
    with pytest.raises(CourseError, match=r"/no/such/folder\): there is no such folder"):
        obtain(tiny())


def test_what_no_publisher_has_is_said(cache):
    with pytest.raises(
        CourseError, match="download: no publisher has exactly these bytes, only a mirror has"
    ):
        obtain(tiny())


def test_what_is_optional_is_left_out_where_no_place_has_it(cache, host, folder_mirror, monkeypatch):
    (needed,) = tiny(host.url("whole")).files
    extra = File("extra.csv", needed.sha256, needed.bytes, optional=True)
    entry = tiny(files=(needed, extra))
    assert list(obtain(entry)) == [PATH]
    assert list(obtain(entry)) == [PATH]
    assert len(host.asked) == 1
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder_mirror))
    assert list(obtain(entry)) == [PATH]
    (folder_mirror / "tiny" / "extra.csv").write_bytes(CONTENT)
    assert obtain(entry)["extra.csv"].read_bytes() == CONTENT


def test_the_usual_cache_is_where_the_system_keeps_such_things(monkeypatch):
    import pooch

    from course_lib.data.cache import cache_folder

    assert cache_folder() == pooch.os_cache("course") / "data"
    monkeypatch.setenv("COURSE_CACHE", "~/of_the_course")
    assert cache_folder().name == "data"
    assert "~" not in str(cache_folder())


def test_loading_what_is_here_needs_no_library_of_the_web(cache, folder_mirror, monkeypatch):
    import os
    import subprocess
    from pathlib import Path

    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from faulty_host import tiny
from course_lib.data.sources import obtain
obtain(tiny())
print([name for name in ("requests", "pooch", "torch", "numpy") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "COURSE_DATA_MIRROR": str(folder_mirror), "COURSE_PROGRESS": "off"},
    )
    assert done.stdout + done.stderr == "[]\n"


def test_a_download_shows_its_progress_on_stdout_and_the_switch_takes_it_away(
    cache, host, capsys, monkeypatch
):
    from course_lib.data import sources

    shown = []

    class Bar:
        def __init__(self, **settings):
            shown.append(settings)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, count):
            shown.append(count)

    monkeypatch.setattr("tqdm.tqdm", Bar)
    with sources._progress(tiny(), list(tiny().files)) as told:
        told(5)
    assert shown[0]["total"] == len(CONTENT)
    assert shown[0]["file"] is sys.stdout
    assert shown[1:] == [5]
    obtain(tiny(host.url("broken-off-once")))
    assert sum(count for count in shown if isinstance(count, int)) == 5 + len(CONTENT)
    assert capsys.readouterr().err == ""
    shown.clear()
    monkeypatch.setenv("COURSE_PROGRESS", "off")
    with sources._progress(tiny(), list(tiny().files)) as told:
        told(5)
    assert shown == []


# --- from parts to a dataset


@pytest.fixture
def registered(monkeypatch, cache, folder_mirror):
    """Register `tiny` and a reader of it; return what changes either."""
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(folder_mirror))

    def register(parts, **changes):
        entry = tiny(**changes)
        monkeypatch.setattr(registry, "records", lambda: {"tiny": entry})
        monkeypatch.setattr(loading, "card", lambda name: f"# {name}")
        reader = types.ModuleType("course_lib.data.readers.tiny")
        reader.read = parts if callable(parts) else lambda entry, paths: parts
        monkeypatch.setitem(sys.modules, reader.__name__, reader)

    return register


def some(**changes) -> Parts:
    """Parts of four rows."""
    facts = {"inputs": np.arange(4.0)[:, None], "targets": np.arange(4.0)}
    return Parts(**{**facts, **changes})


def test_a_reader_is_given_the_entry_and_verified_files(registered):
    given = []

    def read(entry, paths):
        given.append((entry.name, entry.member, {path: place.read_bytes() for path, place in paths.items()}))
        return some()

    registered(read)
    data = cl.load("tiny")
    assert given == [("tiny", "", {PATH: CONTENT})]
    assert (data.input_names, data.target_names, data.card) == (("length",), ("mass",), "# tiny")
    assert [len(data.split(part)[0]) for part in ("train", "valid", "test")] == [2, 1, 1]


def test_notes_are_said_aloud(registered, capsys):
    registered(some(notes=["2 of 6 rows have no mass. They are left out."]))
    cl.load("tiny")
    assert capsys.readouterr().out == "tiny: 2 of 6 rows have no mass. They are left out.\n"


def test_columns_that_the_file_names_share_the_unit(registered):
    registered(some(inputs=np.zeros((4, 2)), input_names=("left", "right")))
    data = cl.load("tiny")
    assert data.input_names == ("left", "right")
    assert (data.units["left"], data.units["right"], data.units["mass"]) == ("cm", "cm", "kg")


def test_rows_of_different_size_stand_in_a_line_of_read_only_arrays(registered):
    registered(some(inputs=[np.zeros((2, 3)), np.zeros((2, 3)), np.ones((1, 3)), np.ones((5, 3))]))
    data = cl.load("tiny")
    assert data.inputs.shape == (4,)
    assert [row.shape for row in data.split("train")[0]] == [(2, 3), (2, 3)]
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0][0, 0] = 1


def test_a_large_array_is_handed_over_and_not_copied(registered):
    images = np.zeros((4, 100, 100), dtype=np.float32)
    registered(lambda entry, paths: some(inputs=images))
    assert np.shares_memory(cl.load("tiny").inputs, images)
    with pytest.raises(ValueError, match="read-only"):
        images += 1


def test_rows_that_happen_to_have_one_size_stay_a_line(registered):
    registered(some(inputs=[np.zeros((2, 3))] * 4))
    assert cl.load("tiny").inputs.shape == (4,)


def test_masks_stay_small_and_several_targets_keep_their_gaps(registered):
    registered(some(targets=np.ones((4, 8, 8), dtype=np.uint8)))
    assert cl.load("tiny").targets.dtype == np.uint8
    registered(some(targets=np.array([[1, np.nan]] * 4), target_names=("toxic", "soluble")))
    data = cl.load("tiny")
    assert np.isnan(data.targets[:, 1]).all()
    assert "2 targets" in repr(data)


def test_groups_and_extras_come_with_it_and_cannot_be_written_to(registered):
    registered(some(groups={"patient": np.array([1, 1, 2, 2])}, extras={"text": "AB", "model": np.zeros(4)}))
    data = cl.load("tiny")
    assert data.extras["text"] == "AB"
    for array in (data.groups["patient"], data.extras["model"]):
        with pytest.raises(ValueError, match="read-only"):
            array += 1


def test_groups_of_another_length_are_refused(registered):
    registered(some(groups={"patient": np.array([1, 1, 2])}))
    with pytest.raises(CourseError, match="`inputs` has 4 rows and `patient` 3"):
        cl.load("tiny")


def test_a_missing_library_is_named_before_anything_is_fetched(registered, monkeypatch):
    registered(some(), needs="molecules")
    monkeypatch.setitem(sys.modules, "course_lib.data.readers.tiny", None)
    monkeypatch.setattr(loading, "obtain", lambda entry: pytest.fail("it was fetched"))
    with pytest.raises(CourseError, match=r'pip install "course_lib\[molecules\]"'):
        cl.load("tiny")


def test_a_library_that_a_reader_lacks_is_named(registered):
    def read(entry, paths):
        raise ModuleNotFoundError("No module named 'rdkit'", name="rdkit")

    registered(read, needs="molecules")
    with pytest.raises(CourseError) as error:
        cl.load("tiny")
    assert error.value.found == "`tiny` is read with `rdkit`, which is not installed."


def test_a_set_of_several_lists_its_members(registered):
    members = {"a": {"shape": [4, 1]}, "b": {"shape": [4, 1], "files": [PATH]}}
    registered(lambda entry, paths: some(extras={"member": entry.member}), members=members)
    with pytest.raises(CourseError, match=r'a set of 2.*`tiny/a`, `tiny/b`.*cl\.load\("tiny/a"\)'):
        cl.load("tiny")
    data = cl.load("tiny/b")
    assert (data.name, data.extras["member"]) == ("tiny/b", "b")
    with pytest.raises(CourseError, match="`tiny` has no member `c`"):
        cl.load("tiny/c")
    assert registry.names() == ["tiny/a", "tiny/b"]


def test_a_member_of_what_is_no_set_is_refused():
    with pytest.raises(CourseError, match="`digits` has no member `7`"):
        cl.load("digits/7")


# --- the rules


def rule(name: str, by: str = "", **parts) -> SplitRule:
    return SplitRule(name, name, parts or {"train": 0.6, "valid": 0.2, "test": 0.2}, "Why not.", by)


def grouped(labels, targets=None) -> Parts:
    targets = np.zeros(len(labels)) if targets is None else targets
    return Parts(np.zeros((len(labels), 1)), targets, groups={"patient": np.array(labels)})


@pytest.mark.parametrize("seed", range(5))
def test_a_group_is_never_parted_and_every_row_is_in_one_part(seed):
    labels = np.random.default_rng(seed).integers(0, 60, 500)
    parts = part_rows(rule("groups", "patient"), grouped(labels))
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(500))
    groups = [set(labels[rows]) for rows in parts.values()]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


@pytest.mark.parametrize("seed", range(5))
def test_groups_keep_the_shares_as_well_as_whole_groups_can(seed):
    random = np.random.default_rng(seed)
    # Sizes as of scaffolds: one large group, some middling, many of a single row.
    sizes = [300, *random.integers(2, 40, 20), *[1] * 300]
    labels = np.repeat(np.arange(len(sizes)), sizes)
    parts = part_rows(rule("groups", "patient"), grouped(labels))
    for part, share in {"train": 0.6, "valid": 0.2, "test": 0.2}.items():
        assert abs(len(parts[part]) - share * len(labels)) <= 2, part


@pytest.mark.parametrize("seed", range(5))
def test_groups_keep_the_shares_in_every_class(seed):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 300, 1000)
    targets = (random.random(1000) < 0.1).astype(int)
    parts = part_rows(rule("groups", "patient"), grouped(labels, targets))
    for part, share in {"train": 0.6, "valid": 0.2, "test": 0.2}.items():
        assert abs(targets[parts[part]].sum() - share * targets.sum()) <= 3, part
        assert abs(len(parts[part]) - share * 1000) <= 10, part


def test_groups_do_not_depend_on_the_order_of_the_file():
    labels = np.random.default_rng(0).integers(0, 60, 500)
    shuffled = np.random.default_rng(1).permutation(500)
    test = set(labels[part_rows(rule("groups", "patient"), grouped(labels))["test"]])
    assert (
        set(labels[shuffled][part_rows(rule("groups", "patient"), grouped(labels[shuffled]))["test"]]) == test
    )


def test_groups_may_have_names_and_the_same_ones_are_test_groups_for_ever():
    labels = [f"patient {number % 20}" for number in range(100)]
    rows = part_rows(rule("groups", "patient"), grouped(labels))["test"]
    # Written down once: test rows that move between releases would make old and new scores incomparable.
    assert sorted({labels[row] for row in rows}) == FOR_EVER


FOR_EVER = ["patient 12", "patient 15", "patient 16", "patient 5"]


@pytest.mark.parametrize("name", ["published", "prepared"])
def test_parts_that_are_given_are_counted(name):
    parts = {"train": [0, 2], "test": [3]}
    data = some(splits={name: parts})
    found = part_rows(rule(name, train=2, test=1), data)
    assert {part: rows.tolist() for part, rows in found.items()} == parts
    with pytest.raises(ValueError, match="instead of"):
        part_rows(rule(name, train=2, test=2), data)
    with pytest.raises(ValueError, match="in two"):
        part_rows(rule(name, train=2, test=1), some(splits={name: {"train": [0, 3], "test": [3]}}))


def test_a_rule_says_what_it_does():
    assert str(rule("groups", "patient")).startswith("whole groups (`patient`), drawn at random: train 60%")
    assert (
        str(rule("published", train=2000, test=1)) == "as published: train 2,000 rows, test 1 rows. Why not."
    )


# --- archives


def zipped(tmp_path, name: str = "inside.txt", content: bytes = b"x", mode: int = 0):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
    return path


def tarred(tmp_path, name: str = "inside.txt", content: bytes = b"x", kind: bytes = tarfile.REGTYPE):
    path = tmp_path / "some.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.size, entry.linkname = kind, len(content), "/etc/hostname"
        archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_is_read_in_memory(tmp_path, pack):
    assert read_archive(pack(tmp_path, "a/b.txt", b"content")) == {"a/b.txt": b"content"}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../outside.txt", "leads out of the archive"),
        ("a/../../outside.txt", "leads out of the archive"),
        ("..\\outside.txt", "leads out of the archive"),
        ("/etc/cron.d/job", "an absolute path"),
        ("C:\\Windows\\job", "an absolute path"),
    ],
)
def test_an_entry_that_would_lie_elsewhere_is_refused(tmp_path, pack, name, why):
    with pytest.raises(CourseError, match=why):
        read_archive(pack(tmp_path, name))


def test_a_link_is_refused(tmp_path):
    with pytest.raises(CourseError, match="a link or a device"):
        read_archive(zipped(tmp_path, "link", b"/etc/hostname", mode=0o120777))
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        with pytest.raises(CourseError, match="a link or a device"):
            read_archive(tarred(tmp_path, "link", b"", kind))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_bomb_in_an_archive_is_refused(tmp_path, pack):
    path = pack(tmp_path, "large", bytes(5_000_000))
    assert path.stat().st_size < 50_000
    with pytest.raises(CourseError, match="unpacks to more than 1,000,000 bytes"):
        read_archive(path, most=1_000_000)


def test_a_bomb_of_gzip_is_refused(tmp_path):
    import gzip

    path = tmp_path / "some.gz"
    path.write_bytes(gzip.compress(bytes(5_000_000)))
    assert read_gzip(path) == bytes(5_000_000)
    with pytest.raises(CourseError, match="unpacks to more than 1,000,000 bytes"):
        read_gzip(path, most=1_000_000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CourseError, match="cannot be unpacked"):
        read_gzip(path)


@pytest.mark.parametrize("content", [b"", b"no archive", CONTENT])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "some.zip"
    path.write_bytes(content)
    with pytest.raises(CourseError, match="cannot be unpacked"):
        read_archive(path)
    with pytest.raises(CourseError, match="cannot be unpacked"):
        read_gzip(path) if content else read_archive(path)


def test_an_entry_that_occurs_twice_is_refused(tmp_path):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(CourseError, match="occurs twice"):
        read_archive(path)
