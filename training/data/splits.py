"""Examples split into parts by a seed."""

import numpy as np

from training.data.files.parsed import Part
from training.data.memory import examples_within

HELD_OUT = 10_000  # examples, at most, of a part that is held out of streamed data, as it is in memory
MIN_EXAMPLES = 2  # examples in a part: one alone does not vary, and has no standard errors


def split(n, parts, seed, max_size=None):
    """Returns which of n examples are held out, a function of n, the fractions and the seed alone.

    Args:
        n: number of examples.
        parts: dict of a part -> fraction of the examples, e.g. {"validation": 0.1}; empty for no split.
        seed: an integer.
        max_size: examples in a held-out part; None for no limit. The others stay in the training data.

    Returns:
        A dict of "train" and each part -> their indices, disjoint, and all n together. Those held out are in random
        order, so that the first of them, which a report shows, are not all of one class.

    Raises:
        ValueError: There are too few examples.
    """
    order, held_out = np.random.default_rng(seed).permutation(n), {}
    for part, fraction in sorted(parts.items()):
        size = min(max(MIN_EXAMPLES, round(fraction * n)), n if max_size is None else max_size)
        held_out[part], order = order[:size], order[size:]
    if any(len(index) < MIN_EXAMPLES for index in (order, *held_out.values())):
        needed = MIN_EXAMPLES * (1 + len(parts))
        raise ValueError(
            f"Expected {MIN_EXAMPLES} examples or more in each part, {needed} in all, got {n} to be split. Add "
            f"some, hold out smaller fractions, or name files of their own with --validation-data and --test-data."
        )
    return {"train": np.sort(order)} | held_out


def split_parts(parts, settings):
    """Splits the parts that are missing off the training data, and loads those that are held out into memory.

    Args:
        parts: dict of "train" and parts that are there -> `Part`.
        settings: `DataSettings`.

    Returns:
        A dict of "train", "validation" and "test" -> `Part`; the last two hold arrays.

    Raises:
        ValueError: There are too few examples.
    """
    parts, train = dict(parts), parts["train"]
    fractions = {"validation": settings.validation_fraction, "test": settings.test_fraction}
    missing = {part: fraction for part, fraction in fractions.items() if part not in parts}
    if missing:
        max_size = _held_out(train.x) if train.x.streamed else None
        for part, index in split(len(train.x), missing, settings.split_seed, max_size).items():
            parts[part] = train.take(index)
    return parts | {part: _in_memory(part, parts[part], settings.split_seed) for part in fractions}


def _held_out(x):
    """Returns how many examples a part held out of streamed ones may have."""
    return max(MIN_EXAMPLES, examples_within(x.shape, HELD_OUT))


def _in_memory(part, examples, seed):
    if len(examples.x) < MIN_EXAMPLES:
        raise ValueError(
            f"Expected {MIN_EXAMPLES} {part} examples or more, without which there are no standard errors, "
            f"got {len(examples.x)}. Add some, or leave that part out: a fraction of the training data is taken."
        )
    if examples.x.streamed:
        order = np.random.default_rng(seed).permutation(len(examples.x))
        examples = examples.take(np.sort(order[: _held_out(examples.x)]))
    return Part(examples.x[:], *examples[1:])
