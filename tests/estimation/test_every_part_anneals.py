"""Contract: AIS runs with every part, and agrees with importance sampling where that works."""

import numpy as np
import pytest

from tests.contract.parts import combined, data_of, each_combination
from zoo.model.estimation.ais import AIS

pytestmark = pytest.mark.slow


@each_combination
def test_from_the_posterior(parts):
    vae = combined(parts)
    x = data_of(vae, 6)
    vae.adapt(x)
    importance = vae.estimate_log_likelihood(x, "importance(samples=5000)")
    assert np.median(importance.effective_sample_size) > 50
    found = AIS(temperatures=60, chains=16, start="posterior").estimate(vae, x, doubling=False)
    error = found.log_likelihood - importance.log_likelihood
    assert np.all(np.isfinite(error))
    spread = np.hypot(found.standard_error, importance.standard_error)
    assert np.all(np.abs(error) < 6 * spread + 0.02)
