"""Molecules: SMILES to graphs and descriptors by RDKit. ESOL, FreeSolv, BACE, Tox21, ClinTox."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.registry import Parts, Record

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Molecule:
    """Hold a molecule as a graph, hydrogens left implicit.

    Attributes
    ----------
    atoms : numpy.ndarray
        (N, 5) int64: atomic number, number of bonded heavy atoms, formal charge, hydrogens, 1 if aromatic.
    bonds : numpy.ndarray
        (2, E) int64: from and to, each bond in both directions. A molecule of one atom has E = 0.
    orders : numpy.ndarray
        (E,) float32: 1, 1.5 (aromatic), 2 or 3; 0 for any other kind.
    """

    atoms: np.ndarray
    bonds: np.ndarray
    orders: np.ndarray


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read the molecules of a set: descriptors as inputs; SMILES, graphs and published columns as extras."""
    import pandas as pd
    from rdkit import rdBase

    name = entry.files[0].path
    with gzip.open(paths[name]) if name.endswith(".gz") else paths[name].open("rb") as file:
        table = pd.read_csv(file, encoding="utf-8")
    with rdBase.BlockLogs():  # RDKit writes its complaints to stderr; they are counted instead
        molecules, notes = _molecules(table["smiles"].str.strip())
        table = table.loc[molecules.index].reset_index(drop=True)
        scaffolds, smiles = _scaffolds(molecules), _canonical(molecules)
        graphs = tuple(_graph(molecule) for molecule in molecules)
        inputs, targets, extras = _READERS[entry.name](entry, table, molecules, paths)
    if "pIC50" in extras and (odd := int(((targets == 1) & (extras["pIC50"] < _STRONG)).sum())):
        notes.append(
            f"{odd} of {len(graphs):,} molecules are called strong with a pIC50 below {_STRONG}, "
            "where all others are called weak. The class is kept as published."
        )
    bondless = sum(graph.bonds.shape[1] == 0 for graph in graphs)
    if bondless:
        notes.append(f"Molecules without a bond: {bondless} of {len(graphs):,}. Their graphs have no edge.")
    if again := len(smiles) - smiles.nunique():
        notes.append(f"Molecules that repeat another one: {again} of {len(graphs):,}. Both are kept.")
    return Parts(
        inputs=inputs,
        targets=targets,
        groups={"scaffold": scaffolds.to_numpy(), "molecule": smiles.to_numpy()},
        splits=_published(entry, table),
        extras={"smiles": tuple(table["smiles"].str.strip()), "graphs": graphs, **extras},
        notes=notes,
    )


def _molecules(smiles: Any) -> tuple[Any, list[str]]:
    """Parse; leave out and count what cannot be parsed. The index says which rows are left."""
    from rdkit import Chem

    parsed = smiles.map(Chem.MolFromSmiles, na_action="ignore")
    kept = parsed[[molecule is not None for molecule in parsed]]
    lost = len(smiles) - len(kept)
    notes = (
        [f"{lost} of {len(smiles):,} SMILES cannot be parsed by RDKit. They are left out."] if lost else []
    )
    return kept, notes


def _canonical(molecules: Any) -> Any:
    from rdkit import Chem

    return molecules.map(Chem.MolToSmiles)


def _scaffolds(molecules: Any) -> Any:
    """Name the rings and what joins them (Bemis and Murcko 1996); "" where there is no ring."""
    from rdkit.Chem.Scaffolds import MurckoScaffold

    return molecules.map(lambda molecule: MurckoScaffold.MurckoScaffoldSmiles(mol=molecule))


def _graph(molecule: Any) -> Molecule:
    import numpy as np

    atoms = [
        (a.GetAtomicNum(), a.GetDegree(), a.GetFormalCharge(), a.GetTotalNumHs(), a.GetIsAromatic())
        for a in molecule.GetAtoms()
    ]
    bonds, orders = [], []
    for bond in molecule.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        order = bond.GetBondTypeAsDouble()
        bonds += [ends, ends[::-1]]
        orders += [order if order in (1, 1.5, 2, 3) else 0] * 2
    graph = Molecule(
        atoms=np.array(atoms, dtype=np.int64).reshape(-1, 5),
        bonds=np.array(bonds, dtype=np.int64).reshape(-1, 2).T.copy(),
        orders=np.array(orders, dtype=np.float32),
    )
    for array in (graph.atoms, graph.bonds, graph.orders):
        array.flags.writeable = False
    return graph


def _described(molecules: Any) -> np.ndarray:
    """Return (B, 7) float32, in the order of the registry: what a chemist reads off the drawing."""
    import numpy as np
    from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

    functions = [
        Descriptors.MolWt,
        Crippen.MolLogP,
        rdMolDescriptors.CalcNumHBD,
        rdMolDescriptors.CalcNumHBA,
        rdMolDescriptors.CalcNumRings,
        rdMolDescriptors.CalcNumRotatableBonds,
        rdMolDescriptors.CalcTPSA,
    ]
    return np.array([[function(one) for function in functions] for one in molecules], dtype=np.float32)


def _esol(entry: Record, table: Any, molecules: Any, paths: Mapping[str, Path]) -> tuple:
    predicted = table["ESOL predicted log solubility in mols per litre"].to_numpy()
    return (
        table[_COLUMNS].to_numpy(float),
        table["measured log solubility in mols per litre"].to_numpy(),
        {"names": tuple(table["Compound ID"]), "delaney": predicted},
    )


def _freesolv(entry: Record, table: Any, molecules: Any, paths: Mapping[str, Path]) -> tuple:
    """Join the uncertainties from the source database, whose SMILES are the same strings."""
    import pandas as pd

    lines = paths["database.txt"].read_text(encoding="utf-8").splitlines()
    # Not `comment="#"`: in SMILES that sign is a triple bond.
    rows = [line.split("; ") for line in lines if not line.startswith("#")]
    database = pd.DataFrame(rows).set_index(1).loc[table["smiles"]]
    extras = {
        "names": tuple(table["iupac"]),
        "physics": table["calc"].to_numpy(),
        "expt_uncertainty": database[4].to_numpy(float),
        "physics_uncertainty": database[6].to_numpy(float),
    }
    return _described(molecules), table["expt"].to_numpy(), extras


def _bace(entry: Record, table: Any, molecules: Any, paths: Mapping[str, Path]) -> tuple:
    extras = {"names": tuple(table["CID"]), "pIC50": table["pIC50"].to_numpy()}
    return _described(molecules), table["Class"].to_numpy(), extras


def _labels(entry: Record, table: Any, molecules: Any, paths: Mapping[str, Path]) -> tuple:
    """Several yes-or-no answers, NaN where a molecule was not tested."""
    names = {"names": tuple(table["mol_id"])} if "mol_id" in table else {}
    return _described(molecules), table[list(entry.target)].to_numpy(float), names


def _published(entry: Record, table: Any) -> dict[str, dict[str, np.ndarray]]:
    """Return the publisher's parts, where the file has a column for them."""
    if "Model" not in table:
        return {}
    words = {"train": "Train", "valid": "Valid", "test": "Test"}
    parts = {part: (table["Model"] == word).to_numpy().nonzero()[0] for part, word in words.items()}
    return {"published": parts}


_STRONG = 7  # BACE: the pIC50 from which on every inhibitor is called strong
_COLUMNS = [
    "Minimum Degree",
    "Molecular Weight",
    "Number of H-Bond Donors",
    "Number of Rings",
    "Number of Rotatable Bonds",
    "Polar Surface Area",
]
_READERS = {"esol": _esol, "freesolv": _freesolv, "bace": _bace, "tox21": _labels, "clintox": _labels}
