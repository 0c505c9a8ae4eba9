"""Examples that occur more than once: copies within the data, and training examples in other parts."""

import zlib
from itertools import accumulate

import numpy as np

from zoo.data.lazy_arrays import chunks

MAX_EXAMPLES = 10_000_000  # examples; among more, copies are not looked for


def running_checksums(x, start=0):
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


def individual_checksums(running, size):
    """Returns the checksum of each example by itself, from those that run over all of them.

    CRC-32 is linear: crc(ab) = crc(b) ⊕ M crc(a), where M is a matrix of bits for the length of b.

    Args:
        running: see `running_checksums`.
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


def identities(parts, checksums):
    """Returns a number for each example, equal for equal examples and, almost surely, for no others.

    Only examples whose checksums occur more than once are read again.

    Args:
        parts: dict of a part -> array or `LazyArray` [N, *x].
        checksums: dict of the same parts -> `individual_checksums` [N].

    Returns:
        A dict of a part -> int64 [N], for this process only; empty if no two examples are equal or there are too many.
    """
    if sum(map(len, checksums.values())) > MAX_EXAMPLES:
        return {}
    values, counts = np.unique(np.concatenate([*checksums.values()]), return_counts=True)
    repeated = values[counts > 1]
    if not len(repeated):
        return {}
    made = {}
    dtype = np.result_type(*(x.dtype for x in parts.values()))
    for part, x in parts.items():
        made[part] = checksums[part].astype(np.int64)
        candidates = np.flatnonzero(np.isin(checksums[part], repeated))
        for rows in chunks((len(candidates), *x.shape[1:])):
            index = candidates[rows]
            made[part][index] = [hash(row.tobytes()) for row in x[index].astype(dtype)]
    return made


def note_copies(identities, what):
    """Returns a note on how many examples are copies of others.

    Args:
        identities: of the examples [N].
        what: what to call them.
    """
    count = len(identities) - len(np.unique(identities))
    return (f"{count:,} of the {len(identities):,} examples of {what} are copies of others",) if count else ()


def note_overlap(data):
    """Returns a note on how many examples of the other parts are training examples, too.

    Args:
        data: `UserData`.
    """
    said = []
    for part in ("test", "validation"):
        examples, train = data.parts[part].identities, data.parts["train"].identities
        count = 0 if examples is None else int(np.isin(examples, train).sum())
        said += [f"{count:,} of the {len(examples):,} {part} examples"] if count else []
    return (f"{' and '.join(said)} are training examples, too, and make scores too good",) if said else ()
