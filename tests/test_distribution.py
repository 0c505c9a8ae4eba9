"""Training on several devices and in several processes comes to what it comes to on one."""

import json
import os
import signal
import time

import numpy as np
import pytest
from processes import ROOT, done, ended, start, start_workers, wait_for

from training import run

# Two epochs of 13 steps, in which gradients are clipped.
COMMAND = ["--model", "tril_vae", "--data", "digits", "--epochs", "2", "--clip-norm", "1"]
# How far sums over two halves of a batch may be from those over the whole, after all steps.
CLOSE = {"losses": {"rtol": 1e-5}, "scores": {"rtol": 1e-4}}


def equal_noise(devices):
    return [str(ROOT / "tests" / "equal_noise.py"), str(devices)]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What a run on one device comes to, with the noise that all runs here have."""
    out = tmp_path_factory.mktemp("one") / "run"
    done(start(equal_noise(1), *COMMAND, "--out", str(out)))
    return np.load(f"{out}.0.npz")


def assert_close(there, here):
    assert there.files == here.files
    for name in there.files:
        if here[name].size:
            np.testing.assert_allclose(here[name], there[name], **CLOSE.get(name, {"atol": 1e-4}))


def test_two_mirrored_devices_take_the_steps_of_one_and_score_as_it(one, tmp_path):
    out = tmp_path / "run"
    done(start(equal_noise(2), *COMMAND, "--strategy", "mirrored", "--out", str(out)))
    assert_close(one, np.load(f"{out}.0.npz"))
    assert json.loads((out / run.SCORES).read_text())["devices"] == "2 CPUs"


def test_two_workers_take_the_steps_of_one_process_and_only_the_chief_writes(one, tmp_path):
    out = tmp_path / "run"
    words = [done(worker) for worker in start_workers(equal_noise(1), *COMMAND, "--out", str(out))]
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
    chief, other = start_workers(equal_noise(1), *command)
    wait_for(lambda: list((out / run.CHECKPOINTS).glob("step-*.index")), chief)
    other.send_signal(signal.SIGKILL)
    died = time.monotonic()
    status, words = ended(chief)
    assert time.monotonic() - died < 60
    assert status == 1
    assert "error: another worker has ended or cannot be reached" in words
    assert "Traceback" not in words
    other.communicate()

    workers = start_workers(equal_noise(1), *command)
    before = {path.name for path in (out / run.CHECKPOINTS).glob("step-*.index")}
    wait_for(lambda: {path.name for path in (out / run.CHECKPOINTS).glob("step-*.index")} - before, workers[0])
    workers[1].send_signal(signal.SIGTERM)  # of any of them, and all stop together
    words = [done(worker) for worker in workers]
    assert "going on from step" in words[0]
    assert "the same command goes on from there" in words[0]
    assert not os.path.exists(out / run.SCORES)


KERAS_FIT = """
import sys
import numpy as np
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
import zoo

with strategy.scope():
    vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
    vae.compile("adam")
x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
history = vae.fit(x, validation_data=(x,), batch_size=16, epochs=2, verbose=0).history
np.savez(f"{sys.argv[-1]}.{strategy.cluster_resolver.task_id}.npz", losses=list(history.values()), *vae.get_weights())
"""


def test_keras_own_fit_works_with_two_workers(tmp_path):
    for worker in start_workers(["-c", KERAS_FIT], str(tmp_path / "fit")):
        done(worker)
    chief, other = (np.load(f"{tmp_path / 'fit'}.{i}.npz") for i in range(2))
    assert all(np.array_equal(chief[name], other[name]) for name in chief.files)
    assert chief["losses"].shape == (6, 2)
    assert np.isfinite(chief["losses"]).all()
    assert (chief["losses"] > 0).all()
