"""Marginal densities of latent dimensions against scipy, and the shape of posteriors against hand-made matrices."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

import zoo
from tests.models.layers import open_posterior, prior, singles, wild
from tests.shared.reference import normal_moments
from training.evaluation.covariance import summarize
from zoo.distributions.mixtures import marginals as module
from zoo.distributions.mixtures.marginals import marginal_log_prob, normal_components

RNG = np.random.default_rng(0)
L = 3


def log_marginals(z, weights, means, covariances):
    """log Σₘ πₘ N(zⱼ; μₘⱼ, Σₘⱼⱼ) of points z [N, L] by scipy: [N, L]."""
    scales = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    densities = stats.norm(np.asarray(means), scales).logpdf(np.float64(z)[:, None])  # [N, M, L]
    return special.logsumexp(densities, axis=1, b=np.asarray(weights)[:, None])


def assert_marginals(distribution, weights, means, covariances, rtol=1e-5):
    z = np.asarray(distribution.sample(50, seed=[0, 1]))
    found = marginal_log_prob(normal_components(distribution), tf.constant(z))
    np.testing.assert_allclose(found, log_marginals(z, weights, means, covariances), rtol=rtol, atol=1e-5)


@pytest.mark.parametrize("family", ["diag", "tril", "std_corr", "low_rank(rank=2)", "orthogonal"])
@pytest.mark.parametrize("chunk", [500, 7])
def test_marginals_of_mixtures_of_posteriors(family, chunk, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)  # in several passes, the last of which has fewer components
    layer = open_posterior(family, L, dtype="float32")
    params = singles(40, layer.params_size)
    moments = zip(*(normal_moments(family.split("(")[0], row, L) for row in params), strict=True)
    aggregated = zoo.AggregatedPosterior(layer, tf.constant(params))
    assert_marginals(aggregated, np.full(40, 1 / 40), *map(np.array, moments))


@pytest.mark.parametrize("family", ["standard", "diag", "tril"])
def test_marginals_of_a_normal_prior(family):
    layer = prior(family, L)
    mean, covariance = (
        (np.zeros(L), np.eye(L)) if family == "standard" else normal_moments(family, *layer.get_weights(), L)
    )
    assert_marginals(layer(), [1.0], [mean], [covariance])


@pytest.mark.parametrize("family", ["low_rank(rank=2)", "orthogonal", "std_corr"])
def test_marginals_of_one_normal(family):
    layer = open_posterior(family, L, dtype="float32")
    params = singles(layer.params_size)
    mean, covariance = normal_moments(family.split("(")[0], params, L)
    assert_marginals(layer.distribution(tf.constant(params)), [1.0], [mean], [covariance])


@pytest.mark.parametrize("family", ["diag", "tril", "low_rank"])
def test_marginals_of_a_mixture_prior(family):
    layer = prior({"name": "mixture", "components": 4, "normal": family}, L)
    logits, loc, raw = layer.get_weights()
    moments = zip(*(normal_moments(family, np.append(*row), L) for row in zip(loc, raw, strict=True)), strict=True)
    assert np.ptp(logits) > 0.3
    assert_marginals(layer(), special.softmax(logits), *map(np.array, moments))


@pytest.mark.parametrize("family", ["diag", "tril"])
def test_marginals_of_a_vamp_prior(family):
    vae = small_vae(posterior=family, prior="vamp(components=4, weights='learned')")
    vae.prior.logits.assign([0.5, -0.5, 0.0, 1.0])
    q = vae.posterior_at(vae.prior.pseudo_inputs)
    weights = special.softmax(vae.prior.logits.numpy())
    assert_marginals(vae.prior(encode=vae.posterior_at), weights, q.mean().numpy(), q.covariance().numpy(), rtol=1e-4)


def test_marginals_of_a_compressed_posterior_have_its_weights():
    covariance = np.tile(np.eye(L), (3, 1, 1)) * [[[0.5]], [[1.0]], [[2.0]]]
    weights, loc = np.array([0.7, 0.2, 0.1]), RNG.normal(size=(3, L))
    assert_marginals(zoo.CompressedPosterior(weights, loc, covariance), weights, loc, covariance)


def small_vae(**parts):
    vae = zoo.build("diag_vae", 5, "real", network="mlp(hidden=(8,))", **({"latent": L} | parts))
    wild(vae.posterior)
    return vae


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("prior", {"prior": "maf"}),
        ("both", {"posterior": "dirichlet", "prior": "dirichlet"}),
        ("both", {"posterior": "hierarchical", "prior": "hierarchical"}),
        ("both", {"posterior": "dirichlet", "prior": "vamp(components=3)"}),
        ("posterior", {"posterior": "mixture"}),
        ("posterior", {"posterior": "iaf"}),
    ],
)
def test_other_distributions_have_none(name, parts):
    vae = small_vae(**parts)
    aggregated = zoo.aggregated_posterior(vae, singles(6, 5), progress=False)
    assert (normal_components(vae.prior(encode=vae.posterior_at)) is None) == (name in ("prior", "both"))
    assert (normal_components(aggregated) is None) == (name in ("posterior", "both"))


def test_marginals_in_double_precision():
    layer = prior("tril", L, dtype="float64")
    mean, covariance = normal_moments("tril", *layer.get_weights(), L)
    z = RNG.normal(size=(20, L))
    found = marginal_log_prob(normal_components(layer()), tf.constant(z))
    np.testing.assert_allclose(found, log_marginals(z, [1.0], [mean], [covariance]), rtol=1e-10)


# the shape of posteriors


@pytest.mark.parametrize("latent", [1, 2, 7])
def test_diagonal_covariances_are_of_full_rank(latent):
    variances = RNG.uniform(0.1, 10, size=(9, latent))
    found = summarize(np.einsum("ni,ij->nij", variances, np.eye(latent)))
    assert (found.posteriors, found.mean_absolute_correlation) == (9, 0)
    assert found.correlation_condition == pytest.approx(1)
    assert found.effective_rank == pytest.approx(latent)
    condition = np.median(variances.max(axis=1) / variances.min(axis=1))
    assert found.covariance_condition == pytest.approx(condition)


@pytest.mark.parametrize("rho", [-0.3, 0.5, 0.99])
@pytest.mark.parametrize("scale", [1.0, np.array([0.1, 1, 3, 20])])
def test_equal_correlations(rho, scale):
    size = 4
    omega = np.full((size, size), rho) + (1 - rho) * np.eye(size)
    found = summarize(np.float32([omega * np.outer(*2 * [scale * np.ones(size)])] * 3))
    # The eigenvalues are 1 + (L − 1) ρ, once, and 1 − ρ.
    values = np.array([1 + (size - 1) * rho] + (size - 1) * [1 - rho])
    shares = values / size
    assert found.mean_absolute_correlation == pytest.approx(abs(rho), rel=1e-5)
    assert found.correlation_condition == pytest.approx(values.max() / values.min(), rel=1e-4)
    assert found.effective_rank == pytest.approx(np.prod(shares**-shares), rel=1e-4)


def test_figures_are_means_and_medians_over_posteriors():
    covariances = [np.array([[1, rho], [rho, 1]]) for rho in (0, 0.5, -0.8)]
    found, alone = summarize(np.array(covariances)), [summarize(c[None]) for c in covariances]
    assert found.mean_absolute_correlation == pytest.approx(1.3 / 3)
    assert found.correlation_condition == found.covariance_condition == pytest.approx(3)  # 1, 3, 9
    assert found.effective_rank == pytest.approx(np.mean([one.effective_rank for one in alone]))


def test_two_dimensions_that_are_one():
    found = summarize(np.ones((1, 2, 2)))
    assert found.effective_rank == pytest.approx(1)
    assert found.mean_absolute_correlation == pytest.approx(1)
