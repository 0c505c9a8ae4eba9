"""Images of another size: kernels over pixels are resampled, and a smooth image is seen as before."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import zoo
from zoo.finetuning import transfer
from zoo.finetuning.resampling import INPUTS, OUTPUTS, pixels_of_network, resampled, resize

LARGE, SMALL = (16, 12, 1), (8, 6, 1)


def smooth(shape, n=5):
    """Images that are linear in their coordinates, so that another size is sampled exactly inside."""
    y, x = np.meshgrid((np.arange(shape[0]) + 0.5) / shape[0], (np.arange(shape[1]) + 0.5) / shape[1], indexing="ij")
    a, b, c = np.random.default_rng(0).uniform(0, 0.5, (3, n, 1, 1))
    return np.repeat((a * y + b * x + 0.2 * c)[..., None], shape[2], axis=-1).astype(np.float32)


def smooth_model(network, shape, support="unit"):
    """A model whose kernels over pixels are smooth, as those of trained models are."""
    vae = zoo.build("vamp_vae", shape, support, latent=3, prior="vamp(components=4)", network=network)
    vae.prior.adapt(smooth(shape))
    return vae


def test_resize_is_linear_and_keeps_constants():
    values = np.random.default_rng(0).normal(size=(6, 4, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(resize(np.ones_like(values), (3, 9, 2)), 1, atol=1e-6)
    np.testing.assert_allclose(resize(3 * values, (3, 9, 2)), 3 * resize(values, (3, 9, 2)), atol=1e-5)
    np.testing.assert_allclose(resize(values, (6, 4, 2)), values)
    np.testing.assert_allclose(resize(values, (6, 4, 1)), values.mean(axis=2, keepdims=True), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"), [(LARGE, SMALL), (SMALL, LARGE), ((8, 6, 3), (8, 6, 1)), ((8, 6, 1), (8, 6, 3))]
)
def test_pre_activations_keep_their_size(old, new):
    smooth_kernel = np.moveaxis(smooth(old, 5), 0, -1).reshape(-1, 5)
    kernel, bias = resampled([smooth_kernel, np.arange(5.0)], [(np.prod(new), 5), (5,)], (INPUTS, old), (INPUTS, new))
    np.testing.assert_array_equal(bias, np.arange(5.0))
    found, expected = (smooth(shape).reshape(5, -1) @ k for shape, k in ((new, kernel), (old, smooth_kernel)))
    np.testing.assert_allclose(found, expected, rtol=0.03)


@pytest.mark.parametrize(("old", "new"), [(LARGE, SMALL), (SMALL, LARGE), ((8, 6, 1), (8, 6, 3))])
def test_outputs_are_the_resized_images(old, new):
    images = smooth(old)  # of each of 5 features
    weights = [np.repeat(images[..., None], 2, axis=-1).reshape(5, -1), np.zeros(2 * np.prod(old))]
    kernel, _ = resampled(weights, [(5, 2 * np.prod(new)), (2 * np.prod(new),)], (OUTPUTS, old), (OUTPUTS, new))
    inside = np.s_[:, 1:-1, 1:-1]
    found = kernel.reshape(5, *new, 2)
    for i in range(2):
        np.testing.assert_allclose(found[inside][..., i], smooth(new)[inside], atol=0.02)


def test_kernels_that_are_not_over_pixels_are_not_resampled():
    weights, shapes = [np.zeros((24, 5)), np.zeros(5)], [(6, 5), (5,)]
    assert resampled(weights, shapes, None, (INPUTS, (3, 2, 1))) is None
    assert resampled(weights, shapes, (INPUTS, (6, 4, 1)), (OUTPUTS, (3, 2, 1))) is None
    assert resampled(weights, [(6, 7), (7,)], (INPUTS, (6, 4, 1)), (INPUTS, (3, 2, 1))) is None
    layers = [keras.Input((6,)), keras.layers.Flatten(), keras.layers.Dense(3)]
    assert pixels_of_network(keras.Sequential(layers)) == {}


NETWORKS = ["mlp(hidden=(7, 5))", "gated_mlp(hidden=(6,))", "conv(filters=(3, 4), hidden=6)"]


@pytest.mark.slow
@pytest.mark.parametrize("support", ["unit", "levels"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_model_of_another_size(tmp_path, network, support, capsys):
    vae = smooth_model(network, LARGE, support)
    vae.save_to_preset(tmp_path / "large")
    other = zoo.VAE.from_preset(tmp_path / "large", event_shape=SMALL)
    said = other.origin.weights
    assert said["posterior"] == "kept"
    assert said["encoder"].endswith("resampled in 1")
    assert said["prior"] == "resampled in 1"
    if network.startswith("conv"):
        assert said["decoder"] == "kept in 2 of 3 layers and resampled in 1"
        assert said["likelihood"].startswith("kept")
    else:
        assert said["decoder"] == "kept"
        assert said["likelihood"] == "resampled in 1"
    assert np.isfinite(other.score(np.round(smooth(SMALL)), samples=2).elbo).all()
    np.testing.assert_allclose(
        other.prior.pseudo_inputs[:, 1:-1, 1:-1], resized(vae.prior.pseudo_inputs.numpy()), atol=1e-3
    )


def resized(images):
    return np.stack([resize(image, SMALL) for image in images])[:, 1:-1, 1:-1]


def test_vectors_start_new(tmp_path, capsys):
    vae = zoo.build("diag_vae", (6,), "binary", latent=2, network="mlp(hidden=(5,))")
    vae.save_to_preset(tmp_path / "six")
    other = zoo.VAE.from_preset(tmp_path / "six", event_shape=(4,))
    assert (other.origin.weights["encoder"], other.origin.weights["likelihood"]) == ("new", "new")


def test_a_convolution_sees_gray_images_of_other_channels_as_before(tmp_path, capsys):
    vae = zoo.build("conv_vae", (8, 6, 1), "unit", latent=2, network="conv(filters=(3, 4), hidden=6)")
    vae.save_to_preset(tmp_path / "gray")
    color = zoo.VAE.from_preset(tmp_path / "gray", event_shape=(8, 6, 3))
    color.save_to_preset(tmp_path / "color")
    again = zoo.VAE.from_preset(tmp_path / "color", event_shape=(8, 6, 1))
    assert color.origin.weights["encoder"] == "kept in 2 of 3 layers and resampled in 1"
    x = smooth((8, 6, 1))
    for other in (color, again):
        seen = np.repeat(x, other.event_shape[-1], axis=-1)
        np.testing.assert_allclose(other.encode(seen).mean(), vae.encode(x).mean(), rtol=1e-4, atol=1e-5)


def test_images_that_are_too_large_are_refused_before_anything_is_allocated(tmp_path):
    zoo.build("diag_vae", (8, 6, 1), "unit", latent=2, network="mlp(hidden=(5,))").save_to_preset(tmp_path / "small")
    with pytest.raises(ValueError, match="Expected the model to fit into memory"):
        zoo.VAE.from_preset(tmp_path / "small", event_shape=(40_000, 40_000, 3))


def test_layers_that_are_new_are_said(tmp_path, capsys):
    zoo.build("diag_vae", (8, 6, 1), "unit", latent=2, network="mlp(hidden=(5, 4))").save_to_preset(tmp_path / "images")
    rows = zoo.VAE.from_preset(tmp_path / "images", event_shape=(30,))
    assert rows.origin.weights["encoder"] == "kept in 1 of 2 layers and new in 1"


@pytest.mark.slow
def test_resampled_layers_beat_new_ones(tmp_path, monkeypatch, capsys):
    """Digits at another size: 200 examples, 40 steps; the ELBO is better at once, and by tens of nats afterwards."""
    images = load_digits().images[..., None] / 16
    x, y = (np.float32(tf.image.resize(images, (size, size)) > 0.5) for size in (16, 8))
    vae = zoo.build("tril_vae", x.shape[1:], "binary", latent=8, network="gated_mlp(hidden=(100,))")
    vae.compile(zoo.Adam(1e-3))
    vae.fit(x[:1400], epochs=10, batch_size=100, verbose=0)
    vae.save_to_preset(tmp_path / "digits")

    def elbos():
        tuned = zoo.VAE.from_preset(tmp_path / "digits", event_shape=y.shape[1:])
        before = tuned.score(y[1400:], 2).elbo.mean()
        tuned.compile(zoo.Adam(2e-4))
        tuned.fit(y[:200], epochs=10, batch_size=50, verbose=0)
        return np.array([before, tuned.score(y[1400:], 2).elbo.mean()])

    found = elbos()
    monkeypatch.setattr(transfer, "resampled", lambda *arguments: None)
    assert np.all(found > elbos() + 10)
