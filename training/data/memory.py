"""What may be held in memory."""

import math
import os

BUDGET = 2**30  # bytes that examples may take as float32; more of those that can be streamed are streamed
COPIES = 3  # of the examples as 32-bit numbers: as read, rescaled, and in their parts
SHARE = 0.5  # of the machine's memory, for what cannot be streamed


def holds(shape):
    """Whether examples of that shape [N, *x] are few enough for the memory."""
    return 4 * math.prod(shape) <= BUDGET


def examples_within(shape, most):
    """How many of the examples [N, *x], `most` at most, are few enough for the memory; one at least."""
    return max(1, min(shape[0], most, BUDGET // (4 * math.prod(shape[1:]))))


def check_fits(size, numbers, path):
    """Makes sure that what cannot be streamed fits into the machine's memory.

    Args:
        size: bytes that it takes as it is read.
        numbers: how many there are, of which copies are made.
        path: the file.

    Raises:
        ValueError: it does not.
    """
    needed = size + 4 * COPIES * numbers
    memory = SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        raise ValueError(
            f"'{path}' takes about {needed / 2**30:.1f} GiB when it is read, and a file of its kind must fit into half "
            f"of this machine's memory, {memory / 2**30:.1f} GiB. Save it as .npy, TFRecords or a folder of images, "
            f"which are streamed."
        )
