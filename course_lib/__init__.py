"""The helper library of the course: GPU-aware training, data, figures, and exercises that answer back.

Importing it is silent and quick: nothing is seeded, styled, filtered or downloaded, and torch is loaded when
the first function needs it.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

# The public list: a name and the module that holds it. What is not here is not part of the interface.
_HOME = {
    "CourseError": "errors",
    "seed_everything": "seeding",
    "pick_device": "device",
    "pick_profile": "device",
    "Dataset": "registry",
    "load": "data",
    "fit": "training",
    "evaluate": "training",
    "History": "training",
    "pretrained": "weights",
    "show": "plots",
    "slider": "widgets",
    "check": "exercises",
    "hint": "exercises",
    "claim": "exercises",
    "compare": "exercises",
    "progress": "exercises",
}
_MODULES = ("metrics", "plots", "simulators")

__all__ = [*_HOME, *_MODULES]


def __getattr__(name: str):
    if name in _HOME:
        value = getattr(importlib.import_module(f"course_lib.{_HOME[name]}"), name)
        globals()[name] = value  # the next look-up finds it at once
        return value
    if name in _MODULES:
        return importlib.import_module(f"course_lib.{name}")
    # AttributeError, as Python expects of a module, but with the name that was probably meant.
    from course_lib.errors import closest

    raise AttributeError(f"`course_lib` has no `{name}`. {closest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
