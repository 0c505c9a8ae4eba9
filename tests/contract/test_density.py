"""Densities integrate to one, and draws follow them."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import zoo
from tests.contract.parts import latents, likelihood, posterior, prior, specs, supports, wild
from tests.shared.reference import assert_mean
from zoo.distributions import moments

H = tf.random.stateless_normal([1, 8], [1, 2])


LATENTS = [(role, spec, d) for role in ("posterior", "prior") for spec, d in latents(role) if d <= 2]


def distribution(role, spec, latent):
    """A distribution of that part at weights of some size, batch [] or [1]."""
    if role == "prior":
        layer, encode = prior(spec, latent)
        return wild(layer, 0.5)(encode=encode)
    return wild(posterior(spec, latent), 0.3)(H)


def grid(low, high, n, d):
    """The midpoints [n^d, d] of equal cells, and a cell's volume."""
    edges = np.linspace(low, high, n + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    points = np.stack(np.meshgrid(*[middle] * d, indexing="ij"), axis=-1).reshape(-1, d)
    return points.astype(np.float32), (edges[1] - edges[0]) ** d


def log_densities(d, points):
    """log d of points [N, L], by parts, in float64."""
    parts = [np.ravel(d.log_prob(part[:, None, :])) for part in np.array_split(points, -(-len(points) // 50_000))]
    return np.concatenate(parts).astype(np.float64)


@pytest.mark.parametrize(("role", "spec", "latent"), LATENTS)
def test_latent_density_integrates_to_one(role, spec, latent):
    if spec.startswith("dirichlet"):  # over the simplex, that is over its first element
        points, volume = grid(0, 1, 20_000, 1)
        points = np.concatenate([points, 1 - points], axis=1)
    else:
        points, volume = grid(-15, 15, 300, latent)  # errs by less than 1e-6
    density = np.exp(log_densities(distribution(role, spec, latent), points))
    assert density.sum() * volume == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("role", "spec"), [(role, spec) for role, spec, latent in LATENTS if latent == 2])
def test_latent_draws_follow_the_density(role, spec):
    d = distribution(role, spec, 2)
    z = d.sample(40_000, seed=[3, 4]).numpy().reshape(-1, 2)
    # E_d[r(z) / d(z)] = ∫ r = 1 for any density r within d's support; r is narrow, so the ratio's variance is small.
    center = d.sample(seed=[5, 6]).numpy().ravel()
    if spec.startswith("dirichlet"):
        r = stats.beta(*(1 + 20 * center)).pdf(z[:, 0])
    else:
        r = stats.multivariate_normal(center, 0.1**2 * np.eye(2)).pdf(z)
    assert_mean(r / np.exp(log_densities(d, z)), 1)
    # A mean that is estimated from draws has an error of its own.
    draws = moments.DRAWS if isinstance(d, moments.MomentsFromDraws) else np.inf
    error = z.std(axis=0) * np.sqrt(1 / draws + 1 / len(z))
    assert np.all(np.abs(z.mean(axis=0) - np.ravel(d.mean())) < 5 * error + 1e-6)


def points_of(support):
    """Points [N, 2] of a support, and the volume of each: all of a discrete one, a grid on any other."""
    low, high = support.limits
    if support.discrete:
        values = np.arange(low, high + 1)
        return np.float32(np.stack(np.meshgrid(values, values), axis=-1).reshape(-1, 2)), 1.0
    low, high = max(low, -15), min(high, 15)
    return grid(low, high, max(500, 50 * int(high - low)), 2)


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_likelihood_integrates_to_one(spec):
    points, volume = points_of(zoo.support.get(supports(spec)[0]))
    px = wild(likelihood(spec, (2,)), 0.3)(H)
    density = np.exp(px.log_prob(points).numpy().astype(np.float64))
    assert density.sum() * volume == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_likelihood_mean_is_the_mean_of_draws(spec):
    px = wild(likelihood(spec, (3,)), 0.3)(H)
    assert_mean(px.sample(40_000, seed=[3, 4]).numpy()[:, 0].astype(np.float64), px.mean()[0].numpy())
