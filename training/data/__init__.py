"""Data sets by name, and user data."""

import importlib

from training.data.names import DATASETS

_MODULES = {
    "Dataset": "training.data.dataset",
    "USER_DATA_OPTIONS": "training.data.load",
    "data_of": "training.data.load",
    "dataset_names": "training.data.named",
    "load_dataset": "training.data.named",
    "load_user_data": "training.data.user_data",
} | {name: f"training.data.named.{module}" for name, module in DATASETS.items()}

__all__ = sorted(_MODULES)


def __getattr__(name):
    """Imports a public name when it is used: the command line needs only the settings, and not TensorFlow."""
    if name not in _MODULES:
        raise AttributeError(f"module 'training.data' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)
