"""Likelihoods of pixels in {0, 1} and in [0, 1]."""

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.likelihoods.likelihood import Likelihood
from zoo.registry import register

tfd = tfp.distributions


@register("likelihood", "bernoulli")
class Bernoulli(Likelihood):
    """p(x|z) = Πᵢ pᵢ^xᵢ (1 − pᵢ)^(1−xᵢ), x in {0, 1}; the logits of p are a linear map of h.

    Args:
        event_shape: shape of x.
    """

    supports = ("binary",)

    def call(self, h):
        (logits,) = self.parameters(h)
        return tfd.Independent(FastBernoulli(logits=logits, dtype=logits.dtype), len(self.event_shape))


class FastBernoulli(tfd.Bernoulli):
    """A Bernoulli whose log-density takes one softplus, where TFP's takes two: x l − softplus(l), l the logit."""

    def _log_prob(self, x):
        logits = self.logits_parameter()
        return x * logits - tf.nn.softplus(logits)


@register("likelihood", "continuous_bernoulli")
class ContinuousBernoulli(Likelihood):
    """p(x|z) = Πᵢ C(λᵢ) λᵢ^xᵢ (1 − λᵢ)^(1−xᵢ), x in [0, 1]: a density, which the Bernoulli formula is not there.

    Loaiza-Ganem & Cunningham (2019, arXiv:1907.06845).

    Args:
        event_shape: shape of x.
    """

    supports = ("unit",)

    def call(self, h):
        (logits,) = self.parameters(h)
        return tfd.Independent(tfd.ContinuousBernoulli(logits=logits), len(self.event_shape))
