"""Data sets by name."""

from training.data.binarization import binarized
from training.data.names import unknown_dataset

_DATASETS = {}


def named_dataset(binarize="none"):
    """Returns a decorator that registers a function of `data_dir` as a data set, under the function's name.

    Args:
        binarize: how it is binarized by default.
    """

    def add(function):
        _DATASETS[function.__name__] = (function, binarize)
        return function

    return add


def dataset_names():
    """Returns the names of all data sets."""
    return sorted(_DATASETS)


def load_dataset(name, binarize=None, data_dir=None):
    """Loads a data set by name.

    Args:
        name: one of `dataset_names()`.
        binarize: "none", "static" or "dynamic"; None for the data set's default.
        data_dir: folder with the original files; None for `ZOO_DATA_DIR` or, without that, the cache
            folder, into which they are downloaded.

    Returns:
        A `Dataset`.

    Raises:
        KeyError: No data set has that name.
        ValueError: It cannot be binarized so, or a file is damaged.
        FileNotFoundError: A file is missing in `data_dir`.
    """
    if name not in _DATASETS:
        raise unknown_dataset(name, _DATASETS)
    function, default = _DATASETS[name]
    return binarized(function(data_dir), default if binarize is None else binarize)
