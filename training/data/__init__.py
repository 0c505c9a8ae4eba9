"""Data sets by name, and user data."""

import importlib

_MODULES = {
    "Dataset": "training.data.dataset",
    "USER_DATA_OPTIONS": "training.data.load",
    "data_of": "training.data.load",
    "dataset_names": "training.data.named",
    "digits": "training.data.named.digits",
    "fashion_mnist": "training.data.named.mnist",
    "load_dataset": "training.data.named",
    "load_user_data": "training.data.user_data",
    "mnist": "training.data.named.mnist",
    "static_mnist": "training.data.named.static_mnist",
}

__all__ = sorted(_MODULES)


def __getattr__(name):
    """Imports a public name when it is used: the command line needs only the settings, and not TensorFlow."""
    if name not in _MODULES:
        raise AttributeError(f"module 'training.data' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)
