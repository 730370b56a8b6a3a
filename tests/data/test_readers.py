"""The readers on files of a few lines, written here: every fault has one, and the answer is known by hand."""

import gzip
import struct

import numpy as np
import pytest

from course_lib.data.readers import digits, dna, hiv, pictures, protein, series
from course_lib.data.readers.kinship import linked, pieces
from course_lib.data.readers.letters import coded, read_fasta
from course_lib.registry import record


@pytest.fixture
def write(tmp_path):
    """Write a file; return its path, as `paths` of a reader holds it."""

    def file(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return {name: path}

    return file


# --- what belongs together


def test_a_chain_of_shared_labels_makes_one_family():
    family = linked([["a"], ["a", "b"], ["b"], ["c"], []])
    assert family.tolist() == [0, 0, 0, 1, 2]


def test_labels_of_different_kinds_never_meet():
    assert linked([["a"], ["x"]], [["x"], ["a"]]).tolist() == [0, 1]
    assert linked([["a"], ["x"]], [["y"], ["y"]]).tolist() == [0, 0]


def test_the_pieces_of_a_sequence():
    assert pieces("ABCD", 3) == {"ABC", "BCD"}
    assert pieces("AB", 3) == {"AB"}


# --- letters


def test_letters_become_their_place_in_the_alphabet():
    assert coded(["TGCA", "AAAT"], "ACGT").tolist() == [[3, 2, 1, 0], [0, 0, 0, 3]]
    assert coded(["z~a"], "za~").tolist() == [[0, 2, 1]]
    assert coded(["A"], "A").dtype == np.int64


@pytest.mark.parametrize("stray", ["N", "a", "~", "!"])
def test_a_letter_beyond_the_alphabet_is_refused(stray):
    with pytest.raises(ValueError, match="letters beyond ACGT"):
        coded(["ACG" + stray], "ACGT")


def test_fasta_lines_are_joined(write):
    path = write("x.fa", ">one two\nAC\nGT\n\n>three\nA\n")["x.fa"]
    assert read_fasta(path) == [("one two", "ACGT"), ("three", "A")]


# --- molecules


@pytest.fixture
def molecules():
    pytest.importorskip("rdkit")
    pytest.importorskip("pandas")
    from course_lib.data.readers import molecules

    return molecules


def esol_table(*smiles):
    columns = [
        "Compound ID,ESOL predicted log solubility in mols per litre,Minimum Degree,Molecular Weight",
        "Number of H-Bond Donors,Number of Rings,Number of Rotatable Bonds,Polar Surface Area",
        "measured log solubility in mols per litre,smiles",
    ]
    rows = [f"{number},-1,1,2,3,4,5,6,{-number},{one}" for number, one in enumerate(smiles)]
    return "\n".join([",".join(columns), *rows])


def test_a_molecule_becomes_a_graph(molecules, write):
    """Ethanol: C-C-O, with 3, 2 and 1 hydrogens; two bonds, each in both directions."""
    parts = molecules.read(record("esol"), write("delaney-processed.csv", esol_table("CCO ")))
    (graph,) = parts.extras["graphs"]
    assert graph.atoms.tolist() == [[6, 1, 0, 3, 0], [6, 2, 0, 2, 0], [8, 1, 0, 1, 0]]
    assert graph.bonds.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert graph.orders.tolist() == [1, 1, 1, 1]
    assert parts.extras["smiles"] == ("CCO",)
    assert parts.inputs.tolist() == [[1, 2, 3, 4, 5, 6]]
    assert list(parts.notes) == []


def test_bonds_say_their_order_and_atoms_their_charge(molecules, write):
    table = esol_table("C=O", "C#N", "c1ccccc1", "C[NH3+]")
    parts = molecules.read(record("esol"), write("delaney-processed.csv", table))
    orders = [sorted(set(graph.orders.tolist())) for graph in parts.extras["graphs"]]
    assert orders == [[2], [3], [1.5], [1]]
    assert parts.extras["graphs"][2].atoms[:, 4].tolist() == [1] * 6
    assert parts.extras["graphs"][3].atoms[:, 2].tolist() == [0, 1]


def test_a_molecule_without_a_bond_has_no_edge_and_is_counted(molecules, write):
    parts = molecules.read(record("esol"), write("delaney-processed.csv", esol_table("C", "CC")))
    assert parts.extras["graphs"][0].bonds.shape == (2, 0)
    assert parts.extras["graphs"][0].orders.shape == (0,)
    assert list(parts.notes) == ["Molecules without a bond: 1 of 2. Their graphs have no edge."]


def test_what_cannot_be_parsed_is_left_out_counted_and_not_written_to_stderr(molecules, write, capfd):
    table = esol_table("CC", "C1CC", "CO", "C(C)(C)(C)(C)C")
    parts = molecules.read(record("esol"), write("delaney-processed.csv", table))
    assert parts.targets.tolist() == [0, -2]
    assert parts.extras["smiles"] == ("CC", "CO")
    assert parts.notes[0] == "2 of 4 SMILES cannot be parsed by RDKit. They are left out."
    assert capfd.readouterr() == ("", "")


def test_the_same_molecule_written_in_two_ways_is_counted_once(molecules, write):
    parts = molecules.read(record("esol"), write("delaney-processed.csv", esol_table("OCC", "CCO", "CC")))
    assert "Molecules that repeat another one: 1 of 3. Both are kept." in parts.notes
    assert parts.groups["molecule"][0] == parts.groups["molecule"][1]


def test_a_scaffold_is_what_is_left_without_side_chains(molecules, write):
    table = esol_table("Cc1ccccc1", "Oc1ccccc1CC", "CCC", "C1CCCCC1")
    scaffolds = molecules.read(record("esol"), write("delaney-processed.csv", table)).groups["scaffold"]
    assert scaffolds.tolist() == ["c1ccccc1", "c1ccccc1", "", "C1CCCCC1"]


def test_a_triple_bond_is_no_comment_in_the_free_energies(molecules, write):
    paths = write("SAMPL.csv", "iupac,smiles,expt,calc\nprop-1-yne,CC#C,-0.31,-0.9\nethane,CC,1.83,2.5\n")
    paths |= write(
        "database.txt",
        "#a comment\n"
        "m1; CC; ethane; 1.83; 0.10; 2.5; 0.02; x\n"
        "m2; CC#C; prop-1-yne; -0.31; 0.60; -0.9; 0.03; y\n",
    )
    parts = molecules.read(record("freesolv"), paths)
    assert parts.extras["expt_uncertainty"].tolist() == [0.60, 0.10]
    assert parts.extras["physics_uncertainty"].tolist() == [0.03, 0.02]


def test_a_label_that_was_not_measured_is_missing_and_not_zero(molecules, write):
    tasks = list(record("tox21").target)
    text = (
        ",".join([*tasks, "mol_id", "smiles"]) + "\n" + ",".join(["1", "", "0", *[""] * 9, "T1", "CC"]) + "\n"
    )
    parts = molecules.read(record("tox21"), write("tox21.csv.gz", gzip.compress(text.encode())))
    np.testing.assert_array_equal(parts.targets[0], [1, np.nan, 0] + [np.nan] * 9)


# --- HIV


def test_mixtures_odd_letters_and_repetitions_are_counted(write):
    pytest.importorskip("pandas")
    entry = record("hiv_resistance/FPV")
    paths = write("fasta/fpv.fasta", ">7_1\nPXV\n>8_0\nPQV\n>9_0\nPQV\n")
    paths |= write(
        "PI_stanford.csv",
        "\ufeffSeqID,FPV,ATV,P1,P2,P3\n9,1.0,NA,-,-,-\n7,3.5,NA,-,X,VI\n8,0.5,2,-,QR,VIL\n",
    )
    parts = hiv.read(entry, paths)
    assert parts.targets.tolist() == [1, 0, 0]
    assert parts.extras["fold_change"].tolist() == [3.5, 0.5, 1.0]
    assert parts.extras["mixtures"].tolist() == [1, 2, 0]
    assert [hiv.ALPHABET[code] for code in parts.inputs[0]] == ["P", "X", "V"]
    assert parts.groups["sequence"].tolist() == [1, 0, 0]
    assert [note.split(".")[0] for note in parts.notes] == [
        "2 of 3 sequences were mixtures at 1",
        "1 of 3 sequences have a sign that is no amino acid (X ",
        "1 of 3 sequences repeat another one",
        "The published results by fold are only in a mirror, and none was found",
    ]


def test_every_amino_acid_has_its_code():
    assert len(set(hiv.ALPHABET)) == len(hiv.ALPHABET) == 26
    assert len(set(protein.ALPHABET)) == len(protein.ALPHABET) == 21
    assert hiv.ALPHABET[:20] == protein.ALPHABET[:20] == "".join(sorted(hiv.ALPHABET[:20]))


# --- DNA


def test_promoters_are_class_one_and_overlapping_pieces_one_family(write):
    shared = "ACGTACGTTTGACCATGCAA"
    paths = write("Ecoli_prom.fa", f">a\n{shared}TTT\n>b\nG{shared}TT\n")
    paths |= write("Ecoli_non_prom.fa", f">c\n{shared[:19]}CCCC\n")
    parts = dna.read(record("promoters_cnnprom/Ecoli"), paths)
    assert parts.targets.tolist() == [0, 1, 1]
    assert parts.groups["overlap"][1] == parts.groups["overlap"][2] != parts.groups["overlap"][0]
    assert parts.notes[0].startswith("2 of 3 sequences share 20 bases in a row")


def test_splice_windows_of_one_entry_are_one_family(write):
    bases = np.array(list("ACGT"))[np.random.RandomState(0).randint(4, size=(3, 60))]
    rows = zip(["EI", "N", "IE"], ["G1-DONOR-1", "G1-NEG-9", "G2-ACCEPTOR-3"], bases, strict=True)
    lines = [f"{label},{name},{''.join(window)}" for label, name, window in rows]
    lines.append(f"N,G3-NEG-1,{'N' + ''.join(bases[2][1:])}")
    parts = dna.read(record("splice_junction"), write("splice.data", "\n".join(lines) + "\n"))
    assert [record("splice_junction").classes[code] for code in parts.targets] == ["EI", "N", "IE", "N"]
    assert parts.groups["gene"].tolist() == [0, 0, 1, 1]
    assert parts.notes[0].startswith("1 of 4 sequences have letters for an unclear base")


# --- the protein


def test_a_mutation_that_does_not_fit_the_wild_type_is_refused():
    codes = protein._mutated(["S0A", "K1*,G2S"])
    letters = ["".join(protein.ALPHABET[code] for code in row[:4]) for row in codes]
    assert letters == ["AKGE", "S*SE"]
    with pytest.raises(ValueError, match="the wild type has S there"):
        protein._mutated(["A0S"])


# --- images


def idx(array):
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes())


