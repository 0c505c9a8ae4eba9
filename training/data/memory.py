"""What fits into memory."""

import math
from contextlib import contextmanager

import tensorflow as tf

from zoo.memory import FLOATS_PER_PARAMETER, total_memory

BUDGET = 2**30  # bytes that examples may take as float32; more of those that can be streamed are streamed
COPIES = 3  # of the examples as 32-bit numbers: as read, rescaled, and in their parts
# Numbers that a step keeps for each element of a batch: x, the parameter of p(x|z) for it, and its gradient.
FLOATS_PER_ELEMENT = 3
FIRST_LAYER_UNITS = 256  # of the encoder's first layer, at least, in a model whose network is its own
DEFAULT_BATCH = 100  # examples for a step, unless set
MEMORY_SHARE = 0.5  # of the machine's memory, for what cannot be streamed


def holds(shape):
    """Returns whether examples of shape (N, *x) are few enough to be loaded into memory."""
    return 4 * math.prod(shape) <= BUDGET


def examples_within(shape, most):
    """Returns how many examples of shape (N, *x) may be loaded into memory, from one to `most`."""
    return max(1, min(shape[0], most, BUDGET // (4 * math.prod(shape[1:]))))


def check_fits(size, numbers, path):
    """Checks that what cannot be streamed fits into the machine's memory.

    Args:
        size: bytes that it takes as it is read.
        numbers: how many there are, of which copies are made.
        path: of the file.

    Raises:
        ValueError: It does not.
    """
    needed = size + 4 * COPIES * numbers
    memory = MEMORY_SHARE * total_memory()
    if needed > memory:
        raise ValueError(
            f"'{path}' takes about {needed / 2**30:.1f} GiB when it is read, and a file of its kind must fit into half "
            f"of this machine's memory, {memory / 2**30:.1f} GiB. Save it as .npy, TFRecords or a folder of images, "
            f"which are streamed."
        )


def check_example(event_shape, examples, settings, path, advice=None):
    """Checks that a model of such examples can be trained on this machine, before any of them is read.

    This counts the least that it takes: a batch and, for the default network, the encoder's first layer.

    Args:
        event_shape: shape of an example.
        examples: number of them.
        settings: `DataSettings`, those of a run with its batch size and network.
        path: where they are.
        advice: what to do if it does not fit; None for what helps with arrays and tables.

    Raises:
        ValueError: It does not fit.
    """
    batch = min(getattr(settings, "batch_size", None) or DEFAULT_BATCH, examples)
    units = FIRST_LAYER_UNITS if getattr(settings, "network", FIRST_LAYER_UNITS) is None else 0
    needed = 4 * math.prod(event_shape) * (FLOATS_PER_ELEMENT * batch + FLOATS_PER_PARAMETER * units)
    memory = total_memory()
    if needed > memory:
        raise ValueError(
            f"Examples of {' × '.join(map(str, event_shape))} in '{path}' have {math.prod(event_shape):,} numbers: "
            f"training on {batch} at a time takes {needed / 2**30:,.1f} GiB or more, and this machine has "
            f"{memory / 2**30:.1f}. {advice or 'Give fewer columns or pixels, or smaller --network and --batch-size.'}"
        )


@contextmanager
def memory_errors_named(path):
    """Turns NumPy's and TensorFlow's errors about memory into a sentence.

    Args:
        path: what is read.

    Raises:
        ValueError: It ran out.
    """
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise ValueError(
            f"This machine's memory, {total_memory() / 2**30:.1f} GiB, ran out while '{path}' was read. Give fewer "
            f"or smaller examples, or save them as .npy, TFRecords or a folder of images, which are streamed."
        ) from error
