"""Simulators: data whose truth is known because it was planted. One module each, loaded when it is used."""

from __future__ import annotations

import importlib

# A simulator and the module that holds it.
_HOME = {
    "chest_films": "films",
    "glyphs": "signs",
    "noise_genes": "genes",
    "hiv_isolates": "hiv",
    "neurons": "cells",
    "planted_motif": "dna",
    "purchases": "sales",
    "quiet_direction": "directions",
    "skin_lesions": "lesions",
}

__all__ = [*_HOME]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f"course_lib.simulators.{_HOME[name]}"), name)
    from course_lib.errors import closest

    raise AttributeError(f"`course_lib.simulators` has no `{name}`. {closest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
