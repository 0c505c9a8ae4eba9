"""Positive parameters with a floor that keeps densities finite."""

import math

import numpy as np
import tensorflow as tf

MIN_SCALE = 1e-4  # default lower bound of standard deviations


def positive(raw, floor=MIN_SCALE):
    """Maps real numbers to positive ones: softplus(raw + c) + floor, where c makes positive(0) = 1.

    Args:
        raw: tensor of any shape.
        floor: lower bound, between 0 and 1.

    Returns:
        Tensor of the same shape, over `floor`, with a gradient everywhere.
    """
    return tf.nn.softplus(raw + math.log(math.expm1(1.0 - floor))) + floor


def inverse_positive(values, floor=MIN_SCALE):
    """Returns the raw numbers that `positive` maps to these values; those at the floor or under it are raised a little.

    Args:
        values: positive numbers, an array of any shape.
        floor: as in `positive`.
    """
    above = np.maximum(np.float64(values) - floor, floor / 100)
    return above + np.log(-np.expm1(-above)) - math.log(math.expm1(1.0 - floor))  # log(eˣ − 1), also for large x
