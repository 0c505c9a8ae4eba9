"""Presets with other parts: what is unchanged keeps its weights."""

import keras
import numpy as np
import pytest

import zoo
from tests.presets.attacks import model

# parts that are replaced → roles that keep all of their weights
REPLACED = {
    "posterior": ({"posterior": "tril"}, {"encoder", "prior", "decoder", "likelihood", "objective"}),
    "the same posterior": (
        {"posterior": "diag"},
        {"encoder", "posterior", "prior", "decoder", "likelihood", "objective", "samplers"},
    ),
    "prior": ({"prior": "standard"}, {"encoder", "posterior", "decoder", "likelihood", "objective", "samplers"}),
    "objective": (
        {"objective": "elbo(beta=2.0)"},
        {"encoder", "posterior", "prior", "decoder", "likelihood", "samplers"},
    ),
    "event_shape": ({"event_shape": (6, 5, 1)}, {"posterior", "decoder", "objective"}),
    "latent": ({"latent": 3}, {"encoder", "prior", "likelihood", "objective"}),
    "network": ({"network": "mlp(hidden=(9,))"}, {"prior", "objective"}),
}


@pytest.mark.parametrize(("parts", "kept"), REPLACED.values(), ids=REPLACED)
def test_replaced_parts(with_sampler, capsys, parts, kept):
    vae, folder = with_sampler
    other = zoo.VAE.from_preset(folder, **parts)
    origin = zoo.describe(other).origin
    assert capsys.readouterr().out == f"{origin}\n"
    assert {role for role, what in other.origin.weights.items() if what == "kept"} == kept
    for role in set(vae.PARTS) & kept:
        for weight, again in zip(getattr(vae, role).weights, getattr(other, role).weights, strict=True):
            np.testing.assert_array_equal(weight, again)
    assert other.event_shape == parts.get("event_shape", (4, 4, 1))
    assert other.latent_size == parts.get("latent", 2)
    assert other.name == "vamp_vae"
    assert list(other.samplers.fitted) == (["gmm"] if "samplers" in kept else [])
    x = np.round(np.random.default_rng(1).random((2, *other.event_shape))).astype("float32")
    assert np.isfinite(other.reconstruct(x)).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "support", "encoder", "decoder"),
    [
        ("conv(filters=(3, 4), hidden=6)", "levels", *["kept in 2 of 3 layers and resampled in 1"] * 2),
        ("gated_mlp(hidden=(7, 5))", "binary", "kept in 1 of 2 layers and resampled in 1", "kept"),
    ],
)
def test_another_size_keeps_the_layers_that_fit(tmp_path, network, support, encoder, decoder):
    vae = model(event_shape=(8, 8, 1), network=network, support=support)
    vae.save_to_preset(tmp_path / "small")
    other = zoo.VAE.from_preset(tmp_path / "small", event_shape=(12, 8, 1))
    assert other.origin.weights["encoder"] == encoder
    assert other.origin.weights["decoder"] == decoder
    kernels = [[w for w in m.encoder.trainable_weights if len(w.shape) == 4] for m in (vae, other)]
    for weight, again in zip(*kernels, strict=True):
        np.testing.assert_array_equal(weight, again)


def test_a_network_of_the_caller_keeps_its_weights(with_sampler):
    _, folder = with_sampler
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)])
    before = encoder.get_weights()
    vae = zoo.VAE.from_preset(folder, encoder=encoder)
    assert vae.origin.weights["encoder"] == "given"
    np.testing.assert_array_equal(vae.encoder.get_weights()[0], before[0])


def test_an_unknown_part_is_refused(with_sampler):
    with pytest.raises(TypeError, match=r"no part 'posteriors' to replace\. It has: event_shape, "):
        zoo.VAE.from_preset(with_sampler[1], posteriors="tril")


@pytest.mark.slow
def test_a_network_that_cannot_be_told_must_be_named(tmp_path):
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Flatten()])
    model(decoder=decoder).save_to_preset(tmp_path / "small")
    with pytest.raises(ValueError, match="Expected network= too"):
        zoo.VAE.from_preset(tmp_path / "small", event_shape=(5, 5, 1))
    vae = zoo.VAE.from_preset(tmp_path / "small", event_shape=(5, 5, 1), network="mlp(hidden=(3,))")
    assert vae.event_shape == (5, 5, 1)
