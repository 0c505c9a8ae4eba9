"""Named data sets: a file for each source, and its name here."""

from training.data.named import digits, mnist, static_mnist  # which register their data sets
from training.data.named.registry import dataset_names, load_dataset

__all__ = ["dataset_names", "digits", "load_dataset", "mnist", "static_mnist"]
