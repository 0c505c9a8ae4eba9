"""Normal families: unconstrained parameters ↦ N(μ, Σ).

Posteriors, learned priors and mixture components all make their normals here, so that a covariance is
parameterised once.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.layer import positive
from zoo.registry import register

tfd = tfp.distributions


@register("normal", "diag")
@dataclass(frozen=True)
class Diag:
    """N(μ, diag σ²): 2d parameters, μ and σ. All zero, they give N(0, I)."""

    def size(self, d):
        """The number of parameters of a normal in d dimensions."""
        return 2 * d

    def __call__(self, params, d):
        """params [..., size(d)] ↦ a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale = tf.split(params, [d, d], axis=-1)
        return tfd.MultivariateNormalDiag(loc, positive(raw_scale))


@register("normal", "tril")
@dataclass(frozen=True)
class TriL:
    """N(μ, L Lᵀ), L lower triangular with a positive diagonal: d + d(d+1)/2 parameters.

    Σ = L Lᵀ is positive definite for any parameters, and every positive definite Σ has one such L
    (Kingma & Welling, 2019, arXiv:1906.02691, section 2.5.1). All parameters zero give N(0, I).
    """

    def size(self, d):
        """The number of parameters of a normal in d dimensions."""
        return d + d * (d + 1) // 2

    def __call__(self, params, d):
        """params [..., size(d)] ↦ a normal of batch shape [...] and event shape [d]."""
        loc, raw = tf.split(params, [d, -1], axis=-1)
        raw = tfp.math.fill_triangular(raw)  # [..., d, d]
        scale = positive(tf.linalg.diag_part(raw))  # [..., d]
        lower = raw * tf.constant(np.tri(d, k=-1), raw.dtype)
        # A sum, not `set_diag`: XLA has no gradient for that on a batch of unknown size.
        return tfd.MultivariateNormalTriL(loc, lower + scale[..., None] * tf.eye(d, dtype=raw.dtype))
