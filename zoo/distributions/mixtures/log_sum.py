"""Streaming log-sum-exp over blocks of components, with the largest terms stored separately.

Densities from matrix products are approximate (see `zoo.distributions.mixtures.mixture`). After all blocks are summed,
the values of the top components of each point, which make up nearly all of its sum, are replaced by exact ones.
"""

import math
from typing import NamedTuple

import tensorflow as tf

TOP_COMPONENTS = 8  # components of each point whose density is recomputed exactly
GROUP_SIZE = 32  # components per group in the search for the top components
ROUNDING_ERROR = 1e-5  # relative error in float32 of a sum minus all of its terms


def sum_exp(v, reference):
    """Computes Σₘ exp(vₙₘ − reference) [N], of v [N, M]."""
    return tf.reduce_sum(tf.exp(v - reference[:, None]), axis=-1)


class LogSum(NamedTuple):
    """log Σₘ exp vₙₘ over the components so far, with the largest approximate values.

    Args:
        reference: a value near the largest v [N].
        total: Σₘ exp(v − reference) [N].
        top_values: the approximate v of the top components [N, K]; K is 0 if v is exact.
        top_indices: their indices [N, K], int32.
    """

    reference: tf.Tensor
    total: tf.Tensor
    top_values: tf.Tensor
    top_indices: tf.Tensor

    @classmethod
    def from_block(cls, v, approximate, first=0, sum_exp=sum_exp):
        """Returns the sum over a block of components.

        Args:
            v: log πₘ pₘ(zₙ) [N, M].
            approximate: whether v is approximate.
            first: index of the first component.
            sum_exp: an implementation of `sum_exp`.
        """
        if approximate:
            index = top_k_indices(tf.stop_gradient(v), TOP_COMPONENTS)
            values, index = tf.gather(v, index, batch_dims=1), index + first
            highest = tf.reduce_max(values, axis=-1)
        else:
            values, index = v[:, :0], tf.zeros([tf.shape(v)[0], 0], tf.int32)
            highest = tf.reduce_max(v, axis=-1)
        reference = tf.maximum(tf.stop_gradient(highest), v.dtype.min)  # finite even if all weights are zero
        return cls(reference, sum_exp(v, reference), values, index)

    @classmethod
    def empty(cls, z, approximate):
        """Returns the empty sum for points z [N, d]."""
        nowhere = tf.fill([tf.shape(z)[0], TOP_COMPONENTS if approximate else 1], tf.constant(-math.inf, z.dtype))
        return cls.from_block(nowhere, approximate)

    def merge(self, other):
        """Adds the sum over other components."""
        reference = tf.maximum(self.reference, other.reference)
        total = sum(part.total * tf.exp(part.reference - reference) for part in (self, other))
        values = tf.concat([self.top_values, other.top_values], -1)
        indices = tf.concat([self.top_indices, other.top_indices], -1)
        if values.shape[-1]:
            best = top_k_indices(tf.stop_gradient(values), TOP_COMPONENTS)
            values, indices = tf.gather(values, best, batch_dims=1), tf.gather(indices, best, batch_dims=1)
        return LogSum(reference, total, values, indices)

    def result(self):
        """Returns the logarithm [N] of a sum of exact values."""
        return self.reference + tf.math.log(self.total)

    def corrected(self, exact):
        """Returns the logarithm with the top components' values replaced by exact ones.

        Args:
            exact: exact v of the top components [N, K].

        Returns:
            The logarithm [N], and its error bound [N]: the largest error of the top components times the share of the
            other terms.
        """
        valid = tf.math.is_finite(self.top_values)  # false for padding
        exact = tf.where(valid, exact, self.top_values)
        rest = self.total - sum_exp(self.top_values, self.reference)
        rest = tf.where(rest > ROUNDING_ERROR * self.total, rest, tf.zeros_like(rest))
        # Without other terms, the reference is dropped: approximate values may be far above the exact ones.
        others = tf.where(rest > 0, self.reference, self.reference.dtype.min)
        reference = tf.maximum(others, tf.reduce_max(tf.stop_gradient(exact), axis=-1))
        rest *= tf.exp(others - reference)
        total = rest + sum_exp(exact, reference)
        error = tf.reduce_max(tf.where(valid, tf.abs(exact - self.top_values), tf.zeros_like(exact)), axis=-1)
        return reference + tf.math.log(total), error * rest / total


def top_k_indices(v, k):
    """Returns the indices of the k largest values of each row, in any order.

    Args:
        v: [N, M], with M static and at least k.
        k: number of values.

    Returns:
        int32 [N, k].
    """
    m = v.shape[1]
    if m <= 4 * k * GROUP_SIZE:
        return tf.math.top_k(v, k, sorted=False)[1]
    # They are in the k groups with the largest maxima; a maximum per group is faster than top_k of the row.
    v = tf.pad(v, [[0, 0], [0, -m % GROUP_SIZE]], constant_values=-math.inf) if m % GROUP_SIZE else v
    v = tf.reshape(v, [-1, v.shape[1] // GROUP_SIZE, GROUP_SIZE])
    group = tf.math.top_k(tf.reduce_max(v, axis=-1), k, sorted=False)[1]  # [N, k]
    v = tf.reshape(tf.gather(v, group, batch_dims=1), [-1, k * GROUP_SIZE])
    index = tf.reshape(group[:, :, None] * GROUP_SIZE + tf.range(GROUP_SIZE), [-1, k * GROUP_SIZE])
    if m % GROUP_SIZE:
        v = tf.where(index < m, tf.maximum(v, v.dtype.min), v)  # real components of weight zero rank before the padding
    return tf.gather(index, tf.math.top_k(v, k, sorted=False)[1], batch_dims=1)
