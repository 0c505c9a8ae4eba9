"""Named data sets: a file for each source, and a line here."""

from training.data.named.digits import digits
from training.data.named.mnist import fashion_mnist, mnist
from training.data.named.registry import dataset_names, load_dataset
from training.data.named.static_mnist import static_mnist

__all__ = ["dataset_names", "digits", "fashion_mnist", "load_dataset", "mnist", "static_mnist"]
