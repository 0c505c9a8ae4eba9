"""Examples to send: a folder of images, a table, an array."""

import zlib
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np

from export.client.files.images import SUFFIXES, ImageFiles, image_files
from export.client.files.table import table
from export.client.signature import with_or_without_channels

BYTES = "_bytes"  # ends the names of the signatures that take image files
# The errors of NumPy and zipfile for bytes that are not an array: the text of a header can be anything.
DAMAGED = (ValueError, TypeError, EOFError, BadZipFile, TokenError, zlib.error, RuntimeError, NotImplementedError)
AT_ONCE = 4096  # rows that are checked together


class Arrays:
    """Examples in memory, or in a memory-mapped file.

    Args:
        arrays: a dict of arrays, the inputs of a signature, the first axis of each counting the examples.
        count: number of examples, if there are no arrays.
    """

    bytes = False
    names = None

    def __init__(self, arrays, count=None):
        self.arrays = arrays
        self.count = len(next(iter(arrays.values()))) if count is None else count

    def __len__(self):
        return self.count

    def inputs(self, start, stop):
        """Returns the inputs of some examples, as a signature takes them."""
        return {name: array[start:stop] for name, array in self.arrays.items()}

    def first(self, count):
        """Returns the first examples."""
        return Arrays({name: array[:count] for name, array in self.arrays.items()})

    def place(self, start, stop):
        """Returns the place of some examples, in words."""
        return f"Rows {start} to {stop - 1}"


def examples_in(path, served, name):
    """Reads the examples in a file or folder, in the shape that a model takes.

    Args:
        path: a folder of PNG and JPEG images or one of these; .csv, .npy or .npz.
        served: the `RemoteModel`.
        name: name of the signature of numbers that takes them, such as "encode".

    Returns:
        `ImageFiles` or `Arrays`.

    Raises:
        FileNotFoundError: it does not exist.
        ValueError: it is none of these, or does not fit the model.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"'{path}' does not exist. Name a folder of images, or a .csv, .npy or .npz file.")
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        return ImageFiles(image_files(path), path if path.is_dir() else path.parent)
    if path.suffix.lower() not in READERS:
        raise ValueError(
            f"Expected a folder of images, a PNG or JPEG image, or a file {', '.join(READERS)}, got '{path}'."
        )
    shape = served.signature(name).inputs["x"].shape[1:]
    return Arrays({"x": READERS[path.suffix.lower()](path, shape)})


def signature_for(name, examples, served):
    """Returns the name of the signature that takes such examples.

    Args:
        name: name of the signature of numbers, such as "encode".
        examples: see `examples_in`.
        served: the `RemoteModel`.

    Raises:
        ValueError: the model does not take images.
    """
    if examples.bytes and name + BYTES not in served.signatures and name in served.signatures:
        raise ValueError(
            f"The {served} does not take image files, but x {served.signature(name).inputs.get('x')}. "
            f"Give it a .csv, .npy or .npz file of such rows."
        )
    return name + BYTES if examples.bytes else name


def _table(path, shape):
    return _shaped(table(path, int(np.prod(shape))), shape, path)


def _array(path, shape):
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        names = getattr(found, "files", [])
        array = found[names[0]] if len(names) == 1 else found
    except DAMAGED as error:
        raise ValueError(f"'{path}' is not an array of numbers: {error}. Save one with numpy.save.") from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"Expected one array in '{path}', got {', '.join(names) or 'none'}. Save one by itself.")
    return _shaped(array, shape, path)


def _shaped(array, shape, path):
    """Reshapes an array to rows of a shape, from flat rows or from images with or without an axis of channels."""
    forms = {tuple(shape), (int(np.prod(shape)),), with_or_without_channels(shape)}
    if array.ndim < 1 or array.shape[1:] not in forms or not len(array):
        wanted = " or ".join(str(["B", *form]).replace("'", "") for form in sorted(forms, key=len, reverse=True))
        raise ValueError(
            f"Expected one row or more of the shape that the model takes in '{path}', {wanted}, "
            f"got {list(array.shape)}. Reshape it, or name another model with --model."
        )
    _check(array, path)
    return array.reshape(len(array), *shape)


def _check(array, path):
    """Checks that all are finite numbers, before any is sent."""
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Expected numbers in '{path}', got values of type {array.dtype}.")
    for start in range(0, len(array), AT_ONCE):
        with np.errstate(over="ignore"):
            finite = np.isfinite(array[start : start + AT_ONCE].astype(np.float32))
        if not finite.all():
            place = np.argwhere(~finite)[0]
            value = array[start : start + AT_ONCE][tuple(place)]
            raise ValueError(
                f"Expected finite 32-bit numbers in '{path}', got {value} in row {start + place[0]} (the first is 0). "
                f"Remove or fill such rows."
            )


READERS = {".csv": _table, ".npy": _array, ".npz": _array}
