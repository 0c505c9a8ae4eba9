"""Normal posteriors and priors against scipy and numpy in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from reference import assert_mean, mixture_log_density, normal_kl
from scipy import stats

import zoo
from zoo import registry
from zoo.layer import MIN_SCALE, positive
from zoo.objectives import kl_divergence

tfd = tfp.distributions
FAMILIES = zoo.names("normal")
NORMAL_PRIORS = [name for name in zoo.names("prior") if name in ("standard", *FAMILIES)]


def numbers(*shape, scale=0.5, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def family(name, d, batch=()):
    """A normal of that family at random parameters, and the parameters."""
    make = registry.build("normal", name)
    params = numbers(*batch, make.size(d))
    return make(tf.constant(params), d), params


def moments(name, params, d):
    """Mean and covariance for parameters, by numpy loops in float64."""
    loc, raw = np.float64(params[:d]), np.float64(params[d:])
    scale = lambda x: np.log1p(np.exp(x + np.log(np.expm1(1 - MIN_SCALE)))) + MIN_SCALE  # noqa: E731
    if name == "diag":
        return loc, np.diag(scale(raw) ** 2)
    lower = tfp.math.fill_triangular(raw).numpy()
    for i in range(d):
        lower[i, i] = scale(lower[i, i])
    return loc, lower @ lower.T


def test_positive_is_one_at_zero_and_over_its_floor():
    assert positive(tf.constant(0.0)).numpy() == pytest.approx(1, abs=1e-6)
    assert positive(tf.constant(0.0), floor=0.3).numpy() == pytest.approx(1, abs=1e-6)
    assert np.all(positive(tf.constant([-100.0, -1e4, -1e30])) >= MIN_SCALE)


@pytest.mark.parametrize("name", FAMILIES)
def test_all_parameters_zero_give_the_standard_normal(name):
    make = registry.build("normal", name)
    q = make(tf.zeros([make.size(4)]), 4)
    np.testing.assert_allclose(q.mean(), np.zeros(4), atol=1e-6)
    np.testing.assert_allclose(q.covariance(), np.eye(4), atol=1e-6)


def test_latent_parameters():
    size = {name: registry.build("normal", name).size(20) for name in ("diag", "tril")}
    assert size == {"diag": 2 * 20, "tril": 20 * 23 // 2}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("d", [1, 2, 16])
def test_density_at_points_it_did_not_draw(name, d):
    q, params = family(name, d)
    mean, covariance = moments(name, params, d)
    z = numbers(50, d, scale=2, seed=1)
    expected = stats.multivariate_normal(mean, covariance).logpdf(z)
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(q.covariance(), covariance, rtol=1e-5, atol=1e-5)
    assert q.entropy().numpy() == pytest.approx(
        stats.multivariate_normal(mean, covariance).entropy(), rel=1e-5, abs=1e-5
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_draws_have_its_moments(name):
    q, params = family(name, 3)
    mean, covariance = moments(name, params, 3)
    z = q.sample(50_000, seed=[1, 2]).numpy().astype(np.float64)
    assert_mean(z, mean)
    centred = z - mean
    assert_mean(centred[:, :, None] * centred[:, None, :], covariance)


def test_tril_reaches_every_covariance():
    root = np.random.default_rng(0).normal(size=(5, 5))
    covariance = root @ root.T + 0.1 * np.eye(5)
    scale_tril = np.linalg.cholesky(covariance)
    raw_diagonal = np.log(np.expm1(np.diag(scale_tril) - MIN_SCALE)) - np.log(np.expm1(1 - MIN_SCALE))
    raw = np.tril(scale_tril, -1) + np.diag(raw_diagonal)
    params = np.concatenate([np.zeros(5), tfp.math.fill_triangular_inverse(raw).numpy()])
    np.testing.assert_allclose(registry.build("normal", "tril")(tf.constant(params), 5).covariance(), covariance)


@pytest.mark.parametrize("posterior", FAMILIES)
@pytest.mark.parametrize("prior", NORMAL_PRIORS)
def test_kl_to_normal_priors_is_in_closed_form(posterior, prior):
    d = 5
    q, params = family(posterior, d, batch=(3,))
    layer = registry.build("prior", prior, event_shape=(d,))
    layer.build(None)
    layer.set_weights([numbers(*w.shape, seed=7) for w in layer.get_weights()])
    p = layer()
    kl = kl_divergence(q, p, z=None)  # without draws: an estimate from draws would fail
    expected = [
        normal_kl(*moments(posterior, row, d), np.float64(p.mean().numpy()), np.float64(p.covariance().numpy()))
        for row in params
    ]
    np.testing.assert_allclose(tf.reduce_sum(kl, axis=-1), expected, rtol=1e-4, atol=1e-5)
    diagonal = posterior == "diag" and prior in ("standard", "diag")
    assert kl.shape == ([3, d] if diagonal else [3, 1])


def test_kl_of_each_dimension():
    q, params = family("diag", 4, batch=(2,))
    p = registry.build("prior", "standard", event_shape=(4,))()
    scale = positive(tf.constant(params[:, 4:])).numpy()
    expected = 0.5 * (params[:, :4] ** 2 + scale**2 - 1) - np.log(scale)
    np.testing.assert_allclose(kl_divergence(q, p, None), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["diag", "tril"])
def test_mixture_prior_is_the_weighted_sum_of_its_components(name):
    layer = registry.build("prior", {"name": "mixture", "components": 4, "normal": name}, event_shape=(3,))
    layer.build(None)
    logits, loc, raw = (numbers(*w.shape, seed=i) for i, w in enumerate(layer.get_weights()))
    layer.set_weights([logits, loc, raw])
    weights = np.exp(logits) / np.exp(logits).sum()
    components = [moments(name, np.concatenate([m, s]), 3) for m, s in zip(loc, raw, strict=True)]
    z = numbers(20, 3, scale=2, seed=9)
    expected = mixture_log_density(z, weights, *zip(*components, strict=True))
    np.testing.assert_allclose(layer().log_prob(z), expected, rtol=1e-5, atol=1e-4)
    # Draws draw the component: the mean is the mixture's, and the components' means lie apart.
    draws = layer().sample(50_000, seed=[0, 1]).numpy().astype(np.float64)
    assert_mean(draws, sum(w * mean for w, (mean, _) in zip(weights, components, strict=True)))


def test_kl_to_a_mixture_is_estimated_from_draws():
    q = tfd.MultivariateNormalDiag([[0.3, -0.2]], [[0.5, 0.8]])
    layer = registry.build("prior", "mixture(components=3)", event_shape=(2,))
    layer.build(None)
    p = layer()
    z = q.sample(4, seed=[0, 0])
    expected = (q.log_prob(z) - p.log_prob(z)).numpy().mean(axis=0)
    np.testing.assert_allclose(kl_divergence(q, p, z)[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_posteriors_start_calm(name):
    vae = zoo.build("diag_vae", (8, 8, 1), "binary", latent=32, posterior=name)
    x = np.random.default_rng(0).integers(0, 2, (20, 8, 8, 1))
    q = vae.encode(x)
    covariance = q.covariance().numpy()
    assert np.linalg.cond(covariance).max() < 100
    assert np.sum(kl_divergence(q, vae.prior(), None), axis=-1).max() < 0.5 * 32
