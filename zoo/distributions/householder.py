"""Products of Householder reflections, as orthogonal matrices."""

import numpy as np
import tensorflow as tf


class LinearOperatorHouseholderProduct(tf.linalg.LinearOperator):
    """The orthogonal matrix P = H₁ ⋯ H_r, Hᵢ = I − 2 vᵢ vᵢᵀ.

    Represented as P = I − V T Vᵀ (Schreiber & Van Loan, 1989), T upper triangular with
    T⁻¹ = ½ I + strictly upper part of VᵀV (Joffrain et al., 2006). A matrix-vector product takes a few matrix products
    for any number of reflections.

    Args:
        directions: V [..., d, r], columns of unit norm.
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
