"""A mixture of normals as the posterior of one x."""

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.mixtures.stratified import StratifiedMixture
from zoo.distributions.positive import positive
from zoo.parameterizations.diagonal import FromDiagonal, small_values
from zoo.posteriors.posterior import COVARIANCE_GAIN, Posterior
from zoo.probability import tfd
from zoo.registry import register


@register("posterior", "mixture")
class MixturePosterior(Posterior):
    """q(z|x) = Σₘ πₘ(x) N(μₘ(x), diag σₘ²(x)).

    Training uses stratified sampling: every component is sampled, and its terms are weighted by πₘ (`sample_strata`),
    so the gradient with respect to π is exact. `sample` uses implicit reparameterization (Figurnov et al., 2018,
    arXiv:1805.08498), whose gradient with respect to π has unbounded variance when components are far apart: trained
    with it, all components but one die. The means are initialized close together, so that every component stays within
    reach of the decoder. Train with a KL warm-up: it anneals the weights too (see
    `zoo.objectives.objective.sample_posterior_strata`).

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of components.
    """

    has_strata = True

    def __init__(self, event_shape, components=3, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.components = check_int(components, "components")

    @property
    def params_size(self):
        """Number of parameters of q(z|x) for one x."""
        return self.components * (1 + 2 * self.event_shape[0])

    def build(self, h_shape):
        m, (d,) = self.components, self.event_shape
        self.params = self.parameter_layer(h_shape, location_size=m * d)
        kernel = keras.ops.convert_to_numpy(self.params.kernel).copy()
        means = kernel[:, : m * d].reshape(-1, m, d)
        means[:, 1:] = means[:, :1] + COVARIANCE_GAIN * means[:, 1:]
        kernel[:, : m * d] = means.reshape(-1, m * d)
        self.params.kernel.assign(kernel)
        super().build(h_shape)

    def distribution(self, params):
        m, (d,) = self.components, self.event_shape
        loc, raw_scale, logits = tf.split(params, [m * d, m * d, m], axis=-1)
        shape = tf.concat([tf.shape(params)[:-1], [m, d]], axis=0)
        loc, raw_scale = tf.reshape(loc, shape), tf.reshape(raw_scale, shape)
        # TFP reparameterizes mixtures of independent scalars only.
        components = tfd.Independent(tfd.Normal(loc, positive(raw_scale)), 1)
        return StratifiedMixture(tfd.Categorical(logits=logits), components, reparameterize=True)

    def from_diagonal(self):
        m, (d,) = self.components, self.event_shape
        sources = [*np.tile(np.arange(d), m), *np.tile(np.arange(d, 2 * d), m), *np.full(m, -1)]
        # Equal components get equal gradients, but for the noise of their samples.
        means = np.arange(self.params_size) < m * d
        return FromDiagonal(np.array(sources), np.where(means, small_values(self.params_size), 0.0))

    def get_config(self):
        return super().get_config() | {"components": self.components}
