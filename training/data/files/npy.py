"""Arrays in .npy files, which are streamed if they are large."""

import math
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from training.data.checks.float32_range import check_float32
from training.data.checks.shapes import check_array, compact, model_shape
from training.data.files.file_kind import FileKind
from training.data.files.parsed import Parsed, Part
from training.data.memory import holds
from zoo.data.lazy_arrays import InMemory, MemoryMapped

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class NpyFile(FileKind):
    """An array of numbers whose first axis counts the examples."""

    name = ".npy"
    suffixes = (".npy",)

    def read(self, path, settings):
        with path.open("rb") as file:
            header = array_header(file, f"'{path}'")
            start = file.tell()
        check_array(header, f"'{path}'")
        _check_length(path, header, start)
        event_shape = model_shape(header.shape, settings, path)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        check_float32(array, f"'{path}'")
        x = MemoryMapped(array, event_shape)
        if holds(x.shape):
            x = InMemory(compact(np.array(array)).reshape(x.shape))
        elif header.fortran:
            raise ValueError(
                f"'{path}' is too large for the memory and cannot be streamed, as it is in Fortran's order and its "
                f"rows are scattered. Save numpy.ascontiguousarray of it."
            )
        return Parsed("an array in .npy", {"train": Part(x)})


def _check_length(path, header, start):
    expected = start + math.prod(header.shape) * header.dtype.itemsize
    if path.stat().st_size < expected:
        raise ValueError(
            f"'{path}' is truncated: an array of shape {list(header.shape)} takes {expected:,} bytes, "
            f"and there are {path.stat().st_size:,}. Get or write it again."
        )


class ArrayHeader(NamedTuple):
    """What a .npy file says of its array: its shape, whether it is in Fortran's order (column by column), its dtype."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype


def array_header(file, what):
    """Reads the header of an array that `numpy.save` has written.

    Args:
        file: binary file, at its start.
        what: what to call the array in a message.

    Returns:
        An `ArrayHeader`.

    Raises:
        ValueError: It is not such an array.
    """
    try:
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        if not all(type(size) is int for size in shape):
            raise ValueError(shape)
        return ArrayHeader(shape, fortran, dtype)
    except (ValueError, TypeError, KeyError, EOFError, TokenError) as error:  # its text may be anything
        raise ValueError(f"{what} is not an array that numpy.save has written. Write it again, with it.") from error
