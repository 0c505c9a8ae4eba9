"""Rows of a request are computed one by one."""

import numpy as np
import pytest
import tensorflow as tf

from export.signatures import frozen_model


@pytest.mark.parametrize("rows", [0, 1, frozen_model.TOGETHER, 2 * frozen_model.TOGETHER + 1])
def test_each_row_is_computed_alone(rows):
    """A function of one row, on rows that fill steps of the loop and on those that are left over."""
    x, y = np.float32(np.random.default_rng(0).normal(size=(rows, 3))), np.arange(rows, dtype=np.int32)
    matrix, vector = frozen_model.each_row(lambda x, y: (x[:, None] * x, x + tf.cast(y, tf.float32)), x, y)
    assert np.array_equal(matrix, x[:, :, None] * x[:, None, :])
    assert np.array_equal(vector, x + np.float32(y)[:, None])
