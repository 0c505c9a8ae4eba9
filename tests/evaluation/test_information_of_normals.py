"""What the latent code says of the data where all is known: the exact posteriors of a linear-Gaussian model."""

import numpy as np
import pytest
from scipy import special

from tests.models.open_vae import open_vae
from tests.shared.information import DRAWS, L, assert_adds_up, assert_estimates, found
from tests.shared.reference import LinearGaussian, mixture_log_density, normal_kl, normal_params

pytestmark = pytest.mark.slow

M = 1_500  # examples


class Population:
    """M exact posteriors of x ~ p(x), in coordinates R z + t, and a prior N(m, S).

    With all of the population's x in it, q(z) is N(t, R Rᵀ).
    """

    def __init__(self, R, t, m, S, prior):
        self.truth = LinearGaussian(np.random.default_rng(0).normal(size=(6, L)), np.zeros(6), sigma=1.2)
        x = self.truth.sample(M, np.random.default_rng(1))
        self.means = x @ self.truth.posterior_map.T @ R.T + t
        self.covariance = R @ self.truth.posterior_covariance @ R.T
        self.R, self.t, self.m, self.S = R, t, m, S
        data = [normal_params("tril", mean, self.covariance) for mean in self.means]
        weights = [] if prior == "standard" else [normal_params("tril", m, S)]
        self.vae = open_vae("tril", prior, set_prior=weights)
        self.found = found(self.vae, data)

    def log_q(self, z):
        """log 1/M Σₙ q(z|xₙ) of points [n, L], float64."""
        root = np.linalg.inv(np.linalg.cholesky(self.covariance))
        z, means = z @ root.T, self.means @ root.T
        log_norm = np.linalg.slogdet(root)[1] - 0.5 * L * np.log(2 * np.pi) - np.log(M)
        chunks = [
            special.logsumexp(-0.5 * ((part[:, None] - means) ** 2).sum(axis=-1), axis=1)
            for part in np.array_split(z, len(z) // 500)
        ]
        return np.concatenate(chunks) + log_norm

    def draws(self, n=20_000):
        """Draws of q(z) [n, L]."""
        rng = np.random.default_rng(2)
        noise = rng.normal(size=(n, L)) @ np.linalg.cholesky(self.covariance).T
        return self.means[rng.integers(M, size=n)] + noise


@pytest.fixture(scope="module", params=["standard", "tril"])
def population(request):
    if request.param == "standard":
        return Population(np.eye(L), np.zeros(L), np.zeros(L), np.eye(L), "standard")
    R = np.array([[1, 0, 0], [0.8, 0.9, 0], [-0.3, 0.5, 0.7]])
    root = np.array([[1.3, 0, 0], [-0.2, 0.9, 0], [0.3, 0.4, 1.1]])
    return Population(R, np.array([0.5, -0.2, 0]), np.array([0.1, 0.4, -0.3]), root @ root.T, "tril")


@pytest.fixture(scope="module")
def in_numpy(population):
    """Mean and standard error of −log q(z), and of log p(z)."""
    z = population.draws()
    log_p = mixture_log_density(z, [1.0], [population.m], [population.S])
    return [(v.mean(), v.std(ddof=1) / np.sqrt(len(v))) for v in (-population.log_q(z), population.log_q(z) - log_p)]


def test_mutual_information_is_that_of_the_encodings(population, in_numpy):
    entropy, error = in_numpy[0]
    conditional = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * population.covariance)[1]
    result = population.found
    assert (result.encodings, result.draws) == (M, DRAWS)
    assert_estimates(result.mutual_information, entropy - conditional, error)
    assert result.mutual_information.standard_error < 0.03


def test_mutual_information_is_nearly_that_of_the_population(population):
    truth = population.truth
    known = 0.5 * np.linalg.slogdet(np.eye(L) + truth.W.T @ truth.W / truth.sigma**2)[1]
    assert 1.5 < known < 2.5
    assert population.found.mutual_information.value < np.log(M)
    # Errors: of M posteriors' KL √(L/2 / M) = 0.03, of their draws 0.02, of M rather than all 0.01.
    assert population.found.mutual_information.value == pytest.approx(known, abs=0.13)


def test_marginal_kl_is_that_of_the_encodings_and_nearly_that_of_normals(population, in_numpy):
    kl, error = in_numpy[1]
    assert_estimates(population.found.marginal_kl, kl, error)
    known = normal_kl(population.t, population.R @ population.R.T, population.m, population.S)
    assert known == 0 or known > 0.5  # the second case would tell KL(p ‖ q) from it
    assert population.found.marginal_kl.value == pytest.approx(known, abs=0.15)  # 4 of the errors above


def test_mean_kl_is_a_closed_form(population):
    kls = [normal_kl(mean, population.covariance, population.m, population.S) for mean in population.means]
    assert population.found.mean_kl.value == pytest.approx(np.mean(kls), rel=1e-5)
    assert population.found.mean_kl.standard_error == 0


def test_the_parts_add_up(population):
    assert_adds_up(population.found)
    assert 0 < population.found.difference.standard_error < 0.05


def test_total_correlation_is_that_of_a_normal(population):
    covariance = population.R @ population.R.T
    scale = np.sqrt(np.diag(covariance))
    known = -0.5 * np.linalg.slogdet(covariance / np.outer(scale, scale))[1]
    assert known == 0 or known > 0.5
    assert population.found.total_correlation.value == pytest.approx(known, abs=0.12)  # 2,000 draws: 4 × 0.02, and M
    assert population.found.total_correlation.standard_error < 0.03


def test_kl_of_dimensions_is_that_of_normals_in_one_dimension(population):
    prior = [(m, s) for m, s in zip(population.m, np.diag(population.S), strict=True)]
    posterior = np.diag(population.covariance)

    def kl(mean, variance, j):
        return normal_kl(mean[None], variance[None, None], prior[j][0][None], prior[j][1][None, None])

    mean_kl = [np.mean([kl(mean[j], posterior[j], j) for mean in population.means]) for j in range(L)]
    value, error = population.found.mean_kl_of_dimensions
    np.testing.assert_allclose(value, mean_kl, rtol=1e-4)
    assert not error.any()  # a closed form
    marginal = [kl(population.t[j], (population.R @ population.R.T)[j, j], j) for j in range(L)]
    # The log ratio deviates by up to 1.2 nats from draw to draw: 4 × 1.2 / √2,000.
    value, error = population.found.marginal_kl_of_dimensions
    np.testing.assert_allclose(value, marginal, rtol=0, atol=0.11)
    assert np.all((error > 0) & (error < 0.03))


def test_variance_of_means(population):
    np.testing.assert_allclose(population.found.variance_of_means, population.means.var(axis=0), rtol=1e-4)
    assert population.found.is_active.all()
