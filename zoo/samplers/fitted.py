"""The samplers of a model."""

import warnings

import keras

from zoo.data import support as supports
from zoo.probability import tfd
from zoo.registry import build, name_of, names, spec_of


class FittedSamplers(keras.layers.Layer):
    """Fitted samplers by name.

    A layer, so that their weights are among the model's; never built itself, so that Keras lets more come in.
    """

    def __init__(self, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.fitted = {}

    def distribution(self, latents, vae):
        """Returns a density of z to sample from.

        Args:
            latents: see `VAE.latent_distribution`.
            vae: the model.

        Raises:
            KeyError, ValueError: see `VAE.latent_distribution`.
        """
        if isinstance(latents, tfd.Distribution):
            got = [*latents.batch_shape], [*latents.event_shape]
            if got != ([], [vae.latent_size]):
                raise ValueError(
                    f"Expected a distribution of batch shape [] and event shape [{vae.latent_size}], "
                    f"got {got[0]} and {got[1]}."
                )
            return latents
        known = {"prior": vae.prior} | ({"vamp": vae.prior} if vae.prior.of_posteriors else {}) | self.fitted
        if not isinstance(latents, str) or latents not in known:
            raise KeyError(
                f"No sampler {latents!r} in this model. It has: {', '.join(known)}. Fit one of "
                f"{', '.join(names('sampler'))} by vae.add_sampler(name, x_train), or give a tfd distribution."
            )
        return known[latents](encode=vae.posterior_at)

    def can_fit(self, spec, posterior, examples):
        """Returns whether a sampler of that spec can be fitted.

        Args:
            spec: see `VAE.add_sampler`.
            posterior: the layer whose draws it is to be a density of.
            examples: of how many.
        """
        sampler = build("sampler", spec, event_shape=posterior.event_shape)
        return sampler.is_compatible(posterior) and sampler.least <= examples

    def remove(self, name):
        """Takes one away."""
        self.fitted.pop(name, None)

    def fit(self, spec, vae, x, progress):
        """Fits a sampler to data, and keeps it.

        Args:
            spec: a sampler's name, with options if any.
            vae: the model.
            x: training data [N, *x].
            progress: whether to show a progress bar.

        Raises:
            KeyError, ValueError: see `VAE.add_sampler`.
        """
        sampler = build("sampler", spec, event_shape=vae.posterior.event_shape)
        if not sampler.is_compatible(vae.posterior):
            raise ValueError(
                f"The sampler '{name_of(sampler)}' does not fit the posterior {spec_of(vae.posterior)}, "
                f"whose draws are on {supports.get(vae.posterior.space).values}. Use 'aggregated'."
            )
        sampler.fit(vae, x, progress)
        self.fitted.pop(name_of(sampler), None)  # Keras would keep the weights of one that is overwritten
        self.fitted[name_of(sampler)] = sampler
        return sampler

    def restore(self, configs):
        """Makes samplers that are about to get their weights from a file.

        Args:
            configs: name -> what Keras serialized it to.
        """
        for name, config in configs.items():
            self.fitted[name] = keras.saving.deserialize_keras_object(config)  # built, as it was

    def clear(self):
        """Takes all of them away, and says so."""
        if self.fitted:
            warnings.warn(
                f"Training moves the latent space, so the model's samplers are gone: {', '.join(self.fitted)}. "
                f"Add them again when it is over.",
                stacklevel=3,
            )
            for name in list(self.fitted):
                self.fitted.pop(name)

    def serialized(self):
        """Returns the configs of the samplers by name, for `restore`."""
        return {name: keras.saving.serialize_keras_object(sampler) for name, sampler in self.fitted.items()}
