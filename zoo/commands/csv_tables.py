"""Tables of numbers in .csv files, read by the same rules in training and in the client.

Values are separated by commas, semicolons or tabs. The first line may hold the names of the columns. A column with the
name of labels holds labels, and a column that numbers the rows is left out; all other cells are finite numbers with
a decimal point. The text is UTF-8, with or without a byte order mark.
"""

import csv
import math
import re
from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np

LABELS = ("label", "labels", "class", "target")  # not y, which may be a number like x
UNNAMED = ("", "Unnamed: 0")  # how pandas and R name a column that numbers the rows
IDS = re.compile(r"(?i:id|.+[ _.-]id|index|row[ _.-]?(number|id)?)|.*[a-z]I[Dd]")
MISSING = ("", "?", "-", ".", "na", "n/a", "#n/a", "nan", "null", "nil", "none", "missing")
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")  # or a comma between thousands
UNDERSCORES = re.compile(r"\s*[-+]?[\d._]+\s*")
LISTED = 20  # names in a message, at most


@dataclass(frozen=True)
class TableFile:
    """An open .csv file whose columns are known and whose rows are read by `read`.

    Args:
        file: the open file.
        path: its path.
        delimiter: comma, semicolon or tab.
        names: of its columns [C]; "column 1" and so on where the file has none.
        has_names: whether the names come from the file.
        sample: the cells of one of its first rows [C].
    """

    file: TextIO
    path: Path
    delimiter: str
    names: list[str]
    has_names: bool
    sample: list[str]

    def label_column(self, name=None):
        """Returns the index of the column of labels, or None.

        Args:
            name: of the column; None for the column that is named like labels, if there is one.

        Raises:
            ValueError: No column has that name, or several are named like labels.
        """
        if name is not None:
            if name not in self.names:
                raise ValueError(f"No column '{name}' (--labels) in '{self.path}'. It has: {listed(self.names)}.")
            return self.names.index(name)
        found = [i for i, name in enumerate(self.names) if self.has_names and name.lower() in LABELS]
        if len(found) > 1:
            several = " and ".join(f"'{self.names[i]}'" for i in found)
            raise ValueError(
                f"Expected one column of labels in '{self.path}', but the columns {several} may be. "
                f"Remove all but one, or name it for the training with --labels."
            )
        return found[0] if found else None

    def columns_beside(self, label):
        """Returns the indices of all columns but that of the labels.

        Args:
            label: its index; None if there is none.
        """
        return [i for i in range(len(self.names)) if i != label]

    def read(self, label=None, labels_needed=False, columns=None):
        """Reads all rows.

        Args:
            label: index of the column whose cells are labels; None if all columns are numbers.
            labels_needed: whether a row without a label is refused.
            columns: indices of the columns to read as numbers, in this order; None for all but the labels.

        Returns:
            float64 [N, D], the numbers of these columns; and the labels, a list of N texts, or of none.

        Raises:
            ValueError: A row is of another length, a number is missing or not finite, or a label is missing.
        """
        columns = self.columns_beside(label) if columns is None else columns
        names = [self.names[i] or f"column {i + 1}" for i in columns]
        if not names:
            only = self.names[label]
            raise ValueError(f"Expected columns of numbers in '{self.path}', but its only column '{only}' is labels.")
        values, labels = array("d"), []
        for line, row in islice(_rows(self.file, self.delimiter), int(self.has_names), None):
            self._check_length(row, line)
            if label is not None:
                labels.append(row[label].strip())
                self._check_label(labels[-1] or not labels_needed, label, line)
            cells = [row[i] for i in columns]
            numbers = finite_numbers(cells)
            if numbers is None:
                raise ValueError(_not_numbers(cells, names, f"line {line} of '{self.path}'"))
            values.extend(numbers)
        if not values:
            raise ValueError(f"'{self.path}' has a line of names and no rows. Add some.")
        return np.frombuffer(values, np.float64).reshape(-1, len(names)), labels

    def _check_label(self, there, label, line):
        if not there:
            raise ValueError(
                f"Expected a label in each row, but column '{self.names[label]}' of '{self.path}' is empty in line "
                f"{line}. Fill it, or remove such rows or the column."
            )

    def _check_length(self, row, line):
        if len(row) != len(self.names):
            raise ValueError(
                f"Expected {len(self.names)} values in each row of '{self.path}', got {len(row)} in line {line}. "
                f"Give all rows the same length."
            )


