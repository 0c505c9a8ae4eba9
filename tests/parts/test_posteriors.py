"""How posteriors start, what moments from draws are worth, and mixtures, against numpy and scipy in float64."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

import zoo
from tests.models.layers import gradients_of_draws, numbers, numeric_gradient, open_posterior, posterior
from tests.models.small_vae import B, L, X, gradients, small_vae
from tests.shared.reference import assert_mean, mixture_log_density, mixture_moments, positive
from zoo import registry
from zoo.distributions import kl_divergence


@pytest.mark.parametrize("name", zoo.names("normal"))
def test_normal_posteriors_start_calm(name):
    vae = zoo.build("diag_vae", (8, 8, 1), "binary", latent=32, posterior=name)
    x = np.random.default_rng(0).integers(0, 2, (20, 8, 8, 1))
    q = vae.encode(x)
    covariance = q.covariance().numpy()
    assert np.linalg.cond(covariance).max() < 100
    assert np.sum(kl_divergence(q, vae.prior(), None, None), axis=-1).max() < 0.5 * 32


@pytest.mark.parametrize("spec", ["hierarchical(hidden=8)", "iaf"])
def test_moments_from_draws_are_within_their_error(spec):
    q = posterior(spec, 4)(tf.constant(numbers(3, 6)))
    z = q.sample(50_000, seed=[1, 2]).numpy()
    error = z.std(axis=0) * np.sqrt(1 / 256 + 1 / 50_000)
    assert np.all(np.abs(q.mean() - z.mean(axis=0)) < 5 * error)
    assert np.all(np.abs(q.stddev() / z.std(axis=0) - 1) < 0.3)
    np.testing.assert_array_equal(q.mean(), q.mean())
    np.testing.assert_allclose(q.variance(), np.diagonal(q.covariance(), axis1=1, axis2=2))
    assert np.all(np.linalg.eigvalsh(q.covariance()) > 0)


# Mixture


def mixture_parts(params, m, d):
    """Weights, means and variances of a mixture posterior at its parameters."""
    loc, raw_scale, logits = np.split(params, [m * d, 2 * m * d])
    return special.softmax(logits), loc.reshape(m, d), positive(raw_scale.reshape(m, d)) ** 2


@pytest.mark.parametrize("d", [1, 3])
def test_mixture_density_and_moments(d):
    m, h = 4, numbers(2, 4 * (1 + 2 * d), scale=1)
    q = open_posterior("mixture(components=4)", d)(tf.constant(h))
    z = numbers(20, d, scale=2, seed=1)
    for i, row in enumerate(h):
        weights, means, variances = mixture_parts(row, m, d)
        components = weights, means, [np.diag(v) for v in variances]
        mean, covariance = mixture_moments(*components)
        np.testing.assert_allclose(q.log_prob(z[:, None])[:, i], mixture_log_density(z, *components), rtol=1e-10)
        np.testing.assert_allclose(q.mean()[i], mean)
        np.testing.assert_allclose(q.covariance()[i], covariance, atol=1e-12)
        np.testing.assert_allclose(q.stddev()[i], np.sqrt(np.diag(covariance)))


def mixture_expectation(params, m, d):
    """E[Σᵢ (zᵢ² + zᵢ) + Πᵢ zᵢ]."""
    weights, means, variances = mixture_parts(params, m, d)
    return weights @ (np.sum(means**2 + variances + means, axis=-1) + np.prod(means, axis=-1))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_mixture_draws_have_the_right_gradient(d):
    params = numbers(3 * (1 + 2 * d), scale=0.7, seed=d)

    def f(z):
        return tf.reduce_sum(z**2 + z, axis=-1) + tf.reduce_prod(z, axis=-1)

    found = gradients_of_draws(open_posterior("mixture(components=3)", d, "float32"), params, f, 50_000)
    expected = numeric_gradient(lambda params: mixture_expectation(params, 3, d), params)
    assert np.all(np.abs(expected[-3:]) > 0.01)  # the logits have one
    assert_mean(found, expected)


def strata(spec, d, n, rows=2):
    """A mixture posterior of some rows, draws of its strata, and their log shares."""
    q = open_posterior(spec, d)(tf.constant(numbers(rows, 3 * (1 + 2 * d), scale=0.7)))
    return q, *q.sample_strata(n, [1, 2])


def test_strata_are_draws_of_each_component_and_their_shares_its_weight():
    n, d = 20_000, 2
    params = numbers(2, 3 * (1 + 2 * d), scale=0.7)
    _, z, log_draw_weights = strata("mixture(components=3)", d, n)
    assert z.shape == (3 * n, 2, d)
    z, shares = z.numpy().reshape(3, n, 2, d), np.exp(log_draw_weights.numpy()).reshape(3, n, 2)
    for i, row in enumerate(params):
        weights, means, variances = mixture_parts(row, 3, d)
        np.testing.assert_allclose(shares[:, :, i], np.tile(weights[:, None] / n, n))
        for m in range(3):
            assert_mean(z[m, :, i], means[m])
            assert_mean((z[m, :, i] - means[m]) ** 2, variances[m])


@pytest.mark.parametrize("annealing", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("name", ["elbo", "iwae"])
def test_bounds_of_a_mixture_weigh_its_strata(name, annealing):
    vae = small_vae({"name": name, "samples": 2}, "mixture(components=3)", "mixture(components=2)")
    vae.objective.annealing.assign(annealing)
    terms = vae(X)
    assert terms.z.shape == (6, B, L)
    log_px, log_pz, log_qz = (t.numpy() for t in (terms.log_px, terms.log_pz, terms.log_qz))
    q = vae.encode(X)
    weights = q.mixture_distribution.probs_parameter().numpy() ** annealing  # in a warm-up nearer to equal ones
    weights /= weights.sum(axis=-1, keepdims=True)
    shares = np.repeat(weights.T, 2, axis=0) / 2  # [6, B]
    each = q.components_distribution.log_prob(terms.z[:, :, None]).numpy()  # [6, B, M]
    np.testing.assert_allclose(log_qz, special.logsumexp(each, axis=-1, b=weights), rtol=1e-10)
    log_w = log_px + annealing * (log_pz - log_qz)
    expected = {"elbo": np.sum(shares * log_w, axis=0), "iwae": np.log(np.sum(shares * np.exp(log_w), axis=0))}
    np.testing.assert_allclose(vae.objective(terms), expected[name], rtol=1e-12)


@pytest.mark.parametrize("name", ["elbo", "iwae"])
def test_bounds_of_a_mixture_have_the_gradient_that_they_show(name):
    # Of given noise they are smooth functions of all parameters, the weights of the components included; those of
    # draws of the mixture itself are not.
    vae = small_vae({"name": name, "samples": 2}, "mixture(components=3)")
    bias = vae.posterior.params.bias

    def loss(values):
        bias.assign(values)
        vae.seed_counter.assign(0)
        return float(vae.compute_loss(y_pred=vae(X)))

    start = bias.numpy()
    vae.seed_counter.assign(0)
    _, (_, gradient) = gradients(vae, "posterior")
    np.testing.assert_allclose(gradient, numeric_gradient(loss, start), atol=1e-7)
    assert np.abs(gradient[-3:]).min() > 1e-3  # of the logits


def test_components_start_near_each_other():
    layer = registry.build("posterior", "mixture(components=3)", event_shape=(4,))
    layer.build((None, 50))
    h = np.random.default_rng(0).normal(size=(20, 50)).astype(np.float32)
    loc = layer(h).components_distribution.mean().numpy()  # [20, 3, 4]
    assert 0.02 < loc.std(axis=1).mean() / loc.mean(axis=1).std() < 0.2
