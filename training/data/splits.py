"""Examples split into parts by a seed."""

import numpy as np

HELD_OUT = 10_000  # examples, at most, of a part that is held out of streamed data, as it is in memory
LEAST = 2  # examples in a part: one alone does not vary, and has no standard errors


def split(n, parts, seed, most=None):
    """Which of n examples are held out, a function of n, the shares and the seed alone.

    Args:
        n: how many examples there are.
        parts: name of a part -> share of the examples, e.g. {"validation": 0.1}; none for no split.
        seed: an integer.
        most: examples in a held-out part; None for no limit. The others stay in the training data.

    Returns:
        A dict: "train" and each part -> their numbers, disjoint, and all n together. Those held out are in random
        order, so that the first of them, which a report shows, are not all of one class.

    Raises:
        ValueError: there are too few examples.
    """
    order, found = np.random.default_rng(seed).permutation(n), {}
    for part, share in sorted(parts.items()):
        size = min(max(LEAST, round(share * n)), n if most is None else most)
        found[part], order = order[:size], order[size:]
    if any(len(index) < LEAST for index in (order, *found.values())):
        needed = LEAST * (1 + len(parts))
        raise ValueError(
            f"Expected {LEAST} examples or more in each part, {needed} in all, got {n} to be split. Add some, hold out "
            f"smaller shares, or name files of their own with --validation-data and --test-data."
        )
    return {"train": np.sort(order)} | found
