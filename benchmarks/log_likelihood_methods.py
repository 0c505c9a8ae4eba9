"""Errors of estimates of log p(x) on linear models: `python -m benchmarks.log_likelihood_methods`."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tyro

import zoo
from zoo.distributions.positive import inverse_positive

PRECISION = 100.0  # largest eigenvalue of the precision of p(z|x)
NOISE = 0.3  # σ
SEED = 0


@dataclass(frozen=True)
class Settings:
    """Compares log p(x) by several methods with its closed form.

    The models are z ~ N(0, I), x = W z + b + σ ε, with the best diagonal posterior.
    """

    sizes: tuple[int, ...] = (2, 20, 50)
    """Latent sizes; x has twice as many elements."""
    conditions: tuple[float, ...] = (3.0, 90.0)
    """Condition numbers of the covariance of p(z|x), at most 99."""
    methods: tuple[str, ...] = (
        "importance(samples=1000)",
        "importance(samples=1000, budget=20000)",
        "refined(samples=1000)",
        "ais(temperatures=1000)",
        "ais(temperatures=1000, start='prior')",
    )
    """Methods of `VAE.log_likelihood`."""
    examples: int = 20
    """Examples of each model."""


@dataclass(frozen=True)
class LinearModel:
    """A linear model with its best diagonal posterior q(z|x).

    Args:
        vae: a `zoo.VAE`.
        W: [D, L].
        b: [D].
    """

    vae: Any
    W: np.ndarray
    b: np.ndarray

    def sample(self, n):
        """Returns n examples [n, D]."""
        rng = np.random.default_rng(SEED + 1)
        d, size = self.W.shape[::-1]
        return np.float32(rng.normal(size=(n, d)) @ self.W.T + self.b + NOISE * rng.normal(size=(n, size)))

    def log_density(self, x):
        """Returns log p(x) [n] in closed form, N(b, W Wᵀ + σ² I)."""
        root = np.linalg.cholesky(self.W @ self.W.T + NOISE**2 * np.eye(len(self.b)))
        u = np.linalg.solve(root, (x - self.b).T)
        return -0.5 * (u**2).sum(axis=0) - np.log(np.diag(root)).sum() - 0.5 * len(self.b) * np.log(2 * np.pi)


def linear_model(size, condition):
    """Returns a `LinearModel`.

    Args:
        size: L, the latent size; x has 2 L elements.
        condition: condition number of the covariance of p(z|x).
    """
    rng = np.random.default_rng(SEED)
    left, right = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((2 * size, size), (size, size)))
    scales = NOISE * np.sqrt(np.geomspace(PRECISION / condition, PRECISION, size) - 1)
    W, b = (left * scales) @ right, rng.normal(size=2 * size)
    vae = zoo.VAE(
        encoder=_identity(2 * size),
        posterior=zoo.registry.build("posterior", "diag", event_shape=(size,)),
        prior=zoo.registry.build("prior", "standard", event_shape=(size,)),
        decoder=_identity(size),
        likelihood=zoo.registry.build("likelihood", {"name": "normal", "scale": NOISE}, event_shape=(2 * size,)),
        objective=zoo.registry.build("objective", "elbo"),
    )
    precision = np.eye(size) + W.T @ W / NOISE**2
    to_mean = np.linalg.solve(precision, W.T) / NOISE**2
    kernel = np.concatenate([to_mean.T, np.zeros([2 * size, size])], axis=1)
    vae.posterior.params.set_weights(
        [kernel, np.concatenate([-to_mean @ b, inverse_positive(1 / np.sqrt(np.diag(precision)))])]
    )
    vae.likelihood.params.set_weights([W.T, b])
    return LinearModel(vae, W, b)


def _identity(size):
    return keras.Sequential([keras.Input((size,)), keras.layers.Identity()])


def main():
    """Prints a table: mean error over the examples, its standard error, and the largest absolute one, in nats."""
    settings = tyro.cli(Settings)
    print(f"{'L':>3} {'condition':>9}  {'method':<44} {'mean error':>16} {'largest':>8}")
    for size in settings.sizes:
        for condition in settings.conditions:
            model = linear_model(size, condition)
            x = model.sample(settings.examples)
            for method in settings.methods:
                error = model.vae.log_likelihood(x, method=method) - model.log_density(x)
                mean = f"{error.mean():+8.3f} ± {error.std(ddof=1) / np.sqrt(len(x)):.3f}"
                print(f"{size:>3} {condition:>9g}  {method:<44} {mean:>16} {np.abs(error).max():>8.3f}", flush=True)


if __name__ == "__main__":
    main()
