"""Parameterizations of normals: unconstrained parameters ↦ N(μ, Σ).

Shared by posteriors, learned priors and mixture components. To write one: define a frozen dataclass with
`params_size(d)`, the number of parameters of a normal in d dimensions, and `__call__(params, d)`, which maps params
[..., params_size(d)] to a normal of batch shape [...] and event shape [d]. The first d parameters are μ; zero
parameters give N(0, I). With `from_diagonal(d)`, trained diagonal normals can be turned into it.
"""

from typing import Protocol

import tensorflow as tf

from zoo.parameterizations.diagonal import Diag, FromDiagonal
from zoo.parameterizations.low_rank import LowRank
from zoo.parameterizations.orthogonal import Orthogonal
from zoo.parameterizations.triangular import StdCorr, TriL
from zoo.probability import tfd

__all__ = ["Diag", "FromDiagonal", "LowRank", "Orthogonal", "Parameterization", "StdCorr", "TriL"]


class Parameterization(Protocol):
    """The interface of parameterizations."""

    def params_size(self, d: int) -> int:
        """Returns the number of parameters of a normal in d dimensions."""

    def __call__(self, params: tf.Tensor, d: int) -> tfd.Distribution:
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
