"""The aggregated posterior as a sampler."""

import keras
import numpy as np

import zoo.aggregated as aggregated
from zoo.checks import check_int
from zoo.registry import register
from zoo.samplers.normals import CompressedPosteriorSampler
from zoo.samplers.sampler import Sampler


@register("sampler", "aggregated")
class AggregatedPosteriorSampler(Sampler):
    """q(z) = 1/N Σₙ q(z|xₙ) of the training data, see `zoo.AggregatedPosterior`.

    It stores the posterior parameters of each example and a copy of the posterior layer: its size grows with N, and it
    reveals information about each example.

    Args:
        event_shape: (L,), the latent size.
        subsample: number of randomly chosen examples to use; None for all.
        seed: seed of that choice.
        posterior_config: config of the posterior layer, set by `fit`.
        params_shape: [N, P], shape of the posterior parameters, set by `fit`.
    """

    fitted_options = ("posterior_config", "params_shape")

    def __init__(self, event_shape, subsample=None, seed=0, posterior_config=None, params_shape=None, **kwargs):
        super().__init__(event_shape, seed, **kwargs)
        self.subsample = None if subsample is None else check_int(subsample, "subsample")
        self.posterior_config, self.params_shape = posterior_config, params_shape

    @property
    def min_examples(self):
        """Minimum number of examples to fit it."""
        return self.subsample or 1

    def build(self, x_shape):
        self.posterior = keras.saving.deserialize_keras_object(self.posterior_config)  # deserialized as built
        self.posterior.trainable = False
        self.params = self.add_weight(shape=self.params_shape, initializer="zeros", trainable=False, name="params")
        super().build(x_shape)

    def call(self, encode=None):
        return aggregated.AggregatedPosterior(self.posterior, self.params.value)

    def is_compatible(self, posterior):
        return True

    def fit(self, vae, x, progress=True):
        found = aggregated.aggregated_posterior(vae, x, subsample=self.subsample, seed=self.seed, progress=progress)
        (params,) = found.tensors
        self.posterior_config = keras.saving.serialize_keras_object(vae.posterior)
        self.params_shape = list(params.shape)
        self.build(None)
        self.posterior.set_weights(vae.posterior.get_weights())
        self.params.assign(params)

    def compress(self, components):
        """Returns an approximation of this sampler with fewer components.

        Args:
            components: M, the maximum number of components.

        Returns:
            A `CompressedPosteriorSampler` or, if the posteriors' support is not the reals, an
            `AggregatedPosteriorSampler` of M randomly chosen examples.
        """
        components = min(check_int(components, "components"), self.params.shape[0])
        if self.posterior.support == "real":
            sampler = CompressedPosteriorSampler(self.event_shape, components, self.seed)
            sampler.set_compressed(aggregated.compress_posterior(self(), components, self.seed))
            return sampler
        chosen = np.sort(np.random.default_rng(self.seed).permutation(self.params.shape[0])[:components])
        shape = [components, self.params.shape[1]]
        sampler = AggregatedPosteriorSampler(self.event_shape, components, self.seed, self.posterior_config, shape)
        sampler.build(None)
        sampler.posterior.set_weights(self.posterior.get_weights())
        sampler.params.assign(keras.ops.convert_to_numpy(self.params)[chosen])
        return sampler

    def get_config(self):
        fitted = {"posterior_config": self.posterior_config, "params_shape": self.params_shape}
        return super().get_config() | {"subsample": self.subsample} | fitted
