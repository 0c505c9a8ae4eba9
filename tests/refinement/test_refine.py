"""Refined posteriors against the optimum that is known for linear and Gaussian models, and what they are good for."""

import keras
import numpy as np
import pytest

import zoo
from tests.shared.reference import LinearGaussian
from zoo.likelihoods import NormalLikelihood
from zoo.model.refinement import families, refiner
from zoo.registry import build

SIGMA = 0.7


def linear_vae(latent, posterior, objective="iwae"):
    """A VAE with an untrained encoder, and the model that its generative side is."""
    rng, size = np.random.default_rng(0), 2 * latent
    truth = LinearGaussian(W=rng.normal(size=(size, latent)) / np.sqrt(latent), b=rng.normal(size=size), sigma=SIGMA)
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((size,)), keras.layers.Identity()]),
        posterior=build("posterior", posterior, event_shape=(latent,)),
        prior=build("prior", "standard", event_shape=(latent,)),
        decoder=keras.Sequential([keras.Input((latent,)), keras.layers.Identity()]),
        likelihood=NormalLikelihood((size,), scale=SIGMA),
        objective=build("objective", objective),
    )
    vae.likelihood.params.set_weights([truth.W.T, truth.b])
    # Means far from the true ones, and covariances near I, as those of untrained posteriors are.
    scale = np.where(np.arange(vae.posterior.params_size) < latent, 0.3, 0.05)
    vae.posterior.set_weights([scale * rng.normal(size=weight.shape) for weight in vae.posterior.weights])
    return vae, truth, np.float32(truth.sample(5, np.random.default_rng(1)))


def kl_to(loc, covariance, q):
    """KL(q ‖ N(loc, covariance)) [B], in float64."""
    m, c, precision = np.float64(q.mean()), np.float64(q.covariance()), np.linalg.inv(covariance)
    trace = np.einsum("ij,bji->b", precision, c) + np.einsum("bi,ij,bj->b", m - loc, precision, m - loc)
    return 0.5 * (trace - len(covariance) + np.linalg.slogdet(covariance)[1] - np.linalg.slogdet(c)[1])


# d, steps, draws per step, learning rate
EASY, HARD = (2, 600, 20, 0.05), (20, 1000, 40, 0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "steps", "samples", "rate"), [EASY, HARD])
def test_tril_finds_the_true_posterior(d, steps, samples, rate):
    vae, truth, x = linear_vae(d, "tril")
    found = vae.refine(x, steps, samples=samples, learning_rate=rate)
    loc = (x - truth.b) @ truth.posterior_map.T
    assert kl_to(loc, truth.posterior_covariance, found.distribution).max() < 1e-2
    log_p = truth.log_density(x)
    np.testing.assert_allclose(found.elbo, log_p, rtol=0, atol=1e-2)
    assert (log_p - found.amortized_elbo).mean() > 1  # far away before
    scores = found.score(samples=1000)
    np.testing.assert_allclose(scores.log_likelihood, log_p, rtol=0, atol=1e-2)
    assert scores.effective_sample_size.min() > 900
    np.testing.assert_array_equal(found.log_likelihood(samples=1000), scores.log_likelihood)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "steps", "samples", "rate"), [EASY, HARD])
def test_diag_finds_the_diagonal_of_the_precision(d, steps, samples, rate):
    vae, truth, x = linear_vae(d, "diag")
    found = vae.refine(x, steps, samples=samples, learning_rate=rate)
    loc = (x - truth.b) @ truth.posterior_map.T
    optimum = np.diag(1 / np.diag(np.linalg.inv(truth.posterior_covariance)))
    # Unlike that of tril, the gradient has a variance at the optimum.
    assert kl_to(loc, optimum, found.distribution).max() < 0.05
    gap = truth.log_density(x) - found.elbo
    np.testing.assert_allclose(gap, truth.mean_field_gap, rtol=0, atol=0.1)  # of 200 draws
    assert truth.mean_field_gap > 0.09
    as_tril = vae.refine(x, steps, posterior="tril", samples=samples, learning_rate=rate)
    np.testing.assert_allclose(as_tril.elbo, truth.log_density(x), rtol=0, atol=1e-2)
    np.testing.assert_array_equal(as_tril.amortized_elbo, found.amortized_elbo)


