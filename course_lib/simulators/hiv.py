"""HIV-like protease sequences: what resists is planted, and so is who was sampled more than once."""

from __future__ import annotations

from course_lib.errors import CourseError
from course_lib.registry import Dataset

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"  # an isolate holds positions in this string

# Consensus B of the HIV-1 protease, 99 residues.
_WILD_TYPE = (
    "PQITLWQRPLVTIKIGGQLKEALLDTGADDTVLEEMNLPGRWKPKMIGGIGGFIKVRQYDQILIEICGHKAIGTVLVGPTPVNIIGRNLLTQIGCTLNF"
)
# site: (mutant, effect on the log10 of the fold change)
_RESISTANCE = {
    30: ("N", 0.7),
    46: ("I", 0.4),
    48: ("V", 0.9),
    50: ("V", 0.6),
    54: ("V", 0.5),
    82: ("A", 0.8),
    84: ("V", 0.6),
    90: ("M", 0.5),
}
_PAIRS = {(82, 84): 0.8, (30, 90): -0.8}  # on top of the two effects, where both are mutated
# For each resistance site a neutral one with the same two residues: only the place tells them apart.
_DECOYS = {25: "N", 36: "I", 40: "V", 47: "V", 13: "V", 11: "A", 62: "V", 33: "M"}
_HITCH_HIKERS = {10: "F", 71: "V"}  # they follow the treatment and do nothing
_POLYMORPHIC = {12: "S", 15: "V", 19: "I", 35: "D", 37: "S", 41: "K", 57: "K", 60: "E", 63: "P", 77: "I"}
_POLYMORPHIC |= {14: "R", 20: "R", 64: "V", 69: "K", 72: "V", 93: "L"}
_CUT_OFF = 3.5  # fold change from which an isolate counts as resistant

_CARD = """# HIV-like protease sequences (`hiv_isolates`)

{isolates} simulated isolates of {patients} simulated patients. Each is 99 residues long and starts from
consensus B of the HIV-1 protease. Half of the patients were treated.

- **Inputs:** {isolates} × 99, positions in `{residues}`
- **Target:** resistant, 1 where the fold change is 3.5 or more
- **Planted:** eight sites resist (mutated with probability 0.20 after treatment, else 0.01), two pairs of
  them act together; two hitch-hiker sites follow the treatment (0.35, else 0.03) and do nothing; each
  resistance site has a neutral one with the same two residues elsewhere. Assay noise: 0.3 in log10 of the
  fold change.
- **Known fault, planted as well:** a patient gave one to four isolates, identical or nearly so. Rows are in
  random order; `truth["patient"]` says who gave which.
- **In one piece:** how to cut is the question. Isolates of one patient belong on one side.
- **Not for:** any statement about HIV. Real sequences differ: subtypes, mixtures, drugs, and history.
"""


def hiv_isolates(seed: int, patients: int = 400) -> Dataset:
    """Draw protease sequences of which some patients gave several, nearly the same.

    Parameters
    ----------
    seed : int
        The draw: the same seed gives the same isolates.
    patients : int
        How many; each gives one to four isolates.

    Returns
    -------
    Dataset
        `inputs` (B, 99), whole numbers from 0 to 19; `targets` (B,), 1 for resistant. In one piece. `truth`
        has `patient` (B,) and `treated` (B,); `log_fold` (B,), measured with noise; `effects` (99,), what a
        mutation at each site adds; `mutants` (99,), the residue that does so, or -1; and `wild_type` (99,).

    Raises
    ------
    CourseError
        If `seed` is negative or `patients` is below 2.

    Notes
    -----
    Only these things tell of resistance, so that a model that does not see *where* a residue stands has
    little to go by.

    **Source:** simulated for this course. Consensus B and the cut-off as in M. C. Steiner, K. M. Gibson and
    K. A. Crandall, Drug Resistance Prediction Using Deep Learning Techniques on HIV-1 Sequence Data, Viruses
    12, 560 (2020); the rates and effects are the course's own.
    **Shown in:** lesson 04, "Who is in both?".
    """
    import numpy as np

    for name, value, least in (("seed", seed, 0), ("patients", patients, 2)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise CourseError(
                f"`{name}` is {value!r}.", f"Expected a whole number from {least} on.", "Write it as `400`."
            )
    random = np.random.default_rng(seed)
    wild_type = _codes(_WILD_TYPE)
    treated = random.permutation(np.arange(patients) % 2).astype(bool)
    founders = np.stack([_founder(wild_type, is_treated, random) for is_treated in treated])
    patient = random.permutation(np.repeat(np.arange(patients), random.integers(1, 5, patients)))
    isolates = founders[patient]
    drift = random.poisson(1.0, len(patient))  # sites in which an isolate differs from the patient's founder
    for row, count in enumerate(drift):
        sites = random.choice(_free_sites(), count, replace=False)
        isolates[row, sites] = (isolates[row, sites] + random.integers(1, 20, count)) % 20
    log_fold = _log_fold(isolates) + random.normal(0, 0.3, len(patient))
    effects, mutants = np.zeros(99), np.full(99, -1)
    for site, (mutant, effect) in _RESISTANCE.items():
        effects[site - 1], mutants[site - 1] = effect, RESIDUES.index(mutant)
    names = tuple(f"site {site}" for site in range(1, 100))
    return Dataset(
        name="hiv_isolates",
        inputs=isolates,
        targets=(log_fold >= np.log10(_CUT_OFF)).astype(int),
        input_names=names,
        target_names=("susceptible", "resistant"),
        units={name: "residue, 0 to 19" for name in names},
        splits={},
        card=_CARD.format(isolates=len(patient), patients=patients, residues=RESIDUES),
        truth={
            "patient": patient,
            "treated": treated[patient],
            "log_fold": log_fold,
            "effects": effects,
            "mutants": mutants,
            "wild_type": wild_type,
        },
    )


def _codes(sequence: str):
    import numpy as np

    return np.array([RESIDUES.index(residue) for residue in sequence])


def _free_sites() -> list[int]:
    """Return the positions (from 0) that neither resist nor look as if they did."""
    return [site - 1 for site in range(1, 100) if site not in _RESISTANCE | _DECOYS | _HITCH_HIKERS]


def _founder(wild_type, is_treated, random):
    """Return the sequence that a patient's isolates start from."""
    sequence = wild_type.copy()
    rates = {site: (mutant, 0.20 if is_treated else 0.01) for site, (mutant, _) in _RESISTANCE.items()}
    rates |= {
        site: (mutant, 0.105) for site, mutant in _DECOYS.items()
    }  # as often as a resistance site, on average
    rates |= {site: (mutant, 0.35 if is_treated else 0.03) for site, mutant in _HITCH_HIKERS.items()}
    rates |= {site: (mutant, 0.30) for site, mutant in _POLYMORPHIC.items()}
    for site, (mutant, rate) in rates.items():
        if random.random() < rate:
            sequence[site - 1] = RESIDUES.index(mutant)
    for site in _free_sites():
        if site + 1 not in _POLYMORPHIC and random.random() < 0.03:
            sequence[site] = (wild_type[site] + random.integers(1, 4)) % 20  # one of three
    return sequence


def _log_fold(isolates):
    """Return the planted log10 of the fold change, without noise."""
    import numpy as np

    has = {site: isolates[:, site - 1] == RESIDUES.index(mutant) for site, (mutant, _) in _RESISTANCE.items()}
    score = sum(effect * has[site] for site, (_, effect) in _RESISTANCE.items())
    return score + sum(np.where(has[a] & has[b], extra, 0.0) for (a, b), extra in _PAIRS.items())
