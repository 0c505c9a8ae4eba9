"""The normal likelihood with correlated noise."""

import math

import tensorflow as tf

from zoo.checks import check_float
from zoo.distributions.low_rank_normal import MultivariateNormalLowRank
from zoo.distributions.positive import positive
from zoo.likelihoods.likelihood import StandardizedLikelihood
from zoo.parameterizations.low_rank import resolve_rank
from zoo.probability import tfb, tfd
from zoo.registry import register

RANK = 4  # default


@register("likelihood", "low_rank_normal")
class LowRankNormalLikelihood(StandardizedLikelihood):
    """p(x|z) = N(x; μ(z), D(z) + U(z) U(z)ᵀ): noise that is correlated between the elements of x.

    With U = σW, no covariance matrix is computed, see `zoo.distributions.MultivariateNormalLowRank`. (Structured
    uncertainty, Dorta et al., 2018, arXiv:1802.07079, uses a sparse precision matrix instead.)
    A density of the standardized x, see `StandardizedLikelihood`; σ and its floor are in standardized units.

    Args:
        event_shape: shape of x.
        rank: number of columns of U, at most the number of elements of x; None for 4, or that number if it is smaller.
        floor: lower bound of σ; without it, the density of a constant element is unbounded.

    Raises:
        ValueError: `floor` is under 1e-6 or over 0.99, or `rank` over the number of elements.
    """

    supports = ("real", "unit")

    def __init__(self, event_shape, rank=None, floor=0.01, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.floor = check_float(floor, "floor", minimum=1e-6, maximum=0.99)
        self.rank, self.columns = rank, resolve_rank(math.prod(self.event_shape), rank, RANK)
        self.params_per_element = 2 + self.columns

    def call(self, h):
        loc, raw_scale, *factors = self.parameters(h)  # [..., *event_shape]
        batch, size = tf.shape(loc)[: loc.shape.rank - len(self.event_shape)], math.prod(self.event_shape)
        loc, raw_scale = (tf.reshape(t, tf.concat([batch, [size]], axis=0)) for t in (loc, raw_scale))
        factor = tf.reshape(tf.stack(factors, axis=-1), tf.concat([batch, [size, self.columns]], axis=0))
        px = MultivariateNormalLowRank(loc, positive(raw_scale, self.floor), factor)
        px = tfd.TransformedDistribution(px, tfb.Reshape(self.event_shape, event_shape_in=[size]))
        return self.in_data_units(px)

    def get_config(self):
        return super().get_config() | {"rank": self.rank, "floor": self.floor}
