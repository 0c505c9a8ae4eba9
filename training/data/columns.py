"""Columns of tables, by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.data.named import dataset_names, load_dataset
from training.data.names import is_name
from zoo.commands.csv_tables import listed, open_table


def names_of(settings):
    """Returns the names of the columns of data; None if they have none. Rows are not read.

    Args:
        settings: `DataSettings`.

    Raises:
        FileNotFoundError, ValueError: there are no such data.
    """
    if is_name(settings.data, dataset_names()):
        return load_dataset(settings.data, settings.binarize, settings.data_dir).columns
    path = Path(settings.data).expanduser()
    if path.suffix.lower() != ".csv" or not path.is_file():
        return None
    with open_table(path) as file:
        return tuple(file.names) if file.has_names else None


def with_columns(dataset, columns, filled=None):
    """Returns a data set with some of its columns, in another order, or with columns of one value.

    Args:
        dataset: a `Dataset`.
        columns: names of the columns; None for those that it has.
        filled: name → value in all examples, of columns that it lacks.

    Raises:
        ValueError: it has no names of columns, or a column is missing and not filled, or named twice.
    """
    if columns is None or columns == dataset.columns:
        return dataset
    if dataset.columns is None:
        raise ValueError(f"'{dataset.name}' has no names of columns, expected {listed(columns)}.")
    if len(set(columns)) < len(columns):
        raise ValueError(f"Expected each column once, got --columns {listed(columns)}.")
    missing = [name for name in columns if name not in dataset.columns and name not in (filled or {})]
    if missing:
        raise ValueError(f"No column '{missing[0]}' in '{dataset.name}'. It has: {listed(dataset.columns)}.")

    def chosen(x):
        found = [
            x[:, dataset.columns.index(name)] if name in dataset.columns else np.full(len(x), filled[name], x.dtype)
            for name in columns
        ]
        return np.stack(found, axis=1)

    parts = {part: chosen(getattr(dataset, part)[:]) for part in ("train", "validation", "test")}
    return replace(dataset, **parts, columns=tuple(columns))
