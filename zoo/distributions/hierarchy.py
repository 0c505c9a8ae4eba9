"""Two stochastic layers as one distribution of z = [z₂, z₁]: p(z₂) and p(z₁|z₂)."""

import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.moments import MomentsFromDraws
from zoo.probability import tfd, tfp


class Hierarchy(MomentsFromDraws, tfd.Distribution):
    """p(z) = p(z₂) p(z₁|z₂).

    Args:
        top: p(z₂), batch [...], event [L₂].
        conditional: function from z₂ [n, ..., L₂] to p(z₁|z₂), batch [n, ...], event [L₁].
        size: L₁.
    """

    def __init__(self, top, conditional, size, name="Hierarchy"):
        parameters = dict(locals())
        self.top, self.conditional, self.size = top, conditional, size
        super().__init__(
            dtype=top.dtype,
            reparameterization_type=top.reparameterization_type,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    def _batch_shape(self):
        return self.top.batch_shape

    def _batch_shape_tensor(self):
        return self.top.batch_shape_tensor()

    def _event_shape(self):
        return tf.TensorShape([self.top.event_shape[0] + self.size])

    def _event_shape_tensor(self):
        return tf.constant(self._event_shape().as_list(), tf.int32)

    def _sample_n(self, n, seed=None):
        return self._sample_and_log_prob([n], seed)[0]

    def _sample_and_log_prob(self, sample_shape, seed):
        top_seed, seed = tfp.random.split_seed(seed, 2)
        z2, log_p2 = self.top.experimental_sample_and_log_prob(sample_shape, seed=top_seed)
        # With an additional leading axis, because Keras layers need a batch axis.
        z1, log_p1 = self.conditional(z2[None]).experimental_sample_and_log_prob(seed=seed)
        return tf.concat([z2, z1[0]], axis=-1), log_p2 + log_p1[0]

    def _log_prob(self, z):
        z2, z1 = self.split(z)
        return self.top.log_prob(z2) + self.conditional(z2[None]).log_prob(z1)[0]

    def split(self, z):
        """Returns z₂ [..., L₂] and z₁ [..., L₁] of points z [..., L]."""
        return tf.split(z, [self.top.event_shape[0], self.size], axis=-1)


def latent_sizes(event_shape, top_size):
    """Returns the sizes of z₂ and z₁.

    Args:
        event_shape: (L,).
        top_size: L₂; None for half of L.

    Returns:
        (L₂, L₁).

    Raises:
        ValueError: one of them would be empty.
    """
    (d,) = event_shape
    if d < 2:
        raise ValueError(f"A hierarchical latent needs a size of 2 or more, got {d}.")
    top_size = d // 2 if top_size is None else check_int(top_size, "top_size", below=d)
    return top_size, d - top_size
