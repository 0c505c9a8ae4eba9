"""Mixtures of many components, their density in matrix products.

log Σₘ πₘ pₘ(z) of N points takes N × M component densities. Those of normals are quadratic forms, and so matrix
products: for a diagonal one, of (z², z, 1) and (−1/2σ², μ/σ², …). In float32 the squares cancel where σ is
small, so that such densities are rough. Mixtures of up to some thousand components, as priors are, compute the
products in float64. In larger ones, `zoo.streamed`, the leading components of each point, which are nearly all of the
sum, are computed once more, as they stand in the textbook.
"""

import math
from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp

tfd = tfp.distributions

LEADERS = 8  # components of each point whose density is computed as it stands in the textbook
FEW = 16  # components of which a vector for each pair with a point costs no more than products
GROUP = 32  # the leaders are looked for among the largest of so many components each
NOISE = 1e-5  # of a sum in float32: may be left of it when all that it is made of is taken out


@singledispatch
def pairwise_log_prob(components, z):
    """log pₘ(zₙ), the density of every point under every component.

    Args:
        components: distribution, batch [M], event [d].
        z: points [N, d].

    Returns:
        [N, M], nats.
    """
    return components.log_prob(z[:, None, :])


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalLinearOperator, z):
    # One product with all M inverses at once; a broadcast would repeat the matrices N times.
    d = z.shape[-1]
    loc = tf.broadcast_to(components.loc, tf.concat([components.batch_shape_tensor(), [d]], axis=0))
    inverse = components.scale.solve(tf.eye(d, batch_shape=tf.shape(loc)[:1], dtype=z.dtype))  # [M, d, d]
    shift = tf.linalg.matvec(inverse, loc)  # [M, d]
    u = tf.matmul(z, tf.reshape(inverse, [-1, d]), transpose_b=True) - tf.reshape(shift, [-1])  # [N, M d]
    quadratic = tf.reduce_sum(tf.reshape(u, [tf.shape(z)[0], tf.shape(loc)[0], d]) ** 2, axis=-1)
    return -0.5 * quadratic - (components.scale.log_abs_determinant() + 0.5 * d * math.log(2 * math.pi))


@pairwise_log_prob.register
def _(components: tfd.MultivariateNormalDiag, z):
    # A LinearOperator's too, but with nothing to be repeated.
    return components.log_prob(z[:, None, :])


class Rough(NamedTuple):
    """log πₘ pₘ(zₙ), faster than by `pairwise_log_prob` and rounded more.

    Args:
        factors: what of the components goes into the products, a list of tensors [M, ...].
        product: function from points z [N, d] and such tensors to [N, M], nats.
        exact: function from points and indices of components [N, K] to the same of those, as it stands in the
            textbook [N, K].
    """

    factors: list[tf.Tensor]
    product: Callable[..., tf.Tensor]
    exact: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@singledispatch
def rough(components, log_weights):
    """The `Rough` densities of a mixture.

    Args:
        components: distribution, batch [M], event [d].
        log_weights: log πₘ [M].
    """
    raise NotImplementedError(f"No rough density of {type(components).__name__}.")


def is_rough(components):
    """Whether a distribution's family has rough densities."""
    return rough.dispatch(type(components)) is not rough.dispatch(object)


@rough.register
def _(components: tfd.MultivariateNormalDiag, log_weights):
    loc, scale = components.mean(), components.stddev()
    centre = tf.stop_gradient(tf.reduce_mean(loc, axis=0))
    factors = two_products_factors(loc - centre, scale, log_weights)
    highest = log_weights - tf.reduce_sum(tf.math.log(scale), axis=-1) - 0.5 * loc.shape[-1] * math.log(2 * math.pi)

    def exact(z, index):
        u = (z[:, None] - tf.gather(loc, index)) / tf.gather(scale, index)  # [N, K, d]
        return tf.gather(highest, index) - 0.5 * tf.reduce_sum(u**2, axis=-1)

    return Rough([factors], lambda z, factors: two_products(z - centre, factors), exact)


