"""What is too large for this machine is refused before it is allocated, with the sizes and what to give instead."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import memory

SMALL = {"latent": 2, "network": "mlp(hidden=(5,))"}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"latent": 10**9}, r"'kernel' of shape \[1000000000, 5\] it has 5,000,000,\d+ parameters"),
        ({"latent": 100_000, "posterior": "tril"}, r"\[5, 5000150000\]"),
        ({"network": "gated_mlp(hidden=(1000000000,))"}, r"\[4, 2000000000\]"),
        ({"prior": "mixture(components=2000000000)"}, r"\[2000000000\]"),
        ({"prior": "vamp(components=2000000000)"}, r"\[2000000000, 4\]"),
        ({"prior": "maf(hidden=1000000000)"}, r"hidden=1,000,000,000 to fit"),
        ({"prior": "maf(steps=1000000000)"}, r"steps .*from 1 to 100"),
        ({"posterior": "iaf(hidden=1000000000)"}, r"\[5, 10000000\d\d\]"),
        ({"posterior": "low_rank(rank=1000000000)"}, r"at most 2, the number of dimensions"),
        ({"objective": "iwae(samples=2000000000)"}, r"1 examples with samples=2,000,000,000 takes about [\d,.]+ GiB"),
    ],
)
def test_models_that_no_memory_holds_are_refused(parts, words):
    with pytest.raises(ValueError, match=words):
        zoo.build("diag_vae", (4,), "real", **(SMALL | parts))


def test_the_memory_of_a_model_is_counted_as_training_needs_it(monkeypatch):
    vae = zoo.build("diag_vae", (4,), "real", **SMALL)
    trained = 4 * sum(int(np.prod(weight.shape)) for weight in vae.trainable_weights)  # bytes
    monkeypatch.setattr(memory, "check_step", lambda *args: None)
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * trained - 1)
    with pytest.raises(ValueError, match="to fit into memory"):
        zoo.build("diag_vae", (4,), "real", **SMALL)
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * trained + 200)  # with units, counters and metrics
    zoo.build("diag_vae", (4,), "real", **SMALL)


@pytest.fixture
def small_machine(monkeypatch):
    """A model of 5 + 5 hidden units on a machine that has room for 10 latent points, but not for a thousand."""
    vae = zoo.build("diag_vae", (4,), "real", **SMALL, objective="iwae(samples=3)")
    vae.compile("adam", run_eagerly=True)
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * 3 * 1000)
    return vae


X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "call",
    [
        lambda vae: vae.fit(X, batch_size=100, verbose=0),
        lambda vae: vae.generate(10_000),
        lambda vae: vae.decode(tf.zeros([100, 100, 2])),
    ],
)
def test_steps_and_points_that_no_memory_holds_are_refused(small_machine, call):
    with pytest.raises(ValueError, match=r"(samples=3|10,000 of them).* GiB"):
        call(small_machine)


def test_steps_and_points_that_fit_are_taken(small_machine):
    small_machine.fit(X[:4], batch_size=2, verbose=0)
    assert small_machine.generate(10).shape == (10, 4)


def test_outputs_of_networks_within_networks_count():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(7), keras.layers.Reshape((7, 1))])
    assert memory.outputs(keras.Sequential([keras.Input((3,)), inner, keras.layers.Flatten()])) == 7 + 7 + 7
