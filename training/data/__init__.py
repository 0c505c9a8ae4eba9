"""Data sets by name: a file a source, each with functions that return a `Dataset`."""

import importlib

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


def __getattr__(name):
    """Imports the readers, and TensorFlow with them, when the first one is used: `settings` is read without."""
    if name not in __all__:
        raise AttributeError(f"module 'training.data' has no attribute '{name}'")
    return getattr(importlib.import_module("training.data.load"), name)
