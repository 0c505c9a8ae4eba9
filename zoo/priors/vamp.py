"""The VampPrior: a mixture of posteriors."""

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import check_int, check_seed
from zoo.data.standardization import extremes
from zoo.distributions.mixtures.mixture import MixtureSameFamily
from zoo.priors.prior import Prior
from zoo.probability import tfd
from zoo.registry import register


@register("prior", "vamp")
class VampPrior(Prior):
    """p(z) = Σₘ πₘ q(z|uₘ), uₘ learned pseudo-inputs (Tomczak & Welling, 2018, arXiv:1705.07120).

    Compatible with every posterior, on any space, whose density takes one network pass: not with flows. Pseudo-inputs
    are initialized to noise, and by `adapt` to random training examples. They are u = low + v (high − low) with v
    learned in [0, 1], where [low, high] is the range of the support or, for real data, the range that `adapt` computes
    (per element for vectors). Without `adapt`, pseudo-inputs of real data are unconstrained.

    Args:
        event_shape: (L,), the latent size.
        components: M, the number of pseudo-inputs.
        weights: "equal" for πₘ = 1/M, or "learned".
        seed: seed of the choice of training examples in `adapt`.

    Raises:
        ValueError: `weights` is neither "equal" nor "learned".
    """

    is_mixture_of_posteriors = True
    has_fixed_range = False  # whether the range is that of the support, not that of the data

    def __init__(self, event_shape, components=500, weights="equal", seed=0, **kwargs):
        super().__init__(event_shape, **kwargs)
        if weights not in ("equal", "learned"):
            raise ValueError(f"Expected weights= to be 'equal' or 'learned', got {weights!r}.")
        self.components, self.weighting = check_int(components, "components"), weights
        self.seed = check_seed(seed)

    def build(self, x_shape):
        self.unit_pseudo_inputs = self.add_weight(
            shape=(self.components, *x_shape[1:]),
            initializer=keras.initializers.RandomUniform(0.0, 1.0),
            constraint=self._clip,  # clipping in `call` would stop clipped pixels' gradients for good
            name="unit_pseudo_inputs",
        )
        self.low = self.add_weight(shape=x_shape[1:], initializer="zeros", trainable=False, name="low")
        self.high = self.add_weight(shape=x_shape[1:], initializer="ones", trainable=False, name="high")
        self.bounded = self.add_weight(shape=(), initializer="zeros", trainable=False, name="bounded")
        if self.weighting == "learned":
            self.logits = self.add_weight(shape=(self.components,), initializer="zeros", name="logits")
        super().build(x_shape)

    @property
    def pseudo_inputs(self):
        """The pseudo-inputs u, a tensor [M, *x]."""
        return self.low + (self.high - self.low) * self.unit_pseudo_inputs

    def call(self, encode):
        logits = self.logits if self.weighting == "learned" else tf.zeros(self.components, self.compute_dtype)
        weights = tfd.Categorical(logits=tf.convert_to_tensor(logits))
        return MixtureSameFamily(weights, encode(tf.convert_to_tensor(self.pseudo_inputs)))

    def is_compatible(self, posterior):
        return not posterior.density_is_sequential

    def set_range(self, low, high):
        if np.isfinite([low, high]).all():
            self._set_range(low, high)
            self.has_fixed_range = True

    def _set_range(self, low, high):
        self.low.assign(np.broadcast_to(low, self.low.shape))
        self.high.assign(np.broadcast_to(high, self.high.shape))
        self.bounded.assign(1.0)

    def adapt(self, x):
        chosen = np.random.default_rng(self.seed).choice(len(x), self.components, replace=len(x) < self.components)
        if not self.has_fixed_range:
            low, high = np.float32(extremes(x))
            self._set_range(low, np.where(high > low, high, low + 1e-6 * np.maximum(1, np.abs(low))))
        self.unit_pseudo_inputs.assign((np.float32(x[np.sort(chosen)]) - self.low) / (self.high - self.low))
        if self.weighting == "learned":
            self.logits.assign(tf.zeros_like(self.logits))

    @property
    def code_weights(self):
        return []  # it consists of posteriors, which fit themselves to the codes

    def _clip(self, v):
        return keras.ops.where(self.bounded > 0, keras.ops.clip(v, 0.0, 1.0), v)

    def get_config(self):
        options = {"components": self.components, "weights": self.weighting, "seed": self.seed}
        return super().get_config() | options
