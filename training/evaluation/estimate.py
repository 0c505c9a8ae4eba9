"""Estimates: numbers with standard errors."""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A Monte Carlo estimate with its standard error.

    Args:
        value: a number, or an array of them.
        standard_error: of the same shape; None if the estimate rests on a single value.
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
