"""Unconstrained coordinates of the simplex."""

import tensorflow as tf


class CenteredSoftmax:
    """z = softmax([v, 0]), v [..., L − 1], with the methods of a `tfb.Bijector` that annealing needs.

    TFP's `SoftmaxCentered` cannot be created with NumPy 2.
    """

    def forward(self, v):
        """Returns z [..., L]."""
        return tf.exp(self._log_z(v))

    def inverse(self, z):
        """Returns v [..., L − 1]."""
        log_z = tf.math.log(z)
        return log_z[..., :-1] - log_z[..., -1:]

    def forward_log_det_jacobian(self, v, event_ndims):
        """Returns log |∂(z₁, …, z_(L−1)) / ∂v| [...]."""
        return tf.reduce_sum(self._log_z(v), axis=-1)

    def _log_z(self, v):
        return tf.nn.log_softmax(tf.concat([v, tf.zeros_like(v[..., :1])], axis=-1))
