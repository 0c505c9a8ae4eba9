"""Data sets of zeros and ones from gray levels."""

from dataclasses import replace

import numpy as np


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
    if how == "static" and dataset.support == "binary":
        return replace(dataset, binarize="static")
    if dataset.support != "unit":
        raise ValueError(
            f"Data set '{dataset.name}' has support '{dataset.support}', and only 'unit' can be binarized ({how}). "
            f"Leave binarize out."
        )
    if how == "static":
        held_out = {part: (getattr(dataset, part) > 0.5).astype(np.uint8) for part in ("validation", "test")}
        train = dataset.train.map(lambda x: x > 0.5, np.uint8)
        return replace(dataset, support="binary", binarize="static", train=train, **held_out)
    rng = np.random.default_rng(seed)
    held_out = {part: drawn(getattr(dataset, part), rng) for part in ("validation", "test")}
    return replace(dataset, support="binary", binarize="dynamic", **held_out)


def drawn(x, rng):
    """Draws zeros and ones.

    Args:
        x: their probabilities, an array of any shape.
        rng: a NumPy generator.

    Returns:
        uint8 array of the shape of x.
    """
    return (rng.random(x.shape, dtype=np.float32) < x).astype(np.uint8)
