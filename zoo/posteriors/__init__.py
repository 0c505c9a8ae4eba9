"""Posteriors, h ↦ q(z|x): batch [B], event [L], reparameterised."""

from zoo.posteriors.dirichlet import Dirichlet
from zoo.posteriors.hierarchical import Hierarchical
from zoo.posteriors.iaf import InverseAutoregressiveFlow
from zoo.posteriors.mixture import MixtureSameFamily
from zoo.posteriors.normal import (
    MultivariateNormalDiag,
    MultivariateNormalLowRank,
    MultivariateNormalOrthogonal,
    MultivariateNormalStdCorr,
    MultivariateNormalTriL,
)
from zoo.posteriors.posterior import Posterior

__all__ = [
    "Dirichlet",
    "Hierarchical",
    "InverseAutoregressiveFlow",
    "MixtureSameFamily",
    "MultivariateNormalDiag",
    "MultivariateNormalLowRank",
    "MultivariateNormalOrthogonal",
    "MultivariateNormalStdCorr",
    "MultivariateNormalTriL",
    "Posterior",
]
