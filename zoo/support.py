"""What data are: the set their values lie in."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Support(NamedTuple):
    """A set that data lie in.

    Args:
        values: the set, in words.
        contains: array [N, *x] -> whether all of it lies in the set.
        likelihood: the likelihood that a model of such data gets unless told otherwise.
        rescaling: (a, b) such that a x + b suits a network.
    """

    values: str
    contains: Callable[[np.ndarray], bool]
    likelihood: str
    rescaling: tuple[float, float] = (1.0, 0.0)


def _within(low, high):
    return lambda x: x.min() >= low and x.max() <= high


SUPPORTS = {
    "binary": Support("{0, 1}", lambda x: bool(np.all((x == 0) | (x == 1))), "bernoulli"),
    "unit": Support("[0, 1]", _within(0, 1), "continuous_bernoulli"),
    "real": Support("the real numbers", lambda x: True, "normal"),
    "levels": Support(
        "{0, …, 255}",
        lambda x: _within(0, 255)(x) and bool(np.all(x == np.floor(x))),
        "discretized_logistic",
        rescaling=(1 / 127.5, -1.0),
    ),
    "simplex": Support(
        "the simplex (numbers ≥ 0 that sum to 1)",
        lambda x: x.min() >= 0 and np.allclose(x.sum(axis=-1), 1, atol=1e-3),
        "normal",
    ),
}


def get(name):
    """The support of that name.

    Raises:
        KeyError: no such support; the message lists the known ones.
    """
    if name not in SUPPORTS:
        raise KeyError(f"No support '{name}'. Known: {', '.join(SUPPORTS)}.")
    return SUPPORTS[name]


def check(x, support, what="the data"):
    """Makes sure that data are finite and lie in their support.

    Args:
        x: array of numbers [N, *x].
        support: name of a support.
        what: what to call the data in a message.

    Raises:
        ValueError: `x` is empty, not finite or out of range.
    """
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError(f"Expected at least one example, but {what} are empty, of shape {x.shape}.")
    if not np.issubdtype(x.dtype, np.number) and x.dtype != bool:
        raise ValueError(f"Expected numbers, but {what} are of type {x.dtype}.")
    if np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise ValueError(f"Expected finite numbers, but {what} have {bad} NaN or infinite values. Remove or fill them.")
    if not get(support).contains(x):
        raise ValueError(
            f"Expected values in {get(support).values} (support '{support}'), but {what} are in "
            f"[{x.min():g}, {x.max():g}]. Rescale them, or name another support: {', '.join(SUPPORTS)}."
        )
