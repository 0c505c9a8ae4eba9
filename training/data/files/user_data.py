"""Data of one's own, from files and folders."""

import functools
import operator
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.data.dataset import Dataset, binarized
from training.data.files import images as image_files
from training.data.files import records
from training.data.files.arrays import npy, npz
from training.data.files.columns import categories, listed
from training.data.files.duplicates import MOST, copies, identities, shared
from training.data.files.folders import files_in, printable
from training.data.files.labels import classes_of
from training.data.files.scan import surveyed
from training.data.files.table import table
from training.data.files.values import check_variation, support_of, unit
from training.data.lazy_arrays import Examples, Subset
from training.data.memory import examples_within, memory_errors_named
from training.data.splits import HELD_OUT, LEAST, split
from zoo.data import support as supports

READERS = {".npy": npy, ".npz": npz, ".csv": table} | dict.fromkeys(records.SUFFIXES, records.records)
KINDS = ", ".join(READERS) + f", or a folder of images ({', '.join(image_files.SUFFIXES)}) or of TFRecords"
NAMED = {"key": (npz, records.records), "labels": (npz, table, records.records)}  # where settings name something


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
    with memory_errors_named(settings.data):
        return _own_data(settings)


def _own_data(settings):
    found, parts, labels = _gathered(settings)
    name = printable(Path(settings.data).resolve().stem)
    look, parts, labels, same, notes = _surveyed(parts, labels, name)
    values, scaled = support_of(look, parts["train"], settings)
    if scaled:
        parts = {part: unit(x) for part, x in parts.items()}
    checksum = _checksum(look, parts, labels)
    parts, labels, same = _split(parts, labels, same, settings)
    check_variation(parts["train"], look, found.columns, values, name)
    notes += [*shared(same), *categories(parts["train"], values, found.columns)]
    dataset = Dataset(
        name,
        values,
        *(parts[part] for part in ("train", "validation", "test")),
        labels=labels.get("test"),
        train_labels=labels.get("train"),
        columns=found.columns if len(parts["train"].shape) == 2 else None,
        values=values,
        checksum=checksum,
    )
    dataset = binarized(dataset, settings.binarize or "none")
    return replace(
        dataset, description=_described(printable(settings.data), found.kind, dataset, scaled, [*found.notes, *notes])
    )


def read(path, settings, channels=None):
    """What is in a file or a folder, a `Found`.

    Args:
        path: text.
        settings: `DataSettings`.
        channels: of image files, unless their number is found; None for that of the settings.

    Raises:
        FileNotFoundError, ValueError: see `own_data`.
    """
    if not path:
        raise ValueError(f"Expected the path of a file or a folder, got nothing. Expected one of {KINDS}.")
    first, path = path == settings.data, Path(path).expanduser()
    reader = _reader(path)
    for option, readers in NAMED.items() if first else ():  # other parts may be of other kinds
        if getattr(settings, option) is not None and reader not in readers:
            kinds = {"key": ".npz and TFRecords", "labels": ".npz, .csv and TFRecords"}[option]
            raise ValueError(
                f"--{option} names something in {kinds}, and there is nothing to name in '{path}'. Leave it out."
            )
    if channels is not None and reader in (image_files.images, records.records):
        settings = replace(settings, channels=channels)
    return reader(path, settings)


def _reader(path):
    """The function that reads a path."""
    if not os.path.exists(path):
        link = " It is a link to nothing, or to itself." if os.path.islink(path) else ""
        raise FileNotFoundError(f"No file or folder '{path}'.{link} Expected one of {KINDS}.")
    if not (path.is_file() or path.is_dir()):
        raise ValueError(f"'{path}' is neither a file nor a folder. Expected one of {KINDS}.")
    if path.is_file():
        if path.suffix.lower() not in READERS:
            raise ValueError(f"'{path}' is of no known kind. Expected one of {KINDS}.")
        return READERS[path.suffix.lower()]
    there = {p.suffix.lower() for p in files_in(path)}
    readers = dict.fromkeys(records.SUFFIXES, records.records)
    readers |= dict.fromkeys(image_files.SUFFIXES, image_files.images)
    known = {readers[suffix] for suffix in there & set(readers)}
    if len(known) != 1:
        kinds = ", ".join(sorted(there - {""})) or "no kind"
        got = f"holds files of {kinds}, {'both' if known else 'and no'} images {'and' if known else 'or'} TFRecords"
        raise ValueError(f"The folder '{path}' {got if there else 'is empty'}. Expected {KINDS}.")
    return known.pop()


