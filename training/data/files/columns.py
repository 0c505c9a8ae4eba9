"""Columns that are not what they seem: numbers of rows, names in numbers, categories."""

import re

import numpy as np

from training.data.lazy_arrays import chunks

UNNAMED = ("", "Unnamed: 0")  # what pandas and R call a column that numbers the rows
IDS = re.compile(r"(?i:id|.+[ _.-]id|index|row[ _.-]?(number|id)?)|.*[a-z]I[Dd]")
CATEGORIES = 20  # values, at most, of a column that may hold categories
ROWS = 10  # for each of these values, at least
LISTED = 20  # names in a message, at most


def listed(names):
    """Returns names in a list for a message, the first of them where there are many."""
    return ", ".join(names[:LISTED]) + (f", … ({len(names):,} in all)" if len(names) > LISTED else "")


def numbers_of_rows(x, names):
    """Returns which columns number the rows, by their names and numbers.

    Args:
        x: the table [N, D].
        names: those in its first line [D].

    Returns:
        Their numbers, and notes for the user; never all columns.
    """
    found = [i for i, name in enumerate(names) if (name in UNNAMED and i == 0) or IDS.fullmatch(name)]
    found = [i for i in found if np.all(x[:, i] == np.floor(x[:, i])) and len(np.unique(x[:, i])) == len(x)]
    if len(found) == len(names):
        return [], ()
    what = (
        f"the column '{names[i]}'" if names[i] not in UNNAMED else "the first column, without a name" for i in found
    )
    return found, tuple(f"left out {which}, which numbers the rows; rename it to keep it" for which in what)


def names_in_numbers(x):
    """Notes that the first row of a table may be names: whole numbers, in columns of other ones.

    Args:
        x: the table [N, D].
    """
    first, rest = x[0], x[1:]
    if len(first) < 2 or not len(rest) or np.any(first != np.floor(first)) or len(np.unique(first)) < len(first):
        return ()
    inside = (rest.min(axis=0) <= first) & (first <= rest.max(axis=0)) & np.all(rest == np.floor(rest), axis=0)
    if inside.any():
        return ()
    row = listed([f"{value:g}" for value in first])
    return (f"the first line, {row}, is read as numbers, unlike those below; if it is names, begin it with #",)


def categories(x, support, names):
    """Notes which columns of real numbers may be categories: few whole numbers, and more than two.

    Args:
        x: array or `Examples` [N, *x], of which the first rows are looked at.
        support: what the values are.
        names: of the columns, or None.
    """
    if support != "real" or len(x.shape) != 2:
        return ()
    x = x[chunks(x.shape)[0]]
    whole = np.flatnonzero(np.all(x == np.floor(x), axis=0)) if len(x) >= 3 * ROWS else ()
    found = [i for i in whole if 3 <= len(np.unique(x[:, i])) <= min(CATEGORIES, len(x) // ROWS)]
    if not found:
        return ()
    which = listed([f"'{names[i]}'" if names else str(i) for i in found])
    return (
        f"columns of a few whole numbers, {which}, are taken as real ones; if they are categories, give each a column "
        f"of zeros and ones",
    )
