"""Densities are the same eagerly, in tf.function and under XLA, and float32 under mixed precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.contract.parts import combinations, combined, data_of, each_combination, words

pytestmark = pytest.mark.slow


def densities(vae, x, z):
    """log q(z|x), log p(z), log p(x|z) of each example [3, B]."""
    q, p, px = vae.encode(x), vae.prior(encode=vae.posterior_at), vae.decode(z)
    return tf.stack([q.log_prob(z), p.log_prob(z), px.log_prob(x)])


CASES = list(combinations())


@pytest.mark.parametrize("parts", [*CASES[:-1], pytest.param(CASES[-1], marks=pytest.mark.xla)], ids=words)
def test_compiled(parts):
    vae = combined(parts)
    x, z = data_of(vae, 5), vae.prior(encode=vae.posterior_at).sample(5, seed=[0, 1])

    def densities_and_gradients(x, z):
        with tf.GradientTape() as tape:
            loss = vae.compute_loss(x=x, y_pred=vae(x))
        return densities(vae, x, z), tape.gradient(loss, vae.trainable_variables)

    # Of unknown batch size, on which XLA lacks some gradients.
    signature = [tf.TensorSpec([None, *shape]) for shape in (vae.event_shape, z.shape[1:])]
    expected = densities(vae, tf.constant(x), z)
    traced = tf.function(densities_and_gradients, input_signature=signature)
    for compiled in (traced, tf.function(traced, jit_compile=True)):  # to trace it once more would show nothing new
        values, gradients = compiled(x, z)
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
        assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@each_combination
def test_distributions_are_float32_under_mixed_precision(parts, policy):
    keras.config.set_dtype_policy(policy)
    vae = combined(parts)
    terms = vae(data_of(vae, 5))
    tensors = [term for term in terms if term is not None]
    assert all(term.dtype == tf.float32 for term in tensors)
    assert all(np.isfinite(term).all() for term in tensors)
    objective = vae.objective(terms)
    assert objective.dtype == tf.float32
    assert np.isfinite(objective).all()
