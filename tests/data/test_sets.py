"""Every downloaded set, loaded from the mirror: counted against SOURCE.json, and parsed a second way.

The second way is never the reader: the csv module, bytes, Pillow on single files.
"""

import collections
import csv
import gzip
import json
import struct
import time
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

from course_lib.data import load
from course_lib.data.sources import obtain
from course_lib.registry import names, record, records

SETS = [name for name, entry in records().items() if entry.source == "download"]
LOADABLE = [name for name in names() if name.split("/")[0] in SETS]


@pytest.fixture
def loaded(from_mirror, capsys):
    """Load by name; what the loader said stands in `said`."""

    def bring(name):
        for library in {"tables": ["pandas"], "molecules": ["pandas", "rdkit"]}.get(record(name).needs, []):
            pytest.importorskip(library)
        data = load(name)
        bring.said = capsys.readouterr().out
        return data

    return bring


@pytest.fixture
def source(mirror):
    """Read what was counted when the mirror was made, and open its files."""

    def facts(name):
        return json.loads((mirror / name / "SOURCE.json").read_text(encoding="utf-8"))["loaded_and_checked"]

    return facts


def rows_of(path, **options):
    with (
        gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8-sig", newline="") as file
    ):
        return list(csv.DictReader(file, **options))


def test_there_are_twenty_one():
    assert len(SETS) == 21


# --- what holds for every set


@pytest.mark.parametrize("name", LOADABLE)
def test_a_set_is_what_the_registry_says(loaded, capsys, name):
    entry = record(name)
    obtain(entry)
    start = time.perf_counter()
    data = loaded(name)
    with capsys.disabled():
        print(f"\n{name}: {time.perf_counter() - start:.2f} s from the cache", end="")
    assert data.inputs.shape == entry.shape
    assert data.input_names == tuple(entry.inputs)
    assert data.target_names == (entry.classes or tuple(entry.target))
    assert set(data.units) == {*entry.inputs, *entry.target}
    assert len(data.targets) == len(data.inputs)
    assert data.inputs.dtype in (np.float32, np.uint8, np.int64)
    if entry.classes:
        assert data.targets.dtype == (np.uint8 if entry.task == "segmentation" else np.int64)
        np.testing.assert_array_equal(np.unique(data.targets), np.arange(len(entry.classes)))
    else:
        assert data.targets.dtype == np.float32
        assert data.targets.shape[1:] == (() if len(entry.target) == 1 else (len(entry.target),))
    if data.inputs.dtype == np.float32:
        assert np.isfinite(data.inputs).all()
    if entry.task != "labels":
        assert np.isfinite(data.targets).all()
    assert repr(data).count("\n") == 1
    for rule in entry.splits:
        expect_parts(rule, data)


def expect_parts(rule, data):
    """The parts of one scheme are apart, and groups, blocks and times are kept as its rule says."""
    parts = data.splits[rule.name]
    rows = np.concatenate(list(parts.values()))
    assert len(np.unique(rows)) == len(rows)
    assert all(len(part) for part in parts.values())
    if rule.rule in ("blocks", "shuffled", "groups", "time"):
        assert len(rows) == len(data.inputs)
    if rule.rule == "blocks":
        np.testing.assert_array_equal(rows, np.arange(len(rows)))
    if rule.rule == "time":
        assert data.inputs[parts["train"]].max() < data.inputs[parts["valid"]].min()
        assert data.inputs[parts["valid"]].max() < data.inputs[parts["test"]].min()
    if rule.rule == "groups":
        labels = [set(data.groups[rule.by][part].tolist()) for part in parts.values()]
        assert sum(map(len, labels)) == len(set.union(*labels))
        # Whole groups cannot meet the shares exactly; half of the wish is the least.
        shares = np.array([len(part) for part in parts.values()]) / len(rows)
        assert (shares > 0.5 * np.array(list(rule.parts.values()))).all()


@pytest.mark.parametrize("name", [name for name in SETS if record(name).classes])
def test_every_class_is_named_once(name):
    assert len(set(record(name).classes)) == len(record(name).classes)


# --- molecules


