"""Σ = D + U Uᵀ, at a cost linear in d."""

from dataclasses import dataclass

import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.low_rank_normal import MultivariateNormalLowRank
from zoo.distributions.positive import positive
from zoo.parameterizations.diagonal import first_parameters
from zoo.registry import register

RANK = 4  # default


@register("normal", "low_rank")
@dataclass(frozen=True)
class LowRank:
    """N(μ, D + U Uᵀ), U of rank r: 2d + r d parameters, see `MultivariateNormalLowRank`.

    (Rezende et al., 2014, arXiv:1401.4082, section 4.3, parameterize the precision matrix in this form.)

    Args:
        rank: r, at most d; None for min(4, d).
    """

    rank: int | None = None

    def __post_init__(self):
        if self.rank is not None:
            object.__setattr__(self, "rank", check_int(self.rank, "rank"))

    def rank_of(self, d):
        """Returns r for a normal in d dimensions.

        Raises:
            ValueError: the rank is over d.
        """
        return resolve_rank(d, self.rank, RANK)

    def params_size(self, d):
        """Returns the number of parameters of a normal in d dimensions.

        Raises:
            ValueError: the rank is over d.
        """
        return 2 * d + self.rank_of(d) * d

    def from_diagonal(self, d):
        """Returns the `FromDiagonal` of this family in d dimensions."""
        return first_parameters(self.params_size(d), d, off_saddle=True)

    def __call__(self, params, d):
        """Maps params [..., params_size(d)] to a normal of batch shape [...] and event shape [d]."""
        loc, raw_scale, factor = tf.split(params, [d, d, self.rank_of(d) * d], axis=-1)
        factor = tf.reshape(factor, tf.concat([tf.shape(factor)[:-1], [d, self.rank_of(d)]], axis=0))
        return MultivariateNormalLowRank(loc, positive(raw_scale), factor)


def resolve_rank(d, rank, usual):
    """Returns the rank, or by default min(usual, d).

    Args:
        d: number of dimensions.
        rank: the requested rank; None for min(usual, d).
        usual: the default rank.

    Raises:
        ValueError: the rank is over d.
    """
    if rank is None:
        return min(usual, d)
    if check_int(rank, "rank") > d:
        raise ValueError(f"Expected a rank of at most {d}, the number of dimensions, got {rank}.")
    return rank
