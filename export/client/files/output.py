"""Files for results, written atomically."""

import csv
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from zoo.commands.atomic import replacing


class OutputFile:
    """A file to write. Its path is checked before any request.

    Args:
        path: path of the file.
        suffixes: allowed suffixes.
        overwrite: whether to replace an existing file.

    Raises:
        FileExistsError: it exists.
        FileNotFoundError: its folder does not exist.
        ValueError: it has another suffix.
    """

    def __init__(self, path, suffixes, overwrite=False):
        self.path = Path(path).expanduser()
        self.suffix = self.path.suffix.lower()
        self.overwrite = overwrite
        if self.suffix not in suffixes:
            raise ValueError(f"Expected --out to be a file {' or '.join(suffixes)}, got '{path}'.")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"The folder '{self.path.parent}' does not exist. Make it, or name another.")
        self._refuse_to_overwrite()

    def _refuse_to_overwrite(self):
        if self.path.is_dir():
            raise IsADirectoryError(f"'{self.path}' is a folder. Name a file with --out.")
        if self.path.exists() and not self.overwrite:
            raise FileExistsError(f"'{self.path}' exists already. Name another, or replace it with --overwrite.")

    @contextmanager
    def opened(self, mode="wb", **settings):
        """Opens a file for writing that replaces the path at the end."""
        with replacing(self.path) as (partial,):
            with partial.open(mode, **settings) as file:
                yield file
            self._refuse_to_overwrite()

    def write(self, arrays, main, names=None):
        """Writes arrays: all of them to .npz, as columns to .csv, and a single one to .npy.

        Args:
            arrays: a dict of arrays, the first axis of each counting the rows.
            main: name of the array for .npy.
            names: names of the rows; None for row numbers.
        """
        if self.suffix == ".csv":
            with self.opened("w", encoding="utf-8", newline="") as file:
                _write_table(file, arrays, names)
        else:
            with self.opened() as file:
                if self.suffix == ".npy":
                    np.save(file, arrays[main])
                else:
                    np.savez(file, **arrays, **({} if names is None else {"files": np.array(names)}))

    def draw(self, image):
        """Writes a picture.

        Args:
            image: a PIL image.
        """
        with self.opened() as file:
            image.save(file, "png")


def _write_table(file, arrays, names):
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["row" if names is None else "file", *(cell for item in arrays.items() for cell in _heads(*item))])
    columns = [array.reshape(len(array), -1) for array in arrays.values()]
    for i, row in enumerate(zip(*columns, strict=True)):
        cells = np.concatenate([numbers.astype(str) for numbers in row])
        writer.writerow([i if names is None else names[i], *cells])


def _heads(name, array):
    size = array[:1].size
    return [name] if array.ndim == 1 else [f"{name}_{i + 1}" for i in range(size)]
