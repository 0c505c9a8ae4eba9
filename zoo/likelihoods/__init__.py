"""Likelihoods, h ↦ p(x|z): batch as h, event the shape of x."""

from zoo.likelihoods.bernoulli import BernoulliLikelihood, ContinuousBernoulliLikelihood
from zoo.likelihoods.likelihood import Likelihood, StandardizedLikelihood
from zoo.likelihoods.logistic import DiscretizedLogisticLikelihood
from zoo.likelihoods.low_rank import LowRankNormalLikelihood
from zoo.likelihoods.normal import NormalLikelihood

__all__ = [
    "BernoulliLikelihood",
    "ContinuousBernoulliLikelihood",
    "DiscretizedLogisticLikelihood",
    "Likelihood",
    "LowRankNormalLikelihood",
    "NormalLikelihood",
    "StandardizedLikelihood",
]
