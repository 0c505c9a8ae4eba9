"""Σ = P D Pᵀ, P a product of Householder reflections."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.checks import whole_number
from zoo.layer import positive
from zoo.registry import register

tfd = tfp.distributions

REFLECTIONS = 32  # at most, unless asked for; as many as dimensions reach every rotation
TINY = 1e-30  # keeps the direction of a reflection's vector defined where that is zero


class LinearOperatorHouseholderProduct(tf.linalg.LinearOperator):
    """The orthogonal matrix P = H₁ ⋯ H_r, Hᵢ = I − 2 vᵢ vᵢᵀ.

    Kept as P = I − V T Vᵀ (Schreiber & Van Loan, 1989), T upper triangular with
    T⁻¹ = ½ I + strictly upper part of VᵀV (Joffrain et al., 2006): a few matrix products, however many
    reflections.

    Args:
        directions: V [..., d, r], columns of length one.
    """

    def __init__(self, directions, name="LinearOperatorHouseholderProduct"):
        parameters = {"directions": directions, "name": name}
        self.directions = directions
        r = directions.shape[-1]
        gram = tf.matmul(directions, directions, transpose_a=True)  # [..., r, r]
        inverse = gram * tf.constant(np.triu(np.ones([r, r]), k=1), gram.dtype) + 0.5 * tf.eye(r, dtype=gram.dtype)
        eye = tf.broadcast_to(tf.eye(r, dtype=gram.dtype), tf.shape(gram))
        self.core = tf.linalg.triangular_solve(inverse, eye, lower=False)  # T
        super().__init__(directions.dtype, is_non_singular=True, is_square=True, parameters=parameters, name=name)

    def _shape(self):
        return self.directions.shape[:-1].concatenate(self.directions.shape[-2])

    def _shape_tensor(self):
        shape = tf.shape(self.directions)
        return tf.concat([shape[:-1], shape[-2:-1]], axis=0)

    def _matmul(self, x, adjoint=False, adjoint_arg=False):
        x = tf.linalg.adjoint(x) if adjoint_arg else x
        inner = tf.matmul(self.core, tf.matmul(self.directions, x, transpose_a=True), transpose_a=adjoint)
        return x - tf.matmul(self.directions, inner)

    def _solve(self, rhs, adjoint=False, adjoint_arg=False):
        return self._matmul(rhs, adjoint=not adjoint, adjoint_arg=adjoint_arg)

    def _log_abs_determinant(self):
        return tf.zeros(self.batch_shape_tensor(), self.dtype)


@register("normal", "orthogonal")
@dataclass(frozen=True)
class Orthogonal:
    """N(μ, P D Pᵀ), D diagonal and positive, P a product of r Householder reflections: 2d + r d parameters.

    The eigendecomposition of Σ: D its eigenvalues, the columns of P its eigenvectors. With r = d every Σ
    is reached; with fewer, only rotations that r reflections make. The Householder flow (Tomczak &
    Welling, 2016, arXiv:1611.09630) applies such reflections to draws, one by one.

    Args:
        reflections: r; None for d, or 32 where d is over that.
    """

    reflections: int | None = None

    def __post_init__(self):
        if self.reflections is not None:
            object.__setattr__(self, "reflections", whole_number(self.reflections, "reflections"))

    def size(self, d):
        """The number of parameters of a normal in d dimensions."""
        return 2 * d + self._count(d) * d

    def __call__(self, params, d):
        """params [..., size(d)] ↦ a normal of batch shape [...] and event shape [d]."""
        r = self._count(d)
        loc, raw_scale, raw = tf.split(params, [d, d, r * d], axis=-1)
        # Around unit vectors, as zero has no direction; over √d, lest all turn far and at random in many dimensions.
        raw = tf.reshape(raw, tf.concat([tf.shape(raw)[:-1], [r, d]], axis=0)) / d**0.5
        vectors = raw + tf.constant(np.eye(d)[np.arange(r) % d], raw.dtype)
        directions = vectors * tf.math.rsqrt(tf.reduce_sum(vectors**2, axis=-1, keepdims=True) + TINY)
        rotation = LinearOperatorHouseholderProduct(tf.linalg.matrix_transpose(directions))
        scale = tf.linalg.LinearOperatorDiag(positive(raw_scale), is_non_singular=True)  # √D
        return tfd.MultivariateNormalLinearOperator(loc, tf.linalg.LinearOperatorComposition([rotation, scale]))

    def _count(self, d):
        return min(d, REFLECTIONS) if self.reflections is None else self.reflections
