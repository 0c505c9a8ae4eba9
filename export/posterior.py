"""What of a posterior q(z|x) a client is told: the parameters of its family, under TFP's names."""

from functools import singledispatch

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


@singledispatch
def parameters(q):
    """The tensors that a distribution was made of; a family of parts may say itself what is told of them.

    Args:
        q: distribution, batch [B], event [L].

    Returns:
        name -> tensor [B, ...]: of a full covariance `scale_tril`, of a diagonal one `scale_diag`, …
    """
    try:
        properties = q.parameter_properties()
    except NotImplementedError:
        properties = {}
    found = {}
    for name, value in q.parameters.items():
        value = value.to_dense() if isinstance(value, tf.linalg.LinearOperator) else value
        if tf.is_tensor(value) or isinstance(value, keras.Variable | np.ndarray):
            value = tf.convert_to_tensor(value)
            rank = properties[name].event_ndims if name in properties else None
            found[name] = _in_batch(value, q, rank if isinstance(rank, int) else value.shape.rank - 1)
    return found


@parameters.register
def _(q: tfd.Independent):
    return parameters(q.distribution)


@parameters.register
def _(q: tfd.MixtureSameFamily):
    of_components = {f"components_{name}": value for name, value in parameters(q.components_distribution).items()}
    return {"probs": q.mixture_distribution.probs_parameter()} | of_components


def _in_batch(value, q, event_rank):
    """A parameter, repeated for each row where all rows share it."""
    if value.shape.rank > event_rank:
        return value
    return tf.broadcast_to(value, tf.concat([q.batch_shape_tensor()[:1], tf.shape(value)], axis=0))
