"""The terms of a variational bound on log p(x)."""

from typing import NamedTuple

import tensorflow as tf

from zoo.distributions.divergence import mean_of_draws


class Terms(NamedTuple):
    """The terms of a variational bound for K draws and B examples, in nats: the interface of models and objectives.

    Args:
        log_px: [K, B], log p(x|z).
        log_pz: [K, B], log p(z).
        log_qz: [K, B], log q(z|x).
        kl: [B, L], KL(q(z|x) ‖ p(z)) per dimension if it is a sum over dimensions, else [B, 1]: see `kl_divergence`.
        z: [K, B, L], draws of q(z|x).
        batch_statistic: the result of `Objective.batch_statistic`.
        log_draw_weights: [K, B], log-weight of each draw in a mean over stratified draws; None for equal weights, 1/K.
    """

    log_px: tf.Tensor
    log_pz: tf.Tensor
    log_qz: tf.Tensor
    kl: tf.Tensor
    z: tf.Tensor
    batch_statistic: tf.Tensor
    log_draw_weights: tf.Tensor | None = None

    @property
    def log_weights(self):
        """log p(x, z) / q(z|x) [K, B], the importance weights."""
        return self.log_px + self.log_pz - self.log_qz

    def mean(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the weighted mean [B] of values [K, B] over the draws."""
        return mean_of_draws(values, self.log_draw_weights)
