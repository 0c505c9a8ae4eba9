"""A number and how far it may be off."""

import dataclasses
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """An estimate.

    Args:
        value: the number.
        standard_error: its standard error.
    """

    value: float
    standard_error: float

    @classmethod
    def mean(cls, values):
        """The mean of independent values [N], N ≥ 2."""
        values = np.asarray(values, np.float64)
        return cls(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))

    def __str__(self):
        return f"{self.value:.2f} ± {self.standard_error:.2f}"


def plain(value):
    """Results as JSON has them: estimates and dataclasses as dicts, arrays as lists.

    Args:
        value: a dataclass, a dict, an array or anything plain.
    """
    if isinstance(value, Estimate):
        return value._asdict()
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