def test_idx_files_are_shares_of_white(write):
    images = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3) * 20
    paths = write("t10k-images-idx3-ubyte.gz", idx(images))
    paths |= write("t10k-labels-idx1-ubyte.gz", idx(np.array([9, 0], dtype=np.uint8)))
    paths |= write("train-labels-idx1-ubyte.gz", idx(np.zeros(5, dtype=np.uint8)))
    parts = digits.read(record("fashion_mnist"), paths)
    np.testing.assert_allclose(parts.inputs, images / 255, rtol=1e-6)
    assert parts.inputs.dtype == np.float32
    assert parts.targets.tolist() == [9, 0]


def test_an_idx_file_of_another_type_is_refused(write):
    path = write("a.gz", gzip.compress(struct.pack(">HBBI", 0, 9, 1, 1) + b"\x00"))["a.gz"]
    with pytest.raises(ValueError, match="no idx file of bytes"):
        digits._idx(path)


def test_copies_between_the_published_parts_are_counted(write, tmp_path):
    pictures_of = {"train": [1, 2], "val": [2, 3], "test": [4]}
    arrays = {}
    for part, values in pictures_of.items():
        arrays[f"{part}_images"] = np.array(values, dtype=np.uint8)[:, None, None] * np.ones(
            (28, 28), np.uint8
        )
        arrays[f"{part}_labels"] = np.ones((len(values), 1), dtype=np.uint8)
    np.savez(tmp_path / "pneumoniamnist_reassembled.npz", **arrays)
    name = "pneumoniamnist_reassembled.npz"
    parts = digits.read(record("pneumoniamnist"), {name: tmp_path / name})
    assert parts.splits["published"]["valid"].tolist() == [2, 3]
    assert parts.groups["image"].tolist() == [0, 1, 1, 2, 3]
    assert parts.notes[1] == "1 of 2 validation images are copies of training images, 0 of 1 test images."


