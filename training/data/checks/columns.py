"""Columns of tables that may not be what they seem: a first line of names in numbers, categories."""

import numpy as np

from zoo.commands.csv_tables import listed
from zoo.data import support as supports
from zoo.data.lazy_arrays import chunks

MAX_CATEGORIES = 20  # values, at most, of a column that may hold categories
MIN_ROWS_PER_VALUE = 10  # for each of these values, at least


def note_numeric_names(x):
    """Returns a note if the first row of a table may be names: whole numbers, in columns of other ones.

    Args:
        x: the table [N, D].
    """
    first, rest = x[0], x[1:]
    distinct = len(first) > 1 and len(np.unique(first)) == len(first)
    if not distinct or not len(rest) or np.any(first != np.floor(first)):
        return ()
    inside = (rest.min(axis=0) <= first) & (first <= rest.max(axis=0)) & np.all(rest == np.floor(rest), axis=0)
    if inside.any():
        return ()
    row = listed([f"{value:g}" for value in first])
    return (f"the first line, {row}, is read as numbers, unlike those below; if it is names, begin it with #",)


def note_categories(data):
    """Returns a note on columns of real numbers that may be categories: few whole numbers, and more than two.

    Args:
        data: `UserData`, of which the first training examples are looked at.
    """
    x = data.parts["train"].x
    if not supports.get(data.support).has_units or len(x.shape) != 2:
        return ()
    x = x[chunks(x.shape)[0]]
    most = min(MAX_CATEGORIES, len(x) // MIN_ROWS_PER_VALUE)  # fewer than three if there are few rows
    few = [
        i for i in range(x.shape[1]) if np.all(x[:, i] == np.floor(x[:, i])) and 3 <= len(np.unique(x[:, i])) <= most
    ]
    if not few:
        return ()
    which = listed([f"'{data.columns[i]}'" if data.columns else str(i) for i in few])
    return (
        f"columns of a few whole numbers, {which}, are taken as real ones; if they are categories, give each a column "
        f"of zeros and ones",
    )
