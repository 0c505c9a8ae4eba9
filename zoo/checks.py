"""Checks of arguments that more than one part needs."""

import operator


def whole_number(value, what, least=1, below=None):
    """The value as an int.

    Args:
        value: what came; NumPy's integers will do, True and False will not.
        what: what to call it in a message.
        least: the smallest that will do.
        below: what it must be under; None for no limit.

    Raises:
        ValueError: it is no whole number, or out of range.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (below is not None and number >= below):
        limits = f"{least} or more" if below is None else f"from {least} to {below - 1}"
        raise ValueError(f"Expected {what} to be a whole number, {limits}, got {value!r}.")
    return number


def seed_number(value):
    """The value as a seed, from 0 to 2³¹ − 1.

    Raises:
        ValueError: it is none.
    """
    return whole_number(value, "the seed", least=0, below=2**31)
