"""Measurements in time: CO2 and sunspots by month, an EEG, an ECG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.registry import Parts, Record

if TYPE_CHECKING:
    import numpy as np

# A heartbeat is cut out from 0.2 s before its mark to 0.4 s after it, at 360 samples a second.
_BEFORE, _AFTER = 72, 144
_GLITCH = 500  # how far from its channel's median an EEG value is no EEG: the others stay within 500


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read one series; its rows stay in the order of time."""
    readers = {
        "co2_mauna_loa": _co2,
        "sunspots": _sunspots,
        "eeg_eye_state": _eeg,
        "mitbih_100": _heartbeats,
    }
    return readers[entry.name](entry, paths)


def _co2(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Name the columns by hand: the header has six names for seven fields, so each would be off by one."""
    import pandas as pd

    columns = ["month", "year", "average", "deseasonalised", "days", "spread", "uncertainty"]
    table = pd.read_csv(paths["co2-mm-mlo.csv"], header=None, skiprows=1, names=columns)
    known = table[["days", "spread", "uncertainty"]].where(table[["days", "spread", "uncertainty"]] >= 0)
    return Parts(
        inputs=table[["year"]].to_numpy(),
        targets=table["average"].to_numpy(),
        extras={
            "months": tuple(table["month"]),
            "deseasonalised": table["deseasonalised"].to_numpy(),
            **{name: known[name].to_numpy(float) for name in known},
        },
        notes=[
            f"The file's header is one name short. The {len(columns)} columns are named by their order.",
            f"{known['days'].isna().sum()} of {len(table)} months do not say how many days were measured.",
        ],
    )


def _sunspots(entry: Record, paths: Mapping[str, Path]) -> Parts:
    import pandas as pd

    columns = ["year", "month", "time", "number", "spread", "observations", "definitive"]
    table = pd.read_csv(paths["SN_m_tot_V2.0.csv"], sep=";", header=None, names=columns)
    known = table[["spread", "observations"]].where(table[["spread", "observations"]] >= 0)
    return Parts(
        inputs=table[["time"]].to_numpy(),
        targets=table["number"].to_numpy(),
        extras={
            **{name: known[name].to_numpy(float) for name in known},
            "definitive": table["definitive"].to_numpy(bool),
        },
        notes=[
            f"{(table['definitive'] == 0).sum()} of {len(table):,} months are provisional: the last ones.",
            f"{known['observations'].isna().sum()} of {len(table):,} months do not say "
            "how many observations they rest on.",
        ],
    )


def _eeg(entry: Record, paths: Mapping[str, Path]) -> Parts:
    import numpy as np

    text = paths["EEG Eye State.arff"].read_text(encoding="utf-8")
    table = np.loadtxt(io.StringIO(text.partition("@DATA")[2]), delimiter=",")
    inputs, targets = table[:, :-1], table[:, -1].astype(np.int64)
    glitch = (np.abs(inputs - np.median(inputs, axis=0)) > _GLITCH).any(axis=1)
    return Parts(
        inputs=inputs,
        targets=targets,
        extras={"glitch": glitch},
        notes=[
            f"{glitch.sum()} of {len(inputs):,} rows are glitches of a sensor, with values up to "
            f"{inputs.max():,.0f}. They stay in; `extras['glitch']` marks them.",
            f"{np.sum(np.diff(targets) != 0)} times the eyes open or close: "
            "neighbouring rows are all but the same.",
        ],
    )


def _heartbeats(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Cut out each heartbeat that was marked: (B, 2, T) in millivolts, both leads."""
    import numpy as np

    signal = _format_212(paths["100.dat"].read_bytes())
    # The header says: 200 units per millivolt, 1024 for zero, on both leads.
    millivolt = (signal.astype(np.float32) - 1024) / 200
    samples, marks = _marks(paths["100.atr"].read_bytes())
    beat = np.isin(marks, entry.classes)
    whole = beat & (samples >= _BEFORE) & (samples + _AFTER <= len(signal))
    windows = samples[whole, None] + np.arange(-_BEFORE, _AFTER)
    return Parts(
        inputs=millivolt[windows].transpose(0, 2, 1).copy(),
        targets=np.array([entry.classes.index(mark) for mark in marks[whole]]),
        extras={"signal": millivolt, "samples": samples[whole], "rate": 360},
        notes=[
            f"{np.sum(beat & ~whole)} of {beat.sum():,} beats lies too near the end of the record "
            "to be cut out whole. It is left out."
        ],
    )


def _format_212(content: bytes) -> np.ndarray:
    """Return (T, 2) int16: two samples of 12 bits in three bytes, the middle one shared."""
    import numpy as np

    low, shared, high = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3).astype(np.int16).T
    samples = np.stack([low | (shared & 0x0F) << 8, high | (shared & 0xF0) << 4], axis=1)
    return np.where(samples > 2047, samples - 4096, samples)


def _marks(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return where each mark of an annotation file stands, and its letter.

    A word of 16 bits holds a code (6 bits) and the samples since the last mark (10 bits). Codes above 49 are
    not marks: 59 holds a longer interval in the next two words, 63 a text, the others a number.
    """
    import numpy as np

    letters = {1: "N", 5: "V", 8: "A", 28: "+"}
    words = np.frombuffer(content, dtype="<u2").astype(int)
    samples, marks, now, place = [], [], 0, 0
    while words[place]:
        code, step = divmod(int(words[place]), 1024)
        place += 1
        if code == 59:
            now += (words[place] << 16) + words[place + 1]
            place += 2
        elif code == 63:
            place += (step + 1) // 2
        elif code < 50:
            now += step
            samples.append(now)
            marks.append(letters[code])
    return np.array(samples), np.array(marks)
