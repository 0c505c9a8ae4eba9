"""Σ = P D Pᵀ, P a product of Householder reflections."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.householder import LinearOperatorHouseholderProduct
from zoo.distributions.positive import positive
from zoo.parameterizations.diagonal import first_parameters
from zoo.probability import tfd
from zoo.registry import register

REFLECTIONS = 32  # upper limit of the default; d reflections reach every orthogonal matrix
EPSILON = 1e-30  # avoids division by zero for a zero vector


@register("normal", "orthogonal")
@dataclass(frozen=True)
class Orthogonal:
    """N(μ, P D Pᵀ), D diagonal and positive, P a product of r Householder reflections: 2d + r d parameters.

    The eigendecomposition of Σ: D holds its eigenvalues, the columns of P are its eigenvectors. With r = d it reaches
    every Σ; with r < d, only products of r reflections. The Householder flow (Tomczak & Welling, 2016,
    arXiv:1611.09630) applies such reflections to draws, one by one.

    Args:
        reflections: r; None for min(d, 32).
    """

    reflections: int | None = None

    def __post_init__(self):
        if self.reflections is not None:
            object.__setattr__(self, "reflections", check_int(self.reflections, "reflections"))

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return 2 * d + self._count(d) * d

    def from_diagonal(self, d):
        """Returns the `FromDiagonal` of this family in d dimensions."""
        return first_parameters(self.params_size(d), d)

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        r = self._count(d)
        loc, raw_scale, raw = tf.split(params, [d, d, r * d], axis=-1)
        # Perturbed unit vectors, because zero has no direction; scaled by 1/√d to stay close in high dimensions too.
        raw = tf.reshape(raw, tf.concat([tf.shape(raw)[:-1], [r, d]], axis=0)) / d**0.5
        vectors = raw + tf.constant(np.equal.outer(np.arange(r) % d, np.arange(d)) * 1.0, raw.dtype)
        directions = vectors * tf.math.rsqrt(tf.reduce_sum(vectors**2, axis=-1, keepdims=True) + EPSILON)
        rotation = LinearOperatorHouseholderProduct(tf.linalg.matrix_transpose(directions))
        scale = tf.linalg.LinearOperatorDiag(positive(raw_scale), is_non_singular=True)  # √D
        return tfd.MultivariateNormalLinearOperator(loc, tf.linalg.LinearOperatorComposition([rotation, scale]))

    def _count(self, d):
        r = min(d, REFLECTIONS) if self.reflections is None else self.reflections
        if r > max(d, REFLECTIONS):  # d reach every orthogonal matrix, and memory grows with r²
            raise ValueError(f"Expected reflections= to be at most {max(d, REFLECTIONS)} in {d} dimensions, got {r}.")
        return r
