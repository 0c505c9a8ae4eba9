"""The table of signatures, and the decorator that fills it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

TABLE = {}  # name -> `Entry`


class Entry(NamedTuple):
    """A signature of the table.

    Args:
        function: of a `FrozenModel` and of the inputs.
        unit: "nats" if its outputs are; "data" if `mean` and `stddev` are in the data's units; "refined" if they are
            parameters that were optimized. It says how exactly the C++ loader has to agree with Python.
        takes_bytes: whether models of images have it for image files, too.
        exists: function of a `FrozenModel` to whether it has this signature.
    """

    function: Callable
    unit: str | None = None
    takes_bytes: bool = False
    exists: Callable = lambda model: True


def signature(function=None, **properties):
    """Puts a function into the table under its own name; a decorator.

    Args:
        function: the signature.
        **properties: see `Entry`.
    """
    if function is None:
        return partial(signature, **properties)
    TABLE[function.__name__] = Entry(function, **properties)
    return function
