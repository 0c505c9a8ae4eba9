"""Labels: whether they are classes."""

import numpy as np

CLASSES = 100  # numbers with more values than these are no classes


def classes_of(labels, examples, what):
    """Returns labels as classes. Names are classes whatever their number; numbers are if they are whole and few.

    Args:
        labels: array of texts or numbers [N] or [N, 1].
        examples: N.
        what: what to call the examples in a message.

    Returns:
        [N], or None if they are no classes; and notes for the user.

    Raises:
        ValueError: They are not as many as the examples, or not finite.
    """
    labels = np.asarray(labels)
    labels = labels.reshape(-1) if labels.shape[1:] == (1,) else labels
    if labels.shape != (examples,):
        raise ValueError(
            f"Expected {examples} labels of {what}, one each, got an array of shape {list(labels.shape)}. "
            f"Give each example one."
        )
    if labels.dtype.kind in "US":
        return _names(labels), ()
    labels = _whole_numbers(labels, what)
    values = len(np.unique(labels))
    if values > CLASSES or labels.dtype.kind == "f":
        return None, (f"the labels of {what} have {values} different values, so they are no classes and are not used",)
    return labels, ()


def _names(labels):
    """Returns texts, as whole numbers if all of them are written as such."""
    if labels.dtype.kind == "S":
        labels = np.array([label.decode("utf-8", "backslashreplace") for label in labels.tolist()])
    names = np.unique(labels).tolist()
    whole = all(len(name) < 16 and name.isdecimal() and name == str(int(name)) for name in names)
    return labels.astype(np.int64) if whole else labels


def _whole_numbers(labels, what):
    """Returns truth values, and floats that are whole, as integers."""
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    if labels.dtype.kind != "f":
        return labels
    if not np.isfinite(labels).all():
        i = np.flatnonzero(~np.isfinite(labels))[0]
        raise ValueError(
            f"Expected a label of each example, but that of example {i} of {what} is {labels[i]}. "
            f"Give it one, or remove the example or all labels."
        )
    whole = np.all((labels == np.floor(labels)) & (np.abs(labels) < 2**53))
    return labels.astype(np.int64) if whole else labels
