"""Tables of numbers in .csv files."""

from contextlib import suppress

import numpy as np

from training.data.checks.columns import note_numeric_names
from training.data.checks.float32_range import check_float32
from training.data.checks.shapes import model_shape
from training.data.files.file_kind import FileKind
from training.data.files.parsed import Parsed, Part
from training.data.memory import check_example, check_fits
from zoo.commands.csv_tables import UNNAMED, listed, open_table, row_number_columns
from zoo.data.lazy_arrays import InMemory


class CsvFile(FileKind):
    """A table of numbers, with or without a line of names; it must fit into memory.

    A column that is named like labels, or in the settings, holds labels; a column that numbers the rows is left out,
    and so are all but the columns that the settings name, if they name any.
    """

    name = ".csv"
    suffixes = (".csv",)
    options = ("labels", "columns")

    def read(self, path, settings):
        with open_table(path) as file:
            label = file.label_column(settings.labels)
            _check_memory(file, settings)
            chosen = _chosen(file, label, settings)
            x, labels = file.read(label, labels_needed=True, columns=chosen)
        names, notes = [file.names[i] for i in chosen], ()
        if not file.has_names:
            notes = note_numeric_names(x)
        elif settings.columns is None:
            x, names, notes = _without_row_numbers(x, names)
        event_shape = model_shape(x.shape, settings, path)
        check_float32(x, f"'{path}'", names)
        part = Part(InMemory(x.astype(np.float32).reshape(-1, *event_shape)), _labels(labels) if labels else None)
        kind = f"a table of {len(names)} columns in .csv, {'with' if file.has_names else 'without'} a line of names"
        kind += "" if label is None else f", labels '{file.names[label]}'"
        return Parsed(kind, {"train": part}, tuple(names), notes)


def _chosen(file, label, settings):
    """Returns the indices of the columns to read: those of the settings that the file has, or all but the labels.

    Raises:
        ValueError: the file has none of those.
    """
    if settings.columns is None:
        return file.columns_beside(label)
    chosen = [file.names.index(name) for name in settings.columns if name in file.names]
    if not chosen:
        raise ValueError(
            f"'{file.path}' has none of the columns {listed(settings.columns)}. It has: {listed(file.names)}."
        )
    return chosen


def _check_memory(file, settings):
    """Checks that the table, and a model of its rows, fit into memory if all rows are as long as the first."""
    rows = file.path.stat().st_size / (len(file.delimiter.join(file.sample)) + 1)
    columns = len(file.sample)
    check_example((columns,), max(1, round(rows)), settings, file.path)
    check_fits(rows * columns * 8, rows * columns, file.path)


def _without_row_numbers(x, names):
    """Returns numbers and names of the columns that do not number the rows, and notes on the others."""
    left_out = row_number_columns(x, names)
    if not left_out:
        return x, names, ()
    columns = (
        "the first column, without a name" if names[i] in UNNAMED else f"the column '{names[i]}'" for i in left_out
    )
    notes = tuple(f"left out {column}, which numbers the rows; rename it to keep it" for column in columns)
    return np.delete(x, left_out, axis=1), [name for i, name in enumerate(names) if i not in left_out], notes


def _labels(labels):
    """Returns labels as numbers if all of them are."""
    with suppress(ValueError):
        return np.array([*map(float, labels)])
    return np.array(labels)
