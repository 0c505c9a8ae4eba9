"""Cells of a table: numbers, or what they are in place of them."""

import math
import re

MISSING = ("", "?", "-", ".", "na", "n/a", "#n/a", "nan", "null", "nil", "none", "missing")
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")  # or one between thousands
UNDERSCORES = re.compile(r"\s*[-+]?[\d._]+\s*")


def number(cell):
    """Returns the number in a cell; Python's separators of digits, as in 1_696, are none of a table's.

    Raises:
        ValueError: it holds none.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def is_number(cell):
    """Whether a cell holds a number, be it finite or not."""
    try:
        number(cell)
    except ValueError:
        return False
    return True


def is_missing(cell):
    """Whether a cell holds what stands for no value."""
    return cell.strip().lower() in MISSING


def quoted(cell):
    """A cell for a message: on one line, and not too long."""
    return f"'{' '.join(cell.split()):.30}'"


def numbers(cells):
    """Returns the finite numbers in cells; None where one of them is something else."""
    try:
        found = [*map(float, cells)]
    except ValueError:
        return None
    # The sum is finite where all are, unless it overflows.
    finite = math.isfinite(sum(found)) or all(map(math.isfinite, found))
    return found if finite and "_" not in "".join(cells) else None


def no_number(cells, names, where):
    """The error for cells that are no finite numbers: which ones, what they hold, and what to do.

    Args:
        cells: of one row [D].
        names: of their columns [D].
        where: the file and the line, in words.
    """
    bad = [(name, cell) for name, cell in zip(names, cells, strict=True) if numbers([cell]) is None]
    name, cell = bad[0]
    if is_missing(cell):
        held = f"holds {quoted(cell)}, a missing value," if cell.strip() else "is empty"
        return ValueError(
            f"Expected a number in each cell, but column '{name}' {held} in {where}. Fill or remove such rows."
        )
    if is_number(cell):
        return ValueError(
            f"Expected finite numbers, but column '{name}' holds {quoted(cell)} in {where}. Remove or fill such rows."
        )
    if DECIMAL_COMMA.fullmatch(cell) or UNDERSCORES.fullmatch(cell):
        return ValueError(
            f"Expected numbers with a decimal point and nothing between their digits, but column '{name}' holds "
            f"{quoted(cell)} in {where}. Write 0,5 as 0.5, and 1,000 or 1_000 as 1000."
        )
    found = ", ".join(f"'{name}' ({quoted(cell)})" for name, cell in bad[:10] if not is_number(cell))
    found += ", …" * (len(bad) > 10)
    return ValueError(
        f"Expected columns of numbers, but text is in {found} in {where}. "
        f"Remove such columns, make numbers of them, or name one as the labels with --labels."
    )
