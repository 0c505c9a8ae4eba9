"""Tables of numbers: .csv."""

import csv
import math
from array import array

import numpy as np

from training.data.found import Found, shaped
from training.data.memory import check_fits

LABELS = ("label", "labels", "class", "target")  # not y, which may be a number like x


def table(path, settings):
    """The rows of a .csv file of numbers, with or without a line of names; it must fit into memory.

    A column named as labels are, or as the settings say, is labels and no data. Values are separated by commas,
    semicolons or tabs.

    Args:
        path: Path.
        settings: `DataSettings`.

    Raises:
        ValueError: a row is of another length, a value is no finite number, or the text is not UTF-8.
    """
    check_fits(path.stat().st_size, path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(file, path, settings)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"'{path}' is not UTF-8 text ({error.reason}, byte {error.start}). Save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(f"'{path}' is no table of numbers: {error}.") from error


def _table(file, path, settings):
    delimiter = max(",;\t", key=file.readline().count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    first = next((row for row in reader if row), None)
    if first is None:
        raise ValueError(f"'{path}' is empty. Expected a line of names, and rows of numbers.")
    header = not any(_is_number(cell) for cell in first)
    names = [cell.strip() for cell in first] if header else [f"column {i + 1}" for i in range(len(first))]
    label = _label(names, header, path, settings)
    columns = [i for i in range(len(names)) if i != label]
    if not columns:
        raise ValueError(f"Expected columns of numbers in '{path}', but '{names[label]}' is the only one, and labels.")
    values, labels = array("d"), []
    if not header:
        _add(first, reader.line_num, names, columns, values, labels, label, path)
    for row in reader:
        if row:  # else a blank line
            _add(row, reader.line_num, names, columns, values, labels, label, path)
    if not values:
        raise ValueError(f"'{path}' has a line of names and no rows. Add some.")
    x = np.frombuffer(values, np.float64).astype(np.float32).reshape(-1, len(columns))
    x = x.reshape(len(x), *shaped(x.shape[1:], settings))
    found = {} if label is None else {"train": np.array(labels)}
    kind = f"a table of {len(columns)} columns in .csv" + ("" if label is None else f", labels '{names[label]}'")
    return Found(kind, {"train": x}, found, tuple(names[i] for i in columns))


def _add(row, line, names, columns, values, labels, label, path):
    """One row's numbers to the values, and its label to the labels."""
    if len(row) != len(names):
        raise ValueError(
            f"Expected {len(names)} values in each row of '{path}', got {len(row)} in line {line}. "
            f"Give all rows the same length."
        )
    try:
        numbers = [float(row[i]) for i in columns]
    except ValueError:
        raise _no_number(row, line, names, columns, path) from None
    if not all(map(math.isfinite, numbers)):
        i = columns[[math.isfinite(number) for number in numbers].index(False)]
        raise ValueError(
            f"Expected finite numbers, but column '{names[i]}' of '{path}' holds '{row[i]}' in line {line}. "
            f"Remove or fill such rows."
        )
    values.extend(numbers)
    if label is not None:
        labels.append(row[label].strip())


def _no_number(row, line, names, columns, path):
    texts = [i for i in columns if not _is_number(row[i])]
    if not row[texts[0]].strip():
        return ValueError(
            f"Expected a number in each cell, but column '{names[texts[0]]}' of '{path}' is empty in line {line}. "
            f"Remove or fill such rows."
        )
    found = ", ".join(f"'{names[i]}' ('{row[i].strip():.30}')" for i in texts)
    return ValueError(
        f"Expected columns of numbers in '{path}', but line {line} holds text in {found}. "
        f"Remove such columns, make numbers of them, or name one as the labels with --labels."
    )


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label(names, header, path, settings):
    """The number of the column of labels; None for none."""
    if settings.labels is not None:
        if settings.labels not in names:
            raise ValueError(f"No column '{settings.labels}' (--labels) in '{path}'. It has: {', '.join(names)}.")
        return names.index(settings.labels)
    found = [i for i, name in enumerate(names) if header and name.lower() in LABELS]
    if len(found) > 1:
        several = " and ".join(f"'{names[i]}'" for i in found)
        raise ValueError(f"Which of the columns {several} of '{path}' are labels is not clear. Name one with --labels.")
    return found[0] if found else None
