"""Another support: another likelihood, and the trunk sees values as it was trained on."""

import numpy as np
import pytest

import zoo
from tests.tuning.test_freezing import changed, values

SHAPE = (4, 4, 1)
SUPPORTS = ["binary", "levels", "real", "unit"]


def data(support, shape=SHAPE, n=6):
    return zoo.support.get(support).sample(np.random.default_rng(0), (n, *shape)).astype(np.float32)


@pytest.fixture(scope="module", params=SUPPORTS)
def preset(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / request.param
    vae = zoo.build("vamp_vae", SHAPE, request.param, latent=2, prior="vamp(components=3)", network="mlp(hidden=(5,))")
    vae.adapt(100 + 10 * data("real") if request.param == "real" else data(request.param))
    vae.save_to_preset(folder)
    return vae, folder


@pytest.mark.parametrize("support", SUPPORTS)
def test_another_support(preset, support, capsys):
    vae, folder = preset
    other = zoo.VAE.from_preset(folder, support=support)
    assert (other.support, other.event_shape) == (support, SHAPE)
    likelihood = zoo.support.get(support).likelihood
    assert zoo.registry.name_of(other.likelihood) == likelihood
    for role in ("encoder", "posterior", "decoder"):
        assert other.origin.weights[role] == "kept"
        for weight, old in zip(getattr(other, role).weights, getattr(vae, role).weights, strict=True):
            np.testing.assert_array_equal(weight, old)
    x = data(support)
    other.refresh_prior(x, steps=1)
    if support != vae.support:
        other.adapt(x)
    assert np.isfinite(other.score(x, samples=3).elbo).all()
    other.save_to_preset(folder.with_name(f"{folder.name}-{support}"))
    assert zoo.load(folder.with_name(f"{folder.name}-{support}")).support == support


@pytest.mark.parametrize(("old", "new", "factor"), [("levels", "unit", 255), ("unit", "levels", 1 / 255)])
def test_the_same_images_have_the_same_codes(tmp_path, old, new, factor, capsys):
    vae = zoo.build("vamp_vae", SHAPE, old, latent=2, prior="vamp(components=3)", network="mlp(hidden=(5,))")
    vae.save_to_preset(tmp_path / "old")
    other = zoo.VAE.from_preset(tmp_path / "old", support=new)
    levels = data("levels")
    x, y = (levels, levels / 255) if old == "levels" else (levels / 255, levels)
    np.testing.assert_allclose(other.encode(y).mean(), vae.encode(x).mean(), atol=1e-5)
    np.testing.assert_allclose(factor * other.prior.pseudo_inputs, vae.prior.pseudo_inputs, rtol=1e-5)


def test_logits_keep_their_weights(tmp_path, capsys):
    vae = zoo.build("diag_vae", SHAPE, "binary", latent=2, network="mlp(hidden=(5,))")
    vae.save_to_preset(tmp_path / "old")
    other = zoo.VAE.from_preset(tmp_path / "old", support="unit")
    assert other.origin.weights["likelihood"] == "upgraded"
    assert not any(changed(values(vae.likelihood), other.likelihood))


def test_units_of_other_data_are_forgotten(tmp_path, capsys):
    vae = zoo.build("diag_vae", (3,), "real", latent=2, network="mlp(hidden=(5,))")
    vae.adapt(50 + 9 * data("real", (3,), 40))
    vae.save_to_preset(tmp_path / "old")
    other = zoo.VAE.from_preset(tmp_path / "old", support="simplex")
    np.testing.assert_array_equal(other.likelihood.standardize(np.float32([[0.0, 0.5, 0.5]])), [[0.0, 0.5, 0.5]])


def test_a_likelihood_of_another_support_is_refused(tmp_path):
    vae = zoo.build("diag_vae", SHAPE, "binary", latent=2, network="mlp(hidden=(5,))")
    vae.save_to_preset(tmp_path / "old")
    with pytest.raises(ValueError, match="Likelihood 'bernoulli' needs data in"):
        zoo.VAE.from_preset(tmp_path / "old", support="real", likelihood="bernoulli")
    with pytest.raises(KeyError, match="foo"):
        zoo.VAE.from_preset(tmp_path / "old", support="foo")
