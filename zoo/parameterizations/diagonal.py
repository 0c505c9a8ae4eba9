"""Σ = diag σ²."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from zoo.distributions.positive import positive
from zoo.probability import tfd
from zoo.registry import register

OFF_SADDLE = 1e-3  # scale of parameters whose gradient vanishes at zero; changes Σ by about its square


@register("normal", "diag")
@dataclass(frozen=True)
class Diag:
    """N(μ, diag σ²): 2d parameters, μ and σ."""

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return 2 * d

    def from_diagonal(self, d):
        """Returns the `FromDiagonal` of this family in d dimensions."""
        return first_parameters(self.params_size(d), d)

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale = tf.split(params, [d, d], axis=-1)
        return tfd.MultivariateNormalDiag(loc, positive(raw_scale))


@dataclass(frozen=True)
class FromDiagonal:
    """An affine map from the 2d parameters of `Diag` to the P parameters of another family, with the same N(μ, Σ).

    Args:
        sources: for each parameter, the index of that of `Diag` that it equals; −1 for none [P].
        offsets: what is added: zeros or, where the gradient would vanish or stay equal, small values [P].
    """

    sources: np.ndarray
    offsets: np.ndarray

    def linear(self, params: np.ndarray) -> np.ndarray:
        """Maps [..., 2d] to [..., P], without the offsets."""
        taken = np.asarray(params)[..., np.maximum(self.sources, 0)]
        return np.where(self.sources >= 0, taken, np.zeros((), taken.dtype))

    def __call__(self, params: np.ndarray) -> np.ndarray:
        """Maps parameters of `Diag` [..., 2d] to those of the other family [..., P]."""
        linear = self.linear(params)
        return linear + self.offsets.astype(linear.dtype)


def first_parameters(size, d, off_saddle=False):
    """Returns the `FromDiagonal` of a family whose first 2d parameters are those of `Diag`, and whose rest is zero.

    Args:
        size: P.
        d: number of dimensions.
        off_saddle: whether the rest has no gradient at zero, so that it must be random and small.
    """
    index = np.arange(size)
    offsets = np.where(index < 2 * d, 0.0, small_values(size) if off_saddle else 0.0)
    return FromDiagonal(np.where(index < 2 * d, index, -1), offsets)


def small_values(size):
    """Returns the same random values [size] of scale `OFF_SADDLE` each time."""
    return np.random.default_rng(0).normal(0, OFF_SADDLE, size)
