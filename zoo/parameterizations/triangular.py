"""Σ parameterized by its Cholesky factor, or by standard deviations and the correlation matrix's Cholesky factor."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.distributions.positive import inverse_positive, positive
from zoo.parameterizations.diagonal import first_parameters
from zoo.probability import tfd
from zoo.registry import register


@register("normal", "tril")
@dataclass(frozen=True)
class TriL:
    """N(μ, L Lᵀ), L lower triangular with a positive diagonal: d + d(d+1)/2 parameters, μ, the diagonal and the rest.

    Σ = L Lᵀ is positive definite for any parameters, and every positive definite Σ has exactly one such L
    (Kingma & Welling, 2019, arXiv:1906.02691, section 2.5.1).
    """

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return d + d * (d + 1) // 2

    def from_diagonal(self, d):
        """Returns the `FromDiagonal` of this family in d dimensions."""
        return first_parameters(self.params_size(d), d)

    def from_covariance(self, loc, covariance):
        """Returns the parameters of N(μ, Σ) [..., P], of arrays μ [..., d] and Σ [..., d, d]."""
        return _parameters(loc, np.linalg.cholesky(covariance))

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale, below = tf.split(params, [d, d, d * (d - 1) // 2], axis=-1)
        # A sum instead of `set_diag`, whose gradient XLA does not support for a batch of unknown size.
        return tfd.MultivariateNormalTriL(loc, strictly_lower(below, d) + tf.linalg.diag(positive(raw_scale)))


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

    def from_diagonal(self, d):
        """Returns the `FromDiagonal` of this family in d dimensions."""
        return first_parameters(self.params_size(d), d)

    def from_covariance(self, loc, covariance):
        """Returns the parameters of N(μ, Σ) [..., P], of arrays μ [..., d] and Σ [..., d, d]."""
        root = np.linalg.cholesky(covariance)
        scale = np.linalg.norm(root, axis=-1)
        rows = root / np.diagonal(root, axis1=-2, axis2=-1)[..., None]
        return _parameters(loc, rows, scale)

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale, below = tf.split(params, [d, d, d * (d - 1) // 2], axis=-1)
        rows = strictly_lower(below, d) + tf.eye(d, dtype=below.dtype)
        correlation = rows / tf.norm(rows, axis=-1, keepdims=True)  # C; the norm of a row is at least 1
        return tfd.MultivariateNormalTriL(loc, positive(raw_scale)[..., None] * correlation)


def _parameters(loc, triangle, scale=None):
    """Returns parameters [..., P]: μ [..., d], σ or else the diagonal of a triangle [..., d, d], and what is below."""
    scale = np.diagonal(triangle, axis1=-2, axis2=-1) if scale is None else scale
    below = triangle[(..., *np.tril_indices(triangle.shape[-1], k=-1))]
    return np.concatenate([loc, inverse_positive(scale), below], axis=-1)


def strictly_lower(values, d):
    """Fills strictly lower triangular matrices, row by row.

    Two to three times as fast under XLA as `tfp.math.fill_triangular`: values are gathered, and so are their gradients,
    instead of the scatter that is the gradient of `tf.gather`.

    Args:
        values: [..., d(d−1)/2].
        d: number of rows.

    Returns:
        [..., d, d].
    """
    shape = tf.concat([tf.shape(values)[:-1], [d, d]], axis=0)
    if d == 1:
        return tf.zeros(shape, values.dtype)
    mask = np.tri(d, k=-1, dtype=bool)
    sources = np.where(mask, np.cumsum(mask).reshape(d, d) - 1, 0).ravel()  # of each element
    targets = np.flatnonzero(mask)  # of each value

    @tf.custom_gradient
    def place(values):
        return tf.gather(values, sources, axis=-1), lambda upstream: tf.gather(upstream, targets, axis=-1)

    return tf.reshape(place(values), shape) * tf.constant(mask, values.dtype)
