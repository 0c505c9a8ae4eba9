"""What a run's data are: settings, not arrays."""

import os
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from zoo.checks import real_number, seed_number, whole_number

PATHS = ("data", "data_dir", "validation_data", "test_data")
Binarize = Literal["none", "static", "dynamic"]


@dataclass(frozen=True)
class DataSettings:
    """Which data, and how they are read. All but the first three concern data of your own only."""

    data: str = "digits"
    """A data set (digits, mnist, fashion_mnist, static_mnist), or a path: .npy, .npz, .csv, .tfrecord, a folder."""
    data_dir: str | None = None
    """Folder with the original data files; without it ZOO_DATA_DIR, or a cache folder and a download."""
    binarize: Binarize | None = None
    """Pixels of zero and one: never, once (over ½), or drawn anew for each batch; unset, the data set's own way."""
    validation_data: str | None = None
    """Path of the validation examples; unset, those in DATA, or a share of it."""
    test_data: str | None = None
    """Path of the test examples; unset, those in DATA, or a share of it."""
    validation_share: float = 0.1
    """Of the examples, for validation."""
    test_share: float = 0.1
    """Of the examples, for the test."""
    split_seed: int = 0
    """Of the choice of these examples, so that runs of any --seed share them."""
    support: str | None = None
    """What the values are: binary, unit, real, levels or simplex; unset, found from them."""
    image_size: tuple[int, ...] | None = None
    """Height and width (or one number) that images are resized to, and flat rows of pixels reshaped."""
    channels: Literal[1, 3] | None = None
    """Of images: 1 for grey levels, 3 for colours; unset, 1 where all files are grey."""
    key: str | None = None
    """Which array of an .npz, or which feature of TFRecords, the examples are; unset, found by its name or kind."""
    labels: str | None = None
    """Which column, array or feature the labels are; unset, one with a name such as label, class, target or y."""
    data_checksum: Annotated[str | None, tyro.conf.Suppress] = None
    """Of the data that a run was trained on; found, not set."""

    def __post_init__(self):
        for name in PATHS:  # which come with their ~ where a Makefile quotes them
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, os.path.expanduser(getattr(self, name)))
        for name in ("validation_share", "test_share"):
            real_number(getattr(self, name), name, least=0.001, most=0.9)
        if self.validation_share + self.test_share > 0.95:
            shares = f"{self.validation_share:g} and {self.test_share:g}"
            raise ValueError(f"Expected validation_share and test_share to leave training examples, got {shares}.")
        seed_number(self.split_seed)
        if self.image_size is not None:
            size = self.image_size if isinstance(self.image_size, list | tuple) else (self.image_size,)
            if len(size) not in (1, 2):
                raise ValueError(f"Expected as image_size a height and a width, or one number, got {self.image_size}.")
            height, width = (whole_number(size[i], "image_size") for i in (0, -1))
            object.__setattr__(self, "image_size", (height, width))
        if self.channels not in (None, 1, 3):
            raise ValueError(f"Expected channels to be 1 or 3, got {self.channels!r}.")
