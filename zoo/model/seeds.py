"""Random seeds of the model."""

import tensorflow as tf


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
