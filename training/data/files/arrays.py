"""NumPy's files: .npy, which is streamed where it is large, and .npz, which must fit into memory."""

import math
import zipfile
import zlib
from contextlib import contextmanager
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from training.data.files.float32_range import check_precision
from training.data.files.parsed import Found, compact, numbers, role, shaped
from training.data.lazy_arrays import MemoryMapped
from training.data.memory import check_fits, holds

# What zipfile raises for archives that are damaged, encrypted or compressed in another way.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def npy(path, settings):
    """The array in a .npy file, whose first axis counts the examples.

    Args:
        path: Path.
        settings: `DataSettings`.

    Raises:
        ValueError: it is damaged, or no array of numbers [N, ...].
    """
    with path.open("rb") as file:
        header = _header(file, f"'{path}'")
        start = file.tell()
    numbers(header, f"'{path}'")
    expected = start + math.prod(header.shape) * header.dtype.itemsize
    if path.stat().st_size < expected:
        raise ValueError(
            f"'{path}' is truncated: an array of shape {list(header.shape)} takes {expected:,} bytes, "
            f"and there are {path.stat().st_size:,}. Get or write it again."
        )
    event_shape = shaped(header.shape, settings, path)
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    check_precision(array, f"'{path}'")
    examples = MemoryMapped(array, event_shape)
    if holds(examples.shape):
        examples = compact(np.array(array)).reshape(examples.shape)
    elif header.fortran:
        raise ValueError(
            f"'{path}' is too large for the memory and cannot be streamed, as it is in Fortran's order and its rows "
            f"are scattered. Save numpy.ascontiguousarray of it."
        )
    return Found("an array in .npy", {"train": examples})


def npz(path, settings):
    """The arrays in an .npz file, by their names: x or x_train, x_val, x_test, y_train, y_test and the like.

    Args:
        path: Path.
        settings: `DataSettings`.

    Raises:
        ValueError: it is damaged, or it is not clear which array is what.
    """
    with _damage_named(path, *DAMAGED), zipfile.ZipFile(path) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        headers = {key: _header(archive.open(name), f"'{key}' in '{path}'") for key, name in members.items()}
    chosen, shapes = _chosen(headers, path, settings), {}
    for key, (part, what) in chosen.items():
        if what == "examples":
            numbers(headers[key], f"'{key}' in '{path}'")
            shapes[part] = shaped(headers[key].shape, settings, path)
        elif headers[key].dtype.kind not in "biufSU":
            raise ValueError(
                f"The labels '{key}' in '{path}' hold {headers[key].dtype}, which is never unpickled. "
                f"Save them as numbers or strings."
            )
    sizes = {key: math.prod(headers[key].shape) for key in chosen}
    check_fits(sum(sizes[key] * headers[key].dtype.itemsize for key in sizes), sum(sizes.values()), path)
    with _damage_named(path, *DAMAGED, ValueError), np.load(path, allow_pickle=False) as archive:
        arrays = {what: archive[key] for key, what in chosen.items()}
    for key, (_, what) in chosen.items():
        if what == "examples":
            check_precision(arrays[chosen[key]], f"'{key}' in '{path}'")
    parts = {part: compact(arrays[part, "examples"]).reshape(-1, *shape) for part, shape in shapes.items()}
    labels = {part: y for (part, what), y in arrays.items() if what == "labels"}
    names = ", ".join(f"'{key}'" for key in chosen)
    return Found(f"the arrays {names} in .npz" if len(chosen) > 1 else f"the array {names} in .npz", parts, labels)


@contextmanager
def _damage_named(path, *errors):
    """Makes a sentence of errors that damaged .npz files lead to."""
    try:
        yield
    except errors as error:
        raise ValueError(f"'{path}' is truncated or no .npz file ({error}). Get or write it again.") from error


class _Header(NamedTuple):
    """Shape and type of an array in a file, and whether its columns come one after the other in place of its rows."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype


def _header(file, what):
    try:
        shape, fortran, dtype = HEADERS[np.lib.format.read_magic(file)](file)
        if not all(type(size) is int for size in shape):
            raise ValueError(shape)
        return _Header(shape, fortran, dtype)
    except (ValueError, TypeError, KeyError, EOFError, TokenError) as error:  # its text may be anything
        raise ValueError(
            f"{what} is no array that NumPy's save has written. Write it anew, with numpy.save."
        ) from error


def _chosen(headers, path, settings):
    """Which arrays are what: name -> (part, "examples" or "labels")."""
    listed = ", ".join(f"'{key}' {list(header.shape)}" for key, header in headers.items()) or "none"
    for option in ("key", "labels"):
        wanted = getattr(settings, option)
        if wanted is not None and wanted not in headers:
            raise ValueError(f"No array '{wanted}' (--{option}) in '{path}'. It has: {listed}.")
    if settings.key is not None and settings.key == settings.labels:
        raise ValueError(f"--key and --labels both name the array '{settings.key}' in '{path}'. Name one of each.")
    roles = {key: role(key) for key in headers}
    if settings.labels is not None:
        roles = {key: what for key, what in roles.items() if what != ("train", "labels")}
        roles[settings.labels] = ("train", "labels")
    if settings.key is not None:
        roles = {key: what for key, what in roles.items() if what != ("train", "examples")}
        roles[settings.key] = ("train", "examples")
    chosen = {key: what for key, what in roles.items() if what[1] is not None}
    if ("train", "examples") not in chosen.values():
        others = [key for key in headers if key not in chosen]
        if len(others) == 1:
            chosen[others[0]] = ("train", "examples")
    found = list(chosen.values())
    if not any(what == "examples" for _, what in found) or len(set(found)) < len(found):
        raise ValueError(
            f"Which array of '{path}' holds the examples is not clear. It has: {listed}. "
            f"Name one with --key (and labels with --labels), or save it as x or x_train."
        )
    return {key: what for key, what in chosen.items() if (what[0], "examples") in found}
