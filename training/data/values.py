"""What the values of one's own data are."""

import numpy as np
import tensorflow as tf

from training.data.examples import Examples, Mapped, chunks
from zoo import support as supports

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
    """Makes sure that training examples differ, and real vectors in each element.

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
    constant = _constant(x, each)
    if constant.all():
        raise ValueError(f"All training examples of '{name}' are the same. Expected some that differ.")
    if not each or not constant.any():
        return
    constant = np.flatnonzero(constant)
    some = ", ".join(f"'{columns[i]}'" if columns else str(i) for i in constant[:10]) + (", …" * (len(constant) > 10))
    others = [f"--support {other}" for other in sorted(look.fits - {"real"})]
    also = f", or say what they are ({' or '.join(others)})" if others else ""
    also += ", or reshape rows of pixels (--image-size)" if "levels" in look.fits else ""
    raise ValueError(
        f"Expected columns that vary, but {len(constant)} of the {x.shape[1]} are constant: {some}, "
        f"in the training data of '{name}'. "
        f"The density of real numbers has no bound there; remove such columns{also}."
    )


def _constant(x, each):
    """For each element, whether all examples have the same value there [*x].

    No more is read where it is clear that no element is (if `each` matters), or that not all are.
    """
    first, constant = x[:1], np.ones(x.shape[1:], bool)
    for rows in chunks(x.shape):
        constant &= np.all(x[rows] == first, axis=0)
        if not (constant.any() if each else constant.all()):
            break
    return constant
