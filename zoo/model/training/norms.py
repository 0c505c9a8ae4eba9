"""Sums and norms that XLA's CPU compiler vectorizes."""

import tensorflow as tf


def total(tensor):
    """Returns Σᵢ tᵢ of a floating tensor: NaN or infinite if an element is.

    On a CPU it is computed by a product with ones: XLA's CPU compiler adds the elements of a plain sum one after
    another.

    Args:
        tensor: any shape.
    """
    if tensor.shape.rank == 0 or tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"):
        return tf.reduce_sum(tensor)
    rows = tf.reshape(tensor, [-1, tensor.shape[-1] or tf.size(tensor)])
    return tf.reduce_sum(tf.linalg.matvec(rows, tf.ones(tf.shape(rows)[-1:], rows.dtype)))


def squared_norm(tensors):
    """Returns Σᵢ |tᵢ|² over a list of tensors, which may be None; 0.0 for an empty list."""
    given = [tf.cast(tensor, tf.float32) for tensor in tensors if tensor is not None]
    return tf.add_n([tf.constant(0.0), *(total(tensor * tensor) for tensor in given)])


def clip(tensors, norm, limit):
    """Scales tensors, which may be None, such that their norm is at most a limit, as `tf.clip_by_global_norm` does.

    Args:
        tensors: a list.
        norm: the norm of all together, a scalar tensor.
        limit: a positive number.
    """
    scale = limit / tf.maximum(norm, limit)
    return [None if tensor is None else tensor * tf.cast(scale, tensor.dtype) for tensor in tensors]
