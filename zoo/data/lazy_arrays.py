"""Arrays of examples with one interface, in memory or read from files on indexing."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
import tensorflow as tf

CHUNK_ELEMENTS = 2**22  # elements per chunk


class LazyArray(ABC):
    """The abstract base class of arrays [N, *x] of examples that are read on indexing, in any order.

    Like an h5py dataset, it has a shape, a dtype and a length; `x[start:stop]`, `x[indices]` and `x[:]` return NumPy
    arrays. To write a subclass: define `gather`.

    Args:
        shape: (N, *x).
        dtype: NumPy dtype.
    """

    streamed = True  # whether the examples are not in memory

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    def __len__(self):
        return self.shape[0]

    @abstractmethod
    def gather(self, indices):
        """Returns examples as a tensor, eagerly or in a `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [B].

        Returns:
            [B, *x], of `dtype`.
        """

    def __getitem__(self, index):
        """Returns examples as an array.

        Args:
            index: a slice, or int array [n].

        Returns:
            [n, *x].
        """
        indices = np.arange(*index.indices(len(self))) if isinstance(index, slice) else np.asarray(index, np.int64)
        x = np.empty((len(indices), *self.shape[1:]), self.dtype)
        with tf.device("CPU"):
            for rows in chunks(x.shape):
                x[rows] = self._gathered(tf.constant(indices[rows])).numpy()
        return x

    @cached_property
    def _gathered(self):
        return tf.function(self.gather).get_concrete_function(tf.TensorSpec([None], tf.int64))

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)

    def take(self, index):
        """Returns a subset of the examples, without reading them.

        Args:
            index: int array [n].

        Returns:
            A `LazyArray` [n, *x].
        """
        return Subset(self, index)

    def map(self, function, dtype):
        """Returns the examples with a function applied to them, without reading files.

        Args:
            function: element-wise function of a tensor or an array [B, *x].
            dtype: NumPy dtype of its result.

        Returns:
            A `LazyArray` [N, *x].
        """
        return Mapped(self, function, dtype)

    def place(self, index):
        """Returns the location of an example, for messages."""
        return f"example {index}"


def as_lazy(x):
    """Returns an array [N, *x] as a `LazyArray`."""
    return x if isinstance(x, LazyArray) else InMemory(np.asarray(x))


def chunks(shape):
    """Returns slices of limited size along the first axis of an array of shape (N, *x)."""
    rows = max(1, CHUNK_ELEMENTS // max(1, int(np.prod(shape[1:]))))
    return [slice(first, min(first + rows, shape[0])) for first in range(0, shape[0], rows)]


class InMemory(LazyArray):
    """An array that is in memory already.

    Args:
        array: NumPy array [N, *x].
    """

    streamed = False

    def __init__(self, array):
        super().__init__(array.shape, array.dtype)
        self.array = array

    def gather(self, indices):
        with tf.init_scope():  # the graph captures this tensor instead of embedding it as a constant
            array = tf.constant(self.array)
        return tf.gather(array, indices)

    def __getitem__(self, index):
        return self.array[index]

    def take(self, index):
        return InMemory(self.array[index])

    def map(self, function, dtype):
        array = np.empty(self.shape, dtype)
        for rows in chunks(self.shape):
            array[rows] = function(self.array[rows])
        return InMemory(array)


class Subset(LazyArray):
    """A subset of the examples of another array.

    Args:
        source: a `LazyArray`.
        index: int array [n].
    """

    def __init__(self, source, index):
        super().__init__((len(index), *source.shape[1:]), source.dtype)
        self.source = source
        with tf.device("CPU"):  # where tf.data runs
            self.index = tf.constant(index, tf.int64)

    def gather(self, indices):
        return self.source.gather(tf.gather(self.index, indices))

    def place(self, index):
        return self.source.place(int(self.index[index]))


class Mapped(LazyArray):
    """The examples of another array with a function applied to them.

    Args:
        source: a `LazyArray`.
        function: element-wise function of a tensor [B, *x].
        dtype: NumPy dtype of its result.
    """

    def __init__(self, source, function, dtype):
        super().__init__(source.shape, dtype)
        self.source, self.function = source, function

    def gather(self, indices):
        return tf.cast(self.function(self.source.gather(indices)), self.dtype)

    def place(self, index):
        return self.source.place(index)


class MemoryMapped(LazyArray):
    """The rows of a memory-mapped .npy file.

    Args:
        array: numpy.memmap [N, *x].
        event_shape: shape that each row is reshaped to.
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
