"""A learned mixture of normals as the prior."""

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.mixtures import mixture
from zoo.distributions.positive import inverse_positive
from zoo.priors.prior import Prior
from zoo.probability import tfd
from zoo.registry import build_nested, register


@register("prior", "mixture")
class MixturePrior(Prior):
    """p(z) = Σₘ πₘ N(μₘ, Σₘ), with π, μ and Σ learned.

    Covariances are initialized near I, and means from N(0, I), so that components differ.

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of components.
        normal: spec of the components' parameterization, e.g. "tril".
    """

    def __init__(self, event_shape, components=10, normal="diag", **kwargs):
        super().__init__(event_shape, **kwargs)
        self.components, self.normal = check_int(components, "components"), normal
        self.family = build_nested("normal", normal)
        self.size = self.family.params_size(*self.event_shape)

    def build(self, x_shape):
        (d,) = self.event_shape
        self.logits = self.add_weight(shape=(self.components,), initializer="zeros", name="logits")
        apart = keras.initializers.RandomNormal(stddev=1.0)
        self.loc = self.add_weight(shape=(self.components, d), initializer=apart, name="loc")
        # Near zero, but not zero: the gradient of U Uᵀ vanishes there.
        small = keras.initializers.RandomNormal(stddev=0.01)
        shape = (self.components, self.size - d)
        self.raw_scale = self.add_weight(shape=shape, initializer=small, name="raw_scale")
        super().build(x_shape)

    def call(self, encode=None):
        params = tf.concat([self.loc, self.raw_scale], axis=-1)  # [M, size]
        weights = tfd.Categorical(logits=tf.convert_to_tensor(self.logits))
        return mixture.MixtureSameFamily(weights, self.family(params, *self.event_shape))

    def start_at_codes(self, z, seed):
        start = getattr(self.family, "from_diagonal", None)
        if start is None or len(z) < self.components:
            return
        from sklearn.mixture import GaussianMixture  # here, because few need it, and it takes 0.1 s

        found = GaussianMixture(self.components, covariance_type="diag", random_state=seed).fit(np.float64(z))
        diagonal = np.concatenate([found.means_, inverse_positive(np.sqrt(found.covariances_))], axis=-1)
        loc, raw_scale = np.split(start(*self.event_shape)(diagonal), self.event_shape, axis=-1)
        self.logits.assign(np.log(np.maximum(found.weights_, 1e-8)))
        self.loc.assign(loc)
        self.raw_scale.assign(raw_scale)

    def get_config(self):
        return super().get_config() | {"components": self.components, "normal": self.normal}
