"""Bidirectional Monte Carlo on models whose log p(x) is known."""

import numpy as np
import pytest

from benchmarks.log_likelihood_methods import linear_model
from zoo.model.estimation import bdmc as module
from zoo.model.estimation.annealer import Annealer

pytestmark = pytest.mark.slow


def bounds(monkeypatch, model, method, examples):
    """BDMC scores, and log p(x) of the examples that were generated."""
    seen = []

    def watched(vae, x, *arguments):
        seen.append(x)
        return Annealer(vae, x, *arguments)

    monkeypatch.setattr(module, "Annealer", watched)
    found = model.vae.bdmc(examples, method)
    return found, model.log_density(seen[0])


@pytest.mark.parametrize("start", ["posterior", "prior"])
def test_log_p_x_is_between_the_bounds(monkeypatch, start):
    model = linear_model(5, 90.0)
    found, log_p = bounds(monkeypatch, model, f"ais(temperatures=100, chains=16, start={start!r})", 60)
    assert found.lower.shape == found.upper.shape == (60,)
    np.testing.assert_array_equal(found.gap, found.upper - found.lower)
    for error, sign in ((found.lower - log_p, -1), (found.upper - log_p, 1)):
        mean, noise = error.mean(), error.std(ddof=1) / np.sqrt(60)
        assert -3 * noise < sign * mean < 1  # a bound in expectation, and not far
    # In each direction, the chains' weights are unbiased for p(x) and 1 / p(x): their means over examples are one.
    assert np.mean(np.exp(found.lower - log_p)) == pytest.approx(1, abs=0.4)
    assert np.mean(np.exp(log_p - found.upper)) == pytest.approx(1, abs=0.4)


def test_more_temperatures_close_the_gap(monkeypatch):
    model = linear_model(5, 90.0)
    few, many = (model.vae.bdmc(30, f"ais(temperatures={t}, chains=4)") for t in (10, 400))
    assert many.gap.mean() < few.gap.mean() / 2
    assert many.gap.mean() < 0.5


def test_every_kind_of_prior_is_sampled():
    import zoo

    for name in ("vamp_vae", "vamp_hvae", "dirichlet_vae"):
        vae = zoo.build(name, (6,), "binary", latent=4, network="mlp(hidden=(5,))")
        vae.adapt(np.float32(np.random.default_rng(0).integers(0, 2, (600, 6))))
        found = vae.bdmc(8, "ais(temperatures=40, chains=8)", seed=3)
        assert np.all(np.isfinite(found))
        assert np.all(np.abs(found.gap) < 1)


def test_refusals():
    vae = linear_model(2, 3.0).vae
    with pytest.raises(ValueError, match=r"Expected method= to be annealed importance sampling, 'ais\(...\)', got"):
        vae.bdmc(3, "importance")
    with pytest.raises(ValueError, match="Expected examples to be a whole number, 1 or more, got 0"):
        vae.bdmc(0)
