"""Tables of numbers: .csv."""

import csv
from array import array
from contextlib import suppress

import numpy as np

from training.data.files.cells import DECIMAL_COMMA, is_missing, is_number, no_number, numbers
from training.data.files.columns import UNNAMED, listed, names_in_numbers, numbers_of_rows
from training.data.files.float32_range import check_precision
from training.data.files.parsed import Found, shaped
from training.data.memory import check_example, check_fits

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
    names, header, reader = _opened(file, path, settings)
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
    left_out, notes = numbers_of_rows(x, [names[i] for i in columns]) if header else ((), names_in_numbers(x))
    if left_out:
        x, columns = np.delete(x, left_out, axis=1), np.delete(columns, left_out).tolist()
    found = tuple(names[i] for i in columns)
    event_shape = shaped(x.shape, settings, path)
    check_precision(x, f"'{path}'", found)
    x = x.astype(np.float32).reshape(-1, *event_shape)
    kind = f"a table of {len(columns)} columns in .csv, {'with' if header else 'without'} a line of names"
    kind += "" if label is None else f", labels '{names[label]}'"
    return Found(kind, {"train": x}, {} if label is None else {"train": _labels(labels)}, found, notes)


def _opened(file, path, settings):
    """The names of the columns, whether they are in the file, and a reader of the rows of numbers."""
    line = file.readline()
    if "\0" in line:
        raise ValueError(f"'{path}' is not UTF-8 text, but holds zero bytes. Save it as UTF-8, not UTF-16.")
    delimiter = _delimiter(line)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    first = next((row for row in reader if row), None)
    if first is None:
        raise ValueError(f"'{path}' is empty. Expected a line of names, and rows of numbers.")
    place = reader.line_num
    second = next((row for row in reader if row), [])
    _check_delimiter(second or first, path)
    names = [cell.strip() for cell in first]
    names[0] = names[0].removeprefix("#").strip()  # as np.savetxt writes them
    header = names[0] != first[0].strip() or _are_names(names, second)
    _check_memory(second or first, delimiter, path, settings)
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    while header and reader.line_num < place:
        next(reader)
    return names if header else [f"column {i + 1}" for i in range(len(first))], header, reader


def _delimiter(line):
    """What separates the values of a line; commas do not where they are in numbers between semicolons or tabs."""
    for delimiter in ";\t":
        cells = line.split(delimiter)
        if len(cells) > 1 and all(DECIMAL_COMMA.fullmatch(cell) or is_number(cell) for cell in cells):
            return delimiter
    return max(",;\t", key=line.count)


def _check_delimiter(row, path):
    for separator, what in ((None, "spaces"), ("|", "vertical bars"), (":", "colons")) if len(row) == 1 else ():
        cells = row[0].split(separator)
        if len(cells) > 1 and all(is_number(cell) or is_missing(cell) for cell in cells):
            raise ValueError(
                f"Expected values separated by commas, semicolons or tabs, but those in '{path}' are by {what}. "
                f"Replace them, or save the table with delimiter=','."
            )


def _are_names(first, second):
    """Whether a first row is names: none is a number, or they are 0, 1, …, as pandas names columns."""
    if not any(map(is_number, first)):
        return not all(cell.strip() and (is_missing(cell) or DECIMAL_COMMA.fullmatch(cell)) for cell in first)
    first, second = (row[1:] if first[0] in UNNAMED else row for row in (first, second))
    # Two columns that begin with 0 and 1 may be zeros and ones.
    sure = len(first) > 2 or not all(cell.strip().isdecimal() for cell in second)
    return sure and first == [str(i) for i in range(len(first))]


def _check_memory(row, delimiter, path, settings):
    """Makes sure that the table fits into memory, and a model of its rows, if all rows are as long as this one."""
    rows = path.stat().st_size / (len(delimiter.join(row)) + 1)
    check_example((len(row),), max(1, round(rows)), settings, path)
    check_fits(rows * len(row) * 8, rows * len(row), path)


def _add(row, line, names, columns, values, labels, label, path):
    """One row's numbers to the values, and its label to the labels."""
    if len(row) != len(names):
        raise ValueError(
            f"Expected {len(names)} values in each row of '{path}', got {len(row)} in line {line}. "
            f"Give all rows the same length."
        )
    cells = row if label is None else [row[i] for i in columns]
    found = numbers(cells)
    if found is None:
        known = [names[i] or f"column {i + 1}" for i in columns]
        raise no_number(cells, known, f"line {line} of '{path}'")
    values.extend(found)
    if label is not None:
        if not row[label].strip():
            raise ValueError(
                f"Expected a label in each row, but column '{names[label]}' of '{path}' is empty in line {line}. "
                f"Fill it, or remove such rows or the column."
            )
        labels.append(row[label].strip())


def _labels(labels):
    """Labels as numbers where all of them are."""
    with suppress(ValueError):
        return np.array([*map(float, labels)])
    return np.array(labels)


def _label(names, header, path, settings):
    """The number of the column of labels; None for none."""
    if settings.labels is not None:
        if settings.labels not in names:
            raise ValueError(f"No column '{settings.labels}' (--labels) in '{path}'. It has: {listed(names)}.")
        return names.index(settings.labels)
    found = [i for i, name in enumerate(names) if header and name.lower() in LABELS]
    if len(found) > 1:
        several = " and ".join(f"'{names[i]}'" for i in found)
        raise ValueError(f"Which of the columns {several} of '{path}' are labels is not clear. Name one with --labels.")
    return found[0] if found else None
