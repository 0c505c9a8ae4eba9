"""A mixture of normals as the posterior of one x."""

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.checks import whole_number
from zoo.layer import positive
from zoo.posteriors.posterior import Posterior
from zoo.registry import register

tfd = tfp.distributions


@register("posterior", "mixture")
class MixtureSameFamily(Posterior):
    """q(z|x) = Σₘ πₘ(x) N(μₘ(x), diag σₘ²(x)), implicitly reparameterised (Figurnov et al., 2018, arXiv:1805.08498).

    A draw is that of one component, but its gradient reaches the parameters of all, the weights π included.

    Args:
        event_shape: (L,), the latent size.
        components: M, how many.
    """

    def __init__(self, event_shape, components=3, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.components = whole_number(components, "components")

    @property
    def params_size(self):
        """How many numbers the encoder gives for one x."""
        return self.components * (1 + 2 * self.event_shape[0])

    def build(self, h_shape):
        self.params = self.calm_dense(h_shape, loud=self.components * self.event_shape[0])
        super().build(h_shape)

    def distribution(self, params):
        m, (d,) = self.components, self.event_shape
        loc, raw_scale, logits = tf.split(params, [m * d, m * d, m], axis=-1)
        shape = tf.concat([tf.shape(params)[:-1], [m, d]], axis=0)
        loc, raw_scale = tf.reshape(loc, shape), tf.reshape(raw_scale, shape)
        # TFP differentiates draws of independent scalars only.
        components = tfd.Independent(tfd.Normal(loc, positive(raw_scale)), 1)
        return ReparameterizedMixture(tfd.Categorical(logits=logits), components, reparameterize=True)

    def get_config(self):
        return super().get_config() | {"components": self.components}


class ReparameterizedMixture(tfd.MixtureSameFamily):
    """A mixture of independent components that knows its covariance, which TFP's does not."""

    def _covariance(self):
        weights = self.mixture_distribution.probs_parameter()[..., None]  # [..., M, 1]
        centred = self.components_distribution.mean() - self.mean()[..., None, :]  # [..., M, d]
        within = tf.reduce_sum(weights * self.components_distribution.variance(), axis=-2)
        return tf.linalg.diag(within) + tf.matmul(weights * centred, centred, transpose_a=True)
