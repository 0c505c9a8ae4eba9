"""A learned mixture of normals as the prior."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.checks import whole_number
from zoo.layer import DistributionLayer
from zoo.registry import build, register

tfd = tfp.distributions


@register("prior", "mixture")
class MixtureSameFamily(DistributionLayer):
    """p(z) = Σₘ πₘ N(μₘ, Σₘ), all of it learned.

    The components start at unit covariance, with means drawn from N(0, I) so that they differ.

    Args:
        event_shape: (L,), the latent size.
        components: M, how many.
        normal: the normal family of the components, "diag" or "tril".
    """

    def __init__(self, event_shape, components=10, normal="diag", **kwargs):
        super().__init__(event_shape, **kwargs)
        self.components, self.normal = whole_number(components, "components"), normal
        self.family = build("normal", normal)

    def build(self, x_shape):
        (d,) = self.event_shape
        self.logits = self.add_weight(shape=(self.components,), initializer="zeros", name="logits")
        self.loc = self.add_weight(
            shape=(self.components, d), initializer=keras.initializers.RandomNormal(stddev=1.0), name="loc"
        )
        self.raw_scale = self.add_weight(
            shape=(self.components, self.family.size(d) - d), initializer="zeros", name="raw_scale"
        )
        super().build(x_shape)

    def call(self, encode=None):
        params = tf.concat([self.loc, self.raw_scale], axis=-1)  # [M, size]
        return tfd.MixtureSameFamily(tfd.Categorical(logits=self.logits), self.family(params, *self.event_shape))

    def get_config(self):
        return super().get_config() | {"components": self.components, "normal": self.normal}
