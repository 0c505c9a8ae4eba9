"""Training on several devices and in several processes comes to what it comes to on one."""

import json
import os
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models import keras_fit
from tests.models.equal_noise import equal_noise
from tests.shared.processes import SMALL, done, ended, start, start_workers, wait_for
from training import run_folder as run
from training.loop.devices import Devices, strategy

pytestmark = pytest.mark.slow

# Two epochs of 13 steps, in which gradients are clipped, the learning rate decays, and weights are averaged.
COMMAND = ["--model", "tril_vae", "--data", "digits", "--epochs", "2", "--clip-norm", "1", *SMALL]
COMMAND += ["--ema", "0.8", "--lr-schedule", "cosine(warmup=1, final=0.5)"]
# How far sums over two halves of a batch may be from those over the whole, after all steps.
CLOSE = {"losses": {"rtol": 1e-5}, "scores": {"rtol": 1e-4}}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What a run on one device comes to, with the noise that all runs here have."""
    out = tmp_path_factory.mktemp("one") / "run"
    done(start(equal_noise, 1, *COMMAND, "--out", str(out)))
    return np.load(f"{out}.0.npz")


def assert_close(there, here):
    assert there.files == here.files
    for name in there.files:
        if here[name].size:
            np.testing.assert_allclose(here[name], there[name], **CLOSE.get(name, {"atol": 1e-4}))


def test_two_mirrored_devices_take_the_steps_of_one_and_score_as_it(one, tmp_path):
    out = tmp_path / "run"
    done(start(equal_noise, 2, *COMMAND, "--strategy", "mirrored", "--out", str(out)))
    assert_close(one, np.load(f"{out}.0.npz"))
    assert json.loads((out / run.SCORES).read_text())["devices"] == "2 CPUs"


def test_two_workers_take_the_steps_of_one_process_and_only_the_chief_writes(one, tmp_path):
    out = tmp_path / "run"
    words = [done(worker) for worker in start_workers(equal_noise, 1, *COMMAND, "--out", str(out))]
    chief, other = (np.load(f"{out}.{i}.npz") for i in range(2))
    assert all(np.array_equal(chief[name], other[name]) for name in chief.files)
    for name in set(one.files) - {"scores"}:
        np.testing.assert_allclose(chief[name], one[name], **CLOSE.get(name, {"atol": 1e-4}))
    assert json.loads((out / run.SCORES).read_text())["devices"] == "2 CPUs on 2 workers"
    assert ["tril_vae: " in text for text in words] == [True, False]
    assert {path.name for path in out.iterdir()} == set(run.FILES) - {run.REPORT} | {run.EVENTS}


def test_when_a_worker_dies_the_other_says_so_and_a_restart_goes_on(tmp_path):
    out = tmp_path / "run"
    command = [*COMMAND, "--epochs", "300", "--checkpoint-steps", "10", "--out", str(out)]
    chief, other = start_workers(equal_noise, 1, *command)
    wait_for(lambda: list((out / run.CHECKPOINTS).glob("step-*.index")), chief)
    other.kill()
    died = time.monotonic()
    status, words = ended(chief)
    assert time.monotonic() - died < 60
    assert status == 1
    assert "error: another worker has ended or cannot be reached" in words
    assert "Traceback" not in words

    workers = start_workers(equal_noise, 1, *command)
    before = {path.name for path in (out / run.CHECKPOINTS).glob("step-*.index")}
    wait_for(lambda: {path.name for path in (out / run.CHECKPOINTS).glob("step-*.index")} - before, workers[0])
    workers[1].terminate()  # a SIGTERM to any of them, and all stop together
    words = [done(worker) for worker in workers]
    assert "resuming from step" in words[0]
    assert "the same command resumes from there" in words[0]
    assert not os.path.exists(out / run.SCORES)


def test_keras_own_fit_works_with_two_workers(tmp_path):
    for worker in start_workers(keras_fit.fit, tmp_path / "fit"):
        done(worker)
    chief, other = (np.load(f"{tmp_path / 'fit'}.{i}.npz") for i in range(2))
    assert all(np.array_equal(chief[name], other[name]) for name in chief.files)
    assert chief["steps"] == 8
    assert chief["losses"].shape == (6, 2)
    assert (chief["losses"] > 0).all()


def test_keras_own_fit_weighs_the_unequal_shares_of_mirrored_devices(tmp_path):
    done(start(keras_fit.fit_unequal_shares, tmp_path / "fit"))
    found = np.load(tmp_path / "fit.npz")
    for examples in (21, 24):
        one, two = (found[f"{examples}_on_{devices}"] for devices in (1, 2))
        np.testing.assert_allclose(two, one, atol=1e-6)  # steps of about 0.05
        one, two = (found[f"{examples}_on_{devices}_losses"] for devices in (1, 2))
        np.testing.assert_allclose(two, one, rtol=1e-5)


def test_a_strategy_may_have_one_device():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
        vae.compile("adam")
    x = np.random.default_rng(0).normal(size=(41, 4)).astype(np.float32)
    assert np.isfinite(vae.fit(x, batch_size=20, epochs=1, verbose=0).history["loss"]).all()
    assert vae.optimizer.iterations == 3


def test_an_epoch_under_a_strategy_may_end_within_an_execution():
    x = np.random.default_rng(0).normal(size=(41, 4)).astype(np.float32)  # 5 batches
    found = {}
    for steps in (1, 10):
        keras.utils.set_random_seed(0)
        with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
            vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
            vae.compile("adam", steps_per_execution=steps)
        history = vae.fit(x, batch_size=10, epochs=2, shuffle=False, verbose=0).history
        found[steps] = [history["loss"], vae.evaluate(x, batch_size=10, verbose=0), vae.seed_counter.numpy()]
    np.testing.assert_equal(found[10], found[1])


def test_steps_under_a_strategy_are_traced_once():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
        vae.compile("adam")
    vae.make_train_function(), vae.make_test_function()
    made = vae.train_function, vae.test_function
    vae.make_train_function(), vae.make_test_function()  # as `fit` does, and after each epoch for validation data
    assert (vae.train_function, vae.test_function) == made
    vae.make_train_function(force=True)
    assert vae.train_function != made[0]


def test_workers_with_other_settings_are_refused(tmp_path):
    command = [*COMMAND, "--out", str(tmp_path / "run")]
    workers = start_workers(equal_noise, 1, *command, of_second=["--learning-rate", "0.01"])
    for worker in workers:
        status, words = ended(worker)
        assert status == 1
        assert "error: The 2 workers do not agree on the settings. Start all with the same command" in words
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[]",
        '{"cluster": {}}',
        '{"cluster": {"worker": "localhost:1"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "worker", "index": "x"}}',
        '{"cluster": {"worker": ["localhost:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["localhost:1"], "ps": ["localhost:2"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
@pytest.mark.parametrize("name", ["auto", "multi_worker"])
def test_a_cluster_that_makes_no_sense_is_refused(config, name, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=r'TF_CONFIG.*Expected e\.g\. \{"cluster"'):
        strategy(name)


def no_tpu(name):
    raise tf.errors.NotFoundError(None, None, "{{node x}} nothing there [Op:y]\nmore")


def test_strategies_without_their_devices_are_refused(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match="TF_CONFIG to name the workers"):
        strategy("multi_worker")
    monkeypatch.setattr(tf.distribute.cluster_resolver, "TPUClusterResolver", no_tpu)
    with pytest.raises(ValueError, match=r"No TPU answers \(NotFoundError\).*TPU_NAME=local"):
        strategy("tpu")
    assert strategy("auto") is strategy("one_device")
    assert str(Devices(strategy("auto"))) == "1 CPU"
