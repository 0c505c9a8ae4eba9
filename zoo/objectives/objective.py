"""The base class of objectives."""

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.data.lazy_arrays import LazyArray
from zoo.posteriors.posterior import Posterior
from zoo.probability import tfd

# q, z [K, B, L], log q(z|x) [K, B], and `Terms.log_draw_weights`.
PosteriorSample = tuple[tfd.Distribution, tf.Tensor, tf.Tensor, tf.Tensor | None]


class Objective(keras.layers.Layer):
    """The base class of objectives, terms ↦ [B]: lower bounds on log p(x) or surrogates, in nats, to be maximized.

    To write a subclass: define `call(terms)`. It computes in the dtype of the terms.

    `annealing` is a factor from 0 to 1 on the terms that pull q(z|x) towards the prior. It is state, not
    configuration: a KL warm-up raises it, and it is saved with the weights.

    Args:
        samples: K, draws of z per example.
    """

    accepts_strata = False  # whether it accepts stratified draws, by averaging with `terms.mean`
    uses_batch_statistic = False  # whether it uses a statistic of the whole batch, which ignores sample weights

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls) and "accepts_strata" not in vars(cls):
            cls.accepts_strata = False  # a subclass that overrides `call` must set it again

    def __init__(self, samples=1, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.samples = check_int(samples, "samples")

    def build(self, terms_shape=None):
        self.annealing = self.add_weight(shape=(), initializer="ones", trainable=False, name="annealing")
        super().build(terms_shape)

    def annealed(self, value: tf.Tensor) -> tf.Tensor:
        """Returns `annealing` × value, in the value's dtype."""
        return tf.cast(tf.convert_to_tensor(self.annealing), value.dtype) * value

    def sample_posterior(self, posterior: Posterior, h: tf.Tensor, seed: tf.Tensor) -> PosteriorSample:
        """Samples z with the gradient estimator of this objective.

        Args:
            posterior: the layer h ↦ q(z|x).
            h: features [B, H].
            seed: int32 [2].

        Returns:
            q, z [K, B, L], log q(z|x) [K, B], and `Terms.log_draw_weights`.
        """
        if self.accepts_strata and posterior.has_strata:
            return sample_posterior_strata(posterior, h, seed, self.samples, tf.convert_to_tensor(self.annealing))
        return sample_posterior(posterior, h, seed, self.samples)

    def batch_statistic(self, q: tfd.Distribution, p: tfd.Distribution, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Computes a statistic of the whole batch, such as one of q(z), passed to `call` as `terms.batch_statistic`.

        Args:
            q: q(z|x), batch [B].
            p: p(z).
            z: draws of q [K, B, L].
            seed: int32 [2].
        """
        return no_statistic(q, p, z, seed)

    def is_compatible(self, posterior: Posterior) -> bool:
        """Returns whether this objective can be computed for a posterior.

        Args:
            posterior: the layer.
        """
        return True

    @property
    def adapted(self) -> bool:
        """Whether `adapt` was called or is not needed."""
        return True

    def adapt(self, x: np.ndarray | LazyArray) -> None:
        """Initializes data-dependent state; does nothing by default.

        Args:
            x: training data [N, *x].
        """

    def get_config(self):
        return super().get_config() | {"samples": self.samples}


def sample_posterior(posterior, h, seed, samples):
    """Samples q(z|x) K times, with `experimental_sample_and_log_prob`.

    Args:
        posterior: the layer h ↦ q(z|x).
        h: features [B, H].
        seed: int32 [2].
        samples: K.

    Returns:
        As `Objective.sample_posterior`.
    """
    q = posterior(h)
    return q, *q.experimental_sample_and_log_prob(samples, seed=seed), None


def sample_posterior_strata(posterior, h, seed, samples, annealing=1.0):
    """Samples each component of a mixture q(z|x) K times.

    During a KL warm-up with annealing a, the weights of q are ∝ πᵃ. Otherwise one component would take all the weight
    for good: early in training, its lead in log p(x|z) exceeds the nats that a mixture can gain.

    Args:
        posterior: a posterior with `has_strata`.
        h: features [B, H].
        seed: int32 [2].
        samples: K.
        annealing: a.

    Returns:
        As `Objective.sample_posterior`, with M K draws.
    """
    q = posterior(h).tempered(annealing)
    z, log_draw_weights = q.sample_strata(samples, seed)
    return q, z, q.log_prob(z), log_draw_weights


def no_statistic(q, p, z, seed):
    """Returns zero, the `batch_statistic` of objectives that use none."""
    return tf.zeros([], z.dtype)
