"""Small grey images in the format of MNIST (idx files), and PneumoniaMNIST (npz)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.data.archives import read_gzip
from course_lib.registry import Parts, Record

if TYPE_CHECKING:
    import numpy as np


def read(entry: Record, paths: Mapping[str, Path]) -> Parts:
    """Read images (B, 28, 28) as shares of white, 0 to 1, and their classes."""
    readers = {"mnist": _mnist, "fashion_mnist": _fashion, "pneumoniamnist": _pneumonia}
    return readers[entry.name](paths)


def _mnist(paths: Mapping[str, Path]) -> Parts:
    import numpy as np

    images = [_idx(paths[f"{part}-images-idx3-ubyte.gz"]) for part in ("train", "t10k")]
    labels = [_idx(paths[f"{part}-labels-idx1-ubyte.gz"]) for part in ("train", "t10k")]
    train, rows = len(labels[0]), np.arange(sum(map(len, labels)))
    cut = train - len(labels[1])  # as many for validation as there are for the test: the last of the file
    return Parts(
        inputs=_shares(np.concatenate(images)),
        targets=np.concatenate(labels).astype(np.int64),
        splits={"published": {"train": rows[:cut], "valid": rows[cut:train], "test": rows[train:]}},
    )


def _fashion(paths: Mapping[str, Path]) -> Parts:
    import numpy as np

    images = _idx(paths["t10k-images-idx3-ubyte.gz"])
    train = _idx(paths["train-labels-idx1-ubyte.gz"])
    return Parts(
        inputs=_shares(images),
        targets=_idx(paths["t10k-labels-idx1-ubyte.gz"]).astype(np.int64),
        extras={"train_labels": train.astype(np.int64)},
        notes=[
            f"These are the publisher's {len(images):,} test images. "
            f"The {len(train):,} training images (26 MB) are left out for size."
        ],
    )


def _pneumonia(paths: Mapping[str, Path]) -> Parts:
    import numpy as np

    words = {"train": "train", "valid": "val", "test": "test"}
    with np.load(paths["pneumoniamnist_reassembled.npz"], allow_pickle=False) as file:
        images = {part: file[f"{word}_images"] for part, word in words.items()}
        labels = [file[f"{word}_labels"][:, 0] for word in words.values()]
    ends = np.cumsum([0, *map(len, images.values())])
    seen = {image.tobytes() for image in images["train"]}
    again = {part: sum(image.tobytes() in seen for image in images[part]) for part in ("valid", "test")}
    together = np.concatenate(list(images.values()))
    return Parts(
        inputs=_shares(together),
        targets=np.concatenate(labels).astype(np.int64),
        groups={"image": np.unique([image.tobytes() for image in together], return_inverse=True)[1]},
        splits={
            "published": {
                part: np.arange(start, end)
                for part, start, end in zip(words, ends[:-1], ends[1:], strict=True)
            }
        },
        notes=[
            "The file was put together from two copies: the publisher's images by count, "
            "the training images in another order.",
            f"{again['valid']} of {len(images['valid'])} validation images are copies of training images, "
            f"{again['test']} of {len(images['test'])} test images.",
        ],
    )


def _idx(path: Path) -> np.ndarray:
    """Return the bytes of an idx file in their shape. It starts: two zeros, type 8, axes, their lengths."""
    import numpy as np

    content = read_gzip(path)
    zeros, kind, axes = struct.unpack_from(">HBB", content)
    shape = struct.unpack_from(f">{axes}I", content, 4)
    if (zeros, kind) != (0, 8):
        raise ValueError(f"{path.name} is no idx file of bytes")
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def _shares(images: np.ndarray) -> np.ndarray:
    """Return float32 from 0 (black) to 1 (white), in place where it can be."""
    import numpy as np

    shares = images.astype(np.float32)
    shares /= 255
    return shares
