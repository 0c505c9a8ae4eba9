"""Mixtures of many components, with densities by matrix products.

log Σₘ πₘ pₘ(z) of N points takes N × M component densities. Those of normals are quadratic forms, and so matrix
products: for a diagonal normal, of (z², z, 1) and (−1/2σ², μ/σ², …). In float32 the squares cancel if σ is small, so
such densities are approximate. Mixtures of up to some thousand components, such as priors, compute the products in
float64. Larger ones (`zoo.distributions.mixtures.blockwise`) recompute the top components of each point, which make up
nearly all of the sum, by the usual formula (`zoo.distributions.mixtures.log_sum`).
"""

import math
from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

import tensorflow as tf

from zoo.probability import tfd, tfp

# Up to this many components, matrix products are not faster than a vector per pair of point and component.
MAX_PAIRWISE_COMPONENTS = 16


@singledispatch
def pairwise_log_prob(components, z):
    """Computes log pₘ(zₙ), the density of every point under every component.

    Args:
        components: distribution, batch [M], event [d].
        z: points [N, d].

    Returns:
        [N, M], nats.
    """
    return components.log_prob(z[:, None, :])


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalLinearOperator, z):
    # One product with all M inverses; broadcasting would copy the matrices N times.
    d = z.shape[-1]
    loc = tf.broadcast_to(components.loc, tf.concat([components.batch_shape_tensor(), [d]], axis=0))
    inverse = components.scale.solve(tf.eye(d, batch_shape=tf.shape(loc)[:1], dtype=z.dtype))  # [M, d, d]
    shift = tf.linalg.matvec(inverse, loc)  # [M, d]
    u = tf.matmul(z, tf.reshape(inverse, [-1, d]), transpose_b=True) - tf.reshape(shift, [-1])  # [N, M d]
    quadratic = tf.reduce_sum(tf.reshape(u, [tf.shape(z)[0], tf.shape(loc)[0], d]) ** 2, axis=-1)
    return -0.5 * quadratic - (components.scale.log_abs_determinant() + 0.5 * d * math.log(2 * math.pi))


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalDiag, z):
    # A subclass of MultivariateNormalLinearOperator, but without matrices to copy.
    return components.log_prob(z[:, None, :])


class MatmulLogProb(NamedTuple):
    """log πₘ pₘ(zₙ) by matrix products: faster than `pairwise_log_prob`, with larger rounding errors.

    Args:
        factors: the components' factors of the products, a list of tensors [M, ...].
        product: function from points z [N, d] and such factors to log πₘ pₘ(zₙ) [N, M], nats.
        exact: function from points z [N, d] and indices of components [N, K] to exact values [N, K], nats.
    """

    factors: list[tf.Tensor]
    product: Callable[..., tf.Tensor]
    exact: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@singledispatch
def matmul_log_prob(components, log_weights):
    """Returns the log-densities of a mixture's components as matrix products, a `MatmulLogProb`.

    Args:
        components: distribution, batch [M], event [d].
        log_weights: log πₘ [M].
    """
    raise NotImplementedError(f"No `matmul_log_prob` for {type(components).__name__}.")


def has_matmul_log_prob(components):
    """Returns whether `matmul_log_prob` supports a distribution's family."""
    return matmul_log_prob.dispatch(type(components)) is not matmul_log_prob.dispatch(object)


@matmul_log_prob.register
def _(components: tfd.MultivariateNormalDiag, log_weights):
    loc, scale = components.mean(), components.stddev()
    center = tf.stop_gradient(tf.reduce_mean(loc, axis=0))
    factors = diag_normal_factors(loc - center, scale, log_weights)
    highest = log_weights - tf.reduce_sum(tf.math.log(scale), axis=-1) - 0.5 * loc.shape[-1] * math.log(2 * math.pi)

    def exact(z, index):
        u = (z[:, None] - tf.gather(loc, index)) / tf.gather(scale, index)  # [N, K, d]
        return tf.gather(highest, index) - 0.5 * tf.reduce_sum(u**2, axis=-1)

    return MatmulLogProb([factors], lambda z, factors: diag_normal_matmul(z - center, factors), exact)


