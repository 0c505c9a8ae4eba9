"""Posteriors, h ↦ q(z|x): batch [B], event [L], reparameterized."""

from zoo.posteriors.dirichlet import DirichletPosterior
from zoo.posteriors.hierarchical import HierarchicalPosterior
from zoo.posteriors.iaf import IAFPosterior
from zoo.posteriors.mixture import MixturePosterior
from zoo.posteriors.normal import (
    DiagNormalPosterior,
    LowRankNormalPosterior,
    OrthogonalNormalPosterior,
    StdCorrNormalPosterior,
    TriLNormalPosterior,
)
from zoo.posteriors.posterior import Posterior

__all__ = [
    "DiagNormalPosterior",
    "DirichletPosterior",
    "HierarchicalPosterior",
    "IAFPosterior",
    "LowRankNormalPosterior",
    "MixturePosterior",
    "OrthogonalNormalPosterior",
    "Posterior",
    "StdCorrNormalPosterior",
    "TriLNormalPosterior",
]
