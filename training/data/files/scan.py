"""A first look at all of the examples: what they are, and which cannot be read."""

import zlib
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.data.files import duplicates as repeats
from training.data.lazy_arrays import Examples, Subset, chunks
from training.data.memory import holds
from zoo.data.support import SUPPORTS

UNREADABLE = 0.01  # share of examples that may be left out


@dataclass(frozen=True)
class Survey:
    """What the values are.

    Args:
        least, greatest: value.
        fits: names of the supports that they lie in.
        black_and_white: whether all are 0 or 255.
        checksum: of the values.
    """

    least: float = np.inf
    greatest: float = -np.inf
    fits: frozenset = frozenset(SUPPORTS)
    black_and_white: bool = True
    checksum: int = 0

    def after(self, x, checksum):
        """That of more examples [n, *x] too; what is ruled out already is not looked for again."""
        return Survey(
            min(self.least, float(x.min())),
            max(self.greatest, float(x.max())),
            frozenset(name for name in self.fits if SUPPORTS[name].contains(x)),
            self.black_and_white and bool(np.all((x == 0) | (x == 255))),
            int(checksum),
        )

    def __or__(self, other):
        """What the values of both are."""
        return Survey(
            min(self.least, other.least),
            max(self.greatest, other.greatest),
            self.fits & other.fits,
            self.black_and_white and other.black_and_white,
            zlib.crc32(b"%08x" % other.checksum, self.checksum),
        )


def surveyed(x, what, dtype=None):
    """Looks at all examples once; those that stay in files and are few enough come into memory.

    Args:
        x: array or `Examples` [N, *x].
        what: what to call them in a message.
        dtype: NumPy's, in which they are compared with others; None for their own.

    Returns:
        A `Survey`; the examples, an array or `Examples`; the numbers of those among x; their checksums, as of `dtype`;
        notes for the user.

    Raises:
        ValueError: a value is not finite, or too many examples cannot be read.
    """
    streamed = isinstance(x, Examples)
    kept = np.empty(x.shape, x.dtype) if streamed and holds(x.shape) else None
    look, bad, found = Survey(), [], [np.empty(0, np.uint32)]
    for rows in tqdm(chunks(x.shape), f"look at {what}", leave=False, delay=1):
        values, unreadable = _readable(x, rows) if streamed else (x[rows], [])
        bad += unreadable
        good = np.setdiff1d(np.arange(rows.start, rows.stop), unreadable)
        if len(good):
            _check_finite(values, good, x, what)
            running = repeats.checksums(values, look.checksum)
            look = look.after(values, running[-1])
            if dtype not in (None, x.dtype):
                values, running = values.astype(dtype), repeats.checksums(values.astype(dtype))
            found.append(repeats.of_each(running, values[0].nbytes))
        if kept is not None:
            kept[good] = values
    notes = _left_out(bad, x, what)
    index = np.setdiff1d(np.arange(len(x)), bad)
    if kept is not None:
        x = kept[index] if bad else kept
    elif bad:
        x = Subset(x, index)
    return look, x, index, np.concatenate(found), notes


def _readable(x, rows):
    """The values of those examples that can be read, and the numbers of the others."""
    try:
        return x[rows], []
    except tf.errors.ResourceExhaustedError:
        raise  # the machine is too small, not the file damaged
    except tf.errors.OpError:
        values, bad = [], []
        for i in range(rows.start, rows.stop):
            try:
                values.append(x[i : i + 1])
            except tf.errors.OpError:
                bad.append(i)
        return np.concatenate(values) if values else np.empty((0, *x.shape[1:]), x.dtype), bad


def _left_out(bad, x, what):
    if not bad:
        return ()
    places = x.place if isinstance(x, Examples) else str
    some = ", ".join(places(i) for i in bad[:3]) + (", …" if len(bad) > 3 else "")
    if len(bad) > UNREADABLE * len(x):
        raise ValueError(
            f"{len(bad)} of the {len(x):,} examples of {what} cannot be read, over {UNREADABLE:.0%}: {some}. "
            f"Remove them, or get or write them anew."
        )
    return (f"left out {len(bad)} of {len(x):,} that cannot be read: {some}",)


def _check_finite(values, numbers, x, what):
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        i, *element = np.argwhere(~np.isfinite(values))[0].tolist()
        number = int(numbers[i])
        place = x.place(number) if isinstance(x, Examples) else f"example {number}"
        raise ValueError(
            f"Expected finite numbers, but {place} of {what} has {values[(i, *element)]} as its element {element} "
            f"(both counted from 0). Remove or fill such examples."
        )