def two_products_factors(loc, scale, log_weights):
    """(−1/2σ², μ/σ², log πₘ N(0; μ, σ²)) [M, 2d + 1] for `two_products`.

    Args:
        loc: μ [M, d].
        scale: σ [M, d].
        log_weights: log π [M].
    """
    precision = 1 / scale**2
    quadratic = tf.reduce_sum(0.5 * loc**2 * precision + tf.math.log(scale), axis=-1)
    constant = log_weights - quadratic - 0.5 * loc.shape[-1] * math.log(2 * math.pi)
    return tf.concat([-0.5 * precision, loc * precision, constant[:, None]], axis=-1)


def two_products(z, factors):
    """log πₘ N(zₙ; μₘ, diag σₘ²) [N, M] as a product of matrices; float32 loses about 1e-7 · z²/σ² nats of it.

    Args:
        z: points [N, d].
        factors: [M, 2d + 1].
    """
    return tf.matmul(tf.concat([z**2, z, tf.ones_like(z[:, :1])], axis=-1), factors, transpose_b=True)


@singledispatch
def double(components):
    """Returns the same components in float64; of families that have rough densities.

    Args:
        components: distribution, batch [M].
    """
    raise NotImplementedError(f"No `double` for {type(components).__name__}.")


@double.register
def _(components: tfd.MultivariateNormalDiag):
    return tfd.MultivariateNormalDiag(*(tf.cast(t, tf.float64) for t in (components.mean(), components.stddev())))


@singledispatch
def take(components, index):
    """Some of the components.

    Args:
        components: distribution, batch [M].
        index: int [...].

    Returns:
        A distribution of the same family, batch [...].
    """
    raise NotImplementedError(f"No `take` for {type(components).__name__}.")


@take.register
def _(components: tfd.MultivariateNormalDiag, index):
    return tfd.MultivariateNormalDiag(tf.gather(components.mean(), index), tf.gather(components.stddev(), index))


@take.register
def _(components: tfd.MultivariateNormalTriL, index):
    # Of what it was made of: the operator would make all of its matrices first.
    loc, scale_tril = (tf.gather(components.parameters[name], index) for name in ("loc", "scale_tril"))
    return tfd.MultivariateNormalTriL(loc, scale_tril)


@take.register
def _(components: tfd.MultivariateNormalLinearOperator, index):
    scale = tf.linalg.LinearOperatorFullMatrix(tf.gather(components.scale.to_dense(), index))
    return tfd.MultivariateNormalLinearOperator(tf.gather(components.loc, index), scale)


@take.register
def _(components: tfd.Dirichlet, index):
    return type(components)(tf.gather(components.concentration, index))


def sum_exp(v, reference):
    """Σₘ exp(vₙₘ − reference) [N], of v [N, M]."""
    return tf.reduce_sum(tf.exp(v - reference[:, None]), axis=-1)


class LogSum(NamedTuple):
    """log Σₘ exp vₙₘ over the components that were seen so far, the rough ones of them that lead kept apart.

    Args:
        reference: a number near the largest v [N].
        total: Σₘ exp(v − reference) [N].
        values: the rough v of the leaders [N, K]; K is 0 where nothing is rough.
        indices: which they are [N, K], int32.
    """

    reference: tf.Tensor
    total: tf.Tensor
    values: tf.Tensor
    indices: tf.Tensor

    @classmethod
    def of(cls, v, rough, first=0, sum_exp=sum_exp):
        """The sum over some components.

        Args:
            v: [N, M].
            rough: whether v is.
            first: index of the first component.
            sum_exp: another way to compute `sum_exp`.
        """
        if rough:
            index = leading(tf.stop_gradient(v), LEADERS)
            values, index = tf.gather(v, index, batch_dims=1), index + first
            highest = tf.reduce_max(values, axis=-1)
        else:
            values, index = v[:, :0], tf.zeros([tf.shape(v)[0], 0], tf.int32)
            highest = tf.reduce_max(v, axis=-1)
        reference = tf.maximum(tf.stop_gradient(highest), v.dtype.min)  # not −∞, where all weights are zero
        return cls(reference, sum_exp(v, reference), values, index)

    @classmethod
    def of_nothing(cls, z, rough):
        """The sum over no component, for points z [N, d]."""
        nowhere = tf.fill([tf.shape(z)[0], LEADERS if rough else 1], tf.constant(-math.inf, z.dtype))
        return cls.of(nowhere, rough)

    def plus(self, other):
        """The sum over the components of both."""
        reference = tf.maximum(self.reference, other.reference)
        total = sum(part.total * tf.exp(part.reference - reference) for part in (self, other))
        values, indices = tf.concat([self.values, other.values], -1), tf.concat([self.indices, other.indices], -1)
        if values.shape[-1]:
            best = leading(tf.stop_gradient(values), LEADERS)
            values, indices = tf.gather(values, best, batch_dims=1), tf.gather(indices, best, batch_dims=1)
        return LogSum(reference, total, values, indices)

    def result(self):
        """The logarithm [N], where nothing is rough."""
        return self.reference + tf.math.log(self.total)

    def corrected(self, exact):
        """The logarithm with v of the leaders as it should be.

        Args:
            exact: that [N, K].

        Returns:
            The logarithm [N], and how far it may still be off [N]: as far as the leaders were, times the rest's share.
        """
        there = tf.math.is_finite(self.values)  # else there is no component at all
        exact = tf.where(there, exact, self.values)
        rest = self.total - sum_exp(self.values, self.reference)
        rest = tf.where(rest > NOISE * self.total, rest, tf.zeros_like(rest))
        # Where the leaders are all there is, what they were taken for may be far over what they are.
        others = tf.where(rest > 0, self.reference, self.reference.dtype.min)
        reference = tf.maximum(others, tf.reduce_max(tf.stop_gradient(exact), axis=-1))
        rest *= tf.exp(others - reference)
        total = rest + sum_exp(exact, reference)
        off = tf.reduce_max(tf.where(there, tf.abs(exact - self.values), tf.zeros_like(exact)), axis=-1)
        return reference + tf.math.log(total), off * rest / total


