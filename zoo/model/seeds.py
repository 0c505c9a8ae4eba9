"""Random seeds of the model."""

import tensorflow as tf

from zoo.checks import check_seed


def add_counter(model):
    """Adds the counter of `next_seed` to a model, an int64 variable that is saved with it.

    Args:
        model: a Keras model.

    Returns:
        The variable.
    """
    return model.add_weight(
        shape=(),
        dtype="int64",
        initializer="zeros",
        trainable=False,
        name="seed_counter",
        aggregation="only_first_replica",
    )


def draw_seed(vae, seed=None):
    """Returns a seed for draws: the next one of the model, or a function of the model's seed and a given one.

    Args:
        vae: a `zoo.VAE`.
        seed: an integer; None for the next seed.

    Returns:
        int32 [2].

    Raises:
        ValueError: `seed` is not an integer from 0 to 2³¹ − 1.
    """
    if seed is None:
        return next_seed(vae.seed, vae.seed_counter)
    return tf.constant([vae.seed, check_seed(seed)], tf.int32)


def next_seed(seed, counter):
    """Increments the counter, and returns a seed that is unique within the model.

    Args:
        seed: the model's seed, an integer.
        counter: int64 variable, the number of seeds returned before.

    Returns:
        int32 [2], a function of the seed, the counter and, if there are several, the replica.
    """
    counter.assign_add(1)
    seed = tf.cast(tf.stack([tf.constant(seed, tf.int64), tf.convert_to_tensor(counter)]), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return tf.random.fold_in(seed, context.replica_id_in_sync_group)
