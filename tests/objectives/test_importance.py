"""Importance-weighted bounds: what they are worth, and their gradient against naive loops in numpy."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from tests.models.linear_gaussian import inverse_positive, linear_vae, model
from tests.models.small_vae import PARTS, B, X, flat, gradients, naive, small_vae
from tests.shared.reference import assert_mean, log_sum_exp, normal_kl
from zoo.objectives import IWAE, DReG, Terms
from zoo.posteriors import DiagNormalPosterior

RNG = np.random.default_rng(0)


def bounds(terms, samples):
    """`IWAE`'s bound, of draws taken K at a time [draws / K, B]."""
    shape = [samples, terms.log_px.shape[0] // samples * terms.log_px.shape[1]]
    grouped = [tf.reshape(t, shape) for t in (terms.log_px, terms.log_pz, terms.log_qz)]
    layer = IWAE(samples=samples, dtype="float64")
    layer.build()
    return layer(Terms(*grouped, kl=None, z=None, batch_statistic=None)).numpy().reshape(-1, terms.log_px.shape[1])


def terms_of(log_px, log_pz, log_qz):
    return Terms(*map(tf.constant, (log_px, log_pz, log_qz)), kl=None, z=None, batch_statistic=None)


@pytest.mark.parametrize("samples", [1, 2, 7])
@pytest.mark.parametrize("annealing", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("kind", [IWAE, DReG])
def test_log_mean_exp_of_the_weights(kind, annealing, samples):
    log_px, log_pz, log_qz = RNG.normal(0, 3, (3, samples, B))
    layer = kind(samples=samples)
    layer.build()
    layer.annealing.assign(annealing)
    expected = np.log(np.mean(np.exp(log_px + annealing * (log_pz - log_qz)), axis=0))
    np.testing.assert_allclose(layer(terms_of(log_px, log_pz, log_qz)), expected, rtol=1e-12, atol=1e-12)


def test_one_draw_gives_its_log_weight():
    layer = IWAE(samples=1)
    layer.build()
    terms = terms_of(*RNG.normal(-100, 3, (3, 1, B)).astype(np.float32))
    np.testing.assert_allclose(layer(terms), terms.log_weights[0], rtol=1e-6)


@pytest.mark.parametrize("offset", [-5000.0, 0.0, 5000.0])
@pytest.mark.parametrize("spread", [0.01, 1.0, 1000.0])
def test_log_weights_of_thousands_and_very_different_ones(offset, spread):
    log_px = np.float32(offset + spread * RNG.normal(size=(6, B)))
    with tf.GradientTape() as tape:
        weights = tf.constant(log_px)
        tape.watch(weights)
        layer = IWAE(samples=6)
        layer.build()
        bound = layer(Terms(weights, 0 * weights, 0 * weights, None, None, None))
    exact_bound = special.logsumexp(np.float64(log_px), axis=0) - np.log(6)
    np.testing.assert_allclose(bound, exact_bound, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(bound, weights), special.softmax(np.float64(log_px), axis=0), atol=1e-3)


def inexact(stretch):
    """The linear-Gaussian VAE with the best means, and diagonal standard deviations `stretch` times the best ones."""
    vae, truth = linear_vae(DiagNormalPosterior, "float64"), model()
    d, latent = truth.W.shape
    sigma = stretch / np.sqrt(np.diag(np.linalg.inv(truth.posterior_covariance)))
    kernel = np.concatenate([truth.posterior_map.T, np.zeros((d, latent))], axis=1)
    bias = np.concatenate([-truth.posterior_map @ truth.b, inverse_positive(sigma)])
    vae.posterior.params.set_weights([kernel, bias])
    return vae, truth, np.diag(sigma**2)


def squared_weight(covariance_q, covariance_p):
    """E_q (p/q)² of two normals of one mean: ∫ p²/q."""
    precision = 2 * np.linalg.inv(covariance_p) - np.linalg.inv(covariance_q)
    log_dets = [np.linalg.slogdet(m)[1] for m in (covariance_q, covariance_p, precision)]
    return np.exp(0.5 * log_dets[0] - log_dets[1] - 0.5 * log_dets[2])


def test_bounds_rise_with_draws_from_the_elbo_to_log_p_x():
    vae, truth, covariance = inexact(stretch=2.5)
    x = truth.sample(20, np.random.default_rng(1))
    terms = vae.terms(x, samples=50 * 400, seed=[0, 1])
    log_p = truth.log_density(x).mean()
    # Means of 400 times 50 draws: one number each, so that their errors can be told.
    mean = {k: bounds(terms, k).reshape(400, -1).mean(axis=1) for k in (1, 5, 50)}
    error = {k: values.std(ddof=1) / 20 for k, values in mean.items()}
    gap = normal_kl(np.zeros(3), covariance, np.zeros(3), truth.posterior_covariance)
    assert_mean(mean[1], log_p - gap)  # the ELBO's gap is KL(q(z|x) ‖ p(z|x)), in closed form
    for fewer, more in ((1, 5), (5, 50)):
        rise = mean[more] - mean[fewer]
        assert rise.mean() > 5 * rise.std(ddof=1) / 20
    assert mean[50].mean() < log_p - 5 * error[50]
    # log p(x) less the bound is Var(w) / 2K p(x)² and terms of 1/K² (Nowozin, 2018, theorem 1).
    variance = squared_weight(covariance, truth.posterior_covariance) - 1
    assert log_p - mean[50].mean() == pytest.approx(variance / 100, rel=0.2, abs=5 * error[50])


@pytest.mark.parametrize("posterior", ["diag", "tril"])
@pytest.mark.parametrize("samples", [1, 5])
def test_iwae_gradient_is_that_of_naive_loops(posterior, samples):
    vae = small_vae(f"iwae(samples={samples})", posterior, "mixture(components=2)")
    terms, got = gradients(vae, *PARTS)
    numpy = naive(vae)
    noise = [[numpy.noise(x, z) for x, z in zip(X, row, strict=True)] for row in terms.z.numpy()]

    def loss(model):
        total = 0.0
        for b, x in enumerate(X):
            draws = [model.draw(x, row[b]) for row in noise]
            log_weights = [model.log_px(x, z) + model.log_pz(z) - model.log_qz(x, z) for z in draws]
            total -= (log_sum_exp(np.array(log_weights)) - np.log(samples)) / B
        return total

    expected = flat(numpy.gradient(loss, *PARTS))
    np.testing.assert_allclose(flat(got), expected, rtol=0, atol=1e-14 * np.abs(expected).max())


@pytest.mark.parametrize("options", [{"samples": 0}, {"samples": 2.5}, {"samples": True}, {"samples": "5"}])
@pytest.mark.parametrize("kind", [IWAE, DReG])
def test_impossible_options_are_refused(kind, options):
    with pytest.raises(ValueError, match="Expected samples"):
        kind(**options)
