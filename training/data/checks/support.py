"""The support of user data, from their values."""

import numpy as np
import tensorflow as tf

from zoo.data import support as supports

UNIT = np.float32(1 / 255)  # a factor, as a graph's divisions by a constant are rounded otherwise than NumPy's


def support_of(values, x, settings):
    """Returns the support of user data.

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
        return _infer(values, x)
    scaled = _can_be_scaled(values, supports.get(asked))
    if asked not in values.supports and not scaled:
        raise ValueError(
            f"Expected values in {supports.get(asked).description} (support '{asked}'), but those of "
            f"'{settings.data}' are in [{values.least:g}, {values.greatest:g}] and fit "
            f"{' or '.join(sorted(values.supports))}. Leave --{'support' if settings.support else 'binarize'} out, "
            f"or rescale them."
        )
    return asked, scaled


def _for_binarization(values, settings):
    """Returns the support that values need to be binarized, or None."""
    if settings.binarize not in ("static", "dynamic"):
        return None
    others = (support for support in supports.SUPPORTS.values() if support.binarized)
    return next((support.name for support in others if support.binarized not in values.supports), None)


def _can_be_scaled(values, support):
    """Returns whether levels divided by 255 lie in a support: [0, 1], or {0, 1} if they are black and white."""
    return values.are_levels and support.white == 1 and (values.black_and_white or not support.discrete)


def _infer(values, x):
    """Returns the narrowest support that recognizes the values, and whether they are scaled for it."""
    if values.are_levels and values.black_and_white:
        return next(name for name, support in supports.SUPPORTS.items() if _can_be_scaled(values, support)), True
    candidates = (support for name, support in supports.SUPPORTS.items() if name in values.supports)
    return next(support.name for support in candidates if support.recognizes(x.shape, x.dtype, values.greatest)), False


def scale_levels(x):
    """Returns levels from 0 to 255 as numbers from 0 to 1.

    Args:
        x: `LazyArray` [N, *x].
    """
    return x.map(lambda levels: tf.cast(levels, tf.float32) * UNIT, np.float32)
