"""Closed forms in numpy and scipy, float64: what the tests hold the zoo to."""

from typing import NamedTuple

import numpy as np
from scipy import stats


def normal_kl(mean_q, covariance_q, mean_p, covariance_p):
    """KL(N_q ‖ N_p) in nats, by the textbook formula with explicit inverses."""
    d = len(mean_q)
    precision = np.linalg.inv(covariance_p)
    difference = mean_p - mean_q
    trace = np.trace(precision @ covariance_q)
    log_det = np.linalg.slogdet(covariance_p)[1] - np.linalg.slogdet(covariance_q)[1]
    return 0.5 * (trace + difference @ precision @ difference - d + log_det)


def mixture_log_density(z, weights, means, covariances):
    """log Σₘ πₘ N(z; μₘ, Σₘ) for each row of z."""
    densities = [stats.multivariate_normal(m, c).logpdf(z) for m, c in zip(means, covariances, strict=True)]
    return np.log(np.exp(np.array(densities)).T @ weights)


def continuous_bernoulli_log_density(x, logits):
    """log C(λ) + x log λ + (1 − x) log(1 − λ), C by numerical integration of the rest over [0, 1]."""
    grid = np.linspace(0, 1, 200_001)
    log_norm = np.log(np.trapezoid(np.exp(grid * logits - np.logaddexp(0, logits)), grid))
    return x * logits - np.logaddexp(0, logits) - log_norm


class LinearGaussian(NamedTuple):
    """z ~ N(0, I), x = W z + b + σ ε: all that a VAE approximates is known here.

    Args:
        W: [D, L].
        b: [D].
        sigma: σ.
    """

    W: np.ndarray
    b: np.ndarray
    sigma: float

    def sample(self, n, rng):
        """n draws of x [n, D]."""
        z = rng.normal(size=(n, self.W.shape[1]))
        return z @ self.W.T + self.b + self.sigma * rng.normal(size=(n, len(self.b)))

    def log_density(self, x):
        """log p(x) [n]."""
        covariance = self.W @ self.W.T + self.sigma**2 * np.eye(len(self.b))
        return stats.multivariate_normal(self.b, covariance).logpdf(x)

    @property
    def posterior_covariance(self):
        """Covariance of p(z|x) [L, L], the same for every x."""
        return np.linalg.inv(np.eye(self.W.shape[1]) + self.W.T @ self.W / self.sigma**2)

    @property
    def posterior_map(self):
        """A [L, D] of the posterior's mean A (x − b)."""
        return self.posterior_covariance @ self.W.T / self.sigma**2

    @property
    def mean_field_gap(self):
        """The least KL from a diagonal normal to the posterior: ½ (Σ log Λᵢᵢ − log det Λ), Λ the precision."""
        precision = np.linalg.inv(self.posterior_covariance)
        return 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])


def assert_mean(samples, expected, sigmas=5):
    """The mean of samples [n, ...] is as expected; with five standard errors it fails by chance once in two million."""
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - expected) <= sigmas * error + 1e-12)