def diag_normal_factors(loc, scale, log_weights):
    """Returns (−1/2σ², μ/σ², log πₘ N(0; μ, σ²)) [M, 2d + 1] for `diag_normal_matmul`.

    Args:
        loc: μ [M, d].
        scale: σ [M, d].
        log_weights: log π [M].
    """
    precision = 1 / scale**2
    quadratic = tf.reduce_sum(0.5 * loc**2 * precision + tf.math.log(scale), axis=-1)
    constant = log_weights - quadratic - 0.5 * loc.shape[-1] * math.log(2 * math.pi)
    return tf.concat([-0.5 * precision, loc * precision, constant[:, None]], axis=-1)


def diag_normal_matmul(z, factors):
    """Computes log πₘ N(zₙ; μₘ, diag σₘ²) [N, M] as a matrix product.

    Its error in float32 is about 1e-7 · z²/σ² nats.

    Args:
        z: points [N, d].
        factors: [M, 2d + 1].
    """
    return tf.matmul(tf.concat([z**2, z, tf.ones_like(z[:, :1])], axis=-1), factors, transpose_b=True)


@singledispatch
def to_float64(components):
    """Returns the components in float64, for families with `matmul_log_prob`.

    Args:
        components: distribution, batch [M].
    """
    raise NotImplementedError(f"No `to_float64` for {type(components).__name__}.")


@to_float64.register
def _(components: tfd.MultivariateNormalDiag):
    return tfd.MultivariateNormalDiag(*(tf.cast(t, tf.float64) for t in (components.mean(), components.stddev())))


@singledispatch
def gather_components(components, index):
    """Takes some of the components.

    Args:
        components: distribution, batch [M].
        index: int [...].

    Returns:
        A distribution of the same family, batch [...].
    """
    raise NotImplementedError(f"No `gather_components` for {type(components).__name__}.")


@gather_components.register
def _(components: tfd.MultivariateNormalDiag, index):
    return tfd.MultivariateNormalDiag(tf.gather(components.mean(), index), tf.gather(components.stddev(), index))


@gather_components.register
def _(components: tfd.MultivariateNormalTriL, index):
    # From the constructor arguments: `scale.to_dense()` would compute the matrices of all components.
    loc, scale_tril = (tf.gather(components.parameters[name], index) for name in ("loc", "scale_tril"))
    return tfd.MultivariateNormalTriL(loc, scale_tril)


@gather_components.register
def _(components: tfd.MultivariateNormalLinearOperator, index):
    scale = tf.linalg.LinearOperatorFullMatrix(tf.gather(components.scale.to_dense(), index))
    return tfd.MultivariateNormalLinearOperator(tf.gather(components.loc, index), scale)


@gather_components.register
def _(components: tfd.Dirichlet, index):
    return type(components)(tf.gather(components.concentration, index))


class MixtureSameFamily(tfd.MixtureSameFamily):
    """Σₘ πₘ pₘ(z) of batch shape [], with faster sampling and densities than TFP's.

    Each draw samples its own component only, and densities are matrix products if the family supports them.

    Args:
        mixture_distribution: categorical distribution with the weights π [M].
        components_distribution: batch [M], event [d].
    """

    def _sample_n(self, n, seed=None):
        components = self.components_distribution
        if gather_components.dispatch(type(components)) is gather_components.dispatch(object):
            return super()._sample_n(n, seed)  # TFP samples every component and keeps one
        which, where = tfp.random.split_seed(seed, 2)
        return gather_components(components, self.mixture_distribution.sample(n, seed=which)).sample(seed=where)

    def _log_prob(self, z):
        components, points = self.components_distribution, tf.reshape(z, [-1, z.shape[-1]])
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter())  # [M]
        if has_matmul_log_prob(components) and (components.batch_shape[0] or 0) > MAX_PAIRWISE_COMPONENTS:
            factors, product, _ = matmul_log_prob(to_float64(components), tf.cast(log_weights, tf.float64))
            log_prob = tf.reduce_logsumexp(product(tf.cast(points, tf.float64), *factors), axis=-1)
            log_prob = tf.cast(log_prob, self.dtype)
        else:
            log_prob = tf.reduce_logsumexp(log_weights + pairwise_log_prob(components, points), axis=-1)
        return tf.reshape(log_prob, tf.shape(z)[:-1])