def test_sections_are_sorted_by_number_and_membranes_are_one(write, tmp_path):
    from PIL import Image

    paths = {}
    for number in (10, 9):
        for kind, value in (("image", number), ("label", 255 if number == 9 else 0)):
            path = tmp_path / f"{kind}{number}.png"
            Image.fromarray(np.full((2, 2), value, dtype=np.uint8)).save(path)
            paths[f"{kind}/{number}.png"] = path
    parts = pictures.read(record("isbi2012_em"), paths)
    np.testing.assert_allclose(parts.inputs[:, 0, 0] * 255, [9, 10], rtol=1e-6)
    assert parts.targets[:, 0, 0].tolist() == [0, 1]


# --- series


def test_format_212_holds_two_samples_in_three_bytes():
    """From the description of the format: 12 bits each, two's complement, the middle byte shared."""
    # 0x3E3 = 995 and 0x3F3 = 1011, as record 100 begins; then -1 and -2048.
    content = bytes([0xE3, 0x33, 0xF3, 0xFF, 0x8F, 0x00])
    assert series._format_212(content).tolist() == [[995, 1011], [-1, -2048]]


def test_marks_are_found_behind_long_intervals_and_texts():
    words = [
        (28 << 10) | 18,  # + at 18, with a text of 3 letters behind it
        (63 << 10) | 3,
        0x4E28,
        0x0000,
        (1 << 10) | 59,  # N at 77
        59 << 10,  # 70,000 samples later: high word, low word
        70000 >> 16,
        70000 & 0xFFFF,
        (8 << 10) | 0,  # A
        (60 << 10) | 1,  # a number, not a mark
        (5 << 10) | 1000,  # V
        0,
    ]
    samples, marks = series._marks(np.array(words, dtype="<u2").tobytes())
    assert samples.tolist() == [18, 77, 70077, 71077]
    assert marks.tolist() == ["+", "N", "A", "V"]