@pytest.mark.parametrize("own", ["tril", "low_rank(rank=1)", "orthogonal"])
@pytest.mark.parametrize("other", ["tril", "std_corr"])
def test_a_normal_posterior_starts_as_the_same_one(own, other):
    vae, _, x = linear_vae(3, own)
    family, h = families.family(vae, other), vae.features(x)
    q, expected = family.layer.distribution(families.start(vae, family, h)), vae.encode(x)
    assert family.contains
    np.testing.assert_allclose(q.mean(), expected.mean(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(q.covariance(), expected.covariance(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("own", ["tril", "mixture(components=2)"])
def test_the_nearest_start_has_the_same_means_and_standard_deviations(own):
    vae, _, x = linear_vae(3, own)
    family, h = families.family(vae, "diag"), vae.features(x)
    q, expected = family.layer.distribution(families.start(vae, family, h)), vae.encode(x)
    assert not family.contains
    np.testing.assert_allclose(q.mean(), expected.mean(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(q.stddev(), np.sqrt(np.diagonal(expected.covariance(), axis1=1, axis2=2)), rtol=1e-3)


def test_a_smaller_family_may_be_worse():
    vae, truth, x = linear_vae(2, "tril")
    loc = (x[:1] - truth.b) @ truth.posterior_map.T
    params = vae.posterior.family.from_covariance(loc, truth.posterior_covariance[None])[0]
    vae.posterior.params.set_weights([np.zeros(vae.posterior.params.kernel.shape), params])
    found = vae.refine(x[:1], steps=100, posterior="diag", samples=20)
    np.testing.assert_allclose(found.amortized_elbo, truth.log_density(x[:1]), rtol=0, atol=1e-2)
    np.testing.assert_allclose(-found.amortization_gap, truth.mean_field_gap, rtol=0, atol=0.1)


def test_chunks_do_not_change_the_result(monkeypatch):
    vae, _, x = linear_vae(2, "diag")
    whole = vae.refine(x, steps=5)
    monkeypatch.setattr(refiner, "POINTS_PER_CHUNK", 2 * 200)
    in_chunks = vae.refine(x, steps=5)  # of 2, 2 and 1
    np.testing.assert_allclose(in_chunks.params, whole.params, rtol=0, atol=1e-5)
    np.testing.assert_allclose(in_chunks.elbo, whole.elbo, rtol=1e-5)
    scores = in_chunks.score(samples=900)
    np.testing.assert_allclose(scores.log_likelihood, whole.score(samples=900).log_likelihood, rtol=0, atol=0.3)
    assert scores.curve.shape == (5, 4)


def test_draws_are_a_function_of_the_seed():
    vae, _, x = linear_vae(2, "diag")
    first, again, other = (vae.refine(x, steps=3, seed=seed).params for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"steps": 0}, "steps to be a whole number"),
        ({"samples": 0}, "samples to be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate to be a finite number"),
        ({"posterior": "iaf"}, "got 'iaf'. Leave it out, or use one of: diag, low_rank, mixture"),
        ({"posterior": "dirichlet"}, "got 'dirichlet'"),
        ({"x": np.full((1, 4), np.nan)}, "NaN|finite"),
        ({"x": np.zeros((1, 5))}, "shape"),
    ],
    ids=str,
)
def test_refused(arguments, words):
    vae, _, x = linear_vae(2, "diag")
    with pytest.raises(ValueError, match=words):
        vae.refine(**{"x": x} | arguments)
    with pytest.raises(KeyError, match="No posterior 'trill'"):
        vae.refine(x, posterior="trill")


def test_log_likelihood_by_a_spec():
    vae, _, x = linear_vae(2, "diag")
    found = vae.estimate_log_likelihood(x, "refined(steps=3, posterior='tril', samples=50)", seed=4)
    own = vae.refine(x, steps=3, posterior="tril", seed=4).score(50, seed=4)
    np.testing.assert_array_equal(found.log_likelihood, own.log_likelihood)
    np.testing.assert_array_equal(found.effective_sample_size, own.effective_sample_size)
    assert found.samples.tolist() == 5 * [50]
    assert (found.standard_error > 0).all()
    by_call = vae.log_likelihood(x, samples=50, seed=4, method="refined(steps=3, posterior='tril')")
    np.testing.assert_array_equal(by_call, found.log_likelihood)


@pytest.mark.slow
def test_importance_sampling_from_refined_posteriors_has_larger_effective_sample_sizes():
    vae = zoo.VAE.from_preset("diag_vae-digits")
    from training.data.named.digits import digits

    x = np.round(np.float32(digits().test[:20]))
    found = vae.refine(x, steps=100)
    as_tril = vae.refine(x, steps=100, posterior="tril")
    before, after, tril = (
        scores(samples=500) for scores in (lambda **k: vae.score(x, **k), found.score, as_tril.score)
    )
    medians = [np.median(scores.effective_sample_size) for scores in (before, after, tril)]
    assert medians[0] < 0.8 * medians[1] < 0.8 * medians[2]
    assert before.elbo.mean() < after.elbo.mean() < tril.elbo.mean()
    assert found.amortization_gap.mean() == pytest.approx(after.elbo.mean() - before.elbo.mean(), abs=0.3)
