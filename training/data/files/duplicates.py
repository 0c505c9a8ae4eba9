"""Examples that are there more than once: copies within the data, and training examples in other parts."""

import zlib
from itertools import accumulate

import numpy as np

from training.data.lazy_arrays import chunks

MOST = 10_000_000  # examples; of more, copies are not looked for


def checksums(x, start=0):
    """Returns the checksum of all bytes up to the end of each example: the last one is that of all examples.

    Args:
        x: array [N, *x].
        start: the checksum of what comes before.

    Returns:
        uint32 [N + 1], the first of which is `start`.
    """
    content = memoryview(np.ascontiguousarray(x)).cast("B")
    size = len(content) // len(x)
    rows = (content[first : first + size] for first in range(0, len(content), size))
    running = accumulate(rows, lambda checksum, row: zlib.crc32(row, checksum), initial=start)
    return np.fromiter(running, np.uint32, len(x) + 1)


def of_each(running, size):
    """Returns each example's own checksum, from those that run over all of them.

    CRC-32 is linear: crc(ab) = crc(b) ⊕ M crc(a), where M is a matrix of bits for the length of b.

    Args:
        running: see `checksums`.
        size: bytes of an example.

    Returns:
        uint32 [N].
    """
    zeros = bytes(size)
    images = [zlib.crc32(zeros, 1 << bit) ^ zlib.crc32(zeros) for bit in range(32)]
    own = running[1:].copy()
    for bit, image in enumerate(images):
        own ^= (running[:-1] >> bit & 1) * np.uint32(image)
    return own


def identities(parts, found):
    """Returns a number for each example that equal examples share, and others as good as never.

    Only examples whose checksums are those of others are read again.

    Args:
        parts: a dict of a part -> array or `Examples` [N, *x].
        found: a dict of the same parts -> their checksums [N], see `of_each`.

    Returns:
        A dict of a part -> int64 [N], for this process only; empty where no two examples are equal.
    """
    values, counts = np.unique(np.concatenate([*found.values()]), return_counts=True)
    several, made = values[counts > 1], {}
    if not len(several):
        return {}
    dtype = np.result_type(*(x.dtype for x in parts.values()))
    for part, x in parts.items():
        made[part] = found[part].astype(np.int64)
        candidates = np.flatnonzero(np.isin(found[part], several))
        for rows in chunks((len(candidates), *x.shape[1:])):
            index = candidates[rows]
            made[part][index] = [hash(row.tobytes()) for row in x[index].astype(dtype)]
    return made


def copies(found, what):
    """Notes how many examples are copies of others.

    Args:
        found: the examples' `identities` [N].
        what: what to call them.

    Returns:
        A tuple of notes.
    """
    count = len(found) - len(np.unique(found))
    return (f"{count:,} of the {len(found):,} examples of {what} are copies of others",) if count else ()


def shared(found):
    """Notes how many examples of the other parts are training examples, too.

    Args:
        found: a dict of a part -> its examples' `identities` [N], or of nothing.

    Returns:
        A tuple of notes.
    """
    others = ("test", "validation") if found else ()
    counts = {part: int(np.isin(found[part], found["train"]).sum()) for part in others}
    said = [f"{counts[part]:,} of the {len(found[part]):,} {part} examples" for part in counts if counts[part]]
    return (f"{' and '.join(said)} are training examples, too, and make scores too good",) if said else ()
