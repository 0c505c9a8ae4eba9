"""Tables of numbers in .csv files, with or without a line of names."""

import csv
import re
from array import array
from itertools import chain, islice

import numpy as np

LEFT_OUT = ("label", "labels", "class", "target")  # unless the model takes as many columns as there are with them
INDEX = ("", "Unnamed: 0")  # what pandas and R call a column that numbers the rows
IDS = re.compile(r"(?i:id|.+[ _.-]id|index|row[ _.-]?(number|id)?)|.*[a-z]I[Dd]")  # what others do, as in the training


def table(path, width):
    """The rows of a table.

    Args:
        path: Path of a .csv file, its values separated by commas, semicolons or tabs.
        width: how many columns the model takes.

    Returns:
        float64 [rows, width].

    Raises:
        ValueError: it is of another width, a row is of another length, or a cell is no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            rows = csv.reader(file, delimiter=max(",;\t", key=first.count))
            return _read(rows, path, width)
    except UnicodeDecodeError as error:
        raise ValueError(f"'{path}' is not UTF-8 text ({error.reason}). Save it as UTF-8.") from error
    except csv.Error as error:
        raise ValueError(f"'{path}' is no table of numbers: {error}.") from error


def _read(rows, path, width):
    filled = ((rows.line_num, row) for row in rows if row)  # the others are blank lines
    first = [*islice(filled, 2)]
    if not first:
        raise ValueError(f"'{path}' is empty. Expected rows of {width} numbers.")
    _check_delimiter(first[-1][1], path)
    names = [cell.strip() for cell in first[0][1]]
    names[0] = names[0].removeprefix("#").strip()  # as numpy.savetxt writes them
    if _are_names(names, first[-1][1]):
        first = first[1:]
    else:
        names = [f"column {i + 1}" for i in range(len(names))]
    columns = _columns(names, width, path)
    values = array("d")
    for line, row in chain(first, filled):
        _add(row, line, names, columns, values, path)
    return np.frombuffer(values, np.float64).reshape(-1, width)


def _are_names(first, second):
    """Whether a first row is names: none is a number, or they are 0, 1, …, as pandas names columns."""
    if not any(map(_is_number, first)):
        return True
    first, second = (row[1:] if first[0] in INDEX else row for row in (first, second))
    # Two columns that begin with 0 and 1 may be zeros and ones.
    sure = len(first) > 2 or not all(cell.strip().isdecimal() for cell in second)
    return sure and first == [str(i) for i in range(len(first))]


def _columns(names, width, path):
    """The numbers of the columns to read: all, or those that are neither labels nor an index, whichever fits."""
    data = [i for i, name in enumerate(names) if name.lower() not in LEFT_OUT]
    without_index = data[1:] if names[0] in INDEX else data
    without_ids = [i for i in without_index if not IDS.fullmatch(names[i])]
    for columns in (range(len(names)), data, without_index, without_ids):
        if len(columns) == width:
            return list(columns)
    labels = [f"'{name}'" for name in names if name.lower() in LEFT_OUT]
    but = f", with {', '.join(labels)}" if labels else ""
    raise ValueError(
        f"Expected of '{path}' rows of {width} numbers, as many as the model takes, got {len(names)} columns{but}. "
        f"Leave out what is too much, or name another model with --model."
    )


def _add(row, line, names, columns, values, path):
    if len(row) != len(names):
        raise ValueError(f"Expected {len(names)} values in each row of '{path}', got {len(row)} in line {line}.")
    for i in columns:
        if not _is_number(row[i]):
            raise ValueError(
                f"Expected numbers in '{path}', but column '{names[i]}' holds '{row[i].strip():.30}' in line {line}. "
                f"Remove such columns or rows, or make numbers of them as for the training."
            )
    values.extend(float(row[i]) for i in columns)


def _check_delimiter(row, path):
    cells = row[0].split() if len(row) == 1 else ()
    if len(cells) > 1 and all(map(_is_number, cells)):
        raise ValueError(
            f"Expected values separated by commas, semicolons or tabs, but those in '{path}' are by spaces. "
            f"Replace them, or save the table with delimiter=','."
        )


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python takes between digits
