"""A mixture of normals as the posterior of one x."""

import math

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from zoo.checks import whole_number
from zoo.layer import positive
from zoo.moments import covariance_in_double
from zoo.posteriors.posterior import CALM, Posterior
from zoo.registry import register

tfd = tfp.distributions


@register("posterior", "mixture")
class MixtureSameFamily(Posterior):
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
        self.params = self.calm_dense(h_shape, loud=m * d)
        kernel = keras.ops.convert_to_numpy(self.params.kernel).copy()
        means = kernel[:, : m * d].reshape(-1, m, d)
        means[:, 1:] = means[:, :1] + CALM * means[:, 1:]
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
        return ReparameterizedMixture(tfd.Categorical(logits=logits), components, reparameterize=True)

    def get_config(self):
        return super().get_config() | {"components": self.components}


class ReparameterizedMixture(tfd.MixtureSameFamily):
    """A mixture of independent components that knows its covariance and its strata, which TFP's does not."""

    def tempered(self, power):
        """Returns the mixture of the same components with weights ∝ πᵃ.

        Args:
            power: a, a number or a tensor [].
        """
        logits = self.mixture_distribution.logits_parameter()
        weights = tfd.Categorical(logits=tf.cast(power, logits.dtype) * logits)
        return ReparameterizedMixture(weights, self.components_distribution, reparameterize=True)

    def sample_strata(self, n, seed):
        """Samples each component n times.

        Args:
            n: draws of a component.
            seed: int32 [2].

        Returns:
            z [M n, ..., d], and log πₘ/n of each draw's component [M n, ...], which its value is to be weighted by.
        """
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter()) - math.log(n)  # [..., M]
        z = self.components_distribution.sample(n, seed=seed)  # [n, ..., M, d]
        z = tf.unstack(z, log_weights.shape[-1], axis=-2)
        shares = [tf.broadcast_to(share, tf.shape(z[0])[:-1]) for share in tf.unstack(log_weights, axis=-1)]
        return tf.concat(z, axis=0), tf.concat(shares, axis=0)

    def _covariance(self):
        weights = self.mixture_distribution.probs_parameter()[..., None]  # [..., M, 1]
        centred = self.components_distribution.mean() - self.mean()[..., None, :]  # [..., M, d]
        within = tf.reduce_sum(weights * self.components_distribution.variance(), axis=-2)
        return tf.linalg.diag(within) + tf.matmul(weights * centred, centred, transpose_a=True)


@covariance_in_double.register
def _(distribution: ReparameterizedMixture):
    weights = np.float64(distribution.mixture_distribution.probs_parameter())[..., None]  # [..., M, 1]
    components = distribution.components_distribution
    loc, scale = np.float64(components.mean()), np.float64(components.stddev())
    centred = loc - np.sum(weights * loc, axis=-2, keepdims=True)
    within = np.sum(weights * scale**2, axis=-2)[..., None] * np.eye(loc.shape[-1])
    return within + np.swapaxes(weights * centred, -1, -2) @ centred
