"""The table of breast tumors that comes with scikit-learn."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from training.data.dataset import Dataset
from training.data.named.registry import named_dataset

BENIGN = 1


@named_dataset()
def breast_cancer(data_dir=None):
    """Loads 30 measurements of the nuclei in each of 357 benign tumors: 217 / 70 / 70, split by a fixed seed.

    They are the benign ones of the 569 tumors of the UCI set "Breast Cancer Wisconsin (Diagnostic)", so that a model of
    them scores how unusual a tumor is; `malignant` has the others. They come with scikit-learn: nothing is downloaded.

    Args:
        data_dir: not used.

    Returns:
        A `Dataset`.
    """
    x, columns = _tumors(lambda target: target == BENIGN)
    rest, test = train_test_split(x, test_size=70, random_state=0)
    train, validation = train_test_split(rest, test_size=70, random_state=0)
    return Dataset("breast_cancer", "real", train, validation, test, epochs=300, columns=columns)


def malignant():
    """Returns the same measurements of the 212 malignant tumors, which no model of `breast_cancer` has seen."""
    return _tumors(lambda target: target != BENIGN)[0]


def _tumors(chosen):
    tumors = load_breast_cancer()
    return np.float32(tumors.data[chosen(tumors.target)]), tuple(map(str, tumors.feature_names))
