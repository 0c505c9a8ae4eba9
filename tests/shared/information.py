"""Estimates of mutual information and its relatives in tests."""

import numpy as np
import pytest

from training.evaluation.information import information

L, DRAWS, FEW = 3, 6_000, 2_000  # FEW draws are for single dimensions


def found(vae, x, draws=DRAWS, seed=0, **options):
    return information(vae, np.float32(x), draws, FEW, seed, progress=False, **options)


def assert_estimates(estimate, expected, error=0.0, sigmas=4.5):
    """Within 4.5 standard errors, those of both: by chance once in 150,000 times."""
    assert abs(estimate.value - expected) <= sigmas * np.hypot(estimate.standard_error, error) + 1e-4


def assert_adds_up(result):
    assert_estimates(result.difference, 0, sigmas=4)
    parts = result.mutual_information, result.marginal_kl, result.mean_kl
    mutual, marginal, mean_kl = (part.value for part in parts)
    assert result.difference.value == pytest.approx(mutual + marginal - mean_kl, abs=1e-9)
    assert result.difference.standard_error == pytest.approx(np.linalg.norm([part.standard_error for part in parts]))
