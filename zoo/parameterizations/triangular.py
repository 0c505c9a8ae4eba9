"""Σ parameterized by its Cholesky factor, or by standard deviations and the correlation matrix's Cholesky factor."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.distributions.positive import positive
from zoo.probability import tfd, tfp
from zoo.registry import register


@register("normal", "tril")
@dataclass(frozen=True)
class TriL:
    """N(μ, L Lᵀ), L lower triangular with a positive diagonal: d + d(d+1)/2 parameters.

    Σ = L Lᵀ is positive definite for any parameters, and every positive definite Σ has exactly one such L
    (Kingma & Welling, 2019, arXiv:1906.02691, section 2.5.1).
    """

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return d + d * (d + 1) // 2

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw = tf.split(params, [d, -1], axis=-1)
        lower, raw_scale = _strict_lower_and_diagonal(raw, d)
        # A sum instead of `set_diag`, whose gradient XLA does not support for a batch of unknown size.
        return tfd.MultivariateNormalTriL(loc, lower + tf.linalg.diag(positive(raw_scale)))


@register("normal", "std_corr")
@dataclass(frozen=True)
class StdCorr:
    """N(μ, (σI) Ω (σI)), standard deviations σ and a correlation matrix Ω = C Cᵀ: d + d(d+1)/2 parameters.

    C is lower triangular with a positive diagonal and rows of unit norm, so Ω is a correlation matrix for any
    parameters, and every correlation matrix has such a C (Pinheiro & Bates, 1996). A tanh for each correlation would
    not suffice: for d ≥ 3, the matrix may be indefinite. Standard deviations and correlations are separate parameters,
    so changing a standard deviation leaves correlations unchanged.
    """

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return d + d * (d + 1) // 2

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw = tf.split(params, [d, -1], axis=-1)
        lower, raw_scale = _strict_lower_and_diagonal(raw, d)
        rows = lower + tf.eye(d, dtype=raw.dtype)
        correlation = rows / tf.norm(rows, axis=-1, keepdims=True)  # C; the norm of a row is at least 1
        return tfd.MultivariateNormalTriL(loc, positive(raw_scale)[..., None] * correlation)


def _strict_lower_and_diagonal(raw, d):
    """Splits raw [..., d(d+1)/2] into a strictly lower triangular matrix [..., d, d] and a vector [..., d]."""
    raw = tfp.math.fill_triangular(raw)
    return raw * tf.constant(np.tri(d, k=-1), raw.dtype), tf.linalg.diag_part(raw)
