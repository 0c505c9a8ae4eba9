"""Tables of numbers in .csv files, as the training reads them."""

import numpy as np

from zoo.commands.csv_tables import IDS, LABELS, UNNAMED, open_table, row_number_columns


def table(path, width):
    """Returns the rows of a table in the columns that the model takes.

    These are all columns, or all but labels and row numbers, whichever are as many as the model takes.

    Args:
        path: Path of a .csv file.
        width: number of columns that the model takes, D.

    Returns:
        float64 [N, D].

    Raises:
        ValueError: It has another number of columns, or cannot be read, see `zoo.commands.csv_tables`.
    """
    with open_table(path) as file:
        label = None if len(file.names) == width else file.label_column()
        x, _ = file.read(label)
    names = [name for i, name in enumerate(file.names) if i != label]
    for left_out in _left_out(x, names, file.has_names):
        if len(names) - len(left_out) == width:
            return np.delete(x, left_out, axis=1)
    labels = [f"'{name}'" for name in file.names if name.lower() in LABELS]
    but = f", with {', '.join(labels)}" if labels else ""
    raise ValueError(
        f"Expected rows of {width} numbers in '{path}', as many as the model takes, "
        f"got {len(file.names)} columns{but}. Remove the others, or name another model with --model."
    )


def _left_out(x, names, has_names):
    """Yields columns that may be left out: none, those that the training leaves out, those with names of such."""
    yield []
    if has_names:
        yield row_number_columns(x, names)
        unnamed = [0] if names[0] in UNNAMED else []
        yield unnamed  # by the name alone: rows that are sent may repeat a number
        yield unnamed + [i for i, name in enumerate(names) if IDS.fullmatch(name)]
