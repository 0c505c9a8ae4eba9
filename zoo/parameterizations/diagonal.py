"""Σ = diag σ²."""

from dataclasses import dataclass

import tensorflow as tf

from zoo.distributions.positive import positive
from zoo.probability import tfd
from zoo.registry import register


@register("normal", "diag")
@dataclass(frozen=True)
class Diag:
    """N(μ, diag σ²): 2d parameters, μ and σ."""

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions."""
        return 2 * d

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale = tf.split(params, [d, d], axis=-1)
        return tfd.MultivariateNormalDiag(loc, positive(raw_scale))
