"""Priors, p(z): batch [], event [L]."""

from zoo.priors.dirichlet import DirichletPrior
from zoo.priors.hierarchical import HierarchicalPrior
from zoo.priors.maf import MAFPrior
from zoo.priors.mixture import MixturePrior
from zoo.priors.normal import DiagNormalPrior, StandardNormalPrior, TriLNormalPrior
from zoo.priors.prior import Prior
from zoo.priors.vamp import VampPrior

__all__ = [
    "DiagNormalPrior",
    "DirichletPrior",
    "HierarchicalPrior",
    "MAFPrior",
    "MixturePrior",
    "Prior",
    "StandardNormalPrior",
    "TriLNormalPrior",
    "VampPrior",
]
