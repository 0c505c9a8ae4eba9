"""NumPy's files: .npy, which is streamed where it is large, and .npz, which must fit into memory."""

import math
import zipfile
import zlib
from typing import NamedTuple

import numpy as np

from training.data.examples import MemoryMapped
from training.data.found import Found, compact, numbers, role, shaped
from training.data.memory import check_fits, holds
from training.data.precision import check_precision

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
        expected = file.tell() + math.prod(header.shape) * header.dtype.itemsize
    numbers(header, f"'{path}'")
    if path.stat().st_size < expected:
        raise ValueError(
            f"'{path}' is truncated: an array of shape {list(header.shape)} takes {expected:,} bytes, "
            f"and there are {path.stat().st_size:,}. Get or write it anew."
        )
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    check_precision(array, f"'{path}'")
    event_shape = shaped(array.shape[1:], settings)
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
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
            headers = {key: _header(archive.open(name), f"'{key}' in '{path}'") for key, name in members.items()}
        chosen = _chosen(headers, path, settings)
        for key in chosen:
            if chosen[key][1] == "examples":
                numbers(headers[key], f"'{key}' in '{path}'")
            elif headers[key].dtype.kind not in "biufSU":
                raise ValueError(
                    f"The labels '{key}' in '{path}' hold {headers[key].dtype}, which is never unpickled. "
                    f"Save them as numbers or strings."
                )
        sizes = {key: math.prod(headers[key].shape) for key in chosen}
        check_fits(sum(sizes[key] * headers[key].dtype.itemsize for key in sizes), sum(sizes.values()), path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {what: archive[key] for key, what in chosen.items()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"'{path}' is truncated or no .npz file ({error}). Get or write it anew.") from error
    for key, (_, what) in chosen.items():
        if what == "examples":
            check_precision(arrays[chosen[key]], f"'{key}' in '{path}'")
    parts = {part: compact(x) for (part, what), x in arrays.items() if what == "examples"}
    parts = {part: x.reshape(len(x), *shaped(x.shape[1:], settings)) for part, x in parts.items()}
    labels = {part: y for (part, what), y in arrays.items() if what == "labels"}
    names = ", ".join(f"'{key}'" for key in chosen)
    return Found(f"the arrays {names} in .npz" if len(chosen) > 1 else f"the array {names} in .npz", parts, labels)


class _Header(NamedTuple):
    """Shape and type of an array in a file, and whether its columns come one after the other in place of its rows."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype


def _header(file, what):
    try:
        return _Header(*HEADERS[np.lib.format.read_magic(file)](file))
    except (ValueError, KeyError, EOFError) as error:
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
    if ("train", "examples") not in found or len(set(found)) < len(found):
        raise ValueError(
            f"Which array of '{path}' holds the examples is not clear. It has: {listed}. "
            f"Name one with --key (and labels with --labels), or save it as x or x_train."
        )
    return {key: what for key, what in chosen.items() if (what[0], "examples") in found}
