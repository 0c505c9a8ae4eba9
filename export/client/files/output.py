"""The files that outcomes are written to, whole or not at all."""

import csv
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Output:
    """A file to be written. All that can be wrong with it is said before anything is asked for.

    Args:
        path: where to.
        suffixes: what its name may end with.
        overwrite: whether a file that is there is replaced.

    Raises:
        FileExistsError: it is there.
        FileNotFoundError: its folder is not.
        ValueError: its name ends otherwise.
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
        """A file beside it, open to be written, which takes its place at the end."""
        partial = self.path.with_name(f"partial-{os.getpid()}-{self.path.name}")
        try:
            with partial.open(mode, **settings) as file:
                yield file
            self._refuse_to_overwrite()
            os.replace(partial, self.path)
        finally:
            partial.unlink(missing_ok=True)

    def write(self, arrays, main, names=None):
        """Writes arrays: all of them to .npz, as columns to .csv, and a single one to .npy.

        Args:
            arrays: a dict of arrays, the first axis of each counting the rows.
            main: the name of the one for .npy.
            names: of the rows; None for their numbers.
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
