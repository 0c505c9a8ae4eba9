"""Larochelle's fixed binarization of MNIST, the benchmark of the VAE literature."""

import numpy as np

from training.data.dataset import Dataset
from training.data.named.downloads import Source, read
from training.data.named.registry import named_dataset

URL = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
CHECKSUMS = {
    "train": "db28b1a6ae0fe70cbd3da91acf46e477",
    "valid": "bf37822a04e94123630de6a7dfd9c9ef",
    "test": "14e41ae11040adba6ab8cb291eda0dd8",
}


@named_dataset()
def static_mnist(data_dir=None):
    """Loads binarized MNIST, 28×28 pixels (Larochelle & Murray, 2011): 50,000 / 10,000 / 10,000 images.

    The test file is sorted by label and comes without labels. Its rows are shuffled here with a fixed seed, so that
    the first n of them are a fair sample.

    Args:
        data_dir: see `training.data.named.downloads.read`.

    Returns:
        A `Dataset`.
    """
    train, validation, test = (_rows(part, data_dir) for part in CHECKSUMS)
    order = np.random.default_rng(0).permutation(len(test))
    return Dataset("static_mnist", "binary", train, validation, test[order], binarize="static")


def _rows(part, data_dir):
    name = f"binarized_mnist_{part}.amat"
    text = read(Source(f"static_mnist/{name}", CHECKSUMS[part], (URL + name,)), data_dir)
    characters = np.frombuffer(text, np.uint8)
    pixels = characters[(characters == ord("0")) | (characters == ord("1"))] - ord("0")
    return pixels.reshape(-1, 28, 28, 1)
