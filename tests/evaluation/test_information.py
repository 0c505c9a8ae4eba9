"""What the latent code says of the data, for any posterior and prior, against float64 mixtures in numpy."""

import numpy as np
import pytest
from scipy import special

import zoo
from tests.models.layers import wild
from tests.models.open_vae import open_vae
from tests.shared.information import FEW, L, assert_adds_up, assert_estimates, found
from tests.shared.reference import mixture_log_density, normal_moments, normal_params
from training.evaluation import information as module
from training.evaluation.information import information
from zoo.registry import build

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


def encodings(family, n=60):
    """Raw parameters, means and covariances of n posteriors that differ in all of them."""
    rng, size = np.random.default_rng(3), build("posterior", family, event_shape=(L,)).params_size
    params = rng.normal(0, [1.5] * L + [0.5] * (size - L), size=(n, size))
    return params, *map(np.array, zip(*(normal_moments(family.split("(")[0], row, L) for row in params), strict=True))


def mixture_prior():
    """Weights of a prior of two diagonal normals, and the weights, means and covariances that they make."""
    logits, loc = np.array([0.3, -0.5]), np.array([[1.0, 0, -1], [-1, 0.5, 0]])
    covariances = [normal_moments("diag", [*mean, 0.2, -0.5, 0.4], L)[1] for mean in loc]
    return [logits, loc, np.tile([0.2, -0.5, 0.4], (2, 1))], (special.softmax(logits), loc, covariances)


@pytest.mark.parametrize(
    ("family", "prior"),
    [("diag", "standard"), ("tril", "mixture(components=2)"), ("low_rank(rank=2)", "standard")],
)
def test_estimates_are_those_of_numpy(family, prior):
    x, means, covariances = encodings(family)
    set_prior, p = mixture_prior() if "mixture" in prior else ([], ([1.0], [np.zeros(L)], [np.eye(L)]))
    result = found(open_vae(family, prior, set_prior=set_prior), x, draws=4_000)
    assert_adds_up(result)

    q = np.full(len(x), 1 / len(x)), means, covariances
    rng, n = np.random.default_rng(4), 30_000
    index = rng.integers(len(x), size=n)
    z = means[index] + np.einsum("nij,nj->ni", np.linalg.cholesky(covariances)[index], rng.normal(size=(n, L)))
    log_q, log_p = mixture_log_density(z, *q), mixture_log_density(z, *p)
    centered = z - means[index]
    quadratic = np.einsum("ni,nij,nj->n", centered, np.linalg.inv(covariances)[index], centered)
    log_posterior = -0.5 * (quadratic + np.linalg.slogdet(2 * np.pi * covariances)[1][index])

    def marginals(weights, means, covariances):
        """log density of each dimension [n, L]."""
        pairs = [(np.array(means)[:, j, None], np.array(covariances)[:, j, j, None, None]) for j in range(L)]
        return np.stack([mixture_log_density(z[:, j], weights, *pair) for j, pair in enumerate(pairs)], axis=-1)

    def assert_matches(estimate, values):
        assert_estimates(estimate, values.mean(), values.std(ddof=1) / np.sqrt(n))

    assert_matches(result.mutual_information, log_posterior - log_q)
    assert_matches(result.marginal_kl, log_q - log_p)
    assert_matches(result.mean_kl, log_posterior - log_p)
    assert_matches(result.total_correlation, log_q - marginals(*q).sum(axis=1))
    variances = np.array([np.diag(covariance) for covariance in covariances])[index]
    log_dimensions = -0.5 * (centered**2 / variances + np.log(2 * np.pi * variances))
    for values, got in (
        (log_dimensions - marginals(*p), result.mean_kl_of_dimensions),
        (marginals(*q) - marginals(*p), result.marginal_kl_of_dimensions),
    ):
        closed = prior == "standard" and got is result.mean_kl_of_dimensions
        errors = 0 if closed else values.std(axis=0) / np.sqrt(FEW)
        np.testing.assert_allclose(got.standard_error, errors, rtol=0.25)
        assert np.all(np.abs(got.value - values.mean(axis=0)) < 4.5 * np.hypot(errors, values.std(axis=0) / np.sqrt(n)))
    assert (result.mean_kl.standard_error > 0) == ("mixture" in prior)  # no closed form, and a draw of each
    if family == "diag":  # the KL of diagonal normals is the sum over dimensions
        assert result.mean_kl_of_dimensions.value.sum() == pytest.approx(result.mean_kl.value, rel=1e-5)


@pytest.mark.parametrize("width", [0.03, 0.3])
def test_kl_of_a_dimension_whose_posteriors_are_narrow(width):
    x = np.array([normal_params("diag", [mean], [[width**2]]) for mean in RNG.normal(size=30)])
    result = found(open_vae("diag", latent=1), x, draws=FEW)
    assert result.mean_kl_of_dimensions.value[0] == pytest.approx(result.mean_kl.value, rel=1e-5)


