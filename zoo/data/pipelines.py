"""Options of tf.data pipelines."""

import tensorflow as tf


def untuned(dataset):
    """Turns off tf.data's autotuner, a thread that ends late.

    It wakes up 20 ms × (2ᵏ − 1) after the first batch, k = 1, 2, …, and an iterator is not gone before it has ended. It
    is told to end just before the flag that it then reads is set: if it reads it too early it sleeps on until its next
    turn, and `fit` waits for that, at worst as long as its epoch has taken.

    Args:
        dataset: a tf.data.Dataset; what it leaves to the autotuner is as parallel as there are cores, 16 at most.

    Returns:
        The same tf.data.Dataset without the autotuner.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
