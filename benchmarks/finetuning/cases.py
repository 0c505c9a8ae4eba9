"""The cases: which model is fine-tuned on which few images, and what it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from training.data.named import load_dataset

TEST = 1_000  # images
SCRATCH = "from scratch"


@dataclass(frozen=True)
class Case:
    """A fine-tuning.

    Args:
        base: the preset.
        examples: function (number, seed, data_dir) ↦ gray images [n, h, w, 1] of training and validation, and of the
            test.
        number: of examples for training and validation.
        options: other settings of the command.
        beside: what it is compared with: a training from scratch, or another case.
    """

    base: str
    examples: Callable
    number: int
    options: dict = field(default_factory=dict)
    beside: str = SCRATCH


def images(name, size=28):
    """Returns a function that chooses examples of a data set, resized.

    Args:
        name: of the data set.
        size: height and width in pixels.
    """

    def chosen(number, seed, data_dir):
        dataset = load_dataset(name, "none", data_dir)
        order = np.random.default_rng(seed).permutation(len(dataset.train))
        x = dataset.train[np.sort(order[:number])], dataset.test[:TEST]
        return tuple(np.clip(tf.image.resize(part, (size, size)).numpy(), 0, 1) for part in x)

    return chosen


FASHION, DIGITS, SMALL = images("fashion_mnist"), images("digits"), images("mnist", 14)
TRIL, DIAG, VAMP = "tril_vae-static_mnist", "diag_vae-static_mnist", "vamp_vae-static_mnist"
CASES = {
    "fashion_200": Case(TRIL, FASHION, 200),
    "fashion_1000": Case(TRIL, FASHION, 1_000),
    "digits_200": Case(TRIL, DIGITS, 200),
    "digits_1000": Case(TRIL, DIGITS, 1_000),
    "small_200": Case(TRIL, SMALL, 200),
    "small_1000": Case(TRIL, SMALL, 1_000),
    "slow_200": Case(TRIL, FASHION, 200, {"learning_rate": 2e-4}, "fashion_200"),
    "lora": Case(TRIL, FASHION, 1_000, {"train": "lora(rank=4)"}, "fashion_1000"),
    "decoder": Case(TRIL, FASHION, 1_000, {"train": "decoder"}, "fashion_1000"),
    "no_upgrade": Case(DIAG, FASHION, 1_000, beside="upgrade"),
    "upgrade": Case(DIAG, FASHION, 1_000, {"posterior": "tril"}, "no_upgrade"),
    "vamp": Case(VAMP, FASHION, 1_000),
    "vamp_stale": Case(VAMP, FASHION, 1_000, {"refresh_prior": "no"}, "vamp"),
}
