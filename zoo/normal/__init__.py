"""Normal families: unconstrained parameters ↦ N(μ, Σ).

Posteriors, learned priors and mixture components all make their normals here, so that a covariance is
parameterised once. To write one: a frozen dataclass with `size(d)`, the number of parameters of a normal
in d dimensions, and `__call__(params, d)`, which maps params [..., size(d)] to a normal of batch shape
[...] and event shape [d]. The first d parameters are μ; all of them zero give N(0, I).
"""

from zoo.normal.diagonal import Diag
from zoo.normal.low_rank import LowRank, MultivariateNormalLowRank
from zoo.normal.orthogonal import LinearOperatorHouseholderProduct, Orthogonal
from zoo.normal.triangular import StdCorr, TriL

__all__ = [
    "Diag",
    "LinearOperatorHouseholderProduct",
    "LowRank",
    "MultivariateNormalLowRank",
    "Orthogonal",
    "StdCorr",
    "TriL",
]