def test_equal_posteriors_tell_nothing_and_posteriors_apart_tell_the_example():
    vae = open_vae("diag")
    same = found(vae, np.tile(encodings("diag")[0][:1], (30, 1)), draws=200)
    assert same.mutual_information.value == pytest.approx(0, abs=1e-5)
    assert same.variance_of_means == pytest.approx(0, abs=1e-6)
    assert not same.is_active.any()
    apart = np.concatenate([100 * np.arange(30)[:, None] * [1, 0, 0], np.zeros((30, L))], axis=1)
    result = found(vae, apart, draws=200)
    assert result.mutual_information.value == pytest.approx(np.log(30), abs=1e-3)
    assert list(result.is_active) == [True, False, False]
    # Up to 2,900 standard deviations from the prior, and so far over what exp(−z²/2) is in float32.
    assert 0.3e6 < result.marginal_kl_of_dimensions.value[0] < 3e6


def test_active_dimensions_are_those_whose_mean_varies_by_more_than_a_hundredth():
    means = np.random.default_rng(0).normal(size=(30, L))
    means *= np.sqrt([0.009, 0.011, 1]) / means.std(axis=0)
    result = found(open_vae("diag"), np.concatenate([means, np.zeros((30, L))], axis=1), draws=10)
    np.testing.assert_allclose(result.variance_of_means, [0.009, 0.011, 1], rtol=1e-4)
    assert list(result.is_active) == [False, True, True]
    scale = np.array([0.5, 2, 20])  # of a prior N(0, diag scale²)
    wider = open_vae("diag", "diag", set_prior=[normal_params("diag", np.zeros(L), np.diag(scale**2))])
    result = found(wider, np.concatenate([means, np.zeros((30, L))], axis=1), draws=10)
    np.testing.assert_allclose(result.variance_of_prior, scale**2, rtol=1e-5)
    assert list(result.is_active) == [True, False, False]


def test_active_dimensions_of_a_simplex_are_measured_by_the_priors_variance():
    size, categories = 16, np.repeat(np.arange(16), 3)
    vae = open_vae("dirichlet", "dirichlet", latent=size)
    result = found(vae, 0.5 + 0.7 * np.eye(size)[categories], draws=200)
    total = 0.98 * size
    np.testing.assert_allclose(result.variance_of_prior, (1 - 1 / size) / size / (total + 1), rtol=1e-5)
    assert result.variance_of_means.max() < 0.01
    assert result.mean_kl.value > 0.3
    assert result.is_active.all()


@pytest.mark.parametrize(
    ("posterior", "prior", "marginals"),
    [
        ("diag", "vamp(components=4)", "both"),
        ("diag", "maf", "of q"),
        ("mixture", "standard", "none"),
        ("hierarchical", "hierarchical", "none"),
        ("dirichlet", "dirichlet", "none"),
    ],
)
def test_any_posterior_and_prior(posterior, prior, marginals, monkeypatch):
    monkeypatch.setattr(module, "MAX_SLOW_ENCODINGS", 30)
    vae = zoo.build("diag_vae", 5, "real", latent=4, posterior=posterior, prior=prior, network="mlp(hidden=(8,))")
    wild(vae.posterior)
    result = information(vae, np.float32(RNG.normal(size=(80, 5))), 1_000, 300, progress=False)
    assert_adds_up(result)
    assert result.mean_kl.standard_error > 0 or posterior == "dirichlet"
    assert 0 < result.mutual_information.value < np.log(80) + 5 * result.mutual_information.standard_error
    assert result.encodings == (30 if marginals == "none" else 80)  # a slow density is one of fewer
    assert (result.total_correlation is None) == (marginals == "none")
    for of_dimensions in (result.mean_kl_of_dimensions, result.marginal_kl_of_dimensions):
        assert (of_dimensions is None) == (marginals != "both")
        assert of_dimensions is None or np.all(of_dimensions.standard_error > 0)
    assert result.variance_of_means.shape == result.variance_of_prior.shape == (4,)
    np.testing.assert_allclose(
        result.variance_of_prior, np.var(vae.latent_distribution("prior").sample(20_000, seed=[3, 4]), axis=0), rtol=0.3
    )


def test_draws_are_functions_of_the_seed():
    vae, (x, *_) = open_vae("diag", "mixture(components=2)", set_prior=mixture_prior()[0]), encodings("diag", 30)
    one, again, other = (found(vae, x, draws=100, seed=seed) for seed in (1, 1, 2))
    for name in ("mean_kl", "mutual_information", "marginal_kl", "total_correlation"):
        assert getattr(one, name) == getattr(again, name)
        assert getattr(one, name).value != getattr(other, name).value


def test_flow_is_refused():
    vae = zoo.build("iaf_vae", 5, "real", latent=2, network="mlp(hidden=(8,))")
    with pytest.raises(ValueError, match=r"'iaf'.*Use another posterior\.$"):
        information(vae, np.zeros((10, 5), np.float32))
