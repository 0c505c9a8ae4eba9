"""The handwritten digits that come with scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from training.data.dataset import Dataset
from training.data.named.registry import named_dataset


@named_dataset(binarize="dynamic")
def digits(data_dir=None):
    """Loads 1,797 handwritten digits, 8×8, 17 gray levels scaled to [0, 1]: 1,397 / 200 / 200, split by a fixed seed.

    They are part of the UCI set "Optical Recognition of Handwritten Digits" and come with scikit-learn:
    nothing is downloaded.

    Args:
        data_dir: not used.

    Returns:
        A `Dataset`.
    """
    images, labels = load_digits(return_X_y=True)
    x = (images / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    rest, test, labels, test_labels = train_test_split(x, labels, test_size=200, random_state=0, stratify=labels)
    train, validation, train_labels, _ = train_test_split(rest, labels, test_size=200, random_state=0)
    return Dataset("digits", "unit", train, validation, test, test_labels, train_labels, epochs=300)
