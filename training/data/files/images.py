"""Folders of images."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.data.checks.image_sizes import common_shape
from training.data.files.file_kind import FileKind
from training.data.files.folders import files_in, printable
from training.data.files.formats.image_header import image_header
from training.data.files.parsed import Parsed, Part
from training.data.files.roles import PARTS
from zoo.data.images import decode
from zoo.data.lazy_arrays import LazyArray

HEADER_BYTES = 2**16  # bytes of a file in which its size is looked for first


class ImageFolder(FileKind):
    """Images in a folder and below. Subfolders are labels, but those called train, validation and test are parts."""

    name = "images"
    suffixes = (".png", ".jpg", ".jpeg")
    single = False
    folders = True
    decodes_images = True

    def read(self, path, settings):
        files = [file for file in files_in(path) if file.suffix.lower() in self.suffixes]
        folders = _folders_of_parts(files, path)
        with ThreadPoolExecutor() as threads:
            headers = list(tqdm(threads.map(_header_of, files), "look at images", len(files), leave=False, delay=1))
        shape = common_shape(headers, path, settings)
        parts = {}
        for part, folder in folders.items():
            of_part = [file for file in files if file.is_relative_to(folder)]
            parts[part] = Part(FolderImages(of_part, shape), _labels(of_part, folder))
        labeled = any(part.labels is not None for part in parts.values())
        return Parsed("images in a folder" + (", labeled by their subfolders" if labeled else ""), parts)


class FolderImages(LazyArray):
    """Images, each in a file of its own.

    Args:
        paths: of the files [N].
        shape: (height, width, channels) that they are decoded and resized to.
    """

    def __init__(self, paths, shape):
        super().__init__((len(paths), *shape), np.uint8)
        self.paths = paths
        self.names = tf.constant([os.fsencode(path) for path in paths])

    def gather(self, indices):
        def read(name):
            return decode(tf.io.read_file(name), self.shape[1:3], self.shape[3])

        spec = tf.TensorSpec(self.shape[1:], tf.uint8)
        return tf.map_fn(read, tf.gather(self.names, indices), fn_output_signature=spec)

    def place(self, index):
        return f"'{printable(self.paths[index])}'"


def _folders_of_parts(files, folder):
    """Returns the folder of each part: those of their names, or the whole one for training.

    Args:
        files: paths of images.
        folder: the folder that they are in.

    Returns:
        A dict of "train", "validation", "test" -> Path.

    Raises:
        ValueError: There are images beside the folders of parts, or two folders of one part.
    """
    subfolders = {file.relative_to(folder).parts[0] for file in files if file.parent != folder}
    named = {folder / name: PARTS[name.lower()] for name in sorted(subfolders) if name.lower() in PARTS}
    if not named:
        return {"train": folder}
    _check_only_parts(files, named, folder)
    return {part: subfolder for subfolder, part in named.items()}


def _check_only_parts(files, named, folder):
    """Checks that all images of a folder are in its folders of parts, and each of these is another part."""
    loose = [file for file in files if not any(file.is_relative_to(subfolder) for subfolder in named)]
    if loose or len(set(named.values())) < len(named):
        stray = f"'{loose[0]}' beside '{next(iter(named)).name}'" if loose else "two of one part"
        raise ValueError(
            f"Expected in '{folder}' folders such as train, validation and test and nothing else, got {stray}. "
            f"Move it, or rename folders that are labels."
        )


def _labels(paths, root):
    """Returns the folders that images are in, relative to a root; None if they are in none."""
    names = [path.parent.relative_to(root).as_posix() for path in paths]
    without = [path for path, name in zip(paths, names, strict=True) if name == "."]
    if without and len(without) < len(names):
        raise ValueError(
            f"Expected all images of '{root}' in subfolders, which are their labels, or none, but {len(without)} of "
            f"{len(names)} are in no subfolder, such as '{without[0].name}'. Move them."
        )
    return None if without else np.array([printable(name) for name in names])


def _header_of(path):
    with Path(path).open("rb") as file:
        head = file.read(HEADER_BYTES)
        return image_header(head) or image_header(head + file.read())
