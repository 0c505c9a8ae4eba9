"""Data sets by name: a file a source, each with functions that return a `Dataset`."""

from training.data.dataset import Dataset, dataset_names, load_dataset
from training.data.digits import digits
from training.data.mnist import fashion_mnist, mnist
from training.data.static_mnist import static_mnist

__all__ = ["Dataset", "dataset_names", "digits", "fashion_mnist", "load_dataset", "mnist", "static_mnist"]
