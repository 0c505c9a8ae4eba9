"""Densities integrate to one, and draws follow them."""

import numpy as np
import pytest
import tensorflow as tf
from parts import likelihood, posterior, prior, specs, supports, wild
from reference import assert_mean
from scipy import stats

H = tf.random.stateless_normal([1, 8], [1, 2])
LATENTS = [("posterior", spec) for spec in specs("posterior")] + [("prior", spec) for spec in specs("prior")]


def distribution(role, spec, latent):
    """A distribution of that part at weights of some size, batch []."""
    if role == "prior":
        return wild(prior(spec, latent), 0.7)()
    q = wild(posterior(spec, latent), 0.3)(H)
    return q[0] if q.batch_shape == [1] else q


def grid(low, high, n, d):
    """The midpoints [n^d, d] of equal cells, and a cell's volume."""
    edges = np.linspace(low, high, n + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    points = np.stack(np.meshgrid(*[middle] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return points.astype(np.float32), (edges[1] - edges[0]) ** d


@pytest.mark.parametrize(("role", "spec"), LATENTS)
@pytest.mark.parametrize("latent", [1, 2])
def test_latent_density_integrates_to_one(role, spec, latent):
    points, volume = grid(-15, 15, 1000, latent)
    density = np.exp(distribution(role, spec, latent).log_prob(points).numpy().astype(np.float64))
    assert density.sum() * volume == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("role", "spec"), LATENTS)
def test_latent_draws_follow_the_density(role, spec):
    d = distribution(role, spec, 2)
    z = d.sample(40_000, seed=[3, 4])
    # E_d[r(z) / d(z)] = ∫ r = 1 for any density r within d's support; r is narrow, so the ratio's variance is small.
    centre = d.sample(seed=[5, 6]).numpy()
    r = stats.multivariate_normal(centre, 0.1**2 * np.eye(2)).pdf(z.numpy())
    assert_mean(r / np.exp(d.log_prob(tf.identity(z.numpy())).numpy().astype(np.float64)), 1)
    assert_mean(z.numpy().astype(np.float64), d.mean().numpy())


POINTS = {
    "binary": lambda: (np.float32([[0, 0], [0, 1], [1, 0], [1, 1]]), 1.0),
    "unit": lambda: grid(0, 1, 500, 2),
    "real": lambda: grid(-15, 15, 1500, 2),
    "levels": lambda: (np.float32(np.stack(np.meshgrid(range(256), range(256)), -1).reshape(-1, 2)), 1.0),
}


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_likelihood_integrates_to_one(spec):
    points, volume = POINTS[supports(spec)[0]]()
    px = wild(likelihood(spec, (2,)), 0.3)(H)
    density = np.exp(px.log_prob(points).numpy().astype(np.float64))
    assert density.sum() * volume == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_likelihood_mean_is_the_mean_of_draws(spec):
    px = wild(likelihood(spec, (3,)), 0.3)(H)
    assert_mean(px.sample(40_000, seed=[3, 4]).numpy()[:, 0].astype(np.float64), px.mean()[0].numpy())
