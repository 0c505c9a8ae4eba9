"""What every bound on log p(x) is made of."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.hierarchy import Hierarchy

tfd = tfp.distributions


class Terms(NamedTuple):
    """What every bound is made of, in nats: K draws, B examples. The seam between models and objectives.

    Args:
        log_px: [K, B], log p(x|z).
        log_pz: [K, B], log p(z).
        log_qz: [K, B], log q(z|x).
        kl: [B, L] where KL(q(z|x) ‖ p(z)) is a sum over dimensions, else [B, 1]: see `kl_divergence`.
        z: [K, B, L], the draws.
        aggregate: what an objective wants to know of the whole batch: see `Objective.aggregate`.
        log_shares: [K, B], logarithm of each draw's share in a mean over the draws, where they are stratified; None
            for equal shares, 1/K.
    """

    log_px: tf.Tensor
    log_pz: tf.Tensor
    log_qz: tf.Tensor
    kl: tf.Tensor
    z: tf.Tensor
    aggregate: tf.Tensor
    log_shares: tf.Tensor | None = None

    @property
    def log_weights(self):
        """log p(x, z) / q(z|x) [K, B], the importance weights."""
        return self.log_px + self.log_pz - self.log_qz

    def mean(self, values):
        """Returns the mean of values [K, B] over the draws [B]."""
        return mean_of_draws(values, self.log_shares)


def mean_of_draws(values, log_shares=None):
    """Returns the mean over draws, Σₖ shareₖ valueₖ.

    Args:
        values: [K, B].
        log_shares: see `Terms`.

    Returns:
        [B].
    """
    if log_shares is None:
        return tf.reduce_mean(values, axis=0)
    return tf.reduce_sum(tf.exp(log_shares) * values, axis=0)


def kl_divergence(q, p, log_qz, log_pz, z=None, log_shares=None):
    """Returns KL(q ‖ p) in nats, in closed form where there is one, else estimated from draws of q.

    Of two hierarchies, KL(q(z₂|x) ‖ p(z₂)) + E KL(q(z₁|x, z₂) ‖ p(z₁|z₂)): the second in closed form at each draw
    of z₂, as is the first where there is one.

    Args:
        q: distribution, batch [B], event [L].
        p: distribution, batch [], event [L].
        log_qz: log q(z) of draws of q [K, B], used where there is no closed form, as are
        log_pz: log p(z) of them [K, B], and
        z: the draws [K, B, L], of hierarchies.
        log_shares: of the draws, see `Terms`.

    Returns:
        [B, L], the KL of each dimension, if both are diagonal normals; else [B, 1], the whole.
    """
    if isinstance(q, Hierarchy) and isinstance(p, Hierarchy):
        return _of_hierarchies(q, p, z)
    if isinstance(q, tfd.MultivariateNormalDiag) and isinstance(p, tfd.MultivariateNormalDiag):
        return tfd.kl_divergence(_marginals(q), _marginals(p))
    try:
        return tfd.kl_divergence(q, p)[..., None]
    except NotImplementedError:
        return mean_of_draws(log_qz - log_pz, log_shares)[..., None]


def _of_hierarchies(q, p, z):
    z2, _ = q.split(z)
    upper = kl_divergence(q.top, p.top, q.top.log_prob(z2), p.top.log_prob(z2))
    lower = tfd.kl_divergence(q.conditional(z2), p.conditional(z2))  # [K, B]
    return tf.reduce_sum(upper, axis=-1, keepdims=True) + tf.reduce_mean(lower, axis=0)[:, None]


def _marginals(normal):
    return tfd.Normal(normal.loc, normal.stddev())
