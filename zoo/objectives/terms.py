"""What every bound on log p(x) is made of."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

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
    """

    log_px: tf.Tensor
    log_pz: tf.Tensor
    log_qz: tf.Tensor
    kl: tf.Tensor
    z: tf.Tensor
    aggregate: tf.Tensor

    @property
    def log_weights(self):
        """log p(x, z) / q(z|x) [K, B], the importance weights."""
        return self.log_px + self.log_pz - self.log_qz


def kl_divergence(q, p, log_qz, log_pz):
    """KL(q ‖ p) in nats, in closed form where there is one, else estimated from draws of q.

    Args:
        q: distribution, batch [B], event [L].
        p: distribution, batch [], event [L].
        log_qz: log q(z) of the draws [K, B], used where there is no closed form, as is
        log_pz: log p(z) of them [K, B].

    Returns:
        [B, L], the KL of each dimension, if both are diagonal normals; else [B, 1], the whole.
    """
    if isinstance(q, tfd.MultivariateNormalDiag) and isinstance(p, tfd.MultivariateNormalDiag):
        return tfd.kl_divergence(_marginals(q), _marginals(p))
    try:
        return tfd.kl_divergence(q, p)[..., None]
    except NotImplementedError:
        return tf.reduce_mean(log_qz - log_pz, axis=0)[..., None]


def _marginals(normal):
    return tfd.Normal(normal.loc, normal.stddev())
