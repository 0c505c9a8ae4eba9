"""What may be held in memory."""

import math
import os

BUDGET = 2**30  # bytes that examples may take as float32; more of those that can be streamed are streamed
SHARE = 0.5  # of the machine's memory, for what cannot be streamed


def holds(shape):
    """Whether examples of that shape [N, *x] are few enough for the memory."""
    return 4 * math.prod(shape) <= BUDGET


def examples_within(shape, most):
    """How many of the examples [N, *x], `most` at most, are few enough for the memory; one at least."""
    return max(1, min(shape[0], most, BUDGET // (4 * math.prod(shape[1:]))))


def check_fits(size, path):
    """Makes sure that a file which cannot be streamed fits into the machine's memory.

    Args:
        size: bytes that it takes.
        path: the file.

    Raises:
        ValueError: it does not.
    """
    memory = SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if size > memory:
        raise ValueError(
            f"'{path}' takes {size / 2**30:.1f} GiB, and a file of its kind must fit into half of this machine's "
            f"memory, {memory / 2**30:.1f} GiB. Save it as .npy, TFRecords or a folder of images, which are streamed."
        )
