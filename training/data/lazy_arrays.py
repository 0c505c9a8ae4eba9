"""Examples that stay in their files."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import tensorflow as tf

CHUNK = 2**22  # numbers that are read at once


class Examples(ABC):
    """N examples that are read when they are asked for, in any order: an array [N, *x] that is not in memory.

    To write one: `gather`.

    Args:
        shape: (N, *x).
        dtype: NumPy's.
    """

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    def __len__(self):
        return self.shape[0]

    @abstractmethod
    def gather(self, indices):
        """Examples as a tensor, also within a `map` of tf.data.

        Args:
            indices: int64 [B].

        Returns:
            [B, *x], of `dtype`.
        """

    def place(self, index):
        """Where an example is, in words."""
        return f"example {index}"

    def __getitem__(self, index):
        """Examples as an array.

        Args:
            index: a slice, or int array [n].

        Returns:
            [n, *x].
        """
        whole = isinstance(index, slice)
        indices = np.arange(*index.indices(len(self))) if whole else np.asarray(index, np.int64)
        x = np.empty((len(indices), *self.shape[1:]), self.dtype)
        with tf.device("CPU"):
            for rows in chunks(x.shape):
                x[rows] = self._gathered(tf.constant(indices[rows])).numpy()
        return x

    @cached_property
    def _gathered(self):
        return tf.function(self.gather).get_concrete_function(tf.TensorSpec([None], tf.int64))


def chunks(shape):
    """Slices of the first axis of an array of that shape [N, *x], of not too many numbers each."""
    rows = max(1, CHUNK // max(1, int(np.prod(shape[1:]))))
    return [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]


class Subset(Examples):
    """Some of other examples.

    Args:
        examples: the `Examples`.
        index: which ones, int [n].
    """

    def __init__(self, examples, index):
        super().__init__((len(index), *examples.shape[1:]), examples.dtype)
        self.examples = examples
        with tf.device("CPU"):  # where tf.data is
            self.index = tf.constant(index, tf.int64)

    def gather(self, indices):
        return self.examples.gather(tf.gather(self.index, indices))

    def place(self, index):
        return self.examples.place(int(self.index[index]))


class Mapped(Examples):
    """Other examples, their numbers made others.

    Args:
        examples: the `Examples`.
        function: of a tensor [B, *x], element by element.
        dtype: NumPy's, of what it gives.
    """

    def __init__(self, examples, function, dtype):
        super().__init__(examples.shape, dtype)
        self.examples, self.function = examples, function

    def gather(self, indices):
        return tf.cast(self.function(self.examples.gather(indices)), self.dtype)

    def place(self, index):
        return self.examples.place(index)


class MemoryMapped(Examples):
    """The rows of a .npy file, which the system reads and forgets again as memory allows.

    Args:
        array: numpy.memmap [N, *x].
        event_shape: *x, if the rows are to be reshaped.
    """

    def __init__(self, array, event_shape):
        dtype = np.uint8 if array.dtype in (np.uint8, np.bool_) else np.float32
        super().__init__((len(array), *event_shape), dtype)
        self.array = array

    def gather(self, indices):
        rows = tf.numpy_function(self._rows, [indices], self.dtype, stateful=False)
        return tf.ensure_shape(rows, [None, *self.shape[1:]])

    def _rows(self, indices):
        return self.array[indices].astype(self.dtype, copy=False).reshape(-1, *self.shape[1:])
