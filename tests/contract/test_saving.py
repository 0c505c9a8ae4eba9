"""A part survives its config, and a model with it survives a file, in safe mode."""

import json

import keras
import numpy as np
import pytest

import zoo
from tests.contract.parts import LATENT, combined, data_of, each_combination

pytestmark = pytest.mark.slow


@each_combination
def test_config_round_trip(parts):
    vae = combined(parts)
    for kind in set(parts) - {"network"}:  # networks are Keras's own models
        part = getattr(vae, kind)
        config = json.loads(json.dumps(part.get_config()))
        again = type(part).from_config(config)
        assert again.get_config() == part.get_config()


def scores(vae, x):
    """What the model says of x, by fixed draws: log p(x|z), log p(z) and log q(z|x) [3, K, N]."""
    terms = vae.terms(x, samples=3, seed=[0, 1])
    return np.stack([terms.log_px, terms.log_pz, terms.log_qz])


@each_combination
def test_files(parts, tmp_path):
    vae = combined(parts)
    vae.compile("adam")
    vae.optimizer.build(vae.trainable_variables)
    for weight in vae.trainable_variables:
        weight.assign_add(0.01 * np.ones(weight.shape))
    x = data_of(vae, 4)
    expected = scores(vae, x)
    vae.save(tmp_path / "vae.keras")
    zoo.save(vae, tmp_path)
    of_file, of_folder = keras.saving.load_model(tmp_path / "vae.keras"), zoo.load(tmp_path)
    for again in (of_file, of_folder):
        assert isinstance(again, zoo.VAE)
        assert again.latent_size == LATENT
        np.testing.assert_array_equal(scores(again, x), expected)
    of_folder.compile("adam", run_eagerly=True)
    of_folder.fit(x, epochs=1, verbose=0)
    assert not np.array_equal(scores(of_folder, x), expected)
