"""Validation of arguments, shared by all parts."""

import math
import operator
from numbers import Real
from typing import Any

MAX_SAMPLES = 10_000_000  # importance samples per example
INT32_LIMIT = 2**31  # TensorFlow counts elements along an axis in 32 bits in places


def check_int(value: Any, what: str, minimum: int = 1, below: int | None = None) -> int:
    """Returns the value as an int.

    Args:
        value: an integer, NumPy's included; True and False are rejected.
        what: name of the value in messages.
        minimum: inclusive lower bound.
        below: exclusive upper bound; None for 2³¹, the limit of sizes.

    Raises:
        ValueError: the value is not an integer, or out of range.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < minimum or number >= (INT32_LIMIT if below is None else below):
        plain = below is None and (number is None or number < INT32_LIMIT)
        limits = f"{minimum} or more" if plain else f"from {minimum} to {(INT32_LIMIT if below is None else below) - 1}"
        raise ValueError(f"Expected {what} to be a whole number, {limits}, got {value!r}.")
    return number


def check_float(value: Any, what: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """Returns the value as a float.

    Args:
        value: a finite number; True and False are rejected.
        what: name of the value in messages.
        minimum: inclusive lower bound.
        maximum: inclusive upper bound.

    Raises:
        ValueError: the value is not a finite number, or out of range.
    """
    if (
        not isinstance(value, Real)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not minimum <= float(value) <= maximum
    ):
        bounds = {(False, False): "", (True, False): f", {minimum:g} or more", (False, True): f", {maximum:g} or less"}
        limits = bounds.get((minimum > -math.inf, maximum < math.inf), f", from {minimum:g} to {maximum:g}")
        raise ValueError(f"Expected {what} to be a finite number{limits}, got {value!r}.")
    return float(value)


def check_seed(value: Any) -> int:
    """Returns the value as a seed, from 0 to 2³¹ − 1.

    Raises:
        ValueError: it is not an integer in this range.
    """
    return check_int(value, "the seed", minimum=0, below=2**31)
