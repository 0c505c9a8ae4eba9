"""A number and how far it may be off."""

import dataclasses
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """An estimate.

    Args:
        value: the number, or an array of some.
        standard_error: its standard error, of the same shape; None where a single value cannot tell.
    """

    value: float | np.ndarray
    standard_error: float | np.ndarray | None

    @classmethod
    def mean(cls, values):
        """Returns the mean of independent values [N], N ≥ 1."""
        value, error = cls.means(values)
        return cls(float(value), None if error is None else float(error))

    @classmethod
    def means(cls, values):
        """Returns the means over the first axis of independent values [N, ...], N ≥ 1."""
        values = np.asarray(values, np.float64)
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
        return cls(values.mean(axis=0), error)

    def __str__(self):
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2f}"
        return f"{self.value:.2f}{error}"


def plain(value):
    """Results as JSON has them: estimates and dataclasses as dicts, arrays as lists.

    Args:
        value: a dataclass, a dict, an array or anything plain.
    """
    if isinstance(value, Estimate):
        return plain(value._asdict())
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
