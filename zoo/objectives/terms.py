"""Computes the terms that every bound on log p(x) is made of."""

from typing import NamedTuple

import tensorflow as tf

from zoo.distributions.divergence import mean_of_draws


class Terms(NamedTuple):
    """What every bound is made of, in nats: K draws, B examples. The seam between models and objectives.

    Args:
        log_px: [K, B], log p(x|z).
        log_pz: [K, B], log p(z).
        log_qz: [K, B], log q(z|x).
        kl: [B, L] where KL(q(z|x) ‖ p(z)) is a sum over dimensions, else [B, 1]: see `kl_divergence`.
        z: [K, B, L], the draws.
        batch_statistic: what an objective wants to know of the whole batch: see `Objective.batch_statistic`.
        log_shares: [K, B], logarithm of each draw's share in a mean over the draws, where they are stratified; None
            for equal shares, 1/K.
    """

    log_px: tf.Tensor
    log_pz: tf.Tensor
    log_qz: tf.Tensor
    kl: tf.Tensor
    z: tf.Tensor
    batch_statistic: tf.Tensor
    log_shares: tf.Tensor | None = None

    @property
    def log_weights(self):
        """log p(x, z) / q(z|x) [K, B], the importance weights."""
        return self.log_px + self.log_pz - self.log_qz

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the mean of values [K, B] over the draws [B]."""
        return mean_of_draws(values, self.log_shares)
