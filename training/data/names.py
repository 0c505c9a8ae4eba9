"""Names of the data sets, read without TensorFlow."""

import os
from pathlib import Path

DATASETS = {  # name -> its module in `training.data.named`
    "breast_cancer": "breast_cancer",
    "digits": "digits",
    "fashion_mnist": "mnist",
    "mnist": "mnist",
    "static_mnist": "static_mnist",
}


def is_name(data, known=tuple(DATASETS)):
    """Returns whether --data is a name, known or not, and not a path.

    Args:
        data: value of the option.
        known: names of data sets.
    """
    if "/" in data:
        return False
    return data in known or not (Path(data).suffix or os.path.lexists(data))


def check_name(data):
    """Checks that --data is the name of a data set, or a path.

    Args:
        data: value of the option.

    Raises:
        KeyError: it is an unknown name.
    """
    if is_name(data) and data not in DATASETS:
        raise unknown_dataset(data, DATASETS)


def unknown_dataset(name, known):
    """Returns the error for an unknown name.

    Args:
        name: the name.
        known: names of data sets.
    """
    return KeyError(f"No data set '{name}'. Known: {', '.join(sorted(known))}; or name a file or folder, ./{name}.")
