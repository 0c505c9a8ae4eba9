"""The ELBO by hand."""

import numpy as np
import pytest
import tensorflow as tf

from zoo.objectives import ELBO, Terms

K, B, L = 3, 4, 5


def terms(dimensions=L):
    rng = np.random.default_rng(0)
    log_px, log_pz, log_qz = rng.normal(-5, 2, (3, K, B))
    kl = rng.gamma(1.0, 1.0, (B, dimensions))
    return Terms(*(tf.constant(np.float32(v)) for v in (log_px, log_pz, log_qz, kl, rng.normal(size=(K, B, L)))))


def objective(**options):
    layer = ELBO(**options)
    layer.build()
    return layer


def test_elbo_is_reconstruction_less_kl():
    t = terms()
    expected = t.log_px.numpy().mean(axis=0) - t.kl.numpy().sum(axis=1)
    np.testing.assert_allclose(objective()(t), expected, rtol=1e-5)


def test_beta_and_annealing_weigh_the_kl():
    t = terms()
    layer = objective(beta=4.0)
    layer.annealing.assign(0.25)
    np.testing.assert_allclose(layer(t), objective()(t), rtol=1e-5)
    layer.annealing.assign(0.0)
    np.testing.assert_allclose(layer(t), t.log_px.numpy().mean(axis=0), rtol=1e-5)


def test_free_bits_of_each_dimension():
    t = terms()
    kl = t.kl.numpy().mean(axis=0)  # over the batch
    floor = np.median(kl)
    expected = t.log_px.numpy().mean(axis=0) - np.maximum(kl, floor).sum()
    np.testing.assert_allclose(objective(free_bits=floor)(t), expected, rtol=1e-5)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_free_bits_of_the_whole(factor):
    t = terms(dimensions=1)
    kl = t.kl.numpy().mean()
    expected = t.log_px.numpy().mean(axis=0) - kl * max(1, factor)
    np.testing.assert_allclose(objective(free_bits=factor * kl / L)(t), expected, rtol=1e-5)


def test_dimensions_under_their_free_bits_get_no_gradient():
    t = terms()
    kl = tf.Variable(t.kl)
    with tf.GradientTape() as tape:
        bound = tf.reduce_mean(objective(free_bits=float(np.median(t.kl.numpy().mean(axis=0))))(t._replace(kl=kl)))
    gradient = tape.gradient(bound, kl).numpy()
    free = t.kl.numpy().mean(axis=0) < np.median(t.kl.numpy().mean(axis=0))
    assert np.all(gradient[:, free] == 0)
    assert np.allclose(gradient[:, t.kl.numpy().mean(axis=0) > np.median(t.kl.numpy().mean(axis=0))], -1 / B)


def test_importance_weights():
    t = terms()
    np.testing.assert_allclose(t.log_weights, t.log_px.numpy() + t.log_pz.numpy() - t.log_qz.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "options", [{"beta": -1}, {"beta": float("nan")}, {"free_bits": -0.1}, {"samples": 0}, {"samples": 1.5}]
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="Expected"):
        ELBO(**options)