def test_esol(loaded, source, mirror):
    data, facts = loaded("esol"), source("esol")
    rows = rows_of(mirror / "esol" / "delaney-processed.csv")
    assert list(rows[0]) == facts["columns"]
    assert len(data.inputs) == facts["rows"] == len(rows)
    column = "measured log solubility in mols per litre"
    np.testing.assert_array_equal(data.targets, np.array([float(row[column]) for row in rows], np.float32))
    assert (round(float(data.targets.mean()), 2), round(float(data.targets.std(ddof=1)), 3)) == (
        facts["target_mean"],
        facts["target_sd"],
    )
    assert data.extras["smiles"] == tuple(row["smiles"].strip() for row in rows)
    assert "Molecules without a bond: 1 of 1,128" in loaded.said
    assert "repeat another one: 11 of" in loaded.said
    np.testing.assert_allclose(
        data.inputs[:, 5], [float(row["Polar Surface Area"]) for row in rows], atol=1e-4
    )


def test_the_units_of_esol_are_those_of_rdkit(loaded):
    """The file states none: weights in g/mol and areas in square ångströms are what RDKit finds."""
    data = loaded("esol")
    from rdkit.Chem import Descriptors, MolFromSmiles, rdMolDescriptors

    molecules = [MolFromSmiles(smiles) for smiles in data.extras["smiles"]]
    columns = {name: number for number, name in enumerate(data.input_names)}
    weights = [Descriptors.MolWt(molecule) for molecule in molecules]
    areas = [rdMolDescriptors.CalcTPSA(molecule) for molecule in molecules]
    np.testing.assert_allclose(data.inputs[:, columns["molecular weight"]], weights, rtol=1e-5)
    np.testing.assert_allclose(data.inputs[:, columns["polar surface area"]], areas, atol=1e-3)
    assert data.units["molecular weight"] == "g/mol"
    assert data.units["polar surface area"] == "Å²"


def test_freesolv(loaded, source, mirror):
    data, facts = loaded("freesolv"), source("freesolv")
    rows = rows_of(mirror / "freesolv" / "SAMPL.csv")
    assert len(data.inputs) == facts["rows"] == facts["database_txt_rows"] == len(rows)
    np.testing.assert_array_equal(data.targets, np.array([float(row["expt"]) for row in rows], np.float32))
    assert round(float(data.targets.std(ddof=1)), 3) == facts["expt_sd"]
    assert "Molecules without a bond: 3 of 642" in loaded.said
    # The first line of the database, found by its name: 2.49 kcal/mol below zero, give or take 0.60.
    row = data.extras["names"].index("methyl hexanoate")
    assert data.targets[row] == np.float32(-2.49)
    assert data.extras["expt_uncertainty"][row] == np.float32(0.60)
    assert data.extras["physics_uncertainty"][row] == np.float32(0.03)


def test_bace(loaded, source, mirror):
    data, facts = loaded("bace"), source("bace")
    rows = rows_of(mirror / "bace" / "bace.csv")
    assert len(data.inputs) == facts["rows"] == len(rows)
    assert np.bincount(data.targets).tolist() == [facts["class_counts"]["0"], facts["class_counts"]["1"]]
    np.testing.assert_array_equal(data.targets, [int(row["Class"]) for row in rows])
    # Class 1 is the strong one: a potency of 7 or more, and 17 molecules that have less.
    potency = [float(row["pIC50"]) for row in rows]
    assert all(data.targets[number] == 1 for number, value in enumerate(potency) if value >= 7)
    assert sum(value < 7 and row["Class"] == "1" for value, row in zip(potency, rows, strict=True)) == 17
    assert "17 of 1,513 molecules are called strong with a pIC50 below 7" in loaded.said
    for part, word in {"train": "Train", "valid": "Valid", "test": "Test"}.items():
        assert len(data.splits["published"][part]) == facts["model_column"][word]
        assert {rows[row]["Model"] for row in data.splits["published"][part]} == {word}


