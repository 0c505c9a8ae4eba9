"""Options of tf.data pipelines."""

import tensorflow as tf


def untuned(dataset):
    """Turns off tf.data's autotuner, a thread that ends late.

    It wakes up 20 ms × (2ᵏ − 1) after the first batch, k = 1, 2, …, and an iterator is not gone before the thread has
    ended. Some iterators were gone only at its next turn, and `fit` waited for that.

    Args:
        dataset: a tf.data.Dataset; what it leaves to the autotuner is as parallel as there are cores, 16 at most.

    Returns:
        The same tf.data.Dataset without the autotuner.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
