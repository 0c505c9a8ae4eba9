"""Folders of images."""

import os
import struct
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.data.files.folders import files_in, printable
from training.data.files.parsed import PARTS, Found
from training.data.lazy_arrays import Examples
from training.data.memory import check_example
from zoo.data.images import PNG, decode

SUFFIXES = (".png", ".jpg", ".jpeg")
HEAD = 2**16  # bytes of a file in which its size is looked for first


class Header(NamedTuple):
    """What an image's bytes say of it before its pixels come."""

    height: int
    width: int
    channels: int
    bits: int = 8


class ImageFiles(Examples):
    """Images in files of their own.

    Args:
        paths: of the files [N].
        size: (height, width) that they are brought to.
        channels: 1 or 3.
    """

    def __init__(self, paths, size, channels):
        super().__init__((len(paths), *size, channels), np.uint8)
        self.paths = paths
        self.names = tf.constant([os.fsencode(path) for path in paths])

    def gather(self, indices):
        def read(name):
            return decode(tf.io.read_file(name), self.shape[1:3], self.shape[3])

        spec = tf.TensorSpec(self.shape[1:], tf.uint8)
        return tf.map_fn(read, tf.gather(self.names, indices), fn_output_signature=spec)

    def place(self, index):
        return f"'{printable(self.paths[index])}'"


def images(folder, settings):
    """The images in a folder and below; subfolders are labels, but for train, validation and test, which are parts.

    Args:
        folder: Path.
        settings: `DataSettings`.

    Raises:
        ValueError: there are none, they are of different sizes, or only some have labels.
    """
    files = [path for path in files_in(folder) if path.suffix.lower() in SUFFIXES]
    first = {path.relative_to(folder).parts[0] for path in files if path.parent != folder}
    named = {name: PARTS[name.lower()] for name in sorted(first) if name.lower() in PARTS}
    loose = [path for path in files if path.relative_to(folder).parts[0] not in named]
    if named and (loose or len(set(named.values())) < len(named)):
        stray = f"'{loose[0]}' beside '{next(iter(named))}'" if loose else "two of one part"
        raise ValueError(
            f"Expected in '{folder}' folders such as train, validation and test and nothing else, got {stray}. "
            f"Move it, or rename folders that are labels."
        )
    groups = {named[name]: [p for p in files if p.relative_to(folder).parts[0] == name] for name in named}
    groups = groups or {"train": files}
    roots = {part: folder / name for name, part in named.items()} or {"train": folder}
    with ThreadPoolExecutor() as threads:
        headers = list(tqdm(threads.map(_header_of, files), "look at images", len(files), leave=False, delay=1))
    size, channels = geometry(headers, folder, settings)
    parts = {part: ImageFiles(paths, size, channels) for part, paths in groups.items()}
    labels = {part: _labels(paths, roots[part]) for part, paths in groups.items()}
    labelled = any(found is not None for found in labels.values())
    kind = "images in a folder" + (", labelled by their subfolders" if labelled else "")
    return Found(kind, parts, {part: found for part, found in labels.items() if found is not None})


def _labels(paths, root):
    """The folders that images are in, None where they are in none."""
    names = [path.parent.relative_to(root).as_posix() for path in paths]
    without = [path for path, name in zip(paths, names, strict=True) if name == "."]
    if without and len(without) < len(names):
        raise ValueError(
            f"Expected all images of '{root}' in subfolders, which are their labels, or none, but {len(without)} of "
            f"{len(names)} are in no subfolder, such as '{without[0].name}'. Move them."
        )
    return None if without else np.array([printable(name) for name in names])


def geometry(headers, where, settings):
    """The size and the channels that images are brought to.

    Args:
        headers: a `Header` of each image, or None of one that has none.
        where: Path where they are.
        settings: `DataSettings`.

    Returns:
        (height, width), channels.

    Raises:
        ValueError: they are of different sizes, and no size is set; they are too large; some have 16 bits; or none is
            an image.
    """
    readable = [header for header in headers if header is not None]
    if not readable:
        raise ValueError(f"None of the {len(headers)} images in '{where}' can be read. Are they PNG or JPEG files?")
    deep = sum(header.bits == 16 for header in readable)
    if deep:
        raise ValueError(
            f"Expected images of 8 bits, but {deep} of the {len(headers)} in '{where}' are of 16, half of which "
            f"would be lost. Save them as one array [N, height, width, channels] in .npy, or with 8 bits."
        )
    sizes = Counter((header.height, header.width) for header in readable)
    if settings.image_size is None and len(sizes) > 1:
        common = ", ".join(f"{h} × {w} ({n} of them)" for (h, w), n in sizes.most_common(3))
        raise ValueError(
            f"The images in '{where}' are of {len(sizes)} sizes, among them {common}. "
            f"Bring them to one with --image-size <height> <width>."
        )
    size = settings.image_size or next(iter(sizes))
    channels = settings.channels or (1 if all(header.channels == 1 for header in readable) else 3)
    check_example(
        (*size, channels), len(headers), settings, where, "Bring them to a smaller size, e.g. --image-size 64."
    )
    return size, channels


def _header_of(path):
    with Path(path).open("rb") as file:
        head = file.read(HEAD)
        return header(head) or header(head + file.read())


def header(content):
    """The size of a PNG or JPEG image, whether it has 1 channel or 3 (transparency not counted), and 8 bits or 16.

    Args:
        content: its bytes, or the first of them.

    Returns:
        A `Header`; None where they do not tell.
    """
    found = _png_header(content) if content[: len(PNG)] == PNG else _jpeg_header(content)
    return found if found is not None and found.height and found.width else None


def _png_header(content):
    """What the first chunk of a PNG image says, if its checksum is right."""
    chunk, checksum = content[12:29], content[29:33]
    if chunk[:4] != b"IHDR" or zlib.crc32(chunk).to_bytes(4, "big") != checksum:
        return None
    width, height, bits, colour = struct.unpack(">IIBB", chunk[4:14])
    return Header(height, width, 1 if colour in (0, 4) else 3, 16 if bits == 16 else 8)


def _jpeg_header(content):
    place = 2 if content[:2] == b"\xff\xd8" else len(content)
    while (
        place + 10 <= len(content) and content[place] == 0xFF
    ):  # a segment: FF, its kind, its length with these two bytes
        kind, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4], "big")
        if kind == 0xFF:  # padding
            place += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # the start of a frame
            height, width, channels = struct.unpack(">HHB", content[place + 5 : place + 10])
            return Header(height, width, 1 if channels == 1 else 3)
        else:
            place += 2 + length
    return None
