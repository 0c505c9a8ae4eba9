"""User data: a `Dataset` from files and folders."""

import functools
import operator
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.data.binarization import binarized
from training.data.checks.columns import note_categories
from training.data.checks.duplicates import identities, note_copies, note_overlap
from training.data.checks.labels import classes_of
from training.data.checks.scan import Values, scan
from training.data.checks.support import scale_levels, support_of
from training.data.checks.variation import check_range, check_variation
from training.data.dataset import Dataset
from training.data.files.folders import printable
from training.data.files.kinds import check_options, kind_of, known
from training.data.files.parsed import Part
from training.data.memory import memory_errors_named
from training.data.splits import split_parts
from zoo.commands.csv_tables import listed
from zoo.data import support as supports


@dataclass(frozen=True)
class UserData:
    """What the checks after the split know of user data.

    Args:
        name: what to call them.
        support: the name of their support.
        values: `Values` of all of them.
        parts: dict of "train", "validation" and "test" -> `Part`.
        columns: names of the columns of a table, or None.
    """

    name: str
    support: str
    values: Values
    parts: dict[str, Part]
    columns: tuple[str, ...] | None


CHECKS = (check_range, check_variation, note_overlap, note_categories)


def load_user_data(settings):
    """Loads user data: reads files, checks and splits them.

    Args:
        settings: `DataSettings` whose `data` is a path.

    Returns:
        A `Dataset`; its `description` says what was read.

    Raises:
        FileNotFoundError: There is nothing at a path.
        ValueError: What is there cannot be used; the message says why, and what to do.
    """
    with memory_errors_named(settings.data):
        return _load(settings)


def _load(settings):
    parsed = _read_parts(settings)
    name = printable(Path(settings.data).resolve().stem)
    values, parts, notes = _scan_parts(parsed.parts, name)
    support, scaled = support_of(values, parts["train"].x, settings)
    parts = _scaled(parts) if scaled else parts
    checksum = _checksum(values, parts)
    parts = split_parts(parts, settings)
    train, validation, test = (parts[part] for part in ("train", "validation", "test"))
    data = UserData(name, support, values, parts, parsed.columns)
    notes = [*parsed.notes, *notes, *(note for check in CHECKS for note in check(data) or ())]
    dataset = Dataset(
        name,
        support,
        train.x,
        validation.x,
        test.x,
        labels=test.labels,
        train_labels=train.labels,
        columns=parsed.columns if len(train.x.shape) == 2 else None,
        values=support,
        checksum=checksum,
    )
    dataset = binarized(dataset, settings.binarize or "none")
    return replace(dataset, description=_described(settings.data, parsed.kind, dataset, scaled, notes))


def _scaled(parts):
    return {part: examples._replace(x=scale_levels(examples.x)) for part, examples in parts.items()}


def read(path, settings, channels=None):
    """Reads a file or a folder.

    Args:
        path: text.
        settings: `DataSettings`.
        channels: of image files; None for those of the settings, or of the files.

    Returns:
        A `Parsed`.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: It cannot be used.
    """
    if not path:
        raise ValueError(f"Expected the path of a file or a folder, got nothing. Expected one of {known()}.")
    kind = kind_of(Path(path).expanduser())
    if path == settings.data:  # other parts may be of other kinds
        check_options(kind, Path(path).expanduser(), settings)
    if channels is not None and kind.decodes_images:
        settings = replace(settings, channels=channels)
    return kind.read(Path(path).expanduser(), settings)


def _read_parts(settings):
    """Reads the files of all parts; kind, columns and notes are those of the first."""
    parsed = read(settings.data, settings)
    _check_part("train", parsed, settings.data)
    x, parts = parsed.parts["train"].x, dict(parsed.parts)
    # A gray folder beside one in color is one in color.
    channels = x.shape[-1] if x.streamed and len(x.shape) == 4 and x.shape[-1] in (1, 3) else None
    for part, path in {"validation": settings.validation_data, "test": settings.test_data}.items():
        if path is not None:
            other = read(path, settings, channels)
            _check_columns(other, parsed, path, settings)
            source = part if part in other.parts else "train"
            _check_part(source, other, path)
            parts[part] = other.parts[source]
    for part, examples in parts.items():
        if examples.x.shape[1:] != x.shape[1:]:
            raise ValueError(
                f"Expected {part} examples of shape {list(x.shape[1:])} as in the training data, "
                f"got {list(examples.x.shape[1:])}."
            )
    return replace(parsed, parts=parts)


def _check_part(part, parsed, path):
    if part not in parsed.parts:
        raise ValueError(
            f"Expected {part}ing examples in '{path}', but by its names it has {' and '.join(parsed.parts)} data only. "
            f"Name training data with --data, and others with --validation-data and --test-data; or rename them."
        )


def _check_columns(other, parsed, path, settings):
    if other.columns is not None and other.columns != parsed.columns:
        raise ValueError(
            f"Expected in '{path}' the columns of '{settings.data}', {listed(parsed.columns or ['none'])}, "
            f"got {listed(other.columns)}."
        )


def _scan_parts(parts, name):
    """Scans all parts.

    Returns:
        `Values` of all parts; a dict of the parts, with the examples that can be read; and notes for the user.
    """
    scanned, checksums, values, notes = {}, {}, [], []
    dtype = np.result_type(*(examples.x.dtype for examples in parts.values()))
    for part, examples in parts.items():
        what = _called(part, parts, name)
        result = scan(examples.x, what, dtype)
        labels, said = None, ()
        if examples.labels is not None:
            labels, said = classes_of(examples.labels, len(examples.x), what)
        scanned[part] = Part(result.x, None if labels is None else labels[result.index])
        checksums[part] = result.checksums
        values.append(result.values)
        notes += [*result.notes, *said]
    same = identities({part: examples.x for part, examples in scanned.items()}, checksums)
    for part in same:
        notes += note_copies(same[part], _called(part, parts, name))
    scanned = {part: examples._replace(identities=same.get(part)) for part, examples in scanned.items()}
    return functools.reduce(operator.or_, values), scanned, notes


def _called(part, parts, name):
    """Returns what to call a part of the data in a message."""
    return f"the {part} data of '{name}'" if len(parts) > 1 else f"'{name}'"


def _checksum(values, parts):
    """Returns a number in hexadecimal that tells these examples from others, whether they are streamed or not."""
    checksum = values.checksum
    for part, (x, labels, _) in parts.items():
        checksum = zlib.crc32(f"{part} {x.shape} {x.dtype}".encode(), checksum)
        if labels is not None:
            checksum = zlib.crc32("\n".join(map(str, labels)).encode(), checksum)
    return f"{checksum:08x}"


def _described(path, kind, dataset, scaled, notes):
    """Returns what was read, line by line, for the user."""
    streamed = ", streamed from disk" if dataset.train.streamed else ""
    values = f"{dataset.support}, {supports.get(dataset.support).description}" + (", divided by 255" if scaled else "")
    how = {"none": "", "static": ", binarized", "dynamic": ", binarized again for each batch"}[dataset.binarize]
    sizes = ", ".join(f"{part} {len(getattr(dataset, part)):,}" for part in ("train", "validation", "test"))
    lines = [
        f"found in {printable(path)}: {kind}; {sizes} examples of shape {list(dataset.event_shape)}{streamed}",
        f"support: {values}{how}",
    ]
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])
