"""Sums of exponentials in blocks, their largest terms replaced, against scipy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from zoo.distributions.mixtures.log_sum import TOP_COMPONENTS, LogSum, top_k_indices


def error(log_sum, expected):
    """The most that logarithms are wrong by."""
    return np.abs(np.float64(log_sum) - expected).max()


LEADING_IN_XLA = tf.function(top_k_indices, jit_compile=True)  # compiled once for each shape


@pytest.mark.xla
@pytest.mark.parametrize("m", [16, 100, 2_048, 2_049, 3_007])
@pytest.mark.parametrize("kind", ["random", "tied", "almost nothing"])
def test_leading_components_are_the_largest(m, kind):
    v = np.float32(np.random.default_rng(m).normal(size=(50, m)))
    if kind == "tied":
        v = np.round(v)
    if kind == "almost nothing":
        v[:, :-3] = -np.inf
    for function in (top_k_indices, LEADING_IN_XLA):
        index = function(tf.constant(v), TOP_COMPONENTS).numpy()
        assert index.max() < m
        assert all(len(set(row)) == TOP_COMPONENTS for row in index)
        expected = np.take_along_axis(v, np.argpartition(-v, TOP_COMPONENTS - 1, axis=-1)[:, :TOP_COMPONENTS], axis=-1)
        np.testing.assert_array_equal(np.sort(np.take_along_axis(v, index, -1)), np.sort(expected))


@pytest.mark.parametrize("lengths", [[500], [100] * 5, [16, 484], [300, 17, 183]])
def test_a_sum_in_blocks_with_its_leaders_replaced(lengths):
    rng = np.random.default_rng(0)
    v = np.float32(rng.normal(0, 5, (20, 500)))
    exact = v + rng.normal(0, 1, v.shape)
    best = np.argsort(-v, axis=-1)[:, :TOP_COMPONENTS]
    replaced = np.float64(v)
    np.put_along_axis(replaced, best, np.take_along_axis(exact, best, -1), -1)
    plain, log_sum = (LogSum.empty(tf.constant(v[:, :2]), approximate=approximate) for approximate in (False, True))
    for first, length in zip(np.cumsum([0, *lengths[:-1]]), lengths, strict=True):
        block = tf.constant(v[:, first : first + length])
        plain, log_sum = (
            whole.merge(LogSum.from_block(block, approximate, int(first)))
            for whole, approximate in ((plain, False), (log_sum, True))
        )
    np.testing.assert_array_equal(np.sort(log_sum.top_indices), np.sort(best))
    assert error(plain.result(), special.logsumexp(np.float64(v), axis=-1)) < 1e-5
    assert error(log_sum.corrected(log_sum.top_values)[0], special.logsumexp(np.float64(v), axis=-1)) < 1e-5
    taken = tf.constant(np.take_along_axis(np.float32(exact), log_sum.top_indices.numpy(), -1))
    assert error(log_sum.corrected(taken)[0], special.logsumexp(replaced, axis=-1)) < 1e-5
