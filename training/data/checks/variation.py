"""Whether training examples vary, by what 32-bit numbers can tell."""

import numpy as np

from zoo.data import support as supports
from zoo.data.lazy_arrays import chunks

# Bounds of the difference of the largest and the smallest value, within which sums of squares have digits in float32.
MIN_SPREAD, MAX_SPREAD = 1e-30, 1e37


def check_range(data):
    """Checks that values are not too far apart.

    Args:
        data: `UserData`.

    Raises:
        ValueError: They are.
    """
    spread = data.values.greatest - data.values.least
    if spread > MAX_SPREAD:
        raise ValueError(
            f"The values of '{data.name}' lie {spread:.2g} apart, too far for computations in 32 bits, "
            f"which end at {np.finfo(np.float32).max:.2g}. Rescale them."
        )


def check_variation(data):
    """Checks that training examples differ, and real vectors in each element.

    Training examples are those after the split, which may leave the only value that differs to another part.

    Args:
        data: `UserData`.

    Raises:
        ValueError: They do not.
    """
    x = data.parts["train"].x
    each = supports.get(data.support).has_units and len(x.shape) == 2
    spread = _spread(x, each)
    narrow = spread <= MIN_SPREAD
    if not (narrow.any() if each else narrow.all()):
        return
    if not spread.any():
        raise ValueError(f"All training examples of '{data.name}' are the same. Expected some that differ.")
    if spread[narrow].any():
        where = f"column {_some(narrow & (spread > 0), data.columns)} of " if each else ""
        raise ValueError(
            f"Expected values that differ by more than {MIN_SPREAD:g}, which models can tell apart in 32 bits, but "
            f"those in {where}the training data of '{data.name}' differ by "
            f"{spread[narrow].max():.2g} at most. Rescale them."
        )
    raise _constant_columns(narrow, data)


def _constant_columns(constant, data):
    others = [f"--support {other}" for other in sorted(data.values.supports - {data.support})]
    also = f", or say what they are ({' or '.join(others)})" if others else ""
    levels = any(supports.get(name).is_gray_levels for name in data.values.supports)
    also += ", or reshape rows of pixels (--image-size)" if levels else ""
    return ValueError(
        f"Expected columns that vary, but {constant.sum()} of the {len(constant)} are constant: "
        f"{_some(constant, data.columns)}, in the training data of '{data.name}'. "
        f"The density of real numbers has no bound there; remove such columns{also}."
    )


def _some(which, columns):
    """Returns the names of the first of some columns."""
    index = np.flatnonzero(which)
    return ", ".join(f"'{columns[i]}'" if columns else str(i) for i in index[:10]) + (", …" * (len(index) > 10))


def _spread(x, each):
    """Returns for each element how far apart its values are among all examples [*x], or more than `MIN_SPREAD`.

    No more is read once it is clear that no element is constant (if `each` matters), or that not all are.
    """
    low, high = np.full(x.shape[1:], np.inf), np.full(x.shape[1:], -np.inf)
    for rows in chunks(x.shape):
        values = x[rows]
        low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
        narrow = high - low <= MIN_SPREAD
        if not (narrow.any() if each else narrow.all()):
            break
    return high - low
