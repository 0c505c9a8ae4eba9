"""What was read from a file or a folder."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zoo.data.lazy_arrays import LazyArray


class Part(NamedTuple):
    """Examples for training, validation or test, and what is known of each.

    Args:
        x: `LazyArray` [N, *x].
        labels: array [N], or None.
        identities: int64 array [N], equal for equal examples, see `checks.duplicates`; or None.
    """

    x: LazyArray
    labels: np.ndarray | None = None
    identities: np.ndarray | None = None

    def take(self, index):
        """Returns the part with the examples of some indices only.

        Args:
            index: int array [n].
        """
        labels, identities = (None if values is None else values[index] for values in self[1:])
        return Part(self.x.take(index), labels, identities)


@dataclass(frozen=True)
class Parsed:
    """Examples as they were read.

    Args:
        kind: of what, in words, e.g. "an array in .npy".
        parts: dict of "train", "validation", "test" -> `Part`; one of them at least.
        columns: names of the columns of a table; None for anything else.
        notes: what the user should know.
    """

    kind: str
    parts: dict[str, Part]
    columns: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
