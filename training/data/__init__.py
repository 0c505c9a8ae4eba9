"""Data sets by name, and user data."""

import importlib

_MODULES = {
    "Dataset": "training.data.dataset",
    "USER_DATA_OPTIONS": "training.data.load",
    "data_of": "training.data.load",
    "load_user_data": "training.data.user_data",
}

__all__ = [*_MODULES, "dataset_names", "digits", "fashion_mnist", "load_dataset", "mnist", "static_mnist"]


def __getattr__(name):
    """Imports a public name when it is used: the command line needs only the settings, and not TensorFlow."""
    if name.startswith("__") or name not in __all__:
        raise AttributeError(f"module 'training.data' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES.get(name, "training.data.named")), name)
