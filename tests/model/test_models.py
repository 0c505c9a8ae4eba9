"""Every model of the catalogue trains as any Keras model does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from training.data import load_dataset

pytestmark = pytest.mark.slow

DIGITS = load_dataset("digits", "none")
SMALL = {"gated_mlp": "gated_mlp(hidden=(32,))", "conv": "conv(filters=(8,), hidden=32)"}


LOGGED = {"loss", "reconstruction", "kl"}


def small(name, jit_compile=False):
    """A small model of that name, to be trained."""
    network = SMALL[zoo.recipe(name).network]
    vae = zoo.build(name, DIGITS.event_shape, DIGITS.support, latent=4, network=network)
    vae.adapt(DIGITS.train)
    vae.compile(keras.optimizers.Adam(3e-3), jit_compile=jit_compile)
    return vae


@pytest.mark.parametrize("name", zoo.model_names())
def test_model(name, tmp_path):
    vae = small(name)
    vae.optimizer.build(vae.trainable_variables)
    # One trace, of unknown batch size as where a last batch is smaller.
    vae.train_step = tf.function(vae.train_step, input_signature=[tf.TensorSpec([None, *vae.event_shape])])
    before = vae.score(DIGITS.test[:50], samples=20)
    history = vae.fit(DIGITS.train, batch_size=127, epochs=3, verbose=0).history  # eleven full batches
    assert history["loss"][-1] < history["loss"][0]
    assert set(history) == LOGGED
    scores = vae.score(DIGITS.test[:50], samples=20)
    assert scores.elbo.mean() > before.elbo.mean()
    assert all(np.isfinite(values).all() for values in scores)
    assert scores.log_likelihood.mean() > scores.elbo.mean()
    assert vae.generate(3).shape == (3, 8, 8, 1)

    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    np.testing.assert_array_equal(again.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
    assert zoo.describe(again).parts == zoo.describe(vae).parts


@pytest.mark.parametrize("name", ["diag_vae", "vamp_hvae"])
def test_a_step_is_one_program_of_xla(name):
    """With guard and optimizer; each part's densities and gradients under XLA are compared in `test_compiled`."""
    vae = small(name)
    vae.optimizer.build(vae.trainable_variables)
    compiled = tf.function(vae.train_step, jit_compile=True)
    assert "ENTRY" in compiled.experimental_get_compiler_ir(tf.constant(DIGITS.train[:127]))(stage="hlo")


def test_a_saved_model_evaluates_and_takes_weights_as_keras_models_do(tmp_path):
    vae = small("conv_tril_vae", jit_compile=True)
    # The last batches are smaller: of 97, and of 50.
    fit = vae.fit(DIGITS.train, batch_size=100, validation_data=(DIGITS.validation[:150],), epochs=3, verbose=0)
    assert set(fit.history) == LOGGED | {f"val_{name}" for name in LOGGED}
    assert fit.history["val_loss"][-1] < fit.history["val_loss"][0]
    assert vae.predict(DIGITS.test, verbose=0).shape == DIGITS.test.shape
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    test = DIGITS.test[:100]
    assert again.evaluate(test, batch_size=100, verbose=0) == vae.evaluate(test, batch_size=100, verbose=0)

    vae.save_weights(tmp_path / "vae.weights.h5")
    fresh = zoo.VAE.from_config(vae.get_config())
    fresh.load_weights(tmp_path / "vae.weights.h5")
    np.testing.assert_array_equal(fresh.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
