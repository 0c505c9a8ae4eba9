"""Positive parameters, with the one floor that keeps densities finite."""

import math

import tensorflow as tf

MIN_SCALE = 1e-4  # of a standard deviation, unless a part has a reason for another floor


def positive(raw, floor=MIN_SCALE):
    """Maps real numbers to positive ones: softplus(raw + c) + floor, where c makes positive(0) = 1.

    Args:
        raw: tensor of any shape.
        floor: the smallest value, between 0 and 1; keeps densities finite.

    Returns:
        Tensor of the same shape, over `floor`, with a gradient everywhere.
    """
    return tf.nn.softplus(raw + math.log(math.expm1(1.0 - floor))) + floor
