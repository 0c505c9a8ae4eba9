"""Tables of numbers: .csv."""

import csv
import math
from array import array

import numpy as np

from training.data.found import Found, shaped
from training.data.memory import check_fits
from training.data.precision import check_precision

LABELS = ("label", "labels", "class", "target")  # not y, which may be a number like x
INDEX = ("", "Unnamed: 0")  # what pandas and R call a column that numbers the rows


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
    names, header, reader = _opened(file, path)
    label = _label(names, header, path, settings)
    columns = [i for i in range(len(names)) if i != label]
    if not columns:
        raise ValueError(f"Expected columns of numbers in '{path}', but '{names[label]}' is the only one, and labels.")
    values, labels = array("d"), []
    for row in reader:
        if row:  # else a blank line
            _add(row, reader.line_num, names, columns, values, labels, label, path)
    if not values:
        raise ValueError(f"'{path}' has a line of names and no rows. Add some.")
    x = np.frombuffer(values, np.float64).reshape(-1, len(columns))
    notes = ()
    if header and len(columns) > 1 and names[columns[0]] in INDEX and _numbers_rows(x[:, 0]):
        x, columns = x[:, 1:], columns[1:]
        notes = (f"left out the first column of {path.name}, which has no name and numbers the rows",)
    found = tuple(names[i] for i in columns)
    check_precision(x, f"'{path}'", found)
    x = x.astype(np.float32).reshape(len(x), *shaped(x.shape[1:], settings))
    kind = f"a table of {len(columns)} columns in .csv, {'with' if header else 'without'} a line of names"
    kind += "" if label is None else f", labels '{names[label]}'"
    return Found(kind, {"train": x}, {} if label is None else {"train": np.array(labels)}, found, notes)


def _opened(file, path):
    """The names of the columns, whether they are in the file, and a reader of the rows of numbers."""
    line = file.readline()
    delimiter = max(",;\t", key=line.count)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    first = next((row for row in reader if row), None)
    if first is None:
        raise ValueError(f"'{path}' is empty. Expected a line of names, and rows of numbers.")
    place = reader.line_num
    second = next((row for row in reader if row), [])
    names = [cell.strip() for cell in first]
    names[0] = names[0].removeprefix("#").strip()  # as np.savetxt writes them
    header = names[0] != first[0].strip() or _are_names(names, second)
    _check_memory(second or first, delimiter, path)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    while header and reader.line_num < place:
        next(reader)
    return names if header else [f"column {i + 1}" for i in range(len(first))], header, reader


def _are_names(first, second):
    """Whether a first row is names: none is a number, or they are 0, 1, …, as pandas names columns."""
    if not any(map(_is_number, first)):
        return True
    first, second = (row[1:] if first[0] in INDEX else row for row in (first, second))
    # Two columns that begin with 0 and 1 may be zeros and ones.
    sure = len(first) > 2 or not all(cell.strip().isdecimal() for cell in second)
    return sure and first == [str(i) for i in range(len(first))]


def _check_memory(row, delimiter, path):
    """Makes sure that the table fits into memory, if all rows are as long as this one."""
    rows = path.stat().st_size / (len(delimiter.join(row)) + 1)
    check_fits(rows * len(row) * 8, rows * len(row), path)


def _numbers_rows(x):
    return bool(np.all(x == np.floor(x))) and len(np.unique(x)) == len(x)


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
        if not row[label].strip():
            raise ValueError(
                f"Expected a label in each row, but column '{names[label]}' of '{path}' is empty in line {line}. "
                f"Fill it, or remove such rows or the column."
            )
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
