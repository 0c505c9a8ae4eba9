"""The variational autoencoder."""

from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

import zoo.memory as memory
from zoo.checks import check_int, check_seed
from zoo.data import support as supports
from zoo.likelihoods import Likelihood
from zoo.model import adaptation, forward, scores, seeds
from zoo.model.compatibility import check_config, check_output_shapes, check_parts
from zoo.model.estimation.methods import LikelihoodMethods
from zoo.model.keras_model import KerasModel
from zoo.model.preset_methods import PresetMethods
from zoo.model.refinement.methods import RefinementMethods
from zoo.model.training import train_step
from zoo.model.training.guard import Guard
from zoo.model.tuning.lora import ordinary, without_lora
from zoo.model.tuning.methods import TuningMethods
from zoo.objectives import Objective, Terms
from zoo.objectives.objective import no_statistic, sample_posterior
from zoo.posteriors import Posterior
from zoo.priors import Prior
from zoo.probability import tfd
from zoo.samplers import Sampler
from zoo.samplers.fitted import FittedSamplers

Array: TypeAlias = "np.ndarray | tf.Tensor"


@keras.saving.register_keras_serializable("zoo")
class VAE(PresetMethods, LikelihoodMethods, RefinementMethods, TuningMethods, KerasModel):
    """A variational autoencoder, p(x, z) = p(x|z) p(z) with the posterior q(z|x) (arXiv:1312.6114, arXiv:1401.4082).

    The parts define the model. Train it like any Keras model; labels are ignored. The logs contain `loss` (minus the
    objective), `reconstruction` (−E_q log p(x|z)) and `kl`, in nats per example. With sample weights w, `loss` is
    Σ w·loss / B, like all Keras losses, and the other two are weighted means. `predict` returns reconstructions.

    Args:
        encoder: Keras model x [B, *x] ↦ h.
        posterior: layer h ↦ q(z|x).
        prior: layer ↦ p(z).
        decoder: Keras model z [B, L] ↦ h.
        likelihood: layer h ↦ p(x|z).
        objective: layer Terms ↦ [B], to be maximized.
        support: name of the set that x lies in, see `zoo.data.support`.
        seed: random seed; every draw is a function of it and of the number of draws before.
        **kwargs: arguments of `keras.Model`.
    """

    PARTS = ("encoder", "posterior", "prior", "decoder", "likelihood", "objective")

    def __init__(
        self,
        encoder: keras.Model,
        posterior: Posterior,
        prior: Prior,
        decoder: keras.Model,
        likelihood: Likelihood,
        objective: Objective,
        support: str = "real",
        seed: int = 0,
        **kwargs: Any,
    ):
        # Under a mixed policy, autocasting would round x to half precision before its density is computed.
        super().__init__(**(kwargs | {"autocast": False}))
        self.encoder, self.posterior, self.prior = encoder, posterior, prior
        self.decoder, self.likelihood, self.objective = decoder, likelihood, objective
        self.support, self.seed = support, check_seed(seed)
        check_parts(self)
        for role in self.PARTS:
            if not isinstance(getattr(self, role), keras.Model):  # users may have named their networks
                getattr(self, role).name = role
        self.samplers = FittedSamplers(name="samplers")
        self.guard = Guard(train_step.TERMS, [f"the gradient in the {part}" for part in self.PARTS])
        with memory.memory_limit():
            self.build(encoder.input_shape)
        memory.check_step(self)
        check_output_shapes(self)

    def build(self, x_shape):
        h_shape, decoded_shape = self.encoder.output_shape, self.decoder.output_shape
        shapes = {"posterior": h_shape, "prior": x_shape, "likelihood": decoded_shape, "objective": None}
        for role, shape in shapes.items():
            if not getattr(self, role).built:  # parts that are loaded from a file are built already
                getattr(self, role).build(shape)
        self.prior.set_range(*supports.get(self.support).limits)
        self.seed_counter = seeds.add_counter(self)
        super().build(x_shape)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one x."""
        return tuple(self.encoder.input_shape[1:])

    @property
    def latent_size(self) -> int:
        """L, the number of latent dimensions."""
        return self.posterior.event_shape[-1]

    def encode(self, x: Array) -> tfd.Distribution:
        """Returns the posterior q(z|x).

        Args:
            x: data [B, *x].

        Returns:
            A tfd distribution, batch [B], event [L].

        Raises:
            ValueError: `x` has another shape than the model's or, in eager mode, is outside of its support.
        """
        return self.posterior(self.features(forward.check_eagerly(self, x)))

    def posterior_at(self, x: tf.Tensor) -> tfd.Distribution:
        """Returns q(z|x) at points [B, *x] that need not be data, such as the pseudo-inputs of a VampPrior.

        The encoder runs in inference mode, also during training, and its state is unchanged: pseudo-inputs must not
        enter moving statistics, and activity regularizers must not count twice.
        """
        with keras.StatelessScope():
            return self.posterior(self.features(x, training=False))

    def features(self, x: Array, training: bool | None = None) -> tf.Tensor:
        """Returns h, the encoder's features, in the compute dtype of the posterior.

        Args:
            x: data [B, *x].
            training: whether the encoder runs in training mode; None for the mode that the model is called in.

        Raises:
            ValueError: `x` has another shape than the model's.
        """
        return forward.encoder_features(self, x, training)

    def decode(self, z: Array) -> tfd.Distribution:
        """Returns the likelihood p(x|z).

        Args:
            z: latent points [..., L].

        Returns:
            A tfd distribution, batch [...], event the shape of x.

        Raises:
            ValueError: the last axis of `z` is not L.
        """
        return self.likelihood(forward.decoder_features(self, z))

    def terms(self, x: Array, samples: int, seed: tf.Tensor) -> Terms:
        """Computes the terms of the variational bounds on log p(x).

        Args:
            x: data [B, *x].
            samples: K, draws of z per example.
            seed: int32 [2].

        Returns:
            `zoo.objectives.Terms`.
        """
        return forward.terms(self, x, partial(sample_posterior, samples=samples), no_statistic, seed)

    def call(self, x, training=None):  # Keras passes `training` on to the networks
        sample, statistic = self.objective.sample_posterior, self.objective.batch_statistic
        return forward.terms(self, x, sample, statistic, seeds.next_seed(self.seed, self.seed_counter))

    def score(self, x: Array, samples: int = 1000, seed: int = 0, progress: bool = False) -> scores.Scores:
        """Estimates the ELBO, log p(x) and their terms for each example, from K draws of q(z|x).

        Args:
            x: data [N, *x].
            samples: K, importance samples per example.
            seed: random seed of the draws.
            progress: whether to show a progress bar.

        Returns:
            `Scores`, arrays [N].

        Raises:
            ValueError: `x` has another shape or support than the model's, or `samples` is under 1.
        """
        return scores.score(self, x, samples, seed, progress)

    def estimate(self, x: tf.Tensor, samples: int, seed: tf.Tensor) -> scores.Scores:
        """Estimates the `Scores` of each replica's data [b, *x]; see `zoo.model.scores.estimate_on_replicas`."""
        return self._estimate(x, samples, seed, self.lora.key)

    @tf.function  # without XLA, which takes twice as long for large matrix products on CPUs
    def _estimate(self, x, samples, seed, lora):
        """Estimates `Scores`; traced again for other low-rank updates."""
        return scores.estimate_on_replicas(self, x, samples, seed)

    def adapt(self, x: Array) -> None:
        """Initializes data-dependent parts: the data's mean and scale, VampPrior pseudo-inputs, N for β-TCVAE.

        For real data, the encoder gets standardized x, and p(x|z) stays a density in the units of the data. Call it
        before `fit`.

        Args:
            x: training data [N, *x], an array or array-like that supports slicing; values need not lie in the support,
                e.g. gray levels before binarization.

        Raises:
            ValueError: `x` has another shape than the model's, or is not finite.
        """
        adaptation.adapt(self, x)

    def reconstruct(self, x: Array) -> tf.Tensor:
        """Returns E[x′ | z = E_q z], the mean of the likelihood at the mean of the posterior.

        Args:
            x: data [B, *x].

        Returns:
            [B, *x].
        """
        return self.decode(self.encode(x).mean()).mean()

    def generate(self, n: int, seed: int | None = None, sampler: str | tfd.Distribution = "prior") -> tf.Tensor:
        """Generates examples: the means E[x|z] for draws of z.

        Args:
            n: number of examples.
            seed: random seed; None for new draws in each call.
            sampler: distribution of z, see `latent_distribution`.

        Returns:
            [n, *x].

        Raises:
            KeyError, ValueError: as `latent_distribution`, or `n` is under 1.
        """
        n = check_int(n, "how many to generate")
        memory.check_points(self.decoder, n, "latent points")
        z = self.latent_distribution(sampler).sample(n, seed=seeds.draw_seed(self, seed))
        return self.decode(tf.cast(z, self.posterior.compute_dtype)).mean()

    def latent_distribution(self, sampler: str | tfd.Distribution = "prior") -> tfd.Distribution:
        """Returns a distribution of z to sample from.

        Args:
            sampler: "prior"; "vamp", the prior of a model with a VampPrior; the name of a sampler that `add_sampler`
                has fitted, such as "aggregated" or "gmm"; or a tfd distribution of event shape [L].

        Returns:
            A tfd distribution, batch [], event [L].

        Raises:
            KeyError: no such sampler in this model; the message lists the known ones.
            ValueError: the distribution has another shape.
        """
        return self.samplers.distribution(sampler, self)

    def add_sampler(self, spec: str | dict[str, Any], x: Array, progress: bool = True) -> Sampler:
        """Fits a distribution of z to the encoded training data, for use by `generate`.

        It is saved with the model and loaded without the data. `fit` removes all samplers, because training changes
        the latent space.

        Args:
            spec: spec of a sampler, e.g. "aggregated", "gmm(components=20)" or "compressed(components=500)"; its name
                without options is the `sampler` of `generate`.
            x: training data [N, *x].
            progress: whether to show a progress bar.

        Returns:
            The sampler, a `zoo.Sampler`.

        Raises:
            KeyError: no such sampler.
            ValueError: `x` has another shape or support than the model's or too few examples, or the sampler is
                incompatible with the posterior.
        """
        return self.samplers.fit(spec, without_lora(self), x, progress)

    def get_config(self):
        with ordinary(self):
            parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in self.PARTS}
        settings = {"support": self.support, "seed": self.seed, "samplers": self.samplers.serialize()}
        return super().get_config() | parts | settings

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        check_config(config)
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name), custom_objects) for name in cls.PARTS}
        samplers = config.pop("samplers", {})
        vae = cls(**parts, **config)
        vae.samplers.restore(samplers)
        return vae
