"""A mixture of normals as the posterior of one x."""

import keras
import tensorflow as tf

from zoo.checks import whole_number
from zoo.distributions.mixtures.stratified import StratifiedMixture
from zoo.distributions.positive import positive
from zoo.posteriors.posterior import SMALL, Posterior
from zoo.probability import tfd
from zoo.registry import register


@register("posterior", "mixture")
class MixturePosterior(Posterior):
    """q(z|x) = Σₘ πₘ(x) N(μₘ(x), diag σₘ²(x)).

    Training draws each component and weighs it by its πₘ (`sample_strata`), which is exact in π: implicitly
    reparameterized draws of the mixture (Figurnov et al., 2018, arXiv:1805.08498), which all others are, have a
    gradient in π whose variance is without bound where components are apart, so that all but one of them die. The means
    start near each other, so that no component is out of reach of the decoder when the first one has learned, and
    a warm-up of the KL is one of the weights too (`zoo.objectives.objective.draw_strata`): train it with one.

    Args:
        event_shape: (L,), the latent size.
        components: M, how many.
    """

    stratified = True

    def __init__(self, event_shape, components=3, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.components = whole_number(components, "components")

    @property
    def params_size(self):
        """How many numbers the encoder gives for one x."""
        return self.components * (1 + 2 * self.event_shape[0])

    def build(self, h_shape):
        m, (d,) = self.components, self.event_shape
        self.params = self.parameter_layer(h_shape, location_size=m * d)
        kernel = keras.ops.convert_to_numpy(self.params.kernel).copy()
        means = kernel[:, : m * d].reshape(-1, m, d)
        means[:, 1:] = means[:, :1] + SMALL * means[:, 1:]
        kernel[:, : m * d] = means.reshape(-1, m * d)
        self.params.kernel.assign(kernel)
        super().build(h_shape)

    def distribution(self, params):
        m, (d,) = self.components, self.event_shape
        loc, raw_scale, logits = tf.split(params, [m * d, m * d, m], axis=-1)
        shape = tf.concat([tf.shape(params)[:-1], [m, d]], axis=0)
        loc, raw_scale = tf.reshape(loc, shape), tf.reshape(raw_scale, shape)
        # TFP differentiates draws of independent scalars only.
        components = tfd.Independent(tfd.Normal(loc, positive(raw_scale)), 1)
        return StratifiedMixture(tfd.Categorical(logits=logits), components, reparameterize=True)

    def get_config(self):
        return super().get_config() | {"components": self.components}
