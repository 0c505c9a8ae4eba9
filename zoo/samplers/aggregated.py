"""The aggregated posterior as a sampler."""

import keras
import numpy as np

import zoo.aggregated as aggregated
from zoo.checks import whole_number
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
        made_of: config of the posterior layer and shape of the parameters, set by `fit`.
    """

    def __init__(self, event_shape, subsample=None, seed=0, made_of=None, **kwargs):
        super().__init__(event_shape, seed, **kwargs)
        self.subsample = None if subsample is None else whole_number(subsample, "subsample")
        self.made_of = made_of

    def build(self, x_shape):
        self.posterior = keras.saving.deserialize_keras_object(self.made_of["posterior"])  # deserialized as built
        self.posterior.trainable = False
        shape = self.made_of["params"]  # [N, P]
        self.params = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="params")
        super().build(x_shape)

    def call(self, encode=None):
        return aggregated.AggregatedPosterior(self.posterior, self.params.value)

    def is_compatible(self, posterior):
        return True

    def fit(self, vae, x, progress=True):
        found = aggregated.aggregated_posterior(vae, x, subsample=self.subsample, seed=self.seed, progress=progress)
        (params,) = found.tensors
        self.made_of = {
            "posterior": keras.saving.serialize_keras_object(vae.posterior),
            "params": list(params.shape),
        }
        self.build(None)
        self.posterior.set_weights(vae.posterior.get_weights())
        self.params.assign(params)

    def reduced(self, components):
        """Returns an approximation of this sampler with fewer components.

        Args:
            components: M, the maximum number of components.

        Returns:
            A `CompressedPosteriorSampler` or, if the posteriors' support is not the reals, an
            `AggregatedPosteriorSampler` of M randomly chosen examples.
        """
        components = min(whole_number(components, "components"), self.params.shape[0])
        if self.posterior.space == "real":
            sampler = CompressedPosteriorSampler(self.event_shape, components, self.seed)
            sampler.keep(aggregated.compressed(self(), components, self.seed))
            return sampler
        chosen = np.sort(np.random.default_rng(self.seed).permutation(self.params.shape[0])[:components])
        made_of = self.made_of | {"params": [components, self.params.shape[1]]}
        sampler = AggregatedPosteriorSampler(self.event_shape, components, self.seed, made_of)
        sampler.build(None)
        sampler.posterior.set_weights(self.posterior.get_weights())
        sampler.params.assign(keras.ops.convert_to_numpy(self.params)[chosen])
        return sampler

    def get_config(self):
        return super().get_config() | {"subsample": self.subsample, "made_of": self.made_of}
