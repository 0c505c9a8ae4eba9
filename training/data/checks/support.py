"""The support of user data, from their values."""

import numpy as np
import tensorflow as tf

from zoo.data import support as supports

UNIT = np.float32(1 / 255)  # a factor, as a graph's divisions by a constant are rounded otherwise than NumPy's


def support_of(values, x, settings):
    """Returns what the values are.

    Args:
        values: `Values` of all parts.
        x: training examples [N, *x].
        settings: `DataSettings`.

    Returns:
        The name of a support, and whether they are to be divided by 255 for it.

    Raises:
        KeyError: No support has that name.
        ValueError: The values are not in the one that is asked for.
    """
    levels = "levels" in values.supports and values.greatest > 1
    asked = settings.support
    if asked is None and settings.binarize in ("static", "dynamic") and "binary" not in values.supports:
        asked = "unit"
    if asked is None:
        black_and_white = values.black_and_white and levels
        return "binary" if black_and_white else _natural(values, x, levels), black_and_white
    support = supports.get(asked)
    scaled = levels and support.white == 1 and (values.black_and_white or not support.discrete)
    if asked not in values.supports and not scaled:
        raise ValueError(
            f"Expected values in {support.values} (support '{asked}'), but those of '{settings.data}' are "
            f"in [{values.least:g}, {values.greatest:g}] and fit {' or '.join(sorted(values.supports))}. "
            f"Leave --{'support' if settings.support else 'binarize'} out, or rescale them."
        )
    return asked, scaled


def _natural(values, x, levels):
    """Returns the narrowest support of the values that is natural for their shape and type."""
    natural = {
        "binary": True,
        "levels": levels and (x.dtype == np.uint8 or len(x.shape) > 2),
        "simplex": len(x.shape) == 2 and x.shape[1] > 1,
        "unit": True,
    }
    return next((name for name, suits in natural.items() if suits and name in values.supports), "real")


def scale_levels(x):
    """Returns levels from 0 to 255 as numbers from 0 to 1.

    Args:
        x: `LazyArray` [N, *x].
    """
    return x.map(lambda levels: tf.cast(levels, tf.float32) * UNIT, np.float32)
