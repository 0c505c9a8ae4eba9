"""Mixtures of the distributions that one layer gives, with a density that scales to many components and points."""

from functools import singledispatch

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions


@singledispatch
def pairwise_log_prob(components, z):
    """log pₘ(zₙ), the density of every point under every component.

    Args:
        components: distribution, batch [M], event [d].
        z: points [N, d].

    Returns:
        [N, M], nats.
    """
    return components.log_prob(z[:, None, :])


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalLinearOperator, z):
    # N right-hand sides for each of M matrices; a broadcast would repeat the matrices N times.
    u = components.scale.solve(tf.transpose(z) - components.loc[..., None])  # [M, d, N]
    normal = tfd.Normal(tf.zeros([], z.dtype), tf.ones([], z.dtype))
    log_densities = tf.reduce_sum(normal.log_prob(u), axis=-2) - components.scale.log_abs_determinant()[:, None]
    return tf.transpose(log_densities)


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalDiag, z):
    # A LinearOperator's too, but with nothing to be repeated.
    return components.log_prob(z[:, None, :])


class MixtureSameFamily(tfd.MixtureSameFamily):
    """Σₘ πₘ pₘ(z), of batch shape [], its density by `pairwise_log_prob`.

    Args:
        mixture_distribution: categorical distribution of the weights π [M].
        components_distribution: batch [M], event [d].
    """

    def _log_prob(self, z):
        points = tf.reshape(z, [-1, z.shape[-1]])
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter())  # [M]
        log_prob = tf.reduce_logsumexp(log_weights + pairwise_log_prob(self.components_distribution, points), axis=-1)
        return tf.reshape(log_prob, tf.shape(z)[:-1])
