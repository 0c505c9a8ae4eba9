"""Dirichlet posteriors and priors against numpy and scipy in float64."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from tests.models.layers import gradients_of_draws, numbers, numeric_gradient, open_posterior, prior
from tests.shared.reference import assert_mean, dirichlet_kl, positive, positive_inverse
from zoo import registry
from zoo.distributions import kl_divergence
from zoo.distributions.dirichlet import MIN_ELEMENT, ReparameterizedDirichlet


def test_density_and_moments():
    h = numbers(4, 3, scale=2)
    q = open_posterior("dirichlet", 3)(tf.constant(h))
    z = np.random.default_rng(1).dirichlet(np.ones(3), 10)
    for i, alpha in enumerate(positive(h, 0.1)):
        law = stats.dirichlet(alpha)
        np.testing.assert_allclose(q.log_prob(z[:, None])[:, i], [law.logpdf(point) for point in z], rtol=1e-9)
        np.testing.assert_allclose(q.mean()[i], law.mean())
        np.testing.assert_allclose(q.covariance()[i], law.cov())


def test_kl_is_in_closed_form():
    alpha, beta = np.array([0.3, 2.0, 5.0]), np.full(3, 0.98)
    q = open_posterior("dirichlet", 3)(tf.constant(positive_inverse(alpha, 0.1)[None]))
    p = registry.build("prior", "dirichlet", event_shape=(3,), dtype="float64")()
    kl = kl_divergence(q, p, None, None)  # without draws: an estimate from draws would fail
    assert kl.shape == (1, 1)
    np.testing.assert_allclose(kl[0, 0], dirichlet_kl(alpha, beta), rtol=1e-9)
    z = np.random.default_rng(0).dirichlet(alpha, 20_000).T
    assert_mean(stats.dirichlet(alpha).logpdf(z) - stats.dirichlet(beta).logpdf(z), kl[0, 0])


@pytest.mark.parametrize("latent", [2, 50])
def test_draws_stay_inside_at_the_floor(latent):
    q = open_posterior("dirichlet", latent, "float32")(tf.fill([1, latent], -100.0))
    np.testing.assert_allclose(q.concentration, np.full([1, latent], 0.1), rtol=1e-5)
    z, log_prob = q.experimental_sample_and_log_prob(20_000, seed=[1, 2])
    assert z.numpy().min() > 0
    assert np.all(np.isfinite(log_prob))
    np.testing.assert_allclose(np.sum(z, axis=-1), 1, rtol=1e-5)


def dirichlet_expectation(params):
    """E[Σᵢ (zᵢ² + i zᵢ) + Πᵢ zᵢ]."""
    alpha = positive(params, 0.1)
    total, n = alpha.sum(), len(alpha)
    product = np.prod(alpha) / special.poch(total, n)
    return np.sum(alpha * (alpha + 1)) / (total * (total + 1)) + np.arange(n) @ alpha / total + product


def test_draws_have_the_right_gradient():
    def f(z):
        return tf.reduce_sum(z**2 + z * tf.range(3.0), axis=-1) + tf.reduce_prod(z, axis=-1)

    params = np.array([-1.0, 0.3, 1.5])
    found = gradients_of_draws(open_posterior("dirichlet", 3, "float32"), params, f, 50_000)
    assert_mean(found, numeric_gradient(dirichlet_expectation, params))


@pytest.mark.parametrize("concentration", [0.1, 0.5, 1.0, 8.0])
def test_draws_follow_the_law(concentration):
    z = ReparameterizedDirichlet([concentration, 0.7, 2.0]).sample(20_000, seed=[3, 4]).numpy()[:, 0].astype(np.float64)
    # By chance once in a million.
    assert stats.kstest(z, stats.beta(concentration, 2.7).cdf).pvalue > 1e-6


def test_gradients_are_finite_where_draws_round_to_the_border():
    concentration = tf.fill([50], 0.1)
    with tf.GradientTape() as tape:
        tape.watch(concentration)
        q = ReparameterizedDirichlet(concentration)
        z, log_prob = q.experimental_sample_and_log_prob(2_000, seed=[1, 2])
        total = tf.reduce_sum(log_prob) + tf.reduce_sum(z**2)
    assert np.mean(z == MIN_ELEMENT) > 1e-4
    assert np.all(np.isfinite(tape.gradient(total, concentration)))


def test_compiles_after_the_same_was_traced_without_xla():
    layer = open_posterior("dirichlet", 3, "float32")
    draws = [
        tf.function(lambda h: layer(h).sample(seed=[1, 2]), jit_compile=jit, input_signature=[tf.TensorSpec([None, 3])])
        for jit in (False, True)
    ]
    for draw in draws:
        np.testing.assert_allclose(np.sum(draw(tf.zeros([4, 3])), axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("concentration", [0.3, 0.98, 1, 5])
def test_prior_density(concentration):
    p = prior(f"dirichlet(concentration={concentration})", 4, "float64")()
    z = np.random.default_rng(0).dirichlet(np.ones(4), 10)
    expected = [stats.dirichlet(np.full(4, concentration)).logpdf(point) for point in z]
    np.testing.assert_allclose(p.log_prob(z), expected, rtol=1e-9)
    q = registry.build("prior", "dirichlet(concentration=2.5)", event_shape=(4,), dtype="float64")()
    kl = dirichlet_kl(np.full(4, 2.5), np.full(4, float(concentration)))
    np.testing.assert_allclose(kl_divergence(q, p, None, None)[0], kl, rtol=1e-9)


@pytest.mark.parametrize("concentration", [0.01, 0.1])
@pytest.mark.parametrize("latent", [2, 50])
def test_prior_draws_stay_inside(concentration, latent):
    p = prior(f"dirichlet(concentration={concentration})", latent)()
    z, log_prob = p.experimental_sample_and_log_prob(20_000, seed=[1, 2])
    assert z.numpy().min() > 0
    np.testing.assert_allclose(np.sum(z, axis=-1), 1, rtol=1e-4)
    assert np.all(np.isfinite(log_prob))
    assert_mean(z.numpy().astype(np.float64), 1 / latent)


@pytest.mark.parametrize("concentration", [0, -1, float("inf"), float("nan"), "1", True, None])
def test_prior_refuses_impossible_concentrations(concentration):
    with pytest.raises(ValueError, match="concentration"):
        registry.build("prior", {"name": "dirichlet", "concentration": concentration}, event_shape=(3,))


@pytest.mark.parametrize("kind", ["posterior", "prior"])
def test_one_category_is_refused(kind):
    with pytest.raises(ValueError, match="2 or more"):
        registry.build(kind, "dirichlet", event_shape=(1,))
