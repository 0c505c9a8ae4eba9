"""Moments of distributions that have them in no closed form."""

import tensorflow as tf

DRAWS, SEED = 256, (0, 1)


class MomentsFromDraws:
    """A mix-in for a `tfd.Distribution`: mean and covariance of 256 draws.

    The draws are always the same ones, or the same others where XLA compiles, which has a random stream of its
    own. The mean's standard error is a sixteenth of a standard deviation.
    """

    def _mean(self):
        return tf.reduce_mean(self._fixed_draws(), axis=0)

    def _covariance(self):
        z = self._fixed_draws()
        centred = z - tf.reduce_mean(z, axis=0)
        return tf.einsum("k...i,k...j->...ij", centred, centred) / (DRAWS - 1)

    def _variance(self):
        return tf.linalg.diag_part(self.covariance())

    def _stddev(self):
        return tf.sqrt(self.variance())

    def _fixed_draws(self):
        return self.sample(DRAWS, seed=tf.constant(SEED))
