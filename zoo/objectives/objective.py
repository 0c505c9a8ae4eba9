"""Objective: the layer that all of them share."""

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import whole_number
from zoo.posteriors.posterior import Posterior
from zoo.probability import tfd

# q, z [K, B, L], log q(z|x) [K, B], and the draws' log shares as in `Terms`, None where they are equal.
Drawn = tuple[tfd.Distribution, tf.Tensor, tf.Tensor, tf.Tensor | None]


class Objective(keras.layers.Layer):
    """A lower bound on log p(x), or a surrogate that says what it is: terms ↦ [B], in nats, to be maximized.

    To write one: `call(terms)`. It computes in the precision of the terms.

    `annealing`, a number from 0 to 1 that multiplies what holds q(z|x) to the prior, is state, not
    configuration: a warm-up raises it, and it is saved with the weights.

    Args:
        samples: K, how many draws of z it takes for an example.
    """

    stratified = False  # whether draws may have shares other than 1/K: then means over them are `terms.mean`
    of_batch = False  # whether it looks at the batch as a whole, where sample weights weigh nothing

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls) and "stratified" not in vars(cls):
            cls.stratified = False  # a class that computes otherwise than the one above it has to say so itself

    def __init__(self, samples=1, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)
        self.samples = whole_number(samples, "samples")

    def build(self, terms_shape=None):
        self.annealing = self.add_weight(shape=(), initializer="ones", trainable=False, name="annealing")
        super().build(terms_shape)

    def annealed(self, value: tf.Tensor) -> tf.Tensor:
        """Returns `annealing` × value, in the value's dtype."""
        return tf.cast(tf.convert_to_tensor(self.annealing), value.dtype) * value

    def draw(self, posterior: Posterior, h: tf.Tensor, seed: tf.Tensor) -> Drawn:
        """Samples z with the gradient estimator of this objective.

        Args:
            posterior: the layer h ↦ q(z|x).
            h: features [B, H].
            seed: int32 [2].

        Returns:
            q, z [K, B, L], log q(z|x) [K, B], and the draws' log shares as in `Terms`, None where they are equal.
        """
        if self.stratified and posterior.stratified:
            return draw_strata(posterior, h, seed, self.samples, tf.convert_to_tensor(self.annealing))
        return draw(posterior, h, seed, self.samples)

    def batch_statistic(self, q: tfd.Distribution, p: tfd.Distribution, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Computes a statistic of all examples of the batch, such as one of q(z); `call` finds it in the terms.

        Args:
            q: q(z|x), batch [B].
            p: p(z).
            z: draws of q [K, B, L].
            seed: int32 [2].
        """
        return nothing(q, p, z, seed)

    def is_compatible(self, posterior: Posterior) -> bool:
        """Returns whether this objective can be computed for a posterior.

        Args:
            posterior: the layer.
        """
        return True

    @property
    def adapted(self) -> bool:
        """Whether it needs no `adapt` any more, or never did."""
        return True

    def adapt(self, x: np.ndarray) -> None:
        """Learns what it needs of the training data; nothing, unless a class says otherwise.

        Args:
            x: training data [N, *x].
        """

    def get_config(self):
        return super().get_config() | {"samples": self.samples}


def draw(posterior, h, seed, samples):
    """Samples q(z|x) K times; log q(z|x) is computed from the draws' own noise where q can.

    Args:
        posterior: the layer h ↦ q(z|x).
        h: features [B, H].
        seed: int32 [2].
        samples: K.

    Returns:
        see `Objective.draw`.
    """
    q = posterior(h)
    return q, *q.experimental_sample_and_log_prob(samples, seed=seed), None


def draw_strata(posterior, h, seed, samples, annealing=1.0):
    """Samples each component of a mixture q(z|x) K times.

    During a warm-up q is the mixture of weights ∝ πᵃ, a the annealing. Before all components are trained, one of them
    decodes better than the others by more nats than a mixture of all can gain, and would take all the weight for good.

    Args:
        posterior: a layer that is `stratified`.
        h: features [B, H].
        seed: int32 [2].
        samples: K.
        annealing: a.

    Returns:
        see `Objective.draw`, for M K draws.
    """
    q = posterior(h).tempered(annealing)
    z, log_shares = q.sample_strata(samples, seed)
    return q, z, q.log_prob(z), log_shares


def nothing(q, p, z, seed):
    """Returns the `batch_statistic` of an objective that needs none."""
    return tf.zeros([], z.dtype)
