"""Alignment of other data with those that a model was trained on: columns by name, gray levels binarized."""

import re
from dataclasses import replace
from difflib import get_close_matches

import numpy as np

from training.data import data_of
from zoo.commands.csv_tables import listed
from zoo.data import support as supports

SIMILAR = 0.8  # of names that may be meant as one, from 0 to 1


def align(expected, found, means, fill):
    """Returns which columns to use, the values of those to fill, and sentences on what was changed.

    Args:
        expected: names of the model's columns, in its order.
        found: names of the columns of the new data.
        means: of the model's columns [D].
        fill: "mean" to fill missing columns with the mean of the earlier training data; None to refuse them.

    Returns:
        Names of the columns, a dict of names → values or None, and a list of sentences.

    Raises:
        ValueError: there are no columns in common, or columns are missing and not to be filled.
    """
    missing = [name for name in expected if name not in found]
    if twice := [name for name in expected if found.count(name) > 1]:
        raise ValueError(
            f"Expected each column once, but the new data have several '{twice[0]}'. Rename or remove some."
        )
    _check_missing(missing, expected, found, fill)
    filled = {name: float(means[expected.index(name)]) for name in missing}
    return tuple(expected), filled or None, list(_said(expected, found, filled))


def _check_missing(missing, expected, found, fill):
    if len(missing) == len(expected):
        raise ValueError(
            f"The new data have none of the model's columns, {listed(expected)}; they have {listed(found)}. "
            f"Name them as the model does, or train a new model.{_meant(missing, expected, found)}"
        )
    if missing and fill is None:
        raise ValueError(
            f"Expected the model's columns by name, but the new data lack {listed(missing)}. Add them, or fill them "
            f"with the mean of the earlier training data: --fill-missing mean.{_meant(missing, expected, found)}"
        )


def _meant(missing, expected, found):
    """Returns which columns to rename, because their names are almost those of missing ones; "" if there are none."""
    others = {_plain(name): name for name in found if name not in expected}
    close = {name: get_close_matches(_plain(name), others, n=1, cutoff=SIMILAR) for name in missing}
    pairs = [f"'{others[names[0]]}' to '{name}'" for name, names in close.items() if names]
    return f" If these are the same, rename {listed(pairs)}." if pairs else ""


def _plain(name):
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


def _said(expected, found, filled):
    """Yields sentences on what was changed."""
    known = [name for name in found if name in expected]
    if known != [name for name in expected if name in known]:
        yield "columns are matched by name, in the model's order"
    if extra := [name for name in found if name not in expected]:
        yield f"left out columns that the model does not know: {listed(extra)}"
    if filled:
        values = listed([f"{name} {value:.6g}" for name, value in filled.items()])
        yield (
            f"filled with one value, the mean of the earlier training data: {values}; scores include them."
            f"{_meant(list(filled), expected, found)}"
        ).rstrip(".")


def binarized_as(config, support, earlier):
    """Returns a config by which gray levels are binarized for a model of zeros and ones; that config for other data.

    Args:
        config: the `Config` of the new data.
        support: that of the model.
        earlier: how the earlier training data were binarized; None if it is not known.
    """
    gray = supports.before_binarization(support)
    if gray is None or data_of(replace(config, binarize=None)).support != gray:
        return config
    return replace(config, binarize="static" if earlier == "static" else "dynamic")


def means_of(vae):
    """Returns the means of the columns of a model's training data [D], as its standardization knows them.

    Args:
        vae: a `zoo.VAE` of a table.
    """
    return np.asarray(vae.likelihood.unstandardize(np.zeros(vae.event_shape, np.float32)))
