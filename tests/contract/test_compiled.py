"""Densities are the same eagerly, in tf.function and under XLA, and float32 under mixed precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from parts import LATENT, all_parts, data, model


def densities(vae, x, z):
    """log q(z|x), log p(z), log p(x|z) of each example [3, B]."""
    q, p, px = vae.encode(x), vae.prior(encode=vae.encode), vae.decode(z)
    return tf.stack([q.log_prob(z), p.log_prob(z), px.log_prob(x)])


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(("kind", "spec"), all_parts())
def test_compiled_densities(kind, spec, jit_compile):
    vae = model(kind, spec)
    x, z = tf.constant(data(vae.support, 5)), tf.random.stateless_normal([5, LATENT], [0, 1])
    compiled = tf.function(lambda x, z: densities(vae, x, z), jit_compile=jit_compile)
    np.testing.assert_allclose(compiled(x, z), densities(vae, x, z), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "spec"), all_parts())
def test_gradients_under_xla_on_a_batch_of_unknown_size(kind, spec):
    vae = model(kind, spec)

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([None, *vae.event_shape])])
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = vae.compute_loss(x=x, y_pred=vae(x))
        return tape.gradient(loss, vae.trainable_variables)

    assert all(np.isfinite(gradient).all() for gradient in gradients(data(vae.support, 5)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("kind", "spec"), all_parts())
def test_distributions_are_float32_under_mixed_precision(kind, spec, policy):
    keras.config.set_dtype_policy(policy)
    vae = model(kind, spec)
    terms = vae(data(vae.support, 5))
    assert all(term.dtype == tf.float32 for term in terms)
    assert all(np.isfinite(term).all() for term in terms)
    assert vae.objective(terms).dtype == tf.float32
