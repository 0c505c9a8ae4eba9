"""Logarithms of sums of exponentials over components that come in blocks, the largest terms kept apart.

Densities in matrix products are rough (see `zoo.distributions.mixtures.mixture`): the leading components of each point,
which make up nearly all of its sum, are replaced by their textbook values once all blocks have been summed.
"""

import math
from typing import NamedTuple

import tensorflow as tf

LEADERS = 8  # components of each point whose density is computed as it stands in the textbook
GROUP = 32  # the leaders are looked for among the largest of so many components each
NOISE = 1e-5  # of a sum in float32: may be left of it when all that it is made of is taken out


def sum_exp(v, reference):
    """Computes Σₘ exp(vₙₘ − reference) [N], of v [N, M]."""
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
        """Makes the sum over some components.

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
        """Makes the sum over no component, for points z [N, d]."""
        nowhere = tf.fill([tf.shape(z)[0], LEADERS if rough else 1], tf.constant(-math.inf, z.dtype))
        return cls.of(nowhere, rough)

    def plus(self, other):
        """Adds the sum over other components."""
        reference = tf.maximum(self.reference, other.reference)
        total = sum(part.total * tf.exp(part.reference - reference) for part in (self, other))
        values, indices = tf.concat([self.values, other.values], -1), tf.concat([self.indices, other.indices], -1)
        if values.shape[-1]:
            best = leading(tf.stop_gradient(values), LEADERS)
            values, indices = tf.gather(values, best, batch_dims=1), tf.gather(indices, best, batch_dims=1)
        return LogSum(reference, total, values, indices)

    def result(self):
        """Returns the logarithm [N], where nothing is rough."""
        return self.reference + tf.math.log(self.total)

    def corrected(self, exact):
        """Returns the logarithm with the exact v of the leaders.

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
    """Finds the k largest of each row, in any order.

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
