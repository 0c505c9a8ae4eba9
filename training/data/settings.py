"""The settings of a run's data."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from zoo.checks import check_float, check_int, check_seed

PATHS = ("data", "data_dir", "validation_data", "test_data")
FRACTIONS = ("validation_fraction", "test_fraction")
Binarize = Literal["none", "static", "dynamic"]


@dataclass(frozen=True)
class DataSettings:
    """Which data, and how they are read. All settings but the first three, and `columns`, are for user data only."""

    data: str = "digits"
    """Name of a data set, such as digits or mnist, or path of user data: a folder, .npy, .npz, .csv or .tfrecord."""
    data_dir: str | None = None
    """Folder with the original data files; unset, ZOO_DATA_DIR, else a cache folder and a download."""
    binarize: Binarize | None = None
    """Binarization of gray levels: none, static (threshold ½), or dynamic (sampled for each batch); unset, the data
    set's own."""
    validation_data: str | None = None
    """Path of the validation examples; unset, those in DATA, or a random fraction of it."""
    test_data: str | None = None
    """Path of the test examples; unset, those in DATA, or a random fraction of it."""
    validation_fraction: float = 0.1
    """Fraction of the examples to hold out for validation."""
    test_fraction: float = 0.1
    """Fraction of the examples to hold out for the test."""
    split_seed: int = 0
    """Seed of the train/validation/test split; independent of --seed."""
    support: str | None = None
    """Support of the data: binary, levels, simplex, unit or real; unset, inferred from the values."""
    image_size: tuple[int, ...] | None = None
    """Height and width, or one number for both, to resize images to, or to reshape flat rows of pixels to."""
    channels: Literal[1, 3] | None = None
    """Number of image channels, 1 for gray and 3 for color; unset, 1 if all files are gray."""
    key: str | None = None
    """Name of the array in an .npz file, or of the feature in TFRecord files, with the examples; unset, inferred."""
    labels: str | None = None
    """Name of the column, array or feature with the labels; unset, one called label, class, target, y or the like."""
    columns: tuple[str, ...] | None = None
    """Names of the columns of a table to use, in this order; unset, all."""
    filled: Annotated[dict[str, float] | None, tyro.conf.Suppress] = None
    """Columns that the data lack → their value in all examples; set by fine-tuning."""
    data_checksum: Annotated[str | None, tyro.conf.Suppress] = None
    """Checksum of the data that a run was trained on; computed, not set."""

    def __post_init__(self):
        for name in PATHS:  # which come with their ~ where a Makefile quotes them
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, os.path.expanduser(getattr(self, name)))
        self._check_fractions()
        check_seed(self.split_seed)
        if self.image_size is not None:
            object.__setattr__(self, "image_size", _height_and_width(self.image_size))
        if self.columns is not None:
            if not self.columns or not all(isinstance(name, str) for name in self.columns):
                raise ValueError(f"Expected columns to be names of columns, one or more, got {self.columns!r:.100}.")
            object.__setattr__(self, "columns", tuple(self.columns))
        if self.channels not in (None, 1, 3):
            raise ValueError(f"Expected channels to be 1 or 3, got {self.channels!r}.")

    def _check_fractions(self):
        for name in FRACTIONS:
            check_float(getattr(self, name), name, minimum=0.001, maximum=0.9)
        if self.validation_fraction + self.test_fraction > 0.95:
            fractions = f"{self.validation_fraction:g} and {self.test_fraction:g}"
            raise ValueError(
                f"Expected validation_fraction and test_fraction to leave training examples, got {fractions}."
            )


def _height_and_width(image_size):
    size = image_size if isinstance(image_size, list | tuple) else (image_size,)
    if len(size) not in (1, 2):
        raise ValueError(f"Expected image_size to be a height and a width, or one number, got {image_size}.")
    height, width = (check_int(size[i], "image_size") for i in (0, -1))
    return height, width
