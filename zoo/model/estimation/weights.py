"""Means of weights and their errors."""

import numpy as np


def log_mean_weight(log_weights):
    """Returns log 1/C Σ w and the effective number of weights, (Σ w)² / Σ w², both [B], of log weights [C, B]."""
    log_sum = np.logaddexp.reduce(log_weights)
    return log_sum - np.log(len(log_weights)), np.exp(2 * log_sum - np.logaddexp.reduce(2 * log_weights))


def standard_error(effective, count):
    """Returns the standard error of a log-mean of weights, by the delta method.

    Args:
        effective: effective number of weights [B].
        count: number of weights, a number or [B]; the error of a single one is NaN.
    """
    count = np.broadcast_to(np.float64(count), np.shape(effective))
    spread = np.maximum(count / effective - 1, 0) / np.maximum(count - 1, 1)
    return np.where(count > 1, np.sqrt(spread), np.nan)
