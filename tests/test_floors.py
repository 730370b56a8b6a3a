"""A module imports only from floors strictly below its own; the parts of one package may know each other."""

import ast

import pytest

FLOORS = {
    "cli": 8,
    "doctor": 7,
    "lessons": 6,
    "widgets": 5,
    "exercises": 5,
    "plots": 4,
    "weights": 4,
    "training": 3,
    "data": 2,
    "simulators": 2,
    "device": 1,
    "registry": 1,
    "metrics": 1,
    "errors": 0,
    "seeding": 0,
    "resources": 0,
}
# errors is the ground: whatever floor a module stands on, it may raise a CourseError.
GROUND = "errors"


def imported_rooms(source: str) -> set[str]:
    """Return the first names below `course_lib` that a source imports, also inside functions."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {name.name.split(".")[1] for name in node.names if name.name.startswith("course_lib.")}
            rooms |= {"" for name in node.names if name.name == "course_lib"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "course_lib":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            rooms.add("(relative)")
    return rooms


def climbs(room: str, source: str) -> list[str]:
    """Return what `source`, standing in `room`, imports from its own floor or above."""
    wrong = []
    for other in sorted(imported_rooms(source) - {room}):
        if other not in FLOORS:
            wrong.append(f"`{other}` is on no floor")
        elif other != GROUND and FLOORS[other] >= FLOORS[room]:
            wrong.append(f"{room} (floor {FLOORS[room]}) imports {other} (floor {FLOORS[other]})")
    return wrong


def test_every_module_imports_downwards_only(root):
    wrong = {}
    for path in sorted((root / "course_lib").rglob("*.py")):
        room = path.relative_to(root / "course_lib").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        assert room in FLOORS, f"{path} stands on no floor: give it one in tests/test_floors.py"
        found = climbs(room, path.read_text(encoding="utf-8"))
        if found:
            wrong[str(path)] = found
    assert not wrong


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("registry", "from course_lib.data import load"),
        ("data", "import course_lib.training"),
        ("training", "def fit():\n    from course_lib import plots"),
        ("device", "from course_lib.registry import record"),
        ("plots", "import course_lib as cl"),
        ("plots", "from . import device"),
    ],
)
def test_a_planted_climb_is_found(room, source):
    assert climbs(room, source)


def test_a_step_down_is_allowed():
    assert (
        climbs("training", "from course_lib.device import threads\nfrom course_lib.errors import closest")
        == []
    )


def test_the_rooms_that_the_build_reads_never_import_torch(root):
    for path in [*(root / "course_lib" / "lessons").rglob("*.py"), root / "course_lib" / "registry.py"]:
        names = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert "torch" not in names, path