def test_the_columns_of_co2_are_named_by_their_order(write):
    pytest.importorskip("pandas")
    text = (
        "Date,Decimal Date,Average,Interpolated,Trend,Number of Days\n"
        "1958-03,1958.2027,315.71,314.44,-01,-9.99,-0.99\n"
        "1984-05,1984.3750,347.84,344.44,21,0.60,0.25\n"
    )
    parts = series.read(record("co2_mauna_loa"), write("co2-mm-mlo.csv", text))
    assert parts.inputs.tolist() == [[1958.2027], [1984.375]]
    assert parts.targets.tolist() == [315.71, 347.84]
    assert parts.extras["deseasonalised"].tolist() == [314.44, 344.44]
    np.testing.assert_array_equal(parts.extras["days"], [np.nan, 21])
    np.testing.assert_array_equal(parts.extras["uncertainty"], [np.nan, 0.25])
    assert parts.notes[1] == "1 of 2 months do not say how many days were measured."


def test_glitches_of_the_eeg_are_marked_and_stay(write):
    rows = np.full((5, 15), 4000.0)
    rows[:, -1] = [0, 0, 1, 1, 0]
    rows[2, 3] = 700000
    text = "@RELATION x\n@DATA\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    parts = series.read(record("eeg_eye_state"), write("EEG Eye State.arff", text))
    assert parts.extras["glitch"].tolist() == [False, False, True, False, False]
    assert len(parts.inputs) == 5
    assert parts.targets.tolist() == [0, 0, 1, 1, 0]
    assert parts.notes[0].startswith("1 of 5 rows are glitches of a sensor, with values up to 700,000")
    assert parts.notes[1].startswith("2 times the eyes open or close")
