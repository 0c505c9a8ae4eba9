"""Frozen parts: not a bit of them changes in training, and no file says that they were frozen."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from training.loop.devices import Devices, strategy
from training.loop.steps import compile_steps
from zoo.model.training.averaging import start_averages, use_averages

D, LATENT = 6, 2
X = (np.random.default_rng(0).random((64, D)) > 0.5).astype(np.float32)
HAVING_WEIGHTS = ("encoder", "posterior", "prior", "decoder", "likelihood")


def network(inputs, name):
    """A network with moving statistics, noise and weight decay of its own."""
    dense = keras.layers.Dense(5, kernel_regularizer="l2")
    layers = [dense, keras.layers.BatchNormalization(), keras.layers.Activation("relu"), keras.layers.Dropout(0.2)]
    return keras.Sequential([keras.Input((inputs,)), *layers], name=name)


def model(prior="vamp(components=3)", **overrides):
    parts = {"encoder": network(D, "encoder"), "decoder": network(LATENT, "decoder")} | overrides
    return zoo.build("diag_vae", (D,), "binary", latent=LATENT, prior=prior, **parts)


def adam():
    return zoo.Adam(0.1, weight_decay=0.1, use_ema=True, ema_momentum=0.5, global_clipnorm=1.0)


def values(part):
    return [np.array(variable) for variable in part.weights]


def changed(before, part):
    return [not np.array_equal(old, new) for old, new in zip(before, values(part), strict=True)]


def by_fit(vae, **options):
    vae.compile(adam(), **options)
    vae.fit(X, batch_size=16, epochs=2, verbose=0)


def by_loop(vae, jit):
    """Takes steps as the training loop does, and assigns the averages to the weights."""
    vae.compile(adam())
    vae.optimizer.build(vae.trainable_variables)
    start_averages(vae)
    take_steps, _ = compile_steps(vae, Devices(strategy("one_device"), jit), 4, 4)
    batches = tf.data.Dataset.from_tensor_slices(X).batch(16)
    take_steps(iter(batches), tf.constant(4), tf.constant(False))
    use_averages(vae)


WAYS = {
    "fit": lambda vae: by_fit(vae, jit_compile=False),
    "fit in one program": lambda vae: by_fit(vae, jit_compile=True, steps_per_execution=4),
    "loop": lambda vae: by_loop(vae, False),
    "loop in one program": lambda vae: by_loop(vae, True),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "roles"),
    [
        ("fit", ("encoder", "posterior")),
        ("fit in one program", ("encoder", "prior")),
        ("loop", ("posterior",)),
        ("loop in one program", ("decoder", "likelihood")),
    ],
)
def test_not_a_bit_of_frozen_parts_changes(way, roles):
    vae = model()
    vae.freeze(*roles)
    before = {role: values(getattr(vae, role)) for role in HAVING_WEIGHTS}
    WAYS[way](vae)
    for role in HAVING_WEIGHTS:
        moved = changed(before[role], getattr(vae, role))
        if role in roles:
            assert not any(moved), role
        else:
            assert any(moved), role


@pytest.mark.slow
def test_without_freezing_everything_moves():
    vae = model()
    before = {role: values(getattr(vae, role)) for role in HAVING_WEIGHTS}
    by_loop(vae, False)
    for role in HAVING_WEIGHTS:
        assert any(changed(before[role], getattr(vae, role))), role


def test_the_same_posterior_for_data_and_pseudo_inputs():
    """A frozen encoder has no noise of moving statistics in training: `posterior_at` equals it without dropout."""
    encoder = keras.Sequential([keras.Input((D,)), keras.layers.Dense(5), keras.layers.BatchNormalization()])
    encoder.layers[-1].moving_mean.assign(np.full(5, 0.3))
    vae = model(encoder=encoder)
    vae.freeze("encoder")
    before = values(vae.encoder)
    trained = vae.posterior(vae.features(X, training=True)).mean()
    np.testing.assert_array_equal(trained, vae.posterior_at(X).mean())
    assert not any(changed(before, vae.encoder))


def test_frozen_parts_are_listed_and_described():
    vae = model()
    total = zoo.describe(vae).total
    vae.freeze("prior", "encoder")
    assert vae.frozen == ("encoder", "prior")
    found = zoo.describe(vae)
    assert found.total == total
    assert found.parts == zoo.describe(model()).parts
    assert found.trained["encoder"] == found.trained["prior"] == 0 < found.trained["posterior"]
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("frozen")] == ["encoder", "prior"]
    assert f"{sum(found.trained.values()):,}" in lines[-1]
    vae.unfreeze("encoder")
    assert vae.frozen == ("prior",)
    vae.unfreeze()
    assert str(zoo.describe(vae)) == str(zoo.describe(model()))


def test_unfreeze_restores_what_was_trainable():
    vae = model()
    vae.encoder.layers[0].trainable = False
    before = [weight.path for weight in vae.trainable_variables]
    vae.freeze("encoder")
    vae.unfreeze("encoder")
    assert [weight.path for weight in vae.trainable_variables] == before
    assert not vae.encoder.layers[0].trainable


@pytest.mark.parametrize(
    ("roles", "what"),
    [
        (("head",), "no part 'head'"),
        (("encoder", "objective"), "objective of this model has no weights"),
        (("prior",), "prior of this model has no weights"),
        (("encoder", "posterior", "decoder", "likelihood"), "left to train"),
    ],
)
def test_bad_roles(roles, what):
    vae = model(prior="standard")
    with pytest.raises(ValueError, match=what):
        vae.freeze(*roles)
    assert vae.frozen == ()
    vae.freeze("encoder", "posterior")
    with pytest.raises(ValueError, match="left to train"):
        vae.freeze("decoder", "likelihood")
    assert vae.frozen == ("encoder", "posterior")


@pytest.mark.slow
def test_an_optimizer_of_other_weights_is_refused():
    vae = model()
    vae.compile("adam")
    vae.fit(X, verbose=0)
    vae.freeze("encoder")
    before = values(vae)
    with pytest.raises(ValueError, match=r"call vae.compile\(...\) with a new optimizer"):
        vae.fit(X, verbose=0)
    assert not any(changed(before, vae))
    vae.compile("adam")
    vae.fit(X, verbose=0)


def test_files_are_not_frozen(tmp_path):
    vae = model(encoder=None, decoder=None, network="mlp(hidden=(4,))")
    vae.compile("adam")
    usual = zoo.describe(vae)
    vae.freeze("encoder", "prior")
    vae.save_to_preset(tmp_path / "preset")
    zoo.save(vae, tmp_path / "run")
    vae.save(tmp_path / "vae.keras")
    assert vae.frozen == ("encoder", "prior")
    assert json.loads((tmp_path / "preset/metadata.json").read_text())["parameter_count"] == usual.total
    for path in ("preset", "run", "vae.keras"):
        load = keras.saving.load_model if path.endswith(".keras") else zoo.load
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            loaded = load(tmp_path / path)
        assert zoo.describe(loaded).trained == usual.trained
        assert not loaded.compiled
        for weight, expected in zip(loaded.get_weights(), vae.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)


def test_another_part_for_a_built_model_is_refused():
    vae = model(prior="standard")
    before = vae.prior
    with pytest.raises(AttributeError, match=r"VAE.from_preset\(preset, prior=...\)"):
        vae.prior = zoo.priors.MixturePrior((LATENT,))
    assert vae.prior is before
    vae.prior = before
