"""Marginal densities of single latent dimensions, for normals and mixtures of normals."""

import math
from functools import singledispatch

import tensorflow as tf

from zoo.distributions.low_rank_normal import MultivariateNormalLowRank
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.probability import tfd

CHUNK = 500  # components per chunk


@singledispatch
def normal_components(distribution):
    """Returns the components of a distribution, if it is a normal or a mixture of normals.

    Args:
        distribution: distribution, batch [], event [L].

    Returns:
        log weights [M], means [M, L] and standard deviations [M, L]; or None.
    """
    return None


@normal_components.register(tfd.MultivariateNormalLinearOperator)
@normal_components.register(MultivariateNormalLowRank)
def _(distribution):
    return tf.zeros([1], distribution.dtype), distribution.mean()[None], distribution.stddev()[None]


@normal_components.register
def _(distribution: tfd.MixtureSameFamily):
    components = distribution.components_distribution
    if not is_normal(components):
        return None
    weights = tf.nn.log_softmax(distribution.mixture_distribution.logits_parameter())
    return weights, components.mean(), components.stddev()


@normal_components.register
def _(distribution: BlockwiseMixture):
    if not is_normal(distribution.components([0])):
        return None
    parts = [(part.mean(), part.stddev()) for part in distribution.component_chunks()]
    return distribution.log_weights, *(tf.concat(tensors, axis=0) for tensors in zip(*parts, strict=True))


def is_normal(distribution):
    """Returns whether a distribution is of one of the normal families."""
    return isinstance(distribution, tfd.MultivariateNormalLinearOperator | MultivariateNormalLowRank)


def marginal_log_prob(components, z):
    """Computes log p(zⱼ) of each dimension j of points.

    Args:
        components: see `normal_components`.
        z: points [N, L]; with more than 500 components, the result is −∞ where all component densities underflow in
            float32, so use draws of a similar distribution.

    Returns:
        [N, L], nats.
    """
    log_weights, loc, scale = components
    if loc.shape[0] == 1:
        return tfd.Normal(loc[0], scale[0]).log_prob(z)
    if loc.shape[0] <= CHUNK:
        return _log_density(z, log_weights, loc, scale)
    total = tf.zeros_like(z)
    for first in range(0, loc.shape[0], CHUNK):
        part = slice(first, first + CHUNK)
        total += _densities(z, log_weights[part], loc[part], scale[part])
    return tf.math.log(total)


@tf.function(jit_compile=True, autograph=False)  # fused by XLA, without a tensor of points × components × dimensions
def _densities(z, log_weights, loc, scale):
    return tf.reduce_sum(tf.exp(_weighed(z, log_weights, loc, scale)), axis=1)


@tf.function(jit_compile=True, autograph=False)
def _log_density(z, log_weights, loc, scale):
    return tf.reduce_logsumexp(_weighed(z, log_weights, loc, scale), axis=1)


def _weighed(z, log_weights, loc, scale):
    """Returns log πₘ p(zⱼ|m) [N, M, L]."""
    log_norm = log_weights[:, None] - tf.math.log(scale) - 0.5 * math.log(2 * math.pi)
    return log_norm - 0.5 * ((z[:, None] - loc) / scale) ** 2
