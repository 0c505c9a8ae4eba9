"""A training step gives every weight a finite gradient, whatever the part."""

import numpy as np
import pytest
import tensorflow as tf
from parts import all_parts, data, likelihood, model, posterior, specs, supports, wild


@pytest.mark.parametrize(("kind", "spec"), all_parts())
def test_every_weight_gets_a_gradient(kind, spec):
    vae = model(kind, spec)
    x = data(vae.support, 5)
    with tf.GradientTape() as tape:
        loss = vae.compute_loss(x=x, y_pred=vae(x))
    gradients = tape.gradient(loss, vae.trainable_variables)
    assert np.isfinite(loss)
    for weight, gradient in zip(vae.trainable_variables, gradients, strict=True):
        assert gradient is not None, f"{weight.path} gets no gradient"
        assert np.isfinite(gradient).all(), f"{weight.path} gets a gradient that is not finite"


@pytest.mark.parametrize("spec", specs("posterior"))
def test_wild_posteriors_stay_finite(spec):
    layer = wild(posterior(spec, latent=64, features=1))
    h = tf.ones([8, 1])
    with tf.GradientTape() as tape:
        q = layer(h)
        z = q.sample(seed=[0, 0])
        log_qz = q.log_prob(z)
    assert np.isfinite(log_qz).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(log_qz, layer.trainable_variables))


@pytest.mark.parametrize("spec", specs("likelihood"))
def test_wild_likelihoods_stay_finite(spec):
    layer = wild(likelihood(spec, (6,), features=1), scale=30.0)
    x = data(supports(spec)[0], 8)
    with tf.GradientTape() as tape:
        log_px = layer(tf.ones([8, 1])).log_prob(x)
    assert np.isfinite(log_px).all()
    assert all(np.isfinite(g).all() for g in tape.gradient(log_px, layer.trainable_variables))
