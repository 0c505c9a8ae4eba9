"""Networks that users bring along."""

import math

import keras
import numpy as np
import pytest

import zoo
from tests.models.image_vae import X, model


@keras.saving.register_keras_serializable("tests")
class Own(keras.Model):
    """A subclassed network, not built."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(6, "relu")

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, math.prod(x.shape[1:]))))


NETWORKS = {
    "sequential": lambda *inputs: keras.Sequential([*inputs, keras.layers.Flatten(), keras.layers.Dense(6, "relu")]),
    "subclassed": lambda *inputs: Own(),
}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("built", [True, False])
def test_a_network_of_ones_own(kind, built, tmp_path):
    encoder, decoder = (NETWORKS[kind](*([keras.Input(shape)] if built else [])) for shape in [(4, 4, 1), (3,)])
    vae = model(encoder=encoder, decoder=decoder)
    assert vae.reconstruct(X).shape == X.shape
    zoo.save(vae, tmp_path)
    loaded = zoo.load(tmp_path, custom_objects={"Own": Own})
    np.testing.assert_array_equal(loaded.reconstruct(X), vae.reconstruct(X))


@pytest.mark.parametrize("encoder", ["mlp", 5, lambda x: x, keras.layers.Dense(3)])
def test_what_is_no_network_is_refused(encoder):
    with pytest.raises(ValueError, match="Expected encoder= to be a Keras model, got"):
        model(encoder=encoder)


def test_an_encoder_of_two_outputs_is_refused():
    x = keras.Input((4, 4, 1))
    with pytest.raises(ValueError, match="one output"):
        model(encoder=keras.Model(x, [x, x]))
