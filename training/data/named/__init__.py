"""Named data sets: a file for each source, with its names in `training.data.names`."""

import importlib

from training.data.named.registry import dataset_names, load_dataset
from training.data.names import DATASETS

__all__ = ["dataset_names", "load_dataset"]

for module in sorted(set(DATASETS.values())):  # which register their data sets
    importlib.import_module(f"training.data.named.{module}")
