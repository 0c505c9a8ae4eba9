"""Every model of the catalogue trains as any Keras model does."""

import keras
import numpy as np
import pytest

import zoo
from training.data import load_dataset

DIGITS = load_dataset("digits", "none")


@pytest.mark.parametrize("name", zoo.model_names())
def test_model(name, tmp_path):
    vae = zoo.build(name, DIGITS.event_shape, DIGITS.support, latent=4, network="gated_mlp(hidden=(32, 32))")
    vae.compile(keras.optimizers.Adam(3e-3), jit_compile=True)
    # 1,397 = 13 × 100 + 97: under XLA, with a partial batch.
    history = vae.fit(DIGITS.train, batch_size=100, validation_data=(DIGITS.validation,), epochs=4, verbose=0).history
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert set(history) == {prefix + n for prefix in ("", "val_") for n in ("loss", "reconstruction", "kl")}

    assert vae.predict(DIGITS.test, verbose=0).shape == DIGITS.test.shape
    assert vae.generate(3).shape == (3, 8, 8, 1)
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras", safe_mode=True)
    np.testing.assert_array_equal(again.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
    assert again.evaluate(DIGITS.test, verbose=0) == vae.evaluate(DIGITS.test, verbose=0)

    vae.save_weights(tmp_path / "vae.weights.h5")
    fresh = zoo.VAE.from_config(vae.get_config())
    fresh.load_weights(tmp_path / "vae.weights.h5")
    np.testing.assert_array_equal(fresh.reconstruct(DIGITS.test), vae.reconstruct(DIGITS.test))