def test_tox21(loaded, source, mirror):
    data, facts = loaded("tox21"), source("tox21")
    rows = rows_of(mirror / "tox21" / "tox21.csv.gz")
    kept = [row for row in rows if row["mol_id"] in set(data.extras["names"])]
    assert len(rows) == facts["rows"]
    assert len(rows) - len(kept) == len(rows) - len(data.inputs) == 8
    assert list(data.target_names) == facts["tasks"]
    for number, assay in enumerate(facts["tasks"]):
        answers = [float(row[assay]) if row[assay] else np.nan for row in kept]
        np.testing.assert_array_equal(data.targets[:, number], answers)
        assert sum(row[assay] in ("1", "1.0") for row in rows) == facts["positives"][assay]
    assert round(float(np.isnan(data.targets).mean()), 3) == facts["missing_fraction"]
    assert "8 of 8,014 SMILES cannot be parsed" in loaded.said
    assert "without a bond: 25 of" in loaded.said
    assert "repeat another one: 183 of" in loaded.said


def test_clintox(loaded, source, mirror):
    data, facts = loaded("clintox"), source("clintox")
    rows = rows_of(mirror / "clintox" / "clintox.csv.gz")
    assert list(rows[0]) == facts["columns"]
    assert len(rows) == facts["rows"] == len(data.inputs) + 4
    kept = [row for row in rows if row["smiles"].strip() in set(data.extras["smiles"])]
    for number, task in enumerate(data.target_names):
        np.testing.assert_array_equal(data.targets[:, number], [float(row[task]) for row in kept])
        assert sum(row[task] == "1" for row in rows) == facts["positives"][task]
    assert "4 of 1,491 SMILES cannot be parsed" in loaded.said


