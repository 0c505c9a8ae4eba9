"""A log-likelihood that is too low is warned of: log p(x) by quadrature, p(z|x) with two modes, and q(z|x) with one."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special, stats

import zoo
from training.evaluation.likelihood import likelihood, rise
from zoo.registry import build

SIGMA, GRID = 0.3, np.linspace(-9, 9, 8_001)


@keras.saving.register_keras_serializable("tests")
class OneMode(zoo.Posterior):
    """q(z|x) = N(√x, (wide · σ / 2√x)²): of p(z|x) for x = z² + σ ε, the mode on the right, made wider.

    Args:
        event_shape: (1,).
        wide: how many times as wide.
    """

    def __init__(self, event_shape, wide, **kwargs):
        super().__init__(event_shape, **kwargs)
        self.wide = wide

    def call(self, h):
        loc = tf.sqrt(tf.maximum(h, 0.1))
        return tfp.distributions.MultivariateNormalDiag(loc, self.wide * SIGMA / (2 * loc))


@keras.saving.register_keras_serializable("tests")
class Square(keras.layers.Layer):
    """z ↦ z²."""

    def call(self, z):
        return z**2


def two_modes(wide):
    """A model of x = z² + σ ε, z ~ N(0, 1), with a posterior of one mode."""
    vae = zoo.VAE(
        encoder=keras.Sequential([keras.Input((1,)), keras.layers.Identity()]),
        posterior=OneMode((1,), wide),
        prior=build("prior", "standard", event_shape=(1,)),
        decoder=keras.Sequential([keras.Input((1,)), Square()]),
        likelihood=build("likelihood", {"name": "normal", "scale": SIGMA}, event_shape=(1,)),
        objective=build("objective", "elbo"),
    )
    vae.likelihood.params.set_weights([np.ones((1, 1)), np.zeros(1)])
    return vae


def data(n):
    rng = np.random.default_rng(0)
    return np.float32(rng.normal(size=n) ** 2 + SIGMA * rng.normal(size=n))[:, None]


def log_density(x):
    """log p(x) [n] by the rectangle rule."""
    log_joint = stats.norm.logpdf(GRID) + stats.norm.logpdf(x, GRID**2, SIGMA)
    return special.logsumexp(log_joint, axis=1) + np.log(GRID[1] - GRID[0])


@pytest.mark.parametrize("wide", [1.0, 2.0])
def test_a_mode_that_the_posterior_misses_is_warned_of(wide):
    x = data(200)
    found, known = likelihood(two_modes(wide), x, 1_000), log_density(x).mean()
    assert found.effective_sample_size.median > 100  # they do not see it
    assert found.effective_sample_size.low_share < 0.05
    gap, missed = known - found.log_likelihood.value, found.missed_by_posterior
    assert gap > 0.2
    assert 0.1 < missed.value < gap + 3 * missed.standard_error
    assert f"too low by {missed.value:.2f} ± {missed.standard_error:.2f} nats at least" in found.warning
    assert ("more importance samples would hardly help" in found.warning) == ("still rises" not in found.warning)


def test_rise_is_that_of_the_last_tenfold_of_draws():
    rng = np.random.default_rng(0)
    steps = rng.normal(0.2, 0.1, size=(30, 3))
    curve = -5 + np.cumsum(np.column_stack([np.zeros(30), steps]), axis=1)
    assert rise(curve, [1, 10, 100, 1000]) == pytest.approx((steps[:, 2].mean(), stats.sem(steps[:, 2])))
    factor = np.log(10) / np.log(5)
    assert rise(curve, [10, 100, 1000, 5000]) == pytest.approx(
        (factor * steps[:, 2].mean(), factor * stats.sem(steps[:, 2]))
    )
    # From 10 to 15 draws is too little to go by.
    both = steps[:, 1:].sum(axis=1) * np.log(10) / np.log(15)
    assert rise(curve[:, 1:], [1, 10, 15]) == pytest.approx((both.mean(), stats.sem(both)))
    assert rise(curve[:, :1], [1]) is None