@contextmanager
def open_table(path):
    """Opens a .csv file and finds its delimiter and the names of its columns.

    Args:
        path: Path of the file.

    Yields:
        A `TableFile`.

    Raises:
        ValueError: It is empty, not UTF-8, or separated by something else; also what `TableFile` raises.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _scanned(file, path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"'{path}' is not UTF-8 text ({error.reason}, byte {error.start}). Save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(f"'{path}' is not a table of numbers: {error}.") from error


def row_number_columns(x, names):
    """Returns the indices of columns that number the rows, by their names and their values; never of all columns.

    Args:
        x: numbers of the table [N, D].
        names: of its columns [D].
    """
    named = [i for i, name in enumerate(names) if (i == 0 and name in UNNAMED) or IDS.fullmatch(name)]
    found = [i for i in named if np.all(x[:, i] == np.floor(x[:, i])) and len(np.unique(x[:, i])) == len(x)]
    return found if len(found) < len(names) else []


def finite_numbers(cells):
    """Returns the numbers in cells; None if one of them is not a finite number."""
    try:
        numbers = [*map(float, cells)]
    except ValueError:
        return None
    # The sum is finite if all of them are, unless it overflows.
    finite = math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers))
    return numbers if finite and "_" not in "".join(cells) else None  # Python takes 1_696 for a number


def listed(names):
    """Returns names as a list for a message: the first of them if there are many."""
    return ", ".join(names[:LISTED]) + (f", … ({len(names):,} in all)" if len(names) > LISTED else "")


def _rows(file, delimiter):
    """Yields line number and cells of each row, without blank lines."""
    file.seek(0)
    reader = csv.reader(file, delimiter=delimiter)
    yield from ((reader.line_num, row) for row in reader if row)


def _scanned(file, path):
    line = file.readline()
    if "\0" in line:
        raise ValueError(f"'{path}' is not UTF-8 text: it holds zero bytes. Save it as UTF-8, not UTF-16.")
    delimiter = _delimiter(line)
    rows = [row for _, row in islice(_rows(file, delimiter), 2)]
    if not rows:
        raise ValueError(f"'{path}' is empty. Expected rows of numbers, with or without a line of names.")
    first, sample = rows[0], rows[-1]
    _check_delimiter(sample, path)
    names = [cell.strip() for cell in first]
    names[0] = names[0].removeprefix("#").strip()  # as numpy.savetxt writes them
    has_names = names[0] != first[0].strip() or _are_names(names, rows[1] if len(rows) > 1 else [])
    names = names if has_names else [f"column {i + 1}" for i in range(len(first))]
    return TableFile(file, path, delimiter, names, has_names, sample)


def _delimiter(line):
    """Returns the delimiter of a line; a comma within numbers between semicolons or tabs is not one."""
    for delimiter in ";\t":
        cells = line.split(delimiter)
        if len(cells) > 1 and all(DECIMAL_COMMA.fullmatch(cell) or _is_number(cell) for cell in cells):
            return delimiter
    return max(",;\t", key=line.count)


def _check_delimiter(row, path):
    """Checks that a row of one cell is not one of several values with another delimiter between them."""
    for separator, what in ((None, "spaces"), ("|", "vertical bars"), (":", "colons")) if len(row) == 1 else ():
        cells = row[0].split(separator)
        if len(cells) > 1 and all(_is_number(cell) or _is_missing(cell) for cell in cells):
            raise ValueError(
                f"Expected values separated by commas, semicolons or tabs, but in '{path}' they are separated by "
                f"{what}. Replace them, or save the table with delimiter=','."
            )


def _are_names(first, second):
    """Returns whether the first row holds names: none of its cells is a number, or they are 0, 1, … as in pandas."""
    if any(map(_is_number, first)):
        return _are_positions(*(row[1:] if first[0] in UNNAMED else row for row in (first, second)))
    return not all(cell.strip() and (_is_missing(cell) or DECIMAL_COMMA.fullmatch(cell)) for cell in first)


def _are_positions(first, second):
    """Returns whether cells of the first row are 0, 1, …; two columns that begin with these may be zeros and ones."""
    sure = len(first) > 2 or not all(cell.strip().isdecimal() for cell in second)
    return sure and first == [str(i) for i in range(len(first))]


def _is_number(cell):
    """Returns whether a cell holds a number, finite or not."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _is_missing(cell):
    return cell.strip().lower() in MISSING


def _quoted(cell):
    """Returns a cell for a message: on one line, and not too long."""
    return f"'{' '.join(cell.split()):.30}'"


def _not_numbers(cells, names, where):
    """Returns the message for a row with cells that are not finite numbers: which, what they hold, and what to do."""
    bad = [(name, cell) for name, cell in zip(names, cells, strict=True) if finite_numbers([cell]) is None]
    name, cell = bad[0]
    if _is_missing(cell):
        held = f"holds {_quoted(cell)}, a missing value," if cell.strip() else "is empty"
        return f"Expected a number in each cell, but column '{name}' {held} in {where}. Fill or remove such rows."
    if _is_number(cell):
        return (
            f"Expected finite numbers, but column '{name}' holds {_quoted(cell)} in {where}. Remove or fill such rows."
        )
    if DECIMAL_COMMA.fullmatch(cell) or UNDERSCORES.fullmatch(cell):
        return (
            f"Expected numbers with a decimal point and nothing between their digits, but column '{name}' holds "
            f"{_quoted(cell)} in {where}. Write 0,5 as 0.5, and 1,000 or 1_000 as 1000."
        )
    found = ", ".join(f"'{name}' ({_quoted(cell)})" for name, cell in bad[:10] if not _is_number(cell))
    found += ", …" * (len(bad) > 10)
    return (
        f"Expected columns of numbers, but text is in {found} in {where}. "
        f"Remove such columns or convert them to numbers; labels can be named for the training with --labels."
    )
