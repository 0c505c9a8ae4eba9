"""Data of one's own, from files and folders."""

import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from training.data import image_files, records
from training.data.arrays import npy, npz
from training.data.dataset import Dataset, binarized
from training.data.examples import Examples, Mapped, Subset
from training.data.memory import examples_within
from training.data.splits import HELD_OUT, split
from training.data.survey import surveyed
from training.data.table import table
from zoo import support as supports

READERS = {".npy": npy, ".npz": npz, ".csv": table} | dict.fromkeys(records.SUFFIXES, records.records)
KINDS = ", ".join(READERS) + f", or a folder of images ({', '.join(image_files.SUFFIXES)}) or of TFRecords"
UNIT = np.float32(1 / 255)  # a factor, as a graph's divisions by a constant are rounded otherwise than NumPy's
NAMED = {"key": (npz, records.records), "labels": (npz, table, records.records)}  # where settings name something
CLASSES = 100  # labels of more values than these are no classes


def own_data(settings):
    """The data set in a file or a folder of the user's.

    Args:
        settings: `DataSettings` whose `data` is a path.

    Returns:
        A `Dataset`; its `description` says what was found.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: what is there cannot be used; the message says why, and what to do.
    """
    name = Path(settings.data).resolve().stem
    found, parts, labels = _gathered(settings)
    looks, notes = {}, list(found.notes)
    for part, x in parts.items():
        looks[part], parts[part], index, said = surveyed(x, f"{part} examples of '{name}'")
        notes += said
        if part in labels:
            labels[part], said = _classes(labels[part], len(x), f"the {part} data of '{name}'")
            labels[part] = None if labels[part] is None else labels[part][index]
            notes += said
    look = looks["train"]
    for other in looks.values():
        look |= other
    values, scaled = _support(look, parts["train"], settings)
    _check_variation(look, parts["train"].shape, found.columns, values, name)
    if scaled:
        parts = {part: _unit(x) for part, x in parts.items()}
    parts, labels = _split(parts, labels, settings)
    labels = {part: y for part, y in labels.items() if y is not None}
    dataset = Dataset(
        name,
        values,
        *(parts[part] for part in ("train", "validation", "test")),
        labels=labels.get("test"),
        train_labels=labels.get("train"),
        columns=found.columns if len(parts["train"].shape) == 2 else None,
        values=values,
        checksum=_checksum(parts, labels),
    )
    dataset = binarized(dataset, settings.binarize or "none")
    return replace(dataset, description=_described(settings.data, found.kind, dataset, scaled, notes))


def read(path, settings):
    """What is in a file or a folder, a `Found`.

    Args:
        path: text.
        settings: `DataSettings`.

    Raises:
        FileNotFoundError, ValueError: see `own_data`.
    """
    first, path = path == settings.data, Path(path).expanduser()
    reader = _reader(path)
    for option, readers in NAMED.items() if first else ():  # other parts may be of other kinds
        if getattr(settings, option) is not None and reader not in readers:
            kinds = {"key": ".npz and TFRecords", "labels": ".npz, .csv and TFRecords"}[option]
            raise ValueError(
                f"--{option} names something in {kinds}, and there is nothing to name in '{path}'. Leave it out."
            )
    return reader(path, settings)


