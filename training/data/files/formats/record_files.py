"""Records of TFRecord files, read in any order."""

import os
import struct
from array import array
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.data.files.folders import printable
from zoo.data.images import decode
from zoo.data.lazy_arrays import LazyArray

GZIP = b"\x1f\x8b\x08"
HEADER_FOOTER = 12, 4  # bytes before a record, its length and that one's checksum, and after it


class Index(NamedTuple):
    """Where each record is: its file's number, its first byte, its length [N]."""

    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray


class Records(NamedTuple):
    """The records in TFRecord files.

    Args:
        files: paths.
        index: an `Index`.
    """

    files: list
    index: Index

    @property
    def count(self):
        """Number of records."""
        return len(self.index.file)

    def of_files(self, numbers):
        """Returns the records of some files only, by the files' numbers."""
        rows = np.isin(self.index.file, numbers)
        return Records(self.files, Index(*(values[rows] for values in self.index)))

    def read(self, indices):
        """Returns the bytes of some records, an object array [B]."""
        return np.array([self._record(i) for i in indices], object)

    def _record(self, i):
        with self.files[self.index.file[i]].open("rb", buffering=0) as file:
            file.seek(self.index.offset[i])
            return file.read(self.index.length[i])

    def place(self, index):
        """Returns where a record is, in words."""
        file = self.index.file[index]
        return f"record {index - np.searchsorted(self.index.file, file)} of '{printable(self.files[file])}'"


def index_records(files):
    """Finds the records in TFRecord files by their framing, and verifies their checksums.

    Args:
        files: paths.

    Returns:
        `Records`.

    Raises:
        ValueError: A file is truncated, compressed or damaged, or there are no records.
    """
    rows = array("q")
    for number, path in enumerate(files):
        for offset, length in _frames(path):
            rows.extend((number, offset, length))
        _check_checksums(path)
    if not rows:
        raise ValueError(f"Expected records in '{files[0]}', but there are none.")
    return Records(files, Index(*np.frombuffer(rows, np.int64).reshape(-1, 3).T))


def _frames(path):
    """Yields first byte and length of each record of a file."""
    size, place, record = path.stat().st_size, 0, 0
    with path.open("rb") as file:
        compressed = file.read(3) == GZIP
        while place < size:
            file.seek(place)
            head = file.read(HEADER_FOOTER[0])
            length = struct.unpack("<Q", head[:8])[0] if len(head) == HEADER_FOOTER[0] else size
            if place + sum(HEADER_FOOTER) + length > size and compressed:
                raise ValueError(f"'{path}' is compressed, and its records cannot be read singly. Decompress it.")
            if place + sum(HEADER_FOOTER) + length > size:
                raise ValueError(
                    f"'{path}' is truncated or not a TFRecord file: its record {record} does not end within its "
                    f"{size:,} bytes. Get or write it again."
                )
            yield place + HEADER_FOOTER[0], length
            place, record = place + sum(HEADER_FOOTER) + length, record + 1


def _check_checksums(path):
    """Checks the checksums that were written with each record, by TensorFlow's own reader."""
    with tf.device("CPU"):
        stream = tf.data.TFRecordDataset(os.fsencode(path))
    try:
        stream.reduce(np.int64(0), lambda count, record: count + 1)
        return
    except tf.errors.DataLossError:
        good = 0
    with suppress(tf.errors.DataLossError):
        for _ in stream:
            good += 1
    raise ValueError(f"'{path}' is damaged: its record {good} does not have the right checksum. Get or write it again.")


class RecordImages(LazyArray):
    """Images in a feature of records.

    Args:
        records: `Records`.
        feature: its name.
        shape: (height, width, channels) that they are decoded and resized to.
    """

    def __init__(self, records, feature, shape):
        super().__init__((records.count, *shape), np.uint8)
        self.records, self.feature = records, feature

    def place(self, index):
        return self.records.place(index)

    def gather(self, indices):
        content = tf.ensure_shape(tf.numpy_function(self.records.read, [indices], tf.string, stateful=False), [None])
        x = tf.io.parse_example(content, {self.feature: tf.io.FixedLenFeature([], tf.string)})[self.feature]
        spec = tf.TensorSpec(self.shape[1:], tf.uint8)
        return tf.map_fn(lambda b: decode(b, self.shape[1:3], self.shape[3]), x, fn_output_signature=spec)


class RecordNumbers(LazyArray):
    """Lists of numbers in a feature of records.

    Args:
        records: `Records`.
        feature: its name.
        event_shape: *x.
        stored: type of the numbers in the records, tf.float32 or tf.int64.
        dtype: NumPy's, of the array.
    """

    def __init__(self, records, feature, event_shape, stored, dtype=np.float32):
        super().__init__((records.count, *event_shape), dtype)
        self.records, self.feature, self.stored = records, feature, stored

    def place(self, index):
        return self.records.place(index)

    def gather(self, indices):
        content = tf.ensure_shape(tf.numpy_function(self.records.read, [indices], tf.string, stateful=False), [None])
        spec = tf.io.FixedLenFeature(self.shape[1:], self.stored)
        return tf.cast(tf.io.parse_example(content, {self.feature: spec})[self.feature], self.dtype)
