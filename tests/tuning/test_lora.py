"""Low-rank updates: few weights train, and every file is of an ordinary model with the same outputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.tuning.test_freezing import changed, values
from training.loop.checkpoints import Checkpoints, Position
from training.loop.devices import Devices, strategy
from training.loop.steps import compile_steps
from zoo.finetuning.plan import plan
from zoo.model.training.averaging import start_averages
from zoo.model.tuning.lora import without_lora

SHAPE = (4, 4, 1)
X = (np.random.default_rng(0).random((64, *SHAPE)) > 0.5).astype(np.float32)
NETWORKS = ["gated_mlp(hidden=(30, 20))", "conv(filters=(8, 9), kernel=3, hidden=30)"]


def model(network=NETWORKS[0], **parts):
    return zoo.build("diag_vae", SHAPE, "binary", latent=8, network=network, seed=3, **parts)


def tuned(*args, network=NETWORKS[0], epochs=3, **options):
    """A model with trained low-rank updates."""
    vae = model(network)
    vae.enable_lora(*args, **options)
    vae.compile(zoo.Adam(0.05, weight_decay=0.01, use_ema=True), jit_compile=False)
    vae.fit(X, epochs=epochs, verbose=0)
    return vae


def outputs(vae):
    terms = vae.terms(X[:6], 4, tf.constant([0, 1]))  # eager: quicker than tracing `score` for each model
    return terms.log_weights.numpy(), vae.reconstruct(X[:6]).numpy()


def assert_equal(found, expected, **tolerance):
    for value, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, want, **({"rtol": 0, "atol": 0} | tolerance))


def test_under_five_percent_of_the_weights_train():
    vae = zoo.build("diag_vae", (28, 28, 1), "binary", latent=40, network="gated_mlp(hidden=(300, 300))")
    usual = zoo.describe(vae)
    vae.enable_lora(rank=4)
    found = zoo.describe(vae)
    assert (found.total, found.parts) == (usual.total, usual.parts)
    trained = sum(found.trained.values())
    layers = [(784, 600), (300, 600), (300, 80), (40, 600), (300, 600), (300, 784)]
    assert trained == sum(4 * (inputs + outputs) + outputs for inputs, outputs in layers)  # A, B and biases
    assert trained == sum(np.prod(w.shape) for w in vae.trainable_variables) < 0.05 * found.total
    assert f"{trained:,}" in str(found)
    assert [part.training for part in plan(vae)] == ["lora(rank=4)"] * 2 + [""] + ["lora(rank=4)"] * 2 + [""]


@pytest.mark.parametrize("network", NETWORKS[1:])  # the other one is saved and trained below
def test_nothing_changes_before_training(network):
    vae = model(network)
    before = outputs(vae)
    vae.enable_lora(2)
    assert_equal(outputs(vae), before)
    vae.merge_lora()
    assert_equal(outputs(vae), before)
    assert str(zoo.describe(vae)) == str(zoo.describe(model(network)))


@pytest.mark.slow
def test_only_updates_and_vectors_are_trained():
    vae = model()
    before = vae.score(X[:6], samples=4, seed=1).elbo  # by a function that is traced before the updates
    vae.enable_lora(2)
    kernels = {
        weight.path: np.array(weight) for weight in vae.weights if len(weight.shape) > 1 and not weight.trainable
    }
    assert len(kernels) == 6
    vae.compile(zoo.Adam(0.05, weight_decay=0.01, use_ema=True), jit_compile=True, steps_per_execution=2)
    vae.fit(X, epochs=2, verbose=0)
    for weight in vae.weights:
        if weight.path in kernels:
            np.testing.assert_array_equal(weight, kernels[weight.path])
    assert np.all(np.abs(vae.score(X[:6], samples=4, seed=1).elbo - before) > 1e-4)


@pytest.mark.slow
def test_files_and_copies_are_ordinary_models(tmp_path):
    vae = tuned(3)
    vae.add_sampler("aggregated", X, progress=False)
    vae.freeze("likelihood")
    expected, before, trained = outputs(vae), values(vae), zoo.describe(vae)
    zoo.save(vae, tmp_path / "run")
    vae.save_to_preset(tmp_path / "preset")
    vae.save(tmp_path / "vae.keras")
    other = model()
    vae.samplers.clear()
    vae.save_weights(tmp_path / "some.weights.h5")
    other.load_weights(tmp_path / "some.weights.h5")
    loaded = [
        zoo.load(tmp_path / "run"),
        zoo.load(tmp_path / "preset"),
        keras.saving.load_model(tmp_path / "vae.keras"),
    ]
    for found in (*loaded, other, without_lora(vae)):
        assert found.lora.rank is None
        assert found.frozen == ()
        assert zoo.describe(found).trained == zoo.describe(model()).trained
        assert_equal(outputs(found), expected, rtol=1e-5, atol=1e-5)
    # And saving leaves the model as it was.
    assert not any(changed(before[: len(vae.weights)], vae))
    assert str(zoo.describe(vae)) == str(trained)
    vae.merge_lora()
    assert vae.frozen == ("likelihood",)
    assert_equal(outputs(vae), expected, rtol=1e-5, atol=1e-5)


def test_half_precision_is_merged_in_full(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        vae = model()
    finally:
        keras.config.set_dtype_policy("float32")
    vae.enable_lora(2)
    for layer in vae.lora.layers:
        layer.lora_kernel_b.assign(np.random.default_rng(0).normal(0, 0.01, layer.lora_kernel_b.shape))
    a, b, kernel = (
        np.array(w)
        for w in (vae.lora.layers[0].lora_kernel_a, vae.lora.layers[0].lora_kernel_b, vae.encoder.weights[0])
    )
    zoo.save(vae, tmp_path)
    np.testing.assert_allclose(zoo.load(tmp_path).encoder.weights[0], kernel + a @ b, rtol=1e-6)


@pytest.mark.slow
def test_a_resumed_training_comes_to_the_same_bits(tmp_path):
    def started(folder):
        vae, position = model(), Position()
        vae.enable_lora(3)
        vae.freeze("likelihood")
        vae.compile(zoo.Adam(0.05, use_ema=True, ema_momentum=0.9))
        vae.optimizer.build(vae.trainable_variables)
        start_averages(vae)
        steps, _ = compile_steps(vae, Devices(strategy("one_device")), 2, 2)
        checkpoints = Checkpoints(folder, vae, [], position, 100, 100.0, 2, True)
        checkpoints.restore()
        return vae, steps, checkpoints, position

    def take(steps, skipped, count):
        steps(
            iter(tf.data.Dataset.from_tensor_slices(X).batch(8).skip(skipped)), tf.constant(count), tf.constant(False)
        )

    straight, steps, *_ = started(tmp_path / "a")
    take(steps, 0, 6)
    first, steps, checkpoints, position = started(tmp_path / "b")
    take(steps, 0, 2)
    position.step = 2
    checkpoints.save()
    again, steps, _, position = started(tmp_path / "b")
    assert position.step == 2
    assert not any(changed(values(first), again))
    take(steps, 2, 4)
    assert not any(changed(values(straight), again))
    for average, expected in zip(again.averages, straight.averages, strict=True):
        np.testing.assert_array_equal(average, expected)


@pytest.mark.slow
def test_updates_can_be_enabled_again_and_weights_loaded(tmp_path):
    vae = tuned(2, roles=["encoder", "decoder"], epochs=1)
    expected = outputs(vae)
    vae.save_weights(tmp_path / "some.weights.h5")
    vae.load_weights(tmp_path / "some.weights.h5")
    assert_equal(outputs(vae), expected, rtol=1e-5, atol=1e-5)
    assert all(np.any(np.array(layer.lora_kernel_a)) for layer in vae.lora.layers)  # at A = B = 0 nothing would train
    vae.merge_lora()
    vae.enable_lora(2)
    vae.compile("adam", jit_compile=False)
    vae.fit(X, verbose=0)
    assert np.all(np.abs(outputs(vae)[0] - expected[0]) > 1e-5)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"rank": 500}, "rank= to be at most 14, .* of shape \\(20, 60\\), got 500"),
        ({"rank": 0}, "rank"),
        ({"rank": 2.5}, "rank"),
        ({"roles": ["prior"]}, "roles= to be among encoder, posterior, decoder, likelihood, got 'prior'"),
        ({"roles": ["encoder"]}, "encoder is frozen"),
        ({"roles": []}, "parts with dense or convolution layers"),
    ],
)
def test_bad_updates(arguments, what):
    vae = model()
    vae.freeze("encoder")
    before = [weight.path for weight in vae.trainable_variables]
    with pytest.raises(ValueError, match=what):
        vae.enable_lora(**arguments)
    assert [weight.path for weight in vae.trainable_variables] == before
    vae.enable_lora()
    assert vae.lora.roles == ("posterior", "decoder", "likelihood")
    with pytest.raises(ValueError, match="rank 8 already"):
        vae.enable_lora()
