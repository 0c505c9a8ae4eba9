"""Likelihoods, h ↦ p(x|z): batch as h, event the shape of x."""

from zoo.likelihoods.bernoulli import Bernoulli, ContinuousBernoulli
from zoo.likelihoods.likelihood import Likelihood, LikelihoodInUnits
from zoo.likelihoods.logistic import DiscretizedLogistic
from zoo.likelihoods.low_rank import LowRankNormal
from zoo.likelihoods.normal import Normal

__all__ = [
    "Bernoulli",
    "ContinuousBernoulli",
    "DiscretizedLogistic",
    "Likelihood",
    "LikelihoodInUnits",
    "LowRankNormal",
    "Normal",
]
