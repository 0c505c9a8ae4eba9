"""What of a posterior q(z|x) a client is told: the parameters of its family, under TFP's names."""

from functools import singledispatch

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
    return {name: value for name, value in map(_dense, q.parameters.items()) if tf.is_tensor(value)}


@parameters.register
def _(q: tfd.MixtureSameFamily):
    inner = q.components_distribution
    while isinstance(inner, tfd.Independent):
        inner = inner.distribution
    of_components = {f"components_{name}": value for name, value in parameters(inner).items()}
    return {"probs": q.mixture_distribution.probs_parameter()} | of_components


def _dense(item):
    name, value = item
    return name, value.to_dense() if isinstance(value, tf.linalg.LinearOperator) else value
