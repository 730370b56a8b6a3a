"""Photographs and micrographs: blood cells, neurons, a mouse; and handwritten characters in archives."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from xml.etree import ElementTree

from course_lib.data.archives import read_archive
from course_lib.registry import Parts, Record

if TYPE_CHECKING:
    import numpy as np


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read one set of pictures: photographs as bytes (uint8), the others as shares of white or ink."""
    readers = {"bccd": _cells, "isbi2012_em": _membranes, "dlc_openfield": _mouse}
    return readers.get(entry.name, _characters)(entry, paths)


def _cells(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read photographs, how many cells of each kind are marked, and their boxes (x, y, x, y in pixels)."""
    import numpy as np

    kinds = list(entry.target)
    lists = {
        part: paths[f"ImageSets/Main/{part}.txt"].read_text(encoding="utf-8").split()
        for part in ("train", "val", "test")
    }
    names = [name for name in lists["val"] + lists["test"] if f"JPEGImages/{name}.jpg" in paths]
    boxes, labels, empty = [], [], 0
    for name in names:
        marked = ElementTree.parse(paths[f"Annotations/{name}.xml"]).iter("object")
        found = [(kinds.index(one.findtext("name")), _box(one)) for one in marked]
        empty += sum(box[0] >= box[2] or box[1] >= box[3] for _, box in found)
        labels.append(np.array([kind for kind, _ in found], dtype=np.int64))
        boxes.append(np.array([box for _, box in found], dtype=np.float32).reshape(-1, 4))
    rows = np.arange(len(names))
    is_test = np.isin(names, lists["test"])
    with paths["annotations.csv"].open(encoding="utf-8", newline="") as file:
        everything = tuple(csv.DictReader(file))
    total = sum(map(len, lists.values()))
    return Parts(
        inputs=np.stack([_picture(paths[f"JPEGImages/{name}.jpg"]) for name in names]),
        targets=np.array([np.bincount(one, minlength=len(kinds)) for one in labels], dtype=np.float32),
        splits={"published": {"train": rows[~is_test], "test": rows[is_test]}},
        extras={
            "names": tuple(names),
            "kinds": tuple(kinds),
            "boxes": tuple(boxes),
            "labels": tuple(labels),
            "all_boxes": everything,
        },
        notes=[
            f"{len(names)} of {total} photographs: the publisher's validation and test lists. "
            f"The {len(lists['train'])} of the training list are left out for size.",
            f"{empty} of {sum(map(len, boxes)):,} boxes has no area. It is kept.",
        ],
    )


def _box(marked: ElementTree.Element) -> list[int]:
    return [int(marked.findtext(f"bndbox/{edge}")) for edge in ("xmin", "ymin", "xmax", "ymax")]


def _membranes(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read sections (B, H, W) as shares of white, and masks: 1 membrane, which the file has black."""
    import numpy as np

    sections = sorted((path for path in paths if path.startswith("image/")), key=lambda p: int(Path(p).stem))
    masks = [_picture(paths[path.replace("image/", "label/")]) for path in sections]
    return Parts(
        inputs=np.stack([_picture(paths[path]) for path in sections]) / np.float32(255),
        targets=np.stack([mask == 0 for mask in masks]).astype(np.uint8),
    )


def _mouse(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read frames and, in pixels from the top left, where four parts of the mouse are."""
    import numpy as np

    with paths["CollectedData_Pranav.csv"].open(encoding="utf-8", newline="") as file:
        _, bodyparts, axes, *rows = csv.reader(file)
    places = {Path(name).name: np.array(values, dtype=np.float64) for name, *values in rows}
    columns = tuple(f"{part} {axis}" for part, axis in zip(bodyparts[1:], axes[1:], strict=True))
    frames = sorted(path for path in paths if path.endswith(".png"))
    return Parts(
        inputs=np.stack([_picture(paths[frame]) for frame in frames]),
        targets=np.stack([places[frame] for frame in frames]).astype(np.float32),
        target_names=columns,
        extras={"frames": tuple(frames), "all_places": {name: tuple(at) for name, at in places.items()}},
        notes=[
            f"{len(frames)} of {len(places)} labelled frames: every fourth. The others are left out for size."
        ],
    )


def _characters(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read drawings (B, H, W), 1 where there is ink, and which character each is."""
    (path,) = paths.values()
    files = read_archive(path)
    return _runs(files) if entry.member == "runs" else _drawings(entry, files)


def _drawings(entry: Record, files: Mapping[str, bytes]) -> Parts:
    import numpy as np

    names = sorted(name for name in files if name.endswith(".png"))
    alphabets, characters, drawings = zip(*(name.split("/")[1:] for name in names), strict=True)
    which = [
        f"{alphabet} {character.removeprefix('character')}"
        for alphabet, character in zip(alphabets, characters, strict=True)
    ]
    drawers = [Path(drawing).stem.split("_")[1] for drawing in drawings]
    return Parts(
        inputs=_ink([files[name] for name in names]),
        targets=np.array([entry.classes.index(one) for one in which]),
        groups={
            "alphabet": np.array(alphabets),
            # Drawer 01 of one alphabet need not be drawer 01 of another.
            "drawer": np.array([f"{a} {d}" for a, d in zip(alphabets, drawers, strict=True)]),
        },
        splits={"alphabet": _whole_alphabets(np.array(alphabets))},
        extras={"names": tuple(names)},
    )


def _whole_alphabets(alphabets: np.ndarray) -> dict[str, np.ndarray]:
    """Hold out the last two alphabets by name, one for validation and one for the test."""
    import numpy as np

    *train, valid, test = np.unique(alphabets)
    parts = {"train": train, "valid": [valid], "test": [test]}
    return {part: np.flatnonzero(np.isin(alphabets, names)) for part, names in parts.items()}


def _runs(files: Mapping[str, bytes]) -> Parts:
    """Read the twenty runs: in each, one drawing of each of twenty characters, and twenty to be named."""
    import numpy as np

    answers = [
        line.split()
        for name, content in files.items()
        if name.endswith("class_labels.txt")
        for line in content.decode().splitlines()
    ]
    code = {shown: int(Path(shown).stem.removeprefix("class")) - 1 for _, shown in answers}
    names = sorted(code) + [asked for asked, _ in answers]
    targets = [code[shown] for shown in sorted(code)] + [code[shown] for _, shown in answers]
    rows = np.arange(len(names))
    return Parts(
        inputs=_ink([files[name] for name in names]),
        targets=np.array(targets),
        groups={"run": np.array([name.split("/")[0] for name in names])},
        splits={"published": {"train": rows[: len(code)], "test": rows[len(code) :]}},
        extras={"names": tuple(names)},
    )


def _ink(pictures: list[bytes]) -> np.ndarray:
    """Return (B, H, W) float32: 1 for ink, which the files have black."""
    import numpy as np

    return np.stack([_picture(io.BytesIO(picture)) == 0 for picture in pictures]).astype(np.float32)


def _picture(file: Path | BinaryIO) -> np.ndarray:
    """Return (H, W) or (H, W, 3): the pixels as they are stored."""
    import numpy as np
    from PIL import Image

    with Image.open(file) as picture:
        return np.asarray(picture)
