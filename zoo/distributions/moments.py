"""Moments of distributions: estimates from draws if there is no closed form, and positive definite covariances."""

from functools import singledispatch

import numpy as np
import tensorflow as tf

from zoo.probability import tfd

DRAWS, SEED = 256, (0, 1)


class MomentsFromDraws:
    """A mix-in for a `tfd.Distribution` whose mean and covariance are estimated from 256 draws.

    The draws have a fixed seed; XLA's random numbers differ from those without XLA. The standard error of the mean is
    1/16 of the standard deviation.
    """

    def _mean(self):
        return tf.reduce_mean(self.fixed_draws(), axis=0)

    def _covariance(self):
        z = self.fixed_draws()
        centered = z - tf.reduce_mean(z, axis=0)
        return tf.einsum("k...i,k...j->...ij", centered, centered) / (DRAWS - 1)

    def _variance(self):
        return tf.linalg.diag_part(self.covariance())

    def _stddev(self):
        return tf.sqrt(self.variance())

    def fixed_draws(self):
        """Returns the draws [K, ..., d] that the moments are estimated from."""
        return self.sample(DRAWS, seed=tf.constant(SEED))


@singledispatch
def covariance_float64(distribution):
    """Returns covariance matrices in float64, computed from scale factors if the family has them.

    Computed in float32, Σ = L Lᵀ is not positive definite if its condition number is over about 1e7; the condition
    number of L is only the square root.

    Args:
        distribution: batch [...], event [d].

    Returns:
        Array [..., d, d].
    """
    return np.float64(distribution.covariance())


@covariance_float64.register
def _(distribution: tfd.MultivariateNormalLinearOperator):
    root = np.float64(distribution.scale.to_dense())
    return root @ np.swapaxes(root, -1, -2)


@covariance_float64.register
def _(distribution: MomentsFromDraws):
    z = np.float64(distribution.fixed_draws())
    centered = np.moveaxis(z - z.mean(axis=0), 0, -1)  # [..., d, K]
    return centered @ np.swapaxes(centered, -1, -2) / (DRAWS - 1)
