"""Likelihoods of data in {0, 1} and in [0, 1]."""

from zoo.distributions.bernoulli import FastBernoulli
from zoo.likelihoods.likelihood import Likelihood
from zoo.probability import tfd
from zoo.registry import register


class LogitsLikelihood(Likelihood):
    """The base class of likelihoods whose parameters are logits.

    Args:
        event_shape: shape of x.
    """

    def start_from(self, old):
        weights = old.get_weights()
        same = isinstance(old, LogitsLikelihood) and [w.shape for w in weights] == [w.shape for w in self.get_weights()]
        if same:
            self.set_weights(weights)
        return same


@register("likelihood", "bernoulli")
class BernoulliLikelihood(LogitsLikelihood):
    """p(x|z) = Πᵢ pᵢ^xᵢ (1 − pᵢ)^(1−xᵢ), x in {0, 1}; the logits of p are a linear map of h.

    Args:
        event_shape: shape of x.
    """

    supports = ("binary",)

    def call(self, h):
        (logits,) = self.parameters(h)
        return tfd.Independent(FastBernoulli(logits=logits, dtype=logits.dtype), len(self.event_shape))


@register("likelihood", "continuous_bernoulli")
class ContinuousBernoulliLikelihood(LogitsLikelihood):
    """p(x|z) = Πᵢ C(λᵢ) λᵢ^xᵢ (1 − λᵢ)^(1−xᵢ), x in [0, 1].

    Loaiza-Ganem & Cunningham (2019, arXiv:1907.06845). C normalizes the density; the Bernoulli formula does not
    integrate to one over [0, 1]. The logits of λ are a linear map of h.

    Args:
        event_shape: shape of x.
    """

    supports = ("unit",)

    def call(self, h):
        (logits,) = self.parameters(h)
        return tfd.Independent(tfd.ContinuousBernoulli(logits=logits), len(self.event_shape))
