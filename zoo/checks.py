"""Validation of arguments, shared by all parts."""

import math
import operator
from numbers import Real
from typing import Any

MOST_SAMPLES = 10_000_000  # importance samples per example
MOST = 2**31  # TensorFlow counts elements along an axis in 32 bits in places


def whole_number(value: Any, what: str, least: int = 1, below: int | None = None) -> int:
    """Returns the value as an int.

    Args:
        value: an integer, NumPy's included; True and False are rejected.
        what: name of the value in messages.
        least: inclusive lower bound.
        below: exclusive upper bound; None for 2³¹, the limit of sizes.

    Raises:
        ValueError: the value is not an integer, or out of range.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or number >= (MOST if below is None else below):
        plain = below is None and (number is None or number < MOST)
        limits = f"{least} or more" if plain else f"from {least} to {(MOST if below is None else below) - 1}"
        raise ValueError(f"Expected {what} to be a whole number, {limits}, got {value!r}.")
    return number


def real_number(value: Any, what: str, least: float = -math.inf, most: float = math.inf) -> float:
    """Returns the value as a float.

    Args:
        value: a finite number; True and False are rejected.
        what: name of the value in messages.
        least: inclusive lower bound.
        most: inclusive upper bound.

    Raises:
        ValueError: the value is not a finite number, or out of range.
    """
    if (
        not isinstance(value, Real)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not least <= float(value) <= most
    ):
        bounds = {(False, False): "", (True, False): f", {least:g} or more", (False, True): f", {most:g} or less"}
        limits = bounds.get((least > -math.inf, most < math.inf), f", from {least:g} to {most:g}")
        raise ValueError(f"Expected {what} to be a finite number{limits}, got {value!r}.")
    return float(value)


def seed_number(value: Any) -> int:
    """Returns the value as a seed, from 0 to 2³¹ − 1.

    Raises:
        ValueError: it is not an integer in this range.
    """
    return whole_number(value, "the seed", least=0, below=2**31)
