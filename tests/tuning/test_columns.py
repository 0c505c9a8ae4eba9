"""Columns in another order, some missing and some new: those that are known mean what they meant."""

import numpy as np
import pytest

import zoo

D = 5
X = (np.random.default_rng(0).normal(size=(50, D)) * [1, 2, 3, 4, 5] + [5, 4, 3, 2, 1]).astype(np.float32)


@pytest.fixture(scope="module", params=["normal(scale='predicted')", "normal", "low_rank_normal(rank=2)"])
def preset(request, tmp_path_factory):
    options = {"prior": "vamp(components=3)", "network": "gated_mlp(hidden=(6,))", "likelihood": request.param}
    vae = zoo.build("vamp_vae", (D,), "real", latent=2, **options)
    vae.adapt(X)
    folder = tmp_path_factory.mktemp("presets") / "table"
    vae.save_to_preset(folder)
    return vae, folder


def test_another_order_gives_the_same_model(preset, capsys):
    vae, folder = preset
    order = (3, 0, 4, 1, 2)
    other = zoo.VAE.from_preset(folder, columns=order)
    x = X[:, order]
    np.testing.assert_allclose(other.encode(x).mean(), vae.encode(X).mean(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(other.score(x, 3).elbo, vae.score(X, 3).elbo, rtol=1e-4)
    np.testing.assert_allclose(other.reconstruct(x), vae.reconstruct(X).numpy()[:, order], rtol=1e-4, atol=1e-4)
    assert other.origin.weights["encoder"] == "matched in 1"
    assert other.origin.weights["prior"] == "matched in 1"


def test_missing_and_new_columns(preset, capsys):
    vae, folder = preset
    other = zoo.VAE.from_preset(folder, columns=(4, None, 1, 0))
    assert other.event_shape == (4,)
    x = np.float32(X[:, [4, 4, 1, 0]])
    # The mean of missing columns is zero when standardized, and a new column has no effect yet.
    expected = np.array(X)
    expected[:, [2, 3]] = vae.likelihood.standardization.shift.numpy()[[2, 3]]
    np.testing.assert_allclose(other.encode(x).mean(), vae.encode(expected).mean(), rtol=1e-4, atol=1e-4)
    found, before = other.reconstruct(x).numpy(), vae.reconstruct(expected).numpy()
    np.testing.assert_allclose(found[:, [0, 2, 3]], before[:, [4, 1, 0]], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-6)


@pytest.mark.parametrize("columns", [(0, 0), (5,), (None,), (), (-1,), (0.5,)])
def test_bad_columns(preset, columns):
    with pytest.raises(ValueError, match="columns="):
        zoo.VAE.from_preset(preset[1], columns=columns)


def test_images_have_no_columns(tmp_path):
    zoo.build("diag_vae", (2, 2, 1), "binary", latent=2, network="mlp(hidden=(3,))").save_to_preset(tmp_path / "images")
    with pytest.raises(ValueError, match="a model of a table"):
        zoo.VAE.from_preset(tmp_path / "images", columns=(0, 1))
