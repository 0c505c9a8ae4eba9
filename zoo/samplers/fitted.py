"""The samplers of a model."""

import warnings

import keras
import numpy as np

from zoo.data import support as supports
from zoo.probability import tfd
from zoo.registry import build, name_of, names, spec_of


class FittedSamplers(keras.layers.Layer):
    """A collection of fitted samplers by name.

    It is a layer, so that Keras saves their weights with the model. It is never built, because Keras locks the
    sublayers of a built layer.
    """

    def __init__(self, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.fitted = {}

    def distribution(self, sampler, vae):
        """Returns a distribution of z to sample from.

        Args:
            sampler: see `VAE.latent_distribution`.
            vae: the model.

        Raises:
            KeyError, ValueError: see `VAE.latent_distribution`.
        """
        if isinstance(sampler, tfd.Distribution):
            got = [*sampler.batch_shape], [*sampler.event_shape]
            if got != ([], [vae.latent_size]):
                raise ValueError(
                    f"Expected a distribution of batch shape [] and event shape [{vae.latent_size}], "
                    f"got {got[0]} and {got[1]}."
                )
            return sampler
        known = {"prior": vae.prior} | ({"vamp": vae.prior} if vae.prior.is_mixture_of_posteriors else {}) | self.fitted
        if not isinstance(sampler, str) or sampler not in known:
            raise KeyError(
                f"No sampler {sampler!r} in this model. It has: {', '.join(known)}. Fit one of "
                f"{', '.join(names('sampler'))} with vae.add_sampler(name, x_train), or pass a tfd distribution."
            )
        return known[sampler](encode=vae.posterior_at)

    def can_fit(self, spec, posterior, examples):
        """Returns whether a sampler can be fitted: it is compatible with the posterior and there are enough examples.

        Args:
            spec: see `VAE.add_sampler`.
            posterior: the posterior layer of the model.
            examples: number of examples.
        """
        sampler = build("sampler", spec, event_shape=posterior.event_shape)
        return sampler.is_compatible(posterior) and sampler.min_examples <= examples

    def remove(self, name):
        """Removes a sampler by name; does nothing if there is none."""
        self.fitted.pop(name, None)

    def fit(self, spec, vae, x, progress):
        """Fits a sampler to data and adds it.

        Args:
            spec: spec of a sampler.
            vae: the model.
            x: training data [N, *x].
            progress: whether to show a progress bar.

        Raises:
            KeyError, ValueError: see `VAE.add_sampler`.
        """
        x = np.asarray(supports.as_examples(x))
        supports.check_examples(x, vae.event_shape, vae.support)
        sampler = build("sampler", spec, event_shape=vae.posterior.event_shape)
        if not sampler.is_compatible(vae.posterior):
            raise ValueError(
                f"The sampler '{name_of(sampler)}' is incompatible with the posterior {spec_of(vae.posterior)}, "
                f"whose draws are on {supports.get(vae.posterior.support).description}. Use 'aggregated'."
            )
        sampler.fit(vae, x, progress)
        self.fitted.pop(name_of(sampler), None)  # overwriting it would leave the old weights in Keras's list
        self.fitted[name_of(sampler)] = sampler
        return sampler

    def refit(self, vae, x):
        """Fits all samplers to other data or to changed parts, and removes those that cannot be.

        Args:
            vae: the model.
            x: training data [N, *x].

        Returns:
            The names of the samplers that were fitted, and of those that were removed.
        """
        fitted, removed = [], []
        for name, sampler in list(self.fitted.items()):
            again = sampler.unfitted()
            if again.is_compatible(vae.posterior) and again.min_examples <= len(x):
                self.fit(again, vae, x, progress=False)
                fitted.append(name)
            else:
                self.remove(name)
                removed.append(name)
        return fitted, removed

    def restore(self, configs):
        """Creates samplers from configs; their weights are loaded later with those of the model.

        Args:
            configs: name -> config, as returned by `serialize`.
        """
        for name, config in configs.items():
            self.fitted[name] = keras.saving.deserialize_keras_object(config)  # built, as it was

    def clear(self):
        """Removes all samplers, with a warning if there are any."""
        if self.fitted:
            warnings.warn(
                f"Training changes the latent space, so the model's samplers were removed: {', '.join(self.fitted)}. "
                f"Add them again after training.",
                stacklevel=3,
            )
            for name in list(self.fitted):
                self.fitted.pop(name)

    def serialize(self):
        """Returns the configs of the samplers by name, for `restore`."""
        return {name: keras.saving.serialize_keras_object(sampler) for name, sampler in self.fitted.items()}
