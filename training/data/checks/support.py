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
    asked = settings.support or _for_binarization(values, settings)
    if asked is None:
        return _natural(values, x)
    scaled = _can_be_scaled(values, supports.get(asked))
    if asked not in values.supports and not scaled:
        raise ValueError(
            f"Expected values in {supports.get(asked).values} (support '{asked}'), but those of '{settings.data}' are "
            f"in [{values.least:g}, {values.greatest:g}] and fit {' or '.join(sorted(values.supports))}. "
            f"Leave --{'support' if settings.support else 'binarize'} out, or rescale them."
        )
    return asked, scaled


def _for_binarization(values, settings):
    """Returns the support that values need to be binarized, or None."""
    return "unit" if settings.binarize in ("static", "dynamic") and "binary" not in values.supports else None


def _are_levels(values):
    return "levels" in values.supports and values.greatest > 1


def _can_be_scaled(values, support):
    """Returns whether levels divided by 255 lie in a support: [0, 1], or {0, 1} if they are black and white."""
    return _are_levels(values) and support.white == 1 and (values.black_and_white or not support.discrete)


def _natural(values, x):
    """Returns the narrowest support that is natural for the values, and whether they are scaled for it."""
    if values.black_and_white and _are_levels(values):
        return "binary", True
    natural = {
        "binary": True,
        "levels": _are_levels(values) and (x.dtype == np.uint8 or len(x.shape) > 2),
        "simplex": len(x.shape) == 2 and x.shape[1] > 1,
        "unit": True,
        "real": True,
    }
    return next(name for name, suits in natural.items() if suits and name in values.supports), False


def scale_levels(x):
    """Returns levels from 0 to 255 as numbers from 0 to 1.

    Args:
        x: `LazyArray` [N, *x].
    """
    return x.map(lambda levels: tf.cast(levels, tf.float32) * UNIT, np.float32)
