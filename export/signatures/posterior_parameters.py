"""The parameters of a posterior q(z|x) that clients get, under TFP's names."""

from functools import singledispatch

import tensorflow as tf

from zoo.probability import tfd, tfp


@singledispatch
def parameters(q):
    """Returns the tensors that a distribution was made of; compound distributions register a function of their own.

    Args:
        q: distribution, batch [B], event [L].

    Returns:
        name -> tensor [B, ...]: of a full covariance `scale_tril`, of a diagonal one `scale_diag`, …
    """
    try:
        properties = q.parameter_properties()
    except NotImplementedError:  # a user's distribution, that does not say which of them are parameters
        return {name: value for name, value in q.parameters.items() if tf.is_tensor(value)}
    found = {}
    for name, about in properties.items():
        value = q.parameters.get(name)
        if value is None or isinstance(value, tfd.Distribution | tfp.bijectors.Bijector):
            continue
        of_operator = isinstance(value, tf.linalg.LinearOperator)
        value = value.to_dense() if of_operator else tf.convert_to_tensor(value, dtype_hint=q.dtype)
        found[name] = _in_batch(value, q, 2 if of_operator else about.instance_event_ndims(q))
    return found


@parameters.register
def _(q: tfd.Independent):
    return parameters(q.distribution)


@parameters.register
def _(q: tfd.MixtureSameFamily):
    of_components = {f"components_{name}": value for name, value in parameters(q.components_distribution).items()}
    return {"probs": _in_batch(q.mixture_distribution.probs_parameter(), q, 1)} | of_components


def _in_batch(value, q, event_rank):
    """Returns a parameter of a distribution, repeated where its whole batch, or an axis of that, shares it."""
    event = value.shape.rank - event_rank
    shape = tf.concat([q.batch_shape_tensor(), tf.shape(value)[event:]], axis=0)
    return tf.ensure_shape(tf.broadcast_to(value, shape), q.batch_shape.concatenate(value.shape[event:]))
