"""How much a request may ask for."""

from typing import NamedTuple


class Limits(NamedTuple):
    """How much a request may ask for.

    Args:
        rows: maximum of B.
        pixels: maximum number of pixels in an image file.
    """

    rows: int = 1024
    pixels: int = 2**24


LIMITS = Limits()  # the defaults of an export
