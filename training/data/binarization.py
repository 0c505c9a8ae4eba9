"""Data sets of zeros and ones from gray levels."""

from dataclasses import replace

import numpy as np

from zoo.data import support as supports


def binarized(dataset, how, seed=0):
    """Returns a data set of zeros and ones from one of gray levels in [0, 1].

    Args:
        dataset: a `Dataset` of support unit or binary.
        how: "none" leaves it as it is; "static" puts a one where a value is over ½; "dynamic" draws it with the value
            as its probability: training examples again for each batch, the others once, from `seed`.
        seed: of these draws.

    Raises:
        ValueError: The values are not in [0, 1], or are binary and so cannot be drawn again.
    """
    if how in ("none", dataset.binarize):
        return dataset
    if how == "static" and supports.before_binarization(dataset.support):
        return replace(dataset, binarize="static")
    binary = supports.get(dataset.support).binarized
    if binary is None:
        others = " or ".join(repr(name) for name, support in supports.SUPPORTS.items() if support.binarized)
        raise ValueError(
            f"Data set '{dataset.name}' has support '{dataset.support}', and only {others} can be binarized ({how}). "
            f"Leave binarize out."
        )
    if how == "static":
        held_out = {part: (getattr(dataset, part) > 0.5).astype(np.uint8) for part in ("validation", "test")}
        train = dataset.train.map(lambda x: x > 0.5, np.uint8)
        return replace(dataset, support=binary, binarize="static", train=train, **held_out)
    rng = np.random.default_rng(seed)
    held_out = {part: drawn(getattr(dataset, part), rng) for part in ("validation", "test")}
    return replace(dataset, support=binary, binarize="dynamic", **held_out)


def drawn(x, rng):
    """Draws zeros and ones.

    Args:
        x: their probabilities, an array of any shape.
        rng: a NumPy generator.

    Returns:
        uint8 array of the shape of x.
    """
    return (rng.random(x.shape, dtype=np.float32) < x).astype(np.uint8)
