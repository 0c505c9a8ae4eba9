"""Every model of the catalogue trains as any Keras model does."""

import keras
import numpy as np
import pytest

import zoo
from training.data import load_dataset

DIGITS = load_dataset("digits", "none")
SMALL = {"gated_mlp": "gated_mlp(hidden=(32, 32))", "conv": "conv(filters=(8, 16), hidden=32)"}


def trained(name, batch_size=127):  # eleven times
    """A small model of that name, and the history of its training under XLA."""
    network = SMALL[zoo.recipe(name).network]
    vae = zoo.build(name, DIGITS.event_shape, DIGITS.support, latent=4, network=network)
    vae.adapt(DIGITS.train)
    vae.compile(keras.optimizers.Adam(3e-3), jit_compile=True)
    fit = vae.fit(DIGITS.train, batch_size=batch_size, validation_data=(DIGITS.validation[:127],), epochs=3, verbose=0)
    return vae, fit.history


@pytest.mark.parametrize("name", zoo.model_names())
def test_model(name, tmp_path):
    vae, history = trained(name)
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert set(history) == {prefix + n for prefix in ("", "val_") for n in ("loss", "reconstruction", "kl")}
    scores = vae.score(DIGITS.test[:10], samples=20)
    assert all(np.isfinite(values).all() for values in scores)
    assert scores.log_likelihood.mean() > scores.elbo.mean()
    assert vae.generate(3).shape == (3, 8, 8, 1)

    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    np.testing.assert_array_equal(again.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
    assert zoo.describe(again).parts == zoo.describe(vae).parts


def test_a_saved_model_evaluates_and_takes_weights_as_keras_models_do(tmp_path):
    vae, _ = trained("tril_vae", batch_size=100)  # 97 in the last one
    assert vae.predict(DIGITS.test, verbose=0).shape == DIGITS.test.shape
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    assert again.evaluate(DIGITS.test, verbose=0) == vae.evaluate(DIGITS.test, verbose=0)

    vae.save_weights(tmp_path / "vae.weights.h5")
    fresh = zoo.VAE.from_config(vae.get_config())
    fresh.load_weights(tmp_path / "vae.weights.h5")
    np.testing.assert_array_equal(fresh.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
