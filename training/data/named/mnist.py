"""MNIST and Fashion-MNIST, from their original idx files."""

import numpy as np

from training.data.dataset import Dataset
from training.data.named.downloads import Source, read
from training.data.named.registry import named_dataset

MNIST_URLS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FASHION_URLS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
)
VALIDATION = 10_000  # the last of the training images


@named_dataset(binarize="dynamic")
def mnist(data_dir=None):
    """Loads MNIST (LeCun, Cortes & Burges), 28×28 gray levels in [0, 1]: 50,000 / 10,000 / 10,000 images.

    The training set is the first 50,000 of the original one and the validation set its last 10,000.

    Args:
        data_dir: see `training.data.named.downloads.read`.

    Returns:
        A `Dataset`.
    """
    checksums = (
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    )
    return _idx_dataset("mnist", MNIST_URLS, checksums, data_dir)


@named_dataset(binarize="dynamic")
def fashion_mnist(data_dir=None):
    """Loads Fashion-MNIST (Xiao et al., 2017, arXiv:1708.07747), 28×28 gray levels in [0, 1].

    There are 50,000 / 10,000 / 10,000 images for training, validation and test.

    The training set is the first 50,000 of the original one and the validation set its last 10,000.

    Args:
        data_dir: see `training.data.named.downloads.read`.

    Returns:
        A `Dataset`.
    """
    checksums = (
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    )
    return _idx_dataset("fashion_mnist", FASHION_URLS, checksums, data_dir)


def _idx_dataset(name, urls, checksums, data_dir):
    files = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    sources = [
        Source(f"{name}/{file}", md5, tuple(f"{url}{file}.gz" for url in urls))
        for file, md5 in zip(files, checksums, strict=True)
    ]
    train, train_labels, test, labels = (parse_idx(read(source, data_dir)) for source in sources)
    train, test = (np.float32(images[..., None]) / 255 for images in (train, test))
    train, validation = train[:-VALIDATION], train[-VALIDATION:]
    return Dataset(name, "unit", train, validation, test, labels, train_labels[: len(train)])


def parse_idx(content):
    """Returns the array in an idx file.

    It holds two zeros, the type (8: uint8), the rank, the sizes in 4 bytes each, the values.

    Args:
        content: the file's bytes.

    Returns:
        uint8 array.

    Raises:
        ValueError: It is no idx file of bytes, or is truncated.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(f"Expected an idx file of bytes, which begins with 00 00 08, got {content[:4].hex(' ')}.")
    rank = content[3]
    if len(content) < 4 + 4 * rank:
        raise ValueError(f"Expected {rank} sizes in the idx file, but it ends after {len(content)} bytes.")
    shape = np.frombuffer(content, ">u4", rank, offset=4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"Expected {' × '.join(map(str, shape))} values in the idx file, got {values.size}.")
    return values.reshape(shape)
