"""The normal likelihood with correlated noise, against scipy with its covariance matrix made."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tests.shared.reference import positive
from zoo import registry

B, RANK, FLOOR = 3, 2, 0.05
EVENTS = {"vector": (5,), "image": (3, 2, 2), "grey": (4, 3)}
RNG = np.random.default_rng(0)


def likelihood(event_shape, h_shape, dtype="float64"):
    """A likelihood of features [*h_shape] whose noise is much correlated."""
    spec = {"name": "low_rank_normal", "rank": RANK, "floor": FLOOR}
    layer = registry.build("likelihood", spec, event_shape=event_shape, dtype=dtype)
    layer.build((None, *h_shape))
    rng = np.random.default_rng(1)
    layer.params.set_weights([rng.normal(0, 0.7, w.shape) for w in layer.params.get_weights()])
    return layer


def moments(layer, h):
    """Mean [d] and covariance [d, d] of one example, from its raw parameters [..., size] in numpy."""
    kernel, bias = layer.params.get_weights()
    raw = (h @ kernel + bias).reshape(-1, 2 + RANK)  # elements in the order of x, each with its own numbers
    scale = positive(raw[:, 1], FLOOR)
    spread = scale[:, None] * raw[:, 2:]
    return raw[:, 0], np.diag(scale**2) + spread @ spread.T


CASES = [("vector", (4,)), ("image", (4,)), ("grey", (4,)), ("image", (3, 2, 4)), ("grey", (4, 6))]


@pytest.mark.parametrize(("event", "h_shape"), CASES)
def test_density_is_that_of_the_covariance_matrix(event, h_shape):
    layer, h = likelihood(EVENTS[event], h_shape), RNG.normal(size=(B, *h_shape))
    x = RNG.normal(0, 2, (B, *EVENTS[event]))
    px = layer(h)
    assert layer.spatial == (len(h_shape) > 1)
    assert (px.batch_shape, px.event_shape) == ((B,), EVENTS[event])
    expected = [stats.multivariate_normal(*moments(layer, one)).logpdf(x[b].ravel()) for b, one in enumerate(h)]
    np.testing.assert_allclose(px.log_prob(x), expected, rtol=1e-10)


@pytest.mark.parametrize(("event", "h_shape"), CASES)
def test_density_of_several_draws_of_z(event, h_shape):
    layer, h = likelihood(EVENTS[event], h_shape), RNG.normal(size=(4, B, *h_shape))
    x = RNG.normal(size=(B, *EVENTS[event]))
    expected = [
        [stats.multivariate_normal(*moments(layer, h[k, b])).logpdf(x[b].ravel()) for b in range(B)] for k in range(4)
    ]
    np.testing.assert_allclose(layer(h).log_prob(x), expected, rtol=1e-10)


def test_float32_keeps_the_density():
    layer, h = likelihood((3, 2, 2), (4,), "float32"), np.float32(RNG.normal(size=(B, 4)))
    x = np.float32(RNG.normal(0, 2, (B, 3, 2, 2)))
    expected = [stats.multivariate_normal(*moments(layer, h[b])).logpdf(x[b].ravel()) for b in range(B)]
    np.testing.assert_allclose(layer(h).log_prob(x), expected, rtol=1e-4)


@pytest.mark.parametrize(("event", "h_shape"), CASES)
def test_mean_and_draws(event, h_shape):
    layer, h = likelihood(EVENTS[event], h_shape), RNG.normal(size=(B, *h_shape))
    px, n = layer(h), 40_000
    draws = px.sample(n, seed=tf.constant([0, 1])).numpy()
    assert draws.shape == (n, B, *EVENTS[event])
    for b in range(B):
        mean, covariance = moments(layer, h[b])
        np.testing.assert_allclose(px.mean()[b], mean.reshape(EVENTS[event]), rtol=1e-12)
        variance = np.diag(covariance)
        centered = draws[:, b].reshape(n, -1) - mean
        assert np.all(np.abs(centered.mean(axis=0)) < 5 * np.sqrt(variance / n))
        # The variance of a product of two normals is σᵢ² σⱼ² + σᵢⱼ².
        error = np.sqrt((np.outer(variance, variance) + covariance**2) / n)
        assert np.all(np.abs(centered.T @ centered / n - covariance) < 5 * error)
        correlation = covariance / np.sqrt(np.outer(variance, variance))
        assert np.abs(correlation - np.eye(len(mean))).max() > 0.3  # else the test would see none


def test_scales_stay_over_the_floor():
    layer = likelihood((5,), (4,))
    layer.params.set_weights([np.zeros((4, 20)), np.tile([0.0, -100.0, 0.0, 0.0], 5)])
    density = layer(tf.zeros([1, 4], tf.float64)).log_prob(np.zeros((1, 5)))
    np.testing.assert_allclose(density, stats.norm(0, FLOOR).logpdf(0) * 5, rtol=1e-12)


@pytest.mark.parametrize(
    "options", [{"rank": 0}, {"rank": 1.5}, {"rank": True}, {"floor": 0}, {"floor": 1.0}, {"floor": -0.1}]
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="Expected"):
        registry.build("likelihood", {"name": "low_rank_normal", **options}, event_shape=(5,))
