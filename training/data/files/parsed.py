"""What was found in a file or a folder."""

import math
import re
from dataclasses import dataclass, field

import numpy as np

from training.data.memory import check_example

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation", "dev"), "validation"
)
EXAMPLES = ("x", "data", "image", "images", "features", "examples", "inputs", "arr")
LABELS = ("y", "label", "labels", "target", "targets", "class", "classes")


@dataclass(frozen=True)
class Found:
    """Examples as they were found.

    Args:
        kind: of what, in words, e.g. "an array in .npy".
        parts: "train", "validation", "test" -> array or `Examples` [N, *x]; the first one is there at least.
        labels: the same of those parts that have labels -> array [N].
        columns: names of the columns of a table.
        notes: what the user should know.
    """

    kind: str
    parts: dict
    labels: dict = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def role(name):
    """What an array or folder of that name is: (part, "examples", "labels" or None), e.g. "X_train", "val_labels"."""
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    part = next((PARTS[word] for word in words if word in PARTS), "train")
    rest = [word for word in words if word not in PARTS]
    if not rest and words:
        return part, "examples"
    kinds = {"examples": EXAMPLES, "labels": LABELS}
    # "train_image_labels" are labels.
    return part, next((kind for kind in ("labels", "examples") if any(word in kinds[kind] for word in rest)), None)


def numbers(x, what):
    """Makes sure that an array is one of numbers [N, *x].

    Args:
        x: array, or anything with a shape and a dtype.
        what: what to call it in a message.

    Raises:
        ValueError: it is not.
    """
    if x.dtype.kind not in "biuf":
        kind = {"O": "Python objects, such as rows of different lengths", "c": "complex numbers"}.get(x.dtype.kind)
        raise ValueError(
            f"Expected numbers, but {what} holds {kind or f'values of type {x.dtype}'}. "
            f"Make it one array of numbers [N, ...]; objects are never unpickled."
        )
    if len(x.shape) < 2:
        raise ValueError(f"Expected examples along the first axis, [N, ...], but {what} has shape {list(x.shape)}.")
    if min(x.shape) < 0:
        raise ValueError(
            f"Expected sizes of 0 or more, but {what} is damaged, of shape {list(x.shape)}. Write it again."
        )
    if 0 in x.shape:
        raise ValueError(f"Expected at least one example, but {what} is empty, of shape {list(x.shape)}.")


def compact(x):
    """Numbers as uint8 where they are bytes or truth values, else as float32, which is what models compute in."""
    return x.astype(np.uint8 if x.dtype in (np.uint8, np.bool_) else np.float32, copy=False)


def shaped(shape, settings, path):
    """Returns the shape that models take examples in: images have an axis of channels.

    Three axes are images [N, height, width] whatever their numbers are, unless they are asked to lie on the simplex
    along the last one. Rows of pixels become images where an image size is set.

    Args:
        shape: (N, *x) of the examples as they were found.
        settings: `DataSettings`.
        path: where they are.

    Raises:
        ValueError: they cannot have that shape, their channels come first, or they are too large.
    """
    event_shape = tuple(shape[1:]) if settings.image_size is None else _resized(shape[1:], settings)
    if len(event_shape) == 2 and settings.support != "simplex":
        event_shape = (*event_shape, 1)
    if len(event_shape) == 3 and event_shape[0] in (1, 3) and min(event_shape[1:]) > 4:
        raise ValueError(
            f"Expected images [N, height, width, channels], but '{path}' is of shape {list(shape)}, with the channels "
            f"first. Save numpy.moveaxis(x, 1, -1), or flat rows if they are no images."
        )
    if settings.channels is not None and event_shape[2:] != (settings.channels,):
        raise ValueError(
            f"--channels {settings.channels} is for images of so many channels, or image files, but '{path}' holds "
            f"examples of shape {list(event_shape)}. Leave --channels out."
        )
    check_example(event_shape, shape[0], settings, path)
    return event_shape


def _resized(event_shape, settings):
    """The shape of rows of pixels as images of the size that is set."""
    height, width = settings.image_size
    if tuple(event_shape[:2]) == (height, width) and len(event_shape) in (2, 3):
        return tuple(event_shape)
    channels, rest = divmod(math.prod(event_shape), height * width)
    if len(event_shape) != 1 or rest or channels not in ((1, 3) if settings.channels is None else (settings.channels,)):
        raise ValueError(
            f"Expected rows of {height} × {width} or {height} × {width} × 3 numbers for --image-size {height} {width}, "
            f"got examples of shape {list(event_shape)}. Leave --image-size out; it resizes image files only."
        )
    return (height, width, channels)