def leading(v, k):
    """Where the k largest of each row are, in any order.

    Args:
        v: [N, M], M known and k or more.
        k: a number.

    Returns:
        int32 [N, k].
    """
    m = v.shape[1]
    if m <= 4 * k * GROUP:
        return tf.math.top_k(v, k, sorted=False)[1]
    # They are in the k groups with the largest maxima: a maximum is found faster than an order.
    v = tf.pad(v, [[0, 0], [0, -m % GROUP]], constant_values=-math.inf) if m % GROUP else v
    v = tf.reshape(v, [-1, v.shape[1] // GROUP, GROUP])
    group = tf.math.top_k(tf.reduce_max(v, axis=-1), k, sorted=False)[1]  # [N, k]
    v = tf.reshape(tf.gather(v, group, batch_dims=1), [-1, k * GROUP])
    index = tf.reshape(group[:, :, None] * GROUP + tf.range(GROUP), [-1, k * GROUP])
    if m % GROUP:
        v = tf.where(index < m, tf.maximum(v, v.dtype.min), v)  # even those of weight zero before the padding
    return tf.gather(index, tf.math.top_k(v, k, sorted=False)[1], batch_dims=1)


class MixtureSameFamily(tfd.MixtureSameFamily):
    """Σₘ πₘ pₘ(z), of batch shape []: only the components that are drawn from are sampled, and the density is of matrix
    products where the family has them.

    Args:
        mixture_distribution: categorical distribution of the weights π [M].
        components_distribution: batch [M], event [d].
    """

    def _sample_n(self, n, seed=None):
        components = self.components_distribution
        if take.dispatch(type(components)) is take.dispatch(object):
            return super()._sample_n(n, seed)  # TFP's draws of every component, and keeps one
        which, where = tfp.random.split_seed(seed, 2)
        return take(components, self.mixture_distribution.sample(n, seed=which)).sample(seed=where)

    def _log_prob(self, z):
        components, points = self.components_distribution, tf.reshape(z, [-1, z.shape[-1]])
        log_weights = tf.nn.log_softmax(self.mixture_distribution.logits_parameter())  # [M]
        if is_rough(components) and (components.batch_shape[0] or 0) > FEW:
            factors, product, _ = rough(double(components), tf.cast(log_weights, tf.float64))
            log_prob = tf.reduce_logsumexp(product(tf.cast(points, tf.float64), *factors), axis=-1)
            log_prob = tf.cast(log_prob, self.dtype)
        else:
            log_prob = tf.reduce_logsumexp(log_weights + pairwise_log_prob(components, points), axis=-1)
        return tf.reshape(log_prob, tf.shape(z)[:-1])
