"""Seeds of the model's draws."""

import tensorflow as tf


def next_seed(seed, counter):
    """Counts a draw, and returns a seed that never comes twice in a model.

    Args:
        seed: the model's, an integer.
        counter: int64 variable, how many seeds were made before.

    Returns:
        int32 [2], of the seed, the count and, where there are several, the replica.
    """
    counter.assign_add(1)
    seed = tf.cast(tf.stack([tf.constant(seed, tf.int64), tf.convert_to_tensor(counter)]), tf.int32)
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return seed
    return tf.random.fold_in(seed, context.replica_id_in_sync_group)
