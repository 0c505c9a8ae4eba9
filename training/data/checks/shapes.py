"""Shapes of examples: an array of numbers whose first axis counts the examples, images with their channels last."""

import math

import numpy as np

from training.data.memory import check_example
from zoo.data import support as supports

KINDS = {"O": "Python objects, such as rows of different lengths", "c": "complex numbers"}


def check_array(x, what):
    """Checks that an array is one of numbers [N, *x].

    Args:
        x: array, or anything with a shape and a dtype.
        what: what to call it in a message.

    Raises:
        ValueError: It is not.
    """
    for check in (_check_numbers, _check_axes, _check_sizes):
        check(x, what)


def _check_numbers(x, what):
    if x.dtype.kind not in "biuf":
        raise ValueError(
            f"Expected numbers, but {what} holds {KINDS.get(x.dtype.kind, f'values of type {x.dtype}')}. "
            f"Make it one array of numbers [N, ...]; objects are never unpickled."
        )


def _check_axes(x, what):
    if len(x.shape) < 2:
        raise ValueError(f"Expected examples along the first axis, [N, ...], but {what} has shape {list(x.shape)}.")


def _check_sizes(x, what):
    if min(x.shape) < 0:
        raise ValueError(
            f"Expected sizes of 0 or more, but {what} is damaged, of shape {list(x.shape)}. Write it again."
        )
    if 0 in x.shape:
        raise ValueError(f"Expected at least one example, but {what} is empty, of shape {list(x.shape)}.")


def compact(x):
    """Returns numbers as uint8 if they are bytes or truth values, else as float32, in which models compute."""
    return x.astype(np.uint8 if x.dtype in (np.uint8, np.bool_) else np.float32, copy=False)


def model_shape(shape, settings, path):
    """Returns the shape in which models take examples: images have an axis of channels.

    Three axes are images [N, height, width] whatever their values, unless their support is set to one of vectors
    along the last axis, the simplex. Rows of pixels become images if an image size is set.

    Args:
        shape: (N, *x) of the examples in the file.
        settings: `DataSettings`.
        path: of the file.

    Raises:
        ValueError: They cannot have that shape, their channels come first, or they are too large.
    """
    event_shape = tuple(shape[1:]) if settings.image_size is None else _image_shape(tuple(shape[1:]), settings)
    vectors = settings.support is not None and supports.get(settings.support).total is not None
    if len(event_shape) == 2 and not vectors:
        event_shape = (*event_shape, 1)
    _check_channels_last(event_shape, shape, path)
    _check_channels(event_shape, settings, path)
    check_example(event_shape, shape[0], settings, path)
    return event_shape


def _check_channels_last(event_shape, shape, path):
    if len(event_shape) == 3 and event_shape[0] in (1, 3) and min(event_shape[1:]) > 4:
        raise ValueError(
            f"Expected images [N, height, width, channels], but '{path}' is of shape {list(shape)}, with the channels "
            f"first. Save numpy.moveaxis(x, 1, -1), or flat rows if they are no images."
        )


def _check_channels(event_shape, settings, path):
    if settings.channels is not None and event_shape[2:] != (settings.channels,):
        raise ValueError(
            f"--channels {settings.channels} is for images of so many channels, or image files, but '{path}' holds "
            f"examples of shape {list(event_shape)}. Leave --channels out."
        )


def _image_shape(event_shape, settings):
    """Returns the shape of rows of pixels as images of the size that is set."""
    height, width = settings.image_size
    if event_shape[:2] == (height, width) and len(event_shape) in (2, 3):
        return event_shape
    channels, rest = divmod(math.prod(event_shape), height * width)
    allowed = (1, 3) if settings.channels is None else (settings.channels,)
    if len(event_shape) != 1 or rest or channels not in allowed:
        raise ValueError(
            f"Expected rows of {height} × {width} or {height} × {width} × 3 numbers for --image-size {height} {width}, "
            f"got examples of shape {list(event_shape)}. Leave --image-size out; it resizes image files only."
        )
    return (height, width, channels)
