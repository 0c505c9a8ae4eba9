"""Mixtures with stratified sampling."""

import math

import numpy as np
import tensorflow as tf

from zoo.distributions.moments import covariance_float64
from zoo.probability import tfd


class StratifiedMixture(tfd.MixtureSameFamily):
    """TFP's mixture with a covariance, tempered weights and stratified sampling."""

    def tempered(self, power):
        """Returns the mixture of the same components with weights ∝ πᵃ.

        Args:
            power: a, a number or scalar tensor.
        """
        logits = self.mixture_distribution.logits_parameter()
        weights = tfd.Categorical(logits=tf.cast(power, logits.dtype) * logits)
        return StratifiedMixture(weights, self.components_distribution, reparameterize=True)

    def sample_strata(self, n, seed):
        """Samples each component n times.

        Args:
            n: draws per component.
            seed: int32 [2].

        Returns:
            z [M n, ..., d], and log πₘ/n of each draw [M n, ...], its log-weight in means over the draws.
        """
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter()) - math.log(n)  # [..., M]
        z = self.components_distribution.sample(n, seed=seed)  # [n, ..., M, d]
        z = tf.unstack(z, log_weights.shape[-1], axis=-2)
        shares = [tf.broadcast_to(share, tf.shape(z[0])[:-1]) for share in tf.unstack(log_weights, axis=-1)]
        return tf.concat(z, axis=0), tf.concat(shares, axis=0)

    def _covariance(self):
        weights = self.mixture_distribution.probs_parameter()[..., None]  # [..., M, 1]
        centered = self.components_distribution.mean() - self.mean()[..., None, :]  # [..., M, d]
        within = tf.reduce_sum(weights * self.components_distribution.variance(), axis=-2)
        return tf.linalg.diag(within) + tf.matmul(weights * centered, centered, transpose_a=True)


@covariance_float64.register
def _(distribution: StratifiedMixture):
    weights = np.asarray(distribution.mixture_distribution.probs_parameter(), np.float64)[..., None]  # [..., M, 1]
    components = distribution.components_distribution
    loc, scale = np.asarray(components.mean(), np.float64), np.asarray(components.stddev(), np.float64)
    centered = loc - np.sum(weights * loc, axis=-2, keepdims=True)
    within = np.sum(weights * scale**2, axis=-2)[..., None] * np.eye(loc.shape[-1])
    return within + np.swapaxes(weights * centered, -1, -2) @ centered