@pytest.mark.parametrize("name", ["esol", "freesolv", "bace", "clintox"])
def test_a_scaffold_is_the_same_ring_system(loaded, name):
    """Benzoic acid, toluene and benzene share one scaffold; molecules without a ring share the empty one."""
    data = loaded(name)
    rings = [molecule.bonds.shape[1] // 2 >= len(molecule.atoms) for molecule in data.extras["graphs"]]
    ringless = np.array([scaffold == "" for scaffold in data.groups["scaffold"]])
    # As many bonds as atoms make a ring; salts fall apart, so only this direction holds.
    assert not (ringless & rings).any()
    assert ringless.any() or name == "bace"


# --- sequences


@pytest.mark.parametrize("drug", record("hiv_resistance").members)
def test_hiv(loaded, source, mirror, drug):
    data, facts = loaded(f"hiv_resistance/{drug}"), source("hiv_resistance")
    fasta, table = [file.path for file in record(data.name).files if file.url]
    if table.startswith("fasta/"):
        fasta, table = table, fasta
    counted = facts["fasta"][fasta.removeprefix("fasta/")]
    assert data.inputs.shape == (counted["n"], counted["length"][0])
    assert data.targets.sum() == counted["resistant"]
    repeated = len(data.inputs) - len(np.unique(data.groups["sequence"]))
    assert repeated == counted["n_dup_seq"] == len(data.inputs) - len(np.unique(data.inputs, axis=0))
    assert f"{repeated} of {counted['n']:,} sequences repeat another one" in loaded.said
    assert facts["fasta_n_equals_published_n"][fasta.removeprefix("fasta/").removesuffix(".fasta")]

    lines = (mirror / "hiv_resistance" / fasta).read_text().split()
    alphabet = np.array(list(data.extras["alphabet"]))
    assert ["".join(alphabet[row]) for row in data.inputs] == lines[1::2]
    np.testing.assert_array_equal(data.targets, [int(header[-1]) for header in lines[0::2]])

    # The label is the fold change, cut at 3.5; and a letter is the consensus or the first of a mixture.
    rows = {row["SeqID"]: row for row in rows_of(mirror / "hiv_resistance" / table)}
    measured = [float(rows[isolate][drug]) for isolate in data.extras["isolates"]]
    np.testing.assert_array_equal(data.extras["fold_change"], np.array(measured, dtype=np.float32))
    np.testing.assert_array_equal(data.targets, np.array(measured) >= 3.5)
    isolate = int(np.argmax(data.extras["mixtures"]))
    cells = [rows[data.extras["isolates"][isolate]][f"P{place + 1}"] for place in range(data.inputs.shape[1])]
    assert sum(len(cell) > 1 for cell in cells) == data.extras["mixtures"][isolate] > 1
    for letter, cell in zip(data.extras["sequences"][isolate], cells, strict=True):
        assert cell == "-" or letter == cell[0]


@pytest.mark.parametrize("drug", ["FPV", "TDF", "RPV"])
def test_hiv_brings_the_published_results_of_its_drug(loaded, mirror, drug):
    extras = loaded(f"hiv_resistance/{drug}").extras
    rows = rows_of(mirror / "hiv_resistance" / "published_results_by_fold.csv")
    theirs = [float(row["accuracy"]) for row in rows if row["drug"] == drug]
    assert len(theirs) == 15
    np.testing.assert_array_equal(extras["published_results"]["accuracy"], theirs)
    importance = extras["published_importance"]
    assert set(importance["architecture"]) == {"MLP", "BRNN", "CNN"}
    assert importance["position"].max() == record(f"hiv_resistance/{drug}").shape[1]


def test_genomics_primer(loaded, source, mirror):
    data, facts = loaded("genomics_primer"), source("genomics_primer")
    assert data.inputs.shape == (facts["n"], facts["length"][0])
    assert np.bincount(data.targets).tolist() == [facts["labels"]["0"], facts["labels"]["1"]]
    assert "".join("ACGT"[code] for code in data.inputs[0]) == facts["first"]
    lines = (mirror / "genomics_primer" / "sequences.txt").read_text().split()
    assert data.extras["sequences"] == tuple(lines)
    assert record("genomics_primer").classes.index("motif") == 1


def test_splice_junction(loaded, source, mirror):
    data, facts = loaded("splice_junction"), source("splice_junction")
    rows = [line.split(",") for line in (mirror / "splice_junction" / "splice.data").read_text().split()]
    assert data.inputs.shape == (facts["n"], facts["length"][0])
    assert [data.target_names[code] for code in data.targets] == [row[0] for row in rows]
    assert collections.Counter(data.target_names[code] for code in data.targets) == facts["classes"]
    assert ["".join(data.extras["alphabet"][code] for code in row) for row in data.inputs] == [
        row[2] for row in rows
    ]
    assert set(data.extras["alphabet"]) == set(facts["alphabet"])
    assert f"{facts['n_with_ambiguous']} of 3,190 sequences have letters for an unclear base" in loaded.said
    assert f"{facts['duplicates']} of 3,190 sequences repeat another one" in loaded.said


@pytest.mark.parametrize("name", ["splice_junction", *(name for name in LOADABLE if "promoters" in name)])
def test_windows_that_share_twenty_bases_are_never_in_two_parts(loaded, name):
    data = loaded(name)
    seen = {}
    for part, rows in data.splits[record(name).splits[0].name].items():
        for row in rows:
            sequence = data.extras["sequences"][row]
            for start in range(len(sequence) - 19):
                assert seen.setdefault(sequence[start : start + 20], part) == part


@pytest.mark.parametrize(
    ("member", "other", "promoter"),
    [
        ("Ecoli", "Ecoli_non_prom.fa", "Ecoli_prom.fa"),
        ("Bacillus", "Bacillus_non_prom.fa", "Bacillus_prom.fa"),
        ("Arabidopsis", "Arabidopsis_non_prom.fa", "Arabidopsis_tata.fa"),
    ],
)
def test_promoters(loaded, source, mirror, member, other, promoter):
    data, facts = loaded(f"promoters_cnnprom/{member}"), source("promoters_cnnprom")
    assert np.bincount(data.targets).tolist() == [facts[other]["n"], facts[promoter]["n"]]
    assert [[data.inputs.shape[1], facts[file]["n"]] for file in (other, promoter)] == [
        facts[file]["length"][0] for file in (other, promoter)
    ]
    for code, file in enumerate((other, promoter)):
        first = data.extras["sequences"][int(np.argmax(data.targets == code))]
        assert first.startswith(facts[file]["first"])
        text = (mirror / "promoters_cnnprom" / file).read_text()
        assert text.count(">") == facts[file]["n"]
        bases = "".join(line for line in text.splitlines() if not line.startswith(">"))
        ours = data.inputs[data.targets == code]
        assert collections.Counter(bases) == dict(zip("ACGT", np.bincount(ours.ravel()), strict=True))


def test_dms_avgfp(loaded, source, mirror):
    data, facts = loaded("dms_avgfp"), source("dms_avgfp")
    assert len(data.inputs) == facts["rows"]
    counted = np.bincount(data.extras["mutations"])
    assert {str(number): int(counted[number]) for number in range(1, 7)} == facts["num_mutations"]
    assert len(counted) - 1 == facts["max_mutations"]
    found = [data.targets.min(), np.median(data.targets), data.targets.max()]
    assert [round(float(value), 3) for value in found] == facts["score"]
    wild = json.loads((mirror / "dms_avgfp" / "SOURCE.json").read_text())["wild_type"]["sequence"]
    assert data.extras["wild_type"] == wild
    letters = np.array(list(data.extras["alphabet"]))
    # As many letters differ from the wild type as the file says that there are mutations.
    differ = (letters[data.inputs] != np.array(list(wild))).sum(axis=1)
    np.testing.assert_array_equal(differ, data.extras["mutations"])
    rows = rows_of(mirror / "dms_avgfp" / "avgfp.tsv", delimiter="\t")
    assert rows[1]["variant"] == "A108D,N144D,I186V,M231T,L234P"
    mutated = list(wild)
    mutated[108], mutated[144], mutated[186], mutated[231], mutated[234] = "DDVTP"
    assert "".join(letters[data.inputs[1]]) == "".join(mutated)
    np.testing.assert_array_equal(data.targets, np.array([float(r["score"]) for r in rows], np.float32))
    sizes = {part: len(rows) for part, rows in data.splits["published"].items()}
    assert sizes == dict(zip(sizes, facts["splits"].values(), strict=True))
    assert data.extras["contacts"].shape == (2, facts["graph"]["edges"])
    assert data.extras["contacts"].max() == facts["graph"]["nodes"] - 1
    assert "2,310 of 54,024 variants have a stop" in loaded.said


def test_the_positions_of_avgfp_that_the_test_mutates_are_new(loaded):
    data = loaded("dms_avgfp")
    wild = [data.extras["alphabet"].index(letter) for letter in data.extras["wild_type"]]
    touched = {
        part: set(np.flatnonzero((data.inputs[rows] != wild).any(axis=0)).tolist())
        for part, rows in data.splits["positions"].items()
    }
    assert not (touched["train"] | touched["valid"]) & touched["test"]


# --- images


@pytest.mark.parametrize(("name", "parts"), [("mnist", ["train", "t10k"]), ("fashion_mnist", ["t10k"])])
def test_images_in_the_format_of_mnist(loaded, source, mirror, name, parts):
    data, facts = loaded(name), source(name)
    start = 0
    for part in parts:
        counted = facts[part]
        rows = slice(start, start + counted["images"][0])
        start = rows.stop
        assert np.bincount(data.targets[rows]).tolist() == counted["class_counts"]
        assert data.targets[rows][:10].tolist() == counted["first_labels"]
        assert round(float(data.inputs[rows].mean(dtype=float)), 4) == counted["mean"]
        assert round(float(data.inputs[rows].std(dtype=float)), 4) == counted["sd"]
        raw = gzip.decompress((mirror / name / f"{part}-images-idx3-ubyte.gz").read_bytes())
        last = np.frombuffer(raw[-784:], dtype=np.uint8).reshape(28, 28)
        np.testing.assert_allclose(data.inputs[rows][-1] * 255, last, atol=1e-4)
        raw = gzip.decompress((mirror / name / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        assert data.targets[rows].tolist() == list(raw[8:])
    assert start == len(data.inputs)


def test_fashion_mnist_says_what_is_left_out(loaded, source):
    data, facts = loaded("fashion_mnist"), source("fashion_mnist")
    assert [len(data.extras["train_labels"])] == facts["train_labels"]
    assert "The 60,000 training images (26 MB) are left out" in loaded.said


def test_pneumoniamnist(loaded, source, mirror):
    data, facts = loaded("pneumoniamnist"), source("pneumoniamnist")
    with zipfile.ZipFile(mirror / "pneumoniamnist" / "pneumoniamnist_reassembled.npz") as archive:
        for part, word in {"train": "train", "valid": "val", "test": "test"}.items():
            inputs, targets = data.split(part, by="published")
            assert list(inputs.shape) == facts[f"{word}_images"][0]
            assert np.bincount(targets).tolist() == facts[f"{word}_labels"][2]
            # Behind the header of a .npy file there are only its bytes.
            pixels = archive.read(f"{word}_images.npy")[-inputs.size :]
            np.testing.assert_allclose(inputs.ravel() * 255, np.frombuffer(pixels, np.uint8), atol=1e-4)
    assert "8 of 524 validation images are copies" in loaded.said
    assert "0 of 624 test images" in loaded.said


def test_isbi2012_em(loaded, source, mirror):
    from PIL import Image

    data, facts = loaded("isbi2012_em"), source("isbi2012_em")
    assert data.inputs.shape == (facts["images"], *facts["shape"][0])
    assert round(float(data.targets.mean()), 2) == facts["membrane_fraction"]
    assert round(float(data.inputs.mean(dtype=float)) * 255, 1) == facts["mean"]
    for number in (0, 2, 10, 29):  # as a word, 10 stands before 2
        with Image.open(mirror / "isbi2012_em" / "label" / f"{number}.png") as label:
            black = np.array(label) == 0
        np.testing.assert_array_equal(data.targets[number] == 1, black)
        with Image.open(mirror / "isbi2012_em" / "image" / f"{number}.png") as image:
            np.testing.assert_allclose(data.inputs[number] * 255, np.array(image), atol=1e-4)
    assert record("isbi2012_em").classes[1] == "membrane"


def test_bccd(loaded, source, mirror):
    data, facts = loaded("bccd"), source("bccd")
    assert len(data.inputs) == facts["images_640x480"]
    assert data.inputs.shape[1:] == (480, 640, 3)
    for part, word in {"train": "val", "test": "test"}.items():
        targets = data.split(part, by="published")[1]
        assert len(targets) == facts["splits"][word]
        assert dict(zip(data.target_names, targets.sum(0).astype(int), strict=True)) == facts["boxes"][word]
    rows = rows_of(mirror / "bccd" / "annotations.csv")
    assert len(rows) == len(data.extras["all_boxes"]) == facts["annotations_csv_rows"]
    assert collections.Counter(row["cell_type"] for row in rows) == facts["annotations_csv_counts"]
    tree = ElementTree.parse(mirror / "bccd" / "Annotations" / "BloodImage_00000.xml")
    corners = [
        [int(box.findtext(k)) for k in ("xmin", "ymin", "xmax", "ymax")] for box in tree.iter("bndbox")
    ]
    first = data.extras["names"].index("BloodImage_00000")
    np.testing.assert_array_equal(data.extras["boxes"][first], corners)
    assert [data.extras["kinds"][kind] for kind in data.extras["labels"][first]] == [
        one.findtext("name") for one in tree.iter("object")
    ]
    assert "159 of 364 photographs" in loaded.said


def test_the_boxes_of_bccd_lie_on_cells(loaded):
    """White cells are stained violet: within their boxes the green channel is darker than in the picture."""
    data = loaded("bccd")
    darker = []
    for picture, boxes, labels in zip(data.inputs, data.extras["boxes"], data.extras["labels"], strict=True):
        for left, top, right, bottom in boxes[labels == data.extras["kinds"].index("WBC")].astype(int):
            inside = picture[top:bottom, left:right, 1]
            darker.append(inside.size and inside.mean() < picture[..., 1].mean())
    assert np.mean(darker) > 0.95


def test_dlc_openfield(loaded, source, mirror):
    data, facts = loaded("dlc_openfield"), source("dlc_openfield")
    assert len(data.inputs) == facts["frames_here"]
    assert [f"{part} {axis}" for part in facts["bodyparts"] for axis in "xy"] == list(data.target_names)
    np.testing.assert_allclose(data.targets[0], facts["first_row"], rtol=1e-6)
    lines = (mirror / "dlc_openfield" / "CollectedData_Pranav.csv").read_text().splitlines()
    assert len(lines) - 3 == len(data.extras["all_places"]) == facts["csv_shape"][0]
    (line,) = [line for line in lines if "img0112.png" in line]
    np.testing.assert_allclose(data.targets[-1], [float(x) for x in line.split(",")[1:]], rtol=1e-6)
    assert data.extras["frames"][-1] == "img0112.png"
    assert "29 of 116 labelled frames" in loaded.said
    assert (data.targets[:, 0::2] < 640).all()
    assert (data.targets[:, 1::2] < 480).all()


@pytest.mark.parametrize("member", ["small1", "small2"])
def test_omniglot(loaded, source, mirror, member):
    data = loaded(f"omniglot/{member}")
    facts = source("omniglot")[f"images_background_{member}.zip"]
    assert data.inputs.shape == (facts["png"], *facts["size"])
    assert len(data.target_names) == facts["characters"]
    assert sorted(set(data.groups["alphabet"])) == facts["alphabets"]
    assert (np.bincount(data.targets) == 20).all()
    with zipfile.ZipFile(mirror / "omniglot" / f"images_background_{member}.zip") as archive:
        folders = {name.rsplit("/", 1)[0] for name in archive.namelist() if name.endswith(".png")}
        assert set(data.extras["names"]) == {n for n in archive.namelist() if n.endswith(".png")}
    assert len(folders) == len(data.target_names)
    for name, code in zip(data.extras["names"], data.targets, strict=True):
        _, alphabet, character, _ = name.split("/")
        assert data.target_names[code] == f"{alphabet} {character[-2:]}"
    assert set(np.unique(data.inputs)) == {0, 1}
    assert 0.05 < data.inputs.mean() < 0.1
    parts = data.splits["alphabet"]
    alphabets = [set(data.groups["alphabet"][rows]) for rows in parts.values()]
    assert [len(some) for some in alphabets] == [3, 1, 1]
    assert len(set.union(*alphabets)) == 5


def test_omniglot_runs(loaded, source, mirror):
    data, facts = loaded("omniglot/runs"), source("omniglot")["all_runs.zip"]
    assert data.inputs.shape == (facts["png"], *facts["size"])
    shown, asked = data.splits["published"]["train"], data.splits["published"]["test"]
    answers = {}
    with zipfile.ZipFile(mirror / "omniglot" / "all_runs.zip") as archive:
        for run in sorted(set(data.groups["run"])):
            for line in archive.read(f"{run}/class_labels.txt").decode().splitlines():
                answers.update([line.split()])
    assert len(answers) == len(asked) == 400
    shown_as = {data.extras["names"][row]: row for row in shown}
    for row in asked:
        right = shown_as[answers[data.extras["names"][row]]]
        assert data.groups["run"][right] == data.groups["run"][row]
        assert data.targets[right] == data.targets[row]
    for run in set(data.groups["run"]):
        assert sorted(data.targets[shown][data.groups["run"][shown] == run]) == list(range(20))


# --- series


def test_eeg_eye_state(loaded, source, mirror):
    data, facts = loaded("eeg_eye_state"), source("eeg_eye_state")
    assert [len(data.inputs), data.inputs.shape[1] + 1] == facts["shape"]
    assert data.targets.sum() == facts["closed"]
    assert np.sum(np.diff(data.targets) != 0) == facts["n_switches"]
    assert data.inputs.max() == facts["max_per_channel"]
    assert data.extras["glitch"].sum() == facts["outlier_rows_abs_dev_over_500"]
    np.testing.assert_allclose(np.append(data.inputs[0], data.targets[0]), facts["first_row"], rtol=1e-6)
    text = (mirror / "eeg_eye_state" / "EEG Eye State.arff").read_text()
    channels = [line.split()[1] for line in text.splitlines() if line.strip().endswith("NUMERIC")]
    assert list(data.input_names) == channels
    last = text.split()[-1].split(",")
    np.testing.assert_allclose(np.append(data.inputs[-1], data.targets[-1]), np.array(last, float), rtol=1e-6)
    assert record("eeg_eye_state").classes == ("open", "closed")
    assert "4 of 14,980 rows are glitches" in loaded.said


def test_mitbih_100(loaded, source, mirror):
    data, facts = loaded("mitbih_100"), source("mitbih_100")
    assert data.extras["signal"].shape == (facts["samples"], 2)
    units = np.round(data.extras["signal"] * 200 + 1024).astype(int)
    for lead, first in enumerate(facts["first_samples"]):
        assert units[:3, lead].tolist() == first
    header = (mirror / "mitbih_100" / "100.hea").read_text().splitlines()
    for lead, line in enumerate(line for line in header if line.startswith("100.dat")):
        _, _, gain, _, zero, first, checksum, _, name = line.split()
        assert (gain, zero, name) == ("200", "1024", data.input_names[lead])
        assert units[0, lead] == int(first)
        # The header has the sum of all samples, modulo 2 to the 16, as a signed number.
        assert (units[:, lead].sum() - int(checksum)) % 65536 == 0
    counts = dict(zip(data.target_names, np.bincount(data.targets), strict=True))
    assert counts | {"N": counts["N"] + 1} == {k: v for k, v in facts["annotations"].items() if k != "+"}
    assert "1 of 2,273 beats lies too near the end" in loaded.said
    # The mark of a beat stands at its peak: the sample of the mark is among the highest of its window.
    at_mark = data.inputs[data.targets == 0][:, 0, 72]
    highest = data.inputs[data.targets == 0][:, 0].max(axis=1)
    assert np.mean(at_mark > 0.9 * highest) > 0.95
    raw = (mirror / "mitbih_100" / "100.atr").read_bytes()
    assert struct.unpack("<H", raw[-2:]) == (0,)
    assert data.extras["samples"][-1] < facts["last_annotation_sample"] < facts["samples"]


def test_co2_mauna_loa(loaded, source, mirror):
    data, facts = loaded("co2_mauna_loa"), source("co2_mauna_loa")
    assert len(data.inputs) == facts["rows"]
    with (mirror / "co2_mauna_loa" / "co2-mm-mlo.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == facts["columns"]
    assert {len(row) for row in rows} == {len(header) + 1}  # the fault
    np.testing.assert_array_equal(data.inputs[:, 0], np.array([float(row[1]) for row in rows], np.float32))
    np.testing.assert_array_equal(data.targets, np.array([float(row[2]) for row in rows], np.float32))
    assert [data.inputs[0, 0], data.targets[0]] == [np.float32(value) for value in facts["first"][:2]]
    # CO2 peaks in May and is lowest in September or October: the columns are what their names say.
    may, october = (np.array([row[0].endswith(month) for row in rows]) for month in ("-05", "-10"))
    swing = data.targets - data.extras["deseasonalised"]
    assert swing[may].min() > 0 > swing[october].max()
    assert "The file's header is one name short" in loaded.said
    assert np.isnan(data.extras["days"]).sum() == sum(int(row[4]) < 0 for row in rows)


def test_sunspots(loaded, source, mirror):
    data, facts = loaded("sunspots"), source("sunspots")
    rows = [line.split(";") for line in (mirror / "sunspots" / "SN_m_tot_V2.0.csv").read_text().splitlines()]
    assert len(data.inputs) == facts["rows"] == len(rows)
    np.testing.assert_array_equal(data.inputs[:, 0], np.array([float(row[2]) for row in rows], np.float32))
    np.testing.assert_array_equal(data.targets, np.array([float(row[3]) for row in rows], np.float32))
    for row, counted in ((0, facts["first"]), (-1, facts["last"])):
        assert data.targets[row] == np.float32(counted[3])
        assert data.extras["definitive"][row] == bool(counted[6])
    before = data.inputs[:, 0] < 1818
    np.testing.assert_array_equal(np.isnan(data.extras["observations"]), before)
    assert "5 of 3,296 months are provisional" in loaded.said
