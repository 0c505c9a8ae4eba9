"""A scan of all examples: what their values are, and which cannot be read."""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.data.checks.duplicates import individual_checksums, running_checksums
from training.data.memory import holds
from zoo.data.lazy_arrays import InMemory, LazyArray, chunks
from zoo.data.support import SUPPORTS

UNREADABLE = 0.01  # share of examples that may be left out


@dataclass(frozen=True)
class Values:
    """What the values of examples are.

    Args:
        least: of the values.
        greatest: of the values.
        supports: names of the supports that contain them.
        black_and_white: whether all are 0 or 255.
        checksum: of the values.
    """

    least: float = np.inf
    greatest: float = -np.inf
    supports: frozenset = frozenset(SUPPORTS)
    black_and_white: bool = True
    checksum: int = 0

    @property
    def are_levels(self):
        """Whether the values are levels of images, 0 to 255, and not all 0 or 1."""
        return self.greatest > 1 and any(SUPPORTS[name].is_gray_levels for name in self.supports)

    def after(self, x, checksum):
        """Returns the same with more examples [n, *x]; what is ruled out already is not looked for again."""
        return Values(
            min(self.least, float(x.min())),
            max(self.greatest, float(x.max())),
            frozenset(name for name in self.supports if SUPPORTS[name].contains(x)),
            self.black_and_white and bool(np.all((x == 0) | (x == 255))),
            int(checksum),
        )

    def __or__(self, other):
        return Values(
            min(self.least, other.least),
            max(self.greatest, other.greatest),
            self.supports & other.supports,
            self.black_and_white and other.black_and_white,
            zlib.crc32(b"%08x" % other.checksum, self.checksum),
        )


class Scan(NamedTuple):
    """What a scan of examples returns.

    Args:
        values: their `Values`.
        x: those that can be read, a `LazyArray` [n, *x]; in memory if they are few enough.
        index: their numbers among all examples, int [n].
        checksums: of each, uint32 [n].
        notes: for the user.
    """

    values: Values
    x: LazyArray
    index: np.ndarray
    checksums: np.ndarray
    notes: tuple[str, ...]


def scan(x, what, dtype=None):
    """Reads all examples once; those that stay in files and are few enough are loaded into memory.

    Args:
        x: `LazyArray` [N, *x].
        what: what to call them in a message.
        dtype: NumPy's, in which they are compared with others; None for their own.

    Returns:
        A `Scan`.

    Raises:
        ValueError: A value is not finite, or too many examples cannot be read.
    """
    loaded = np.empty(x.shape, x.dtype) if x.streamed and holds(x.shape) else None
    values, readable, checksums = Values(), [np.empty(0, np.int64)], [np.empty(0, np.uint32)]
    for rows in tqdm(chunks(x.shape), f"scan {what}", leave=False, delay=1):
        chunk, index = _readable(x, rows)
        if len(index):
            _check_finite(chunk, index, x, what)
            total, own = _checksums(chunk, values.checksum, x.dtype if dtype is None else dtype)
            values = values.after(chunk, total)
            readable.append(index)
            checksums.append(own)
        if loaded is not None:
            loaded[index] = chunk
    index = np.concatenate(readable)
    bad = np.setdiff1d(np.arange(len(x)), index)
    notes = _left_out(bad, x, what)
    x = x if loaded is None else InMemory(loaded)
    return Scan(values, x.take(index) if len(bad) else x, index, np.concatenate(checksums), notes)


def _readable(x, rows):
    """Returns the values of those examples that can be read, and their numbers."""
    try:
        return x[rows], np.arange(rows.start, rows.stop)
    except tf.errors.ResourceExhaustedError:
        raise  # the machine is too small, not the file damaged
    except tf.errors.OpError:
        values, index = [np.empty((0, *x.shape[1:]), x.dtype)], []
    for i in range(rows.start, rows.stop):
        try:
            values.append(x[i : i + 1])
            index.append(i)
        except tf.errors.OpError:
            continue
    return np.concatenate(values), np.array(index, np.int64)


def _checksums(x, start, dtype):
    """Returns the checksum of all examples up to these, and those of each, as of a dtype."""
    running = running_checksums(x, start)
    total = running[-1]
    if dtype != x.dtype:
        x = x.astype(dtype)
        running = running_checksums(x)
    return total, individual_checksums(running, x[0].nbytes)


def _left_out(bad, x, what):
    """Returns a note on the examples that cannot be read, if they are few enough."""
    if not len(bad):
        return ()
    some = ", ".join(x.place(int(i)) for i in bad[:3]) + (", …" if len(bad) > 3 else "")
    if len(bad) > UNREADABLE * len(x):
        raise ValueError(
            f"{len(bad)} of the {len(x):,} examples of {what} cannot be read, over {UNREADABLE:.0%}: {some}. "
            f"Remove them, or get or write them again."
        )
    return (f"left out {len(bad)} of {len(x):,} that cannot be read: {some}",)


def _check_finite(values, index, x, what):
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        i, *element = np.argwhere(~np.isfinite(values))[0].tolist()
        raise ValueError(
            f"Expected finite numbers, but {x.place(int(index[i]))} of {what} has {values[(i, *element)]} as its "
            f"element {element} (both counted from 0). Remove or fill such examples."
        )
