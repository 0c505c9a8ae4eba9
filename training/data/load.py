"""From settings to a `Dataset`: one of those with names, or user data."""

import os
from pathlib import Path

from training.data.dataset import Dataset, dataset_names, load_dataset
from training.data.files.user_data import own_data
from training.data.memory import memory_errors_named
from training.data.named.digits import digits
from training.data.named.mnist import fashion_mnist, mnist
from training.data.named.static_mnist import static_mnist

__all__ = [
    "OF_OWN_DATA",
    "Dataset",
    "data_of",
    "dataset_names",
    "digits",
    "fashion_mnist",
    "load_dataset",
    "mnist",
    "own_data",
    "static_mnist",
]

OF_OWN_DATA = ("validation_data", "test_data", "support", "image_size", "channels", "key", "labels")


def data_of(settings):
    """The data set that settings ask for: one of those with names, or one's own.

    Args:
        settings: `training.data.settings.DataSettings`.

    Raises:
        KeyError, FileNotFoundError, ValueError: see `load_dataset` and `own_data`; or one with a name is not one's own.
    """
    named = settings.data in dataset_names() or not (Path(settings.data).suffix or os.path.lexists(settings.data))
    if named and "/" not in settings.data:
        others = [name for name in OF_OWN_DATA if getattr(settings, name) is not None]
        if others and settings.data in dataset_names():
            raise ValueError(
                f"--{others[0].replace('_', '-')} is for data of your own, and '{settings.data}' is a data set of the "
                f"zoo. Leave it out; or name a file or folder with ./{settings.data}."
            )
        with memory_errors_named(settings.data):
            return load_dataset(settings.data, settings.binarize, settings.data_dir)
    return own_data(settings)
