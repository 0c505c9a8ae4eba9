"""Whether numbers survive as 32-bit ones, which models compute in."""

import numpy as np

from zoo.data.standardization import chunks, extremes, mean_and_deviation

MAX_EXACT_INT = 2**24  # whole numbers up to here are 32-bit ones too
MAX_CHANGE = 1e-3  # of a standard deviation, that a number may be changed by
RANGE = float(np.finfo(np.float32).max)


def check_float32(x, what, columns=None):
    """Checks that numbers are told apart as 32-bit ones, and are within their range.

    Args:
        x: array [N, *x] as it was read, or `LazyArray`; values that are not finite are left to the scan.
        what: what to call it in a message.
        columns: names of the elements, or None.

    Raises:
        ValueError: They are not; the message names a column.
    """
    if x.dtype.kind not in "iuf" or np.can_cast(x.dtype, np.float32):
        return
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = extremes(x)
        if np.isnan(low).any() or np.isinf([low, high]).any():
            return
        size = np.maximum(-low, high)
        if x.dtype.kind in "iu" and np.all(size <= MAX_EXACT_INT):
            return
        if np.any(size > RANGE):
            i = np.argmax(size)
            raise ValueError(
                f"{_column(i, size, what, columns)} holds numbers up to {size.flat[i]:g}, and those of 32 bits, in "
                f"which models compute, end at {RANGE:.2g}. Rescale it."
            )
        deviation, changed = mean_and_deviation(x)[1], _changed(x)
    lost = (high > low) & (changed > MAX_CHANGE * deviation)
    if np.any(lost):
        i = np.argmax(lost)
        raise ValueError(
            f"{_column(i, lost, what, columns)} would lose digits: models compute in 32 bits, which changes its "
            f"numbers, from {low.flat[i]:.10g} to {high.flat[i]:.10g}, by up to {changed.flat[i]:.2g}, and their "
            f"standard deviation is {deviation.flat[i]:.2g}. Subtract its start from it, or rescale it."
        )


def _changed(x):
    """Returns by how much numbers are changed at most: [D] for vectors, [] for all else."""
    changes = [np.abs(np.float64(np.float32(chunk)) - np.float64(chunk)) for chunk in chunks(x)]
    return np.max([change.max(axis=0 if change.ndim == 2 else None) for change in changes], axis=0)


def _column(i, values, what, columns):
    if values.ndim == 0:
        return what
    return f"Column '{columns[i]}' of {what}" if columns else f"Column {i} of {what}"
