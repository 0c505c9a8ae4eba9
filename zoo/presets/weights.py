"""The check of a weights file: no links out of it, no hidden storage, and exactly the weights of the model."""

import io
import math
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from zoo.commands.endings import is_check
from zoo.memory import shape_of
from zoo.model.saving import WeightsBuffer
from zoo.presets.layout import one_line

MAX_DEPTH = 32
MAX_OBJECTS = 20_000
OPTIMIZER = "optimizer"  # group of a compiled model's file that is not loaded
SLACK = 2**20  # bytes of variables that are not saved, such as those of metrics


def check_structure(content: bytes, path: str | Path) -> int:
    """Checks that an .h5 file contains plain arrays of numbers, all of them in this file, and not more than it has.

    Args:
        content: the file's bytes.
        path: of the file, for messages.

    Returns:
        Bytes of all arrays.

    Raises:
        ValueError: it is damaged, or contains links, filters, or external, virtual or missing storage.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            size = sum(_arrays(file, 0, [0]))
    except Exception as error:  # of the HDF5 library, which raises many
        raise _refused(path, error) from error
    if size > len(content):
        raise _refused(path, "its arrays share storage")
    return size


def _arrays(group, depth, count):
    """Yields the bytes of each array in a group."""
    for name in group:
        count[0] += 1
        if depth > MAX_DEPTH or count[0] > MAX_OBJECTS:
            raise ValueError(f"expected at most {MAX_DEPTH} levels and {MAX_OBJECTS:,} objects")
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"'{name}' is a link out of its place")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _arrays(item, depth + 1, count)
        elif isinstance(item, h5py.Dataset):
            yield _plain_bytes(item)
        else:
            raise ValueError(f"'{name}' is no array")


def _plain_bytes(dataset):
    plan = dataset.id.get_create_plist()
    if dataset.shape is None or dataset.dtype.kind not in "fiub" or dataset.dtype.itemsize > 8:
        raise ValueError(f"'{dataset.name}' is no array of numbers")
    if dataset.is_virtual or plan.get_external_count() or plan.get_layout() != h5py.h5d.CONTIGUOUS:
        raise ValueError(f"'{dataset.name}' has virtual, external or chunked storage")
    size = dataset.dtype.itemsize * math.prod(dataset.shape)
    if plan.get_nfilters() or dataset.id.get_storage_size() != size:
        raise ValueError(f"'{dataset.name}' is larger than its storage")
    return size


def packed(content: bytes) -> bytes:
    """Returns a weights file in HDF5's format of 1.8, which takes less space for each group, without the optimizer.

    Args:
        content: bytes of an .h5 file.
    """
    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as source, h5py.File(buffer, "w", libver=("v108", "v108")) as target:

        def copy(name, item):
            if name.split("/")[0] == OPTIMIZER:
                return
            is_group = isinstance(item, h5py.Group)
            copied = target.create_group(name) if is_group else target.create_dataset(name, data=item[()])
            copied.attrs.update(item.attrs)

        source.visititems(copy)
    return buffer.getvalue()


@contextmanager
def variables_limit(size: int, path: str | Path):
    """Raises an error, within the context, before a model allocates more than its weights file contains.

    Args:
        size: bytes of all arrays in the file.
        path: of the file, for messages.

    Raises:
        ValueError: a variable would exceed it.
    """
    allowed, used = size * tf.distribute.get_strategy().num_replicas_in_sync + SLACK, 0

    def count_first(create, **arguments):
        nonlocal used
        shape, dtype = shape_of(arguments["initial_value"])
        used += math.prod(shape) * dtype.size
        if used > allowed:
            raise ValueError(
                f"'{path}' belongs to another model: it contains {size:,} bytes, but the model has a weight "
                f"'{arguments.get('name')}' of shape {shape}."
            )
        return create(**arguments)

    with tf.variable_creator_scope(count_first):
        yield


def load_weights(vae, content: bytes, path: str | Path) -> None:
    """Loads weights into a model, after a check that the file contains these weights, with these shapes, and no other.

    Args:
        vae: a `zoo.VAE`.
        content: bytes of the .h5 file, its structure checked.
        path: of the file, for messages.

    Raises:
        ValueError: it is damaged, of another model, or has NaN or infinite values.
    """
    try:
        _check_keys(vae, content)
        vae.load_weights(WeightsBuffer(content))
    except Exception as error:
        raise _refused(path, error) from error
    check_finite(vae, f"'{path}' is damaged")


def check_finite(vae, what: str) -> None:
    """Checks that the weights of a model are finite.

    Args:
        vae: a `zoo.VAE`.
        what: start of the message.

    Raises:
        ValueError: one has NaN or infinite values.
    """
    for weight in vae.weights:
        if not np.isfinite(weight.numpy()).all():
            raise ValueError(f"{what}: the weight '{weight.path}' has NaN or infinite values. Train the model again.")


def _check_keys(vae, content):
    vae.save_weights(own := WeightsBuffer())
    expected, got = _shapes(own.getvalue()), _shapes(content)
    for key in sorted(expected.keys() | got.keys()):
        if expected.get(key) != got.get(key):
            raise ValueError(f"expected '{key}' to be {expected.get(key, 'absent')}, got {got.get(key, 'nothing')}")


def _shapes(content):
    """Returns path → dtype and shape of each weight of the model, as text."""
    shapes = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset) and name.split("/")[0] != OPTIMIZER:
            shapes[name] = f"{item.dtype} {list(item.shape)}"

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(note)
    return shapes


def _refused(path, reason):
    """Returns the error for a weights file that is damaged; an error that names the file already is kept."""
    if isinstance(reason, ValueError) and is_check(reason) and str(path) in str(reason):
        return reason
    return ValueError(f"'{path}' is damaged or belongs to another model: {one_line(reason)}.")
