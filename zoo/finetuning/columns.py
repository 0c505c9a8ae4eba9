"""Trained weights of a table's columns, for a table with other columns or another order."""

import numpy as np

from zoo.checks import check_int
from zoo.finetuning.networks import within

INPUTS, OUTPUTS = "inputs", "outputs"


def check_columns(columns, event_shape):
    """Checks a choice of columns.

    Args:
        columns: for each new column, the index of the old one that it is, or None for one that is new.
        event_shape: shape of x of the trained model.

    Returns:
        A tuple.

    Raises:
        ValueError: the model is of no table, it has no such column, a column is named twice, or all are new.
    """
    if len(event_shape) != 1:
        raise ValueError(
            f"Expected a model of a table to choose columns= of, but its data have shape {[*event_shape]}."
        )
    chosen = tuple(None if c is None else check_int(c, "an index in columns=", minimum=0) for c in columns)
    old = [column for column in chosen if column is not None]
    if not old or len(set(old)) < len(old) or max(old) >= event_shape[0]:
        raise ValueError(
            f"Expected columns= to be different indices under {event_shape[0]}, and None for new columns, got {chosen}."
        )
    return chosen


def columns_of_network(network, size):
    """Returns the kernel over the columns of a network: id of the kernel → `INPUTS`; nothing if it has none.

    Args:
        network: a Keras model.
        size: number of columns.
    """
    first = next((layer for layer in within(network) if layer.weights), None)
    has_rows = first is not None and hasattr(first, "units") and first.weights[0].shape[0] == size
    return {id(first.weights[0]): INPUTS} if has_rows else {}


def chosen(weights, shapes, side, columns):
    """Returns weights with values for each column, in the order of other columns; zeros for new ones.

    Args:
        weights: arrays: kernels [D, U] for `INPUTS`; kernels [H, D k] and biases [D k] for `OUTPUTS`.
        shapes: of the new ones.
        side: `INPUTS` or `OUTPUTS`.
        columns: see `check_columns`.

    Returns:
        A list of arrays; None if the shapes differ in more than the columns.
    """
    if side == INPUTS:
        found = [_taken(weights[0], columns), *weights[1:]]
    else:
        size = max(shapes[-1][-1] // len(columns), 1)  # k, parameters of an element
        split = [weight.reshape(*weight.shape[:-1], -1, size) for weight in weights]
        found = [
            np.moveaxis(_taken(np.moveaxis(weight, -2, 0), columns), 0, -2).reshape(*weight.shape[:-2], -1)
            for weight in split
        ]
    return found if [array.shape for array in found] == [tuple(shape) for shape in shapes] else None


def of_columns(weight, columns, size, new=0.0):
    """Returns an array [..., D] with a value for each column, in the order of other columns.

    Args:
        weight: an array whose last axis has `size` elements; others are returned unchanged.
        columns: see `check_columns`.
        size: D.
        new: value for new columns.
    """
    if weight.shape[-1:] != (size,):
        return weight
    return np.moveaxis(_taken(np.moveaxis(weight, -1, 0), columns, new), 0, -1)


def _taken(rows, columns, new=0.0):
    return np.stack([np.full_like(rows[0], new) if column is None else rows[column] for column in columns])
