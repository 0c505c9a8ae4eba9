"""Priors, p(z): batch [], event [L]."""

from zoo.priors.dirichlet import Dirichlet
from zoo.priors.hierarchical import Hierarchical
from zoo.priors.maf import MaskedAutoregressiveFlow
from zoo.priors.mixture import MixtureSameFamily
from zoo.priors.normal import MultivariateNormalDiag, MultivariateNormalTriL, StandardNormal
from zoo.priors.prior import Prior
from zoo.priors.vamp import VampPrior

__all__ = [
    "Dirichlet",
    "Hierarchical",
    "MaskedAutoregressiveFlow",
    "MixtureSameFamily",
    "MultivariateNormalDiag",
    "MultivariateNormalTriL",
    "Prior",
    "StandardNormal",
    "VampPrior",
]