def _reader(path):
    """The function that reads a path."""
    if not path.exists():
        raise FileNotFoundError(f"No file or folder '{path}'. Expected one of {KINDS}.")
    if path.is_file():
        if path.suffix.lower() not in READERS:
            raise ValueError(f"'{path}' is of no known kind. Expected one of {KINDS}.")
        return READERS[path.suffix.lower()]
    there = {p.suffix.lower() for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")}
    readers = dict.fromkeys(records.SUFFIXES, records.records)
    readers |= dict.fromkeys(image_files.SUFFIXES, image_files.images)
    known = {readers[suffix] for suffix in there & set(readers)}
    if len(known) != 1:
        got = f"holds files of {', '.join(sorted(there)) or 'no kind'}" if there else "is empty"
        both = "both images and TFRecords" if known else "none of them"
        raise ValueError(f"The folder '{path}' {got}, {both}. Expected {KINDS}.")
    return known.pop()


def _gathered(settings):
    """What was found at the first path, and the parts and labels at all paths."""
    found = read(settings.data, settings)
    parts, labels = dict(found.parts), dict(found.labels)
    shape = parts["train"].shape[1:]
    like = settings
    if len(shape) == 3 and shape[-1] in (1, 3) and isinstance(parts["train"], Examples):
        like = replace(settings, channels=shape[-1])  # a grey folder beside a coloured one is a coloured one
    for part, path in {"validation": settings.validation_data, "test": settings.test_data}.items():
        if path is None:
            continue
        other = read(path, like)
        if other.columns is not None and other.columns != found.columns:
            raise ValueError(
                f"Expected in '{path}' the columns of '{settings.data}', {', '.join(found.columns or ['none'])}, "
                f"got {', '.join(other.columns)}."
            )
        source = part if part in other.parts else "train"
        parts[part] = other.parts[source]
        labels.pop(part, None)
        if source in other.labels:
            labels[part] = other.labels[source]
    for part, x in parts.items():
        if x.shape[1:] != shape:
            raise ValueError(
                f"Expected {part} examples of shape {list(shape)} as in the training data, got {list(x.shape[1:])}."
            )
    return found, parts, labels


def _classes(labels, examples, what):
    """The labels [N], None where they are no classes, and notes."""
    labels = np.asarray(labels)
    labels = labels.reshape(-1) if labels.shape[1:] == (1,) else labels
    if labels.shape != (examples,):
        raise ValueError(f"Expected {examples} labels of {what}, one each, got {list(labels.shape)}. Mend the file.")
    with suppress(ValueError):  # the texts of a table may be numbers
        numbers = labels.astype(np.float64)
        labels = numbers.astype(np.int64) if np.all(numbers == np.floor(numbers)) else numbers
    kinds = len(np.unique(labels))
    if kinds > CLASSES or labels.dtype.kind == "f":
        return None, (f"the labels of {what} have {kinds} different values, so they are no classes and are not used",)
    return labels, ()


def _support(look, x, settings):
    """What the values are, and whether they are to be divided by 255."""
    asked = settings.support
    if asked is None and settings.binarize in ("static", "dynamic") and "binary" not in look.fits:
        asked = "unit"
    levels = "levels" in look.fits and look.greatest > 1
    if asked is None:
        return ("binary", True) if look.black_and_white and levels else (_natural(look, x, levels), False)
    supports.get(asked)
    scaled = levels and (asked == "unit" or (asked == "binary" and look.black_and_white))
    if asked not in look.fits and not scaled:
        raise ValueError(
            f"Expected values in {supports.get(asked).values} (support '{asked}'), but those of '{settings.data}' are "
            f"in [{look.least:g}, {look.greatest:g}] and fit {' or '.join(sorted(look.fits))}. Leave --support out, "
            f"or rescale them."
        )
    return asked, scaled


def _natural(look, x, levels):
    """The narrowest support of the values that is natural for their shape."""
    if "binary" in look.fits:
        return "binary"
    if levels and (x.dtype == np.uint8 or len(x.shape) > 2):
        return "levels"
    if "simplex" in look.fits and len(x.shape) == 2 and x.shape[1] > 1:
        return "simplex"
    return "unit" if "unit" in look.fits else "real"


def _unit(x):
    """Levels from 0 to 255 as numbers from 0 to 1."""
    if isinstance(x, Examples):
        return Mapped(x, lambda values: tf.cast(values, tf.float32) * UNIT, np.float32)
    return np.float32(x) * UNIT


def _check_variation(look, shape, columns, support, name):
    """Refuses what a model of real numbers could explain without bound, and data that are all the same."""
    if look.constant.all():
        raise ValueError(f"All examples of '{name}' are the same. Expected some that differ.")
    if support != "real" or len(shape) > 2 or not look.constant.any():
        return
    constant = np.flatnonzero(look.constant)
    some = ", ".join(f"'{columns[i]}'" if columns else str(i) for i in constant[:10]) + (", …" * (len(constant) > 10))
    others = [f"--support {other}" for other in sorted(look.fits - {"real"})]
    also = f", or say what they are ({' or '.join(others)})" if others else ""
    also += ", or reshape rows of pixels (--image-size)" if "levels" in look.fits else ""
    raise ValueError(
        f"Expected columns that vary, but {len(constant)} of the {shape[1]} of '{name}' are constant: {some}. "
        f"The density of real numbers has no bound there; remove such columns{also}."
    )


def _split(parts, labels, settings):
    """Training, validation and test parts, the last two in memory, and labels of each."""
    shares = {"validation": settings.validation_share, "test": settings.test_share}
    missing = {part: share for part, share in shares.items() if part not in parts}
    train, train_labels = parts["train"], labels.get("train")
    streamed = isinstance(train, Examples)
    parts, labels = dict(parts), dict(labels)
    if missing:
        most = examples_within(train.shape, HELD_OUT) if streamed else None
        for part, index in split(len(train), missing, settings.split_seed, most).items():
            parts[part] = Subset(train, index) if streamed else train[index]
            labels[part] = None if train_labels is None else train_labels[index]
    for part in ("validation", "test"):
        x = parts[part]
        if isinstance(x, Examples):
            order = np.random.default_rng(settings.split_seed).permutation(len(x))
            index = np.sort(order[: examples_within(x.shape, HELD_OUT)])
            parts[part] = x[index]
            labels[part] = None if labels.get(part) is None else labels[part][index]
    return parts, labels


def _checksum(parts, labels):
    """A number in hexadecimal that tells these examples from others."""
    checksum = 0
    for part in ("train", "validation", "test"):
        x, y = parts[part], labels.get(part)
        content = x.identity.encode() if isinstance(x, Examples) else np.ascontiguousarray(x)
        checksum = zlib.crc32(content, zlib.crc32(f"{part} {x.shape} {x.dtype}".encode(), checksum))
        checksum = checksum if y is None else zlib.crc32("\n".join(map(str, y)).encode(), checksum)
    return f"{checksum:08x}"


def _described(path, kind, dataset, scaled, notes):
    streamed = ", streamed from disk" if isinstance(dataset.train, Examples) else ""
    values = f"{dataset.support}, {supports.get(dataset.support).values}" + (", divided by 255" if scaled else "")
    how = {"none": "", "static": ", binarised", "dynamic": ", binarised anew for each batch"}[dataset.binarize]
    sizes = ", ".join(f"{part} {len(getattr(dataset, part)):,}" for part in ("train", "validation", "test"))
    lines = [
        f"found in {path}: {kind}; {sizes} examples of shape {list(dataset.event_shape)}{streamed}",
        f"support: {values}{how}",
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])