def _gathered(settings):
    """What was found at the first path, and the parts and labels at all paths."""
    found = read(settings.data, settings)
    parts, labels = dict(found.parts), dict(found.labels)
    _check_part("train", parts, settings.data)
    shape, channels = parts["train"].shape[1:], None
    if len(shape) == 3 and shape[-1] in (1, 3) and isinstance(parts["train"], Examples):
        channels = shape[-1]  # a grey folder beside a coloured one is a coloured one
    for part, path in {"validation": settings.validation_data, "test": settings.test_data}.items():
        if path is None:
            continue
        other = read(path, settings, channels)
        if other.columns is not None and other.columns != found.columns:
            raise ValueError(
                f"Expected in '{path}' the columns of '{settings.data}', {listed(found.columns or ['none'])}, "
                f"got {listed(other.columns)}."
            )
        source = part if part in other.parts else "train"
        _check_part(source, other.parts, path)
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


def _check_part(part, parts, path):
    if part not in parts:
        raise ValueError(
            f"Expected {part}ing examples in '{path}', but by its names it has {' and '.join(parts)} data only. "
            f"Name training data with --data, and others with --validation-data and --test-data; or rename them."
        )


def _surveyed(parts, labels, name):
    """A `Survey` of all parts, the examples that can be read, their labels and identities, and notes for the user."""
    looks, readable, kept, found, notes = [], {}, {}, {}, []
    dtype = np.result_type(*(x.dtype for x in parts.values()))
    for part, x in parts.items():
        what = _called(part, parts, name)
        look, readable[part], index, found[part], said = surveyed(x, what, dtype)
        looks.append(look)
        notes += said
        if part in labels:
            classes, said = classes_of(labels[part], len(x), what)
            kept[part] = None if classes is None else classes[index]
            notes += said
    found = identities(readable, found) if sum(map(len, found.values())) <= MOST else {}
    notes += [note for part in found for note in copies(found[part], _called(part, parts, name))]
    return functools.reduce(operator.or_, looks), readable, kept, found, notes


def _called(part, parts, name):
    """What to call a part of the data in a message."""
    return f"the {part} data of '{name}'" if len(parts) > 1 else f"'{name}'"


def _split(parts, labels, same, settings):
    """Training, validation and test parts, the last two in memory, and labels and identities of each."""
    shares = {"validation": settings.validation_share, "test": settings.test_share}
    missing = {part: share for part, share in shares.items() if part not in parts}
    train = parts["train"]
    streamed = isinstance(train, Examples)
    parts, beside = dict(parts), [dict(labels), dict(same)]
    if missing:
        most = max(LEAST, examples_within(train.shape, HELD_OUT)) if streamed else None
        of_train = [values.get("train") for values in beside]
        for part, index in split(len(train), missing, settings.split_seed, most).items():
            parts[part] = Subset(train, index) if streamed else train[index]
            for values, all_of_them in zip(beside, of_train, strict=True):
                values[part] = None if all_of_them is None else all_of_them[index]
    for part in ("validation", "test"):
        x = parts[part]
        if isinstance(x, Examples):
            order = np.random.default_rng(settings.split_seed).permutation(len(x))
            index = np.sort(order[: max(LEAST, examples_within(x.shape, HELD_OUT))])
            parts[part] = x[index]
            for values in beside:
                values[part] = None if values.get(part) is None else values[part][index]
        if len(x) < LEAST:
            raise ValueError(
                f"Expected {LEAST} {part} examples or more, without which there are no standard errors, got {len(x)}. "
                f"Add some, or leave that part out: a share of the training data is taken."
            )
    return parts, *({part: y for part, y in values.items() if y is not None} for values in beside)


def _checksum(look, parts, labels):
    """A number in hexadecimal that tells these examples from others, whether they are streamed or not."""
    checksum = look.checksum
    for part, x in parts.items():
        checksum = zlib.crc32(f"{part} {x.shape} {x.dtype}".encode(), checksum)
        if labels.get(part) is not None:
            checksum = zlib.crc32("\n".join(map(str, labels[part])).encode(), checksum)
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
