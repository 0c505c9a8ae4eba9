"""What the values of one's own data are."""

import numpy as np
import tensorflow as tf

from training.data.lazy_arrays import Examples, Mapped, chunks
from zoo.data import support as supports

NEAR, FAR = 1e-30, 1e37  # how far apart values are at least and at most, so that their squares' sums have digits
UNIT = np.float32(1 / 255)  # a factor, as a graph's divisions by a constant are rounded otherwise than NumPy's


def support_of(look, x, settings):
    """What the values are.

    Args:
        look: the `Survey` of all of them.
        x: training examples [N, *x].
        settings: `DataSettings`.

    Returns:
        The name of a support, and whether they are to be divided by 255 for it.

    Raises:
        KeyError: no support of that name.
        ValueError: the values are not in the one that is asked for.
    """
    asked = settings.support
    if asked is None and settings.binarize in ("static", "dynamic") and "binary" not in look.fits:
        asked = "unit"
    levels = "levels" in look.fits and look.greatest > 1
    if asked is None:
        return ("binary", True) if look.black_and_white and levels else (_natural(look, x, levels), False)
    supports.get(asked)
    scaled = levels and (asked == "unit" or (asked == "binary" and look.black_and_white))
    if asked not in look.fits and not scaled:
        raise ValueError(
            f"Expected values in {supports.get(asked).values} (support '{asked}'), but those of '{settings.data}' are "
            f"in [{look.least:g}, {look.greatest:g}] and fit {' or '.join(sorted(look.fits))}. "
            f"Leave --{'support' if settings.support else 'binarize'} out, or rescale them."
        )
    return asked, scaled


def _natural(look, x, levels):
    """The narrowest support of the values that is natural for their shape."""
    if "binary" in look.fits:
        return "binary"
    if levels and (x.dtype == np.uint8 or len(x.shape) > 2):
        return "levels"
    if "simplex" in look.fits and len(x.shape) == 2 and x.shape[1] > 1:
        return "simplex"
    return "unit" if "unit" in look.fits else "real"


def unit(x):
    """Levels from 0 to 255 as numbers from 0 to 1.

    Args:
        x: array or `Examples` [N, *x].
    """
    if isinstance(x, Examples):
        return Mapped(x, lambda values: tf.cast(values, tf.float32) * UNIT, np.float32)
    return np.float32(x) * UNIT


def check_variation(x, look, columns, support, name):
    """Makes sure that training examples differ, and real vectors in each element, by what 32-bit numbers can tell.

    Args:
        x: training examples [N, *x], after the split, which may leave the only value that differs to another part.
        look: the `Survey` of all data.
        columns: names of the elements, or None.
        support: what they are.
        name: what to call the data in a message.

    Raises:
        ValueError: they do not.
    """
    each = support == "real" and len(x.shape) == 2
    if look.greatest - look.least > FAR:
        raise ValueError(
            f"The values of '{name}' lie {look.greatest - look.least:.2g} apart, too far for computations in 32 bits, "
            f"which end at {np.finfo(np.float32).max:.2g}. Rescale them."
        )
    spread = _spread(x, each)
    narrow = spread <= NEAR
    if not (narrow.any() if each else narrow.all()):
        return
    if not spread.any():
        raise ValueError(f"All training examples of '{name}' are the same. Expected some that differ.")
    if spread[narrow].any():
        where = f"column {_some(narrow & (spread > 0), columns)} of " if each else ""
        raise ValueError(
            f"Expected values that differ by more than {NEAR:g}, which models can tell apart in 32 bits, but those in "
            f"{where}the training data of '{name}' differ by {spread[narrow].max():.2g} at most. Rescale them."
        )
    others = [f"--support {other}" for other in sorted(look.fits - {"real"})]
    also = f", or say what they are ({' or '.join(others)})" if others else ""
    also += ", or reshape rows of pixels (--image-size)" if "levels" in look.fits else ""
    raise ValueError(
        f"Expected columns that vary, but {narrow.sum()} of the {x.shape[1]} are constant: {_some(narrow, columns)}, "
        f"in the training data of '{name}'. "
        f"The density of real numbers has no bound there; remove such columns{also}."
    )


def _some(which, columns):
    """Names the first of some columns."""
    found = np.flatnonzero(which)
    return ", ".join(f"'{columns[i]}'" if columns else str(i) for i in found[:10]) + (", …" * (len(found) > 10))


def _spread(x, each):
    """For each element, how far apart its values are among all examples [*x], or more than `NEAR`.

    No more is read where it is clear that no element is constant (if `each` matters), or that not all are.
    """
    low, high = np.full(x.shape[1:], np.inf), np.full(x.shape[1:], -np.inf)
    for rows in chunks(x.shape):
        values = x[rows]
        low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        narrow = high - low <= NEAR
        if not (narrow.any() if each else narrow.all()):
            break
    return high - low
