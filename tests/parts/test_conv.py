"""The convolutional network: shapes, options and training."""

import keras
import numpy as np
import pytest

import zoo
from zoo.networks.conv import Convolutional

pytestmark = pytest.mark.slow

SMALL = "conv(filters=(4, 6), hidden=8)"
EVENTS = [(8, 8, 1), (28, 28, 1), (5, 7, 3), (1, 1, 1), (9, 4), (4, 4), (32, 17, 2)]
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("event_shape", EVENTS)
@pytest.mark.parametrize("options", [{}, {"filters": (3,), "kernel": 2}, {"filters": [4, 5, 6], "kernel": 5}])
def test_features_have_the_height_and_width_of_the_images(event_shape, options):
    network = Convolutional(hidden=7, **options)
    encoder, decoder = network.encoder(event_shape), network.decoder(2, event_shape)
    (height, width), channels = event_shape[:2], network.filters[0]
    features = (height, width, channels) if len(event_shape) == 3 else (height, width * channels)
    assert (encoder.output_shape, decoder.output_shape) == ((None, 7), (None, *features))
    assert encoder(RNG.random((3, *event_shape))).shape == (3, 7)
    assert decoder(RNG.normal(size=(3, 2))).shape == (3, *features)


@pytest.mark.parametrize("event_shape", EVENTS)
def test_models_of_images(event_shape):
    vae = zoo.build("conv_vae", event_shape, "unit", latent=3, network=SMALL)
    x = np.float32(RNG.random((4, *event_shape)))
    assert vae.reconstruct(x).shape == x.shape
    assert vae.decode(np.zeros((5, 2, 3))).batch_shape == (5, 2)
    assert np.isfinite(vae.objective(vae(x))).all()


@pytest.mark.parametrize("event_shape", [(8, 8, 1), (5, 7, 3)])
def test_the_likelihood_is_one_linear_map_at_every_pixel(event_shape):
    vae = zoo.build("conv_vae", event_shape, "real", latent=3, network=SMALL, likelihood="normal(scale=0.5)")
    z = np.float32(RNG.normal(size=(2, 3)))
    kernel, bias = vae.likelihood.params.get_weights()
    h = vae.decoder(z).numpy()
    assert kernel.shape == (4, event_shape[-1])
    expected = [[[pixel @ kernel + bias for pixel in row] for row in image] for image in h]
    np.testing.assert_allclose(vae.decode(z).mean(), expected, rtol=1e-5, atol=1e-6)


def test_the_decoder_is_a_transposed_convolution_cropped_at_the_end():
    """One halving of a 3×3 image, kernel 2: each of the 2×2 features makes a block of 2×2 pixels of its own."""
    decoder = Convolutional(filters=(2,), kernel=2, activation="linear").decoder(3, (3, 3, 1))
    z = RNG.normal(size=(1, 3))
    to_features, to_features_bias, kernel, bias = decoder.get_weights()
    features = (z @ to_features + to_features_bias).reshape(2, 2, 2)
    expected = [
        [kernel[i % 2, j % 2] @ features[i // 2, j // 2] + bias for j in range(3)]  # kernel [2, 2, out, in]
        for i in range(3)
    ]
    np.testing.assert_allclose(decoder(z)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("event_shape", [(6,), (2, 3, 4, 5)])
def test_what_is_no_image_is_refused_with_what_to_use(event_shape):
    with pytest.raises(ValueError, match=r"'conv' needs images.*got \[.*\]\. Use network 'mlp' or 'gated_mlp'\.$"):
        zoo.build("conv_vae", event_shape, "unit")


@pytest.mark.parametrize(
    "options",
    [
        {"filters": ()},
        {"filters": 32},
        {"filters": (32, 0)},
        {"filters": (32, 1.5)},
        {"kernel": 1},
        {"kernel": (3, 3)},
        {"hidden": 0},
        {"hidden": "many"},
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="Expected"):
        Convolutional(**options)


def test_options_reach_the_layers():
    network = Convolutional(filters=(3, 5), kernel=3, hidden=6, activation="tanh")
    kernels = [w.shape for w in network.encoder((8, 8, 2)).get_weights() if w.ndim == 4]
    assert kernels == [(3, 3, 2, 3), (3, 3, 3, 5)]
    layers = [*network.encoder((8, 8, 2)).layers, *network.decoder(2, (8, 8, 2)).layers]
    assert {layer.activation.__name__ for layer in layers if hasattr(layer, "activation")} == {"tanh"}


def test_it_trains_under_xla():  # with smaller last batches: in `test_models`
    vae = zoo.build("conv_vae", (5, 7, 3), "unit", latent=2, network=SMALL)
    ramps = RNG.random((50, 1, 1, 1)) * np.linspace(0.2, 1, 7)[:, None] * np.ones((5, 1, 3))
    vae.compile(keras.optimizers.Adam(3e-3), jit_compile=True)
    losses = vae.fit(np.float32(ramps), batch_size=25, epochs=25, verbose=0).history["loss"]
    assert losses[-1] < losses[0] - 1
