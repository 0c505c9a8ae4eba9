"""Contract: AIS runs with every part, and agrees with importance sampling where that works."""

import numpy as np
import pytest

from tests.contract.parts import combinations, combined, data_of, each_combination, words
from zoo.model.estimation.ais import AIS

pytestmark = pytest.mark.slow
# Priors that are sampled, or have densities, in ways of their own.
ODD = [parts for parts in combinations() if parts["prior"].startswith(("dirichlet", "maf", "hierarchical(prior='vamp"))]


@each_combination
def test_from_the_posterior(parts):
    agrees_with_importance_sampling(parts, "posterior")


@pytest.mark.parametrize("parts", ODD, ids=words)
def test_from_the_prior(parts):
    agrees_with_importance_sampling(parts, "prior")


def agrees_with_importance_sampling(parts, start):
    vae = combined(parts)
    x = data_of(vae, 6)
    vae.adapt(x)
    importance = vae.estimate_log_likelihood(x, "importance(samples=5000)")
    assert np.median(importance.effective_sample_size) > 50
    found = AIS(temperatures=60, chains=16, start=start).estimate(vae, x, doubling=False)
    error = found.log_likelihood - importance.log_likelihood
    spread = np.hypot(found.standard_error, importance.standard_error)
    assert np.all(np.abs(error) < 6 * spread + 0.02)
