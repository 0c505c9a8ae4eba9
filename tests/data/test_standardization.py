"""Real data in any units: densities are those of raw data, and networks are given standardized ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import zoo
from tests.shared.reference import positive
from zoo import registry
from zoo.data import standardization as units
from zoo.data.lazy_arrays import MemoryMapped, Subset

MEAN, DEVIATION = np.array([5.0, -2.0, 300.0]), np.array([0.01, 1.0, 40.0])
X = np.float32(np.random.default_rng(0).normal(MEAN, DEVIATION, (500, 3)))
IMAGES = np.float32(np.random.default_rng(1).normal(50, 9, (40, 3, 2, 1)))


def likelihood(spec, x):
    """A likelihood that ignores h, told of data x; and its raw parameters [elements, size]."""
    layer = registry.build("likelihood", spec, event_shape=x.shape[1:])
    layer.build((None, 4))
    kernel, bias = layer.params.get_weights()
    bias = np.float32(np.random.default_rng(2).normal(0, 0.5, bias.shape))
    layer.params.set_weights([0 * kernel, bias])
    layer.adapt(x)
    return layer, np.float64(bias).reshape(-1, layer.params_per_element)


def mean_and_deviation(x):
    """Of each element, as one vector, by NumPy."""
    axis = 0 if x.ndim == 2 else None
    size = x[0].size
    return [np.broadcast_to(f(np.float64(x), axis=axis), size) for f in (np.mean, np.std)]


@pytest.mark.parametrize("x", [X, IMAGES], ids=["vector", "image"])
@pytest.mark.parametrize("scale", ["shared", "predicted", 0.3])
def test_normal_density_is_that_of_raw_data(x, scale):
    layer, raw = likelihood({"name": "normal", "scale": scale}, x)
    mean, deviation = mean_and_deviation(x)
    sigma = {"shared": 1.0, "predicted": positive(raw[:, -1], 0.01), 0.3: 0.3}[scale]
    expected = stats.norm(mean + deviation * raw[:, 0], deviation * sigma)
    px = layer(tf.zeros([1, 4]))
    points = x[:5].reshape(5, -1)
    np.testing.assert_allclose(px.log_prob(x[:5]), expected.logpdf(points).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(px.mean()[0].numpy().ravel(), expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(px.stddev()[0].numpy().ravel(), expected.std() * np.ones(len(raw)), rtol=1e-4)


@pytest.mark.parametrize("x", [X, IMAGES], ids=["vector", "image"])
def test_low_rank_density_is_that_of_raw_data(x):
    layer, raw = likelihood("low_rank_normal(rank=2)", x)
    mean, deviation = mean_and_deviation(x)
    spread = (deviation * positive(raw[:, 1], 0.01))[:, None] * np.column_stack([np.eye(len(raw)), raw[:, 2:]])
    expected = stats.multivariate_normal(mean + deviation * raw[:, 0], spread @ spread.T)
    px = layer(tf.zeros([1, 4]))
    np.testing.assert_allclose(px.log_prob(x[:5]), expected.logpdf(x[:5].reshape(5, -1)), rtol=1e-3)
    np.testing.assert_allclose(px.mean()[0].numpy().ravel(), expected.mean, rtol=1e-5)


def vae(x=X, support="real", **parts):
    return zoo.build("diag_vae", x.shape[1:], support, latent=2, network="mlp(hidden=(8,))", **parts)


def test_a_change_of_units_shifts_the_elbo_by_the_jacobian():
    """log p(x) = log p(ax) + Σ log a, draw by draw, as the networks see the same numbers."""
    first, second = vae(), vae()
    factor = np.float32([100, 0.5, 8])
    first.adapt(X)
    second.adapt(X * factor)
    scores, others = (m.score(x[:20], samples=3) for m, x in ((first, X), (second, X * factor)))
    np.testing.assert_allclose(scores.elbo, others.elbo + np.log(factor).sum(), rtol=1e-3)


def test_samples_and_reconstructions_are_in_raw_units():
    model = vae(prior="vamp(components=30)")
    model.adapt(X)
    for made in (model.generate(200, seed=0), model.reconstruct(X[:50])):
        assert np.all(np.abs(np.mean(made, axis=0) - MEAN) < 3 * DEVIATION)


@pytest.mark.parametrize("support", ["unit", "simplex"])
def test_only_real_data_are_standardized(support):
    x = np.random.default_rng(0).dirichlet(np.ones(3), 20).astype(np.float32)
    model = vae(x, support, likelihood="normal")
    before = model.score(x, samples=2).elbo
    model.adapt(x)
    np.testing.assert_array_equal(model.score(x, samples=2).elbo, before)


def test_units_are_saved_with_the_model(tmp_path):
    model = vae(prior="vamp(components=30)")
    model.adapt(X)
    expected = model.score(X[:9], samples=3).elbo
    zoo.save(model, tmp_path / "folder")
    model.save(tmp_path / "model.keras")
    for loaded in (zoo.load(tmp_path / "folder"), keras.saving.load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(loaded.likelihood.standardization.scale, X.std(axis=0), rtol=1e-4)
        np.testing.assert_array_equal(loaded.score(X[:9], samples=3).elbo, expected)


def test_pseudo_inputs_have_the_range_of_each_column():
    model = vae(prior="vamp(components=30)")
    model.adapt(X)
    np.testing.assert_allclose(model.prior.low, X.min(axis=0), rtol=1e-6)
    np.testing.assert_allclose(model.prior.high, X.max(axis=0), rtol=1e-6)
    assert model.prior.unit_pseudo_inputs.numpy().min() >= -1e-6
    assert model.prior.unit_pseudo_inputs.numpy().max() <= 1 + 1e-6
    rows = model.prior.pseudo_inputs.numpy()
    assert all(np.abs((X - row) / DEVIATION).max(axis=1).min() < 1e-2 for row in rows)


def test_streamed_data_give_the_same_units(monkeypatch):
    monkeypatch.setattr(units, "CHUNK_ELEMENTS", 90)  # of three columns: 30 rows at once
    streamed = Subset(MemoryMapped(X, (3,)), np.arange(500))
    first, second = vae(prior="vamp(components=30)", objective="tc"), vae(prior="vamp(components=30)", objective="tc")
    first.adapt(X)
    second.adapt(streamed)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("x", [X, IMAGES], ids=["vector", "image"])
def test_moments_of_chunks_are_those_of_all(monkeypatch, x):
    monkeypatch.setattr(units, "CHUNK_ELEMENTS", 50)
    axis = 0 if x.ndim == 2 else None
    mean, deviation = units.mean_and_deviation(x + 1e4)
    np.testing.assert_allclose(mean, np.mean(np.float64(x + 1e4), axis=axis), rtol=1e-12)
    np.testing.assert_allclose(deviation, np.std(np.float64(x + 1e4), axis=axis), rtol=1e-9)
    np.testing.assert_array_equal(units.extremes(x), [x.min(axis=axis), x.max(axis=axis)])


def test_constant_elements_keep_their_scale():
    layer = units.Standardization((2,))
    layer.build()
    layer.adapt(np.float32([[1, 7], [3, 7]]))
    np.testing.assert_allclose(layer(np.float32([[3, 7]])), [[1, 0]])
    np.testing.assert_allclose(layer.unstandardize(np.float32([[1, 0]])), [[3, 7]])


def test_data_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \[B, 3\], got \[500, 2\]"):
        vae().adapt(X[:, :2])


@pytest.mark.parametrize("spec", [{"name": "normal", "scale": 0.05}, "low_rank_normal(rank=2, floor=0.05)"])
@pytest.mark.parametrize("ratio", [1, 1e3, 1e5])
def test_densities_keep_their_digits_where_the_mean_is_far_from_zero(spec, ratio):
    x = np.float32(7 * (ratio + np.random.default_rng(0).normal(size=(2000, 3))))
    layer, raw = likelihood(spec, x)
    shift, scale = (np.float64(w) for w in layer.standardization.get_weights())
    spread = 0.05 * np.eye(3)
    if layer.params_per_element > 1:
        spread = positive(raw[:, 1], 0.05)[:, None] * np.column_stack([np.eye(3), raw[:, 2:]])
    law = stats.multivariate_normal(raw[:, 0], spread @ spread.T)
    points = np.float32(shift + scale * law.rvs(50, random_state=1))
    expected = law.logpdf((np.float64(points) - shift) / scale) - np.log(scale).sum()
    np.testing.assert_allclose(layer(tf.zeros([1, 4])).log_prob(points), expected, atol=2e-3)


def test_pseudo_inputs_keep_to_a_narrow_column():
    x = np.float32([1e-8, 1, 1]) * np.float32(np.random.default_rng(0).normal(size=(50, 3)))
    x[:, 2] = 7
    model = vae(prior="vamp(components=5)")
    model.adapt(x)
    np.testing.assert_array_equal(model.prior.high[:2], x.max(axis=0)[:2])
    assert model.prior.high[2] > model.prior.low[2] == 7
    rows = model.prior.pseudo_inputs.numpy()
    assert all((np.abs(x - row) / [1e-8, 1, 1]).max(axis=1).min() < 1e-5 for row in rows)
