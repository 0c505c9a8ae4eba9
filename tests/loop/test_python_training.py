"""What the command learns, `compile` and `fit` learn in Python with the same settings."""

import keras
import numpy as np
import pytest

import zoo
from training import train
from training.data import load_dataset

pytestmark = pytest.mark.slow

EPOCHS, WARMUP, PATIENCE, BATCH = 8, 3, 5, 50
PASSES = 10  # of the validation examples in an epoch of the command, as they are few
SETTINGS = {"latent": 4, "network": "gated_mlp(hidden=(64,))"}
ARGUMENTS = f"--model tril_vae --data digits --epochs {EPOCHS} --warmup {WARMUP} --patience {PATIENCE} --latent 4"
ARGUMENTS += f" --batch-size {BATCH} --learning-rate 0.003 --test-examples 20 --samples 10 --generated 0 --no-jit"


def by_command(folder, *arguments):
    """The model that the command trains."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.run.evaluate_run", lambda *of_run: None)
        train.main([*ARGUMENTS.split(), "--network", SETTINGS["network"], "--out", str(folder), *arguments])
    return zoo.load(folder)


def in_python(dataset, x, seed=0, ema=None, **options):
    """A model that `fit` trains with the command's settings."""
    vae = zoo.build("tril_vae", dataset.event_shape, dataset.support, seed=seed, **SETTINGS)
    vae.adapt(dataset.train)
    average = {"use_ema": True, "ema_momentum": ema} if ema else {}
    vae.compile(zoo.Adam(0.003, global_clipnorm=100.0, **average), jit_compile=False)
    swap = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if ema else []
    best = keras.callbacks.EarlyStopping(
        "val_loss", patience=PATIENCE, restore_best_weights=True, start_from_epoch=WARMUP
    )
    vae.fit(x, epochs=EPOCHS, callbacks=[*swap, best, zoo.callbacks.KLWarmup(WARMUP)], verbose=0, **options)
    return vae


@pytest.mark.parametrize("ema", [None, 0.9])
def test_the_same_batches_give_the_same_weights(tmp_path, ema):
    dataset = load_dataset("digits", "dynamic")
    vae = in_python(
        dataset,
        dataset.batches(BATCH, seed=0),
        ema=ema,
        steps_per_epoch=dataset.steps(BATCH),
        validation_data=dataset.validation_batches(500),
        validation_steps=PASSES * dataset.validation_steps(500),
    )
    expected = by_command(tmp_path / "run", "--binarize", "dynamic", *(["--ema", str(ema)] if ema else []))
    for weight, want in zip(vae.trainable_weights, expected.trainable_weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), want.numpy(), atol=1e-5, err_msg=weight.path)
    assert vae.seed_counter == expected.seed_counter  # the best epoch is the same one


def test_arrays_give_the_same_within_noise(tmp_path):
    dataset = load_dataset("digits", "static")
    options = {"batch_size": BATCH, "validation_data": (np.concatenate([dataset.validation] * PASSES),)}
    ours = in_python(dataset, dataset.train, **options).score(dataset.test, 50).elbo.mean()
    expected = by_command(tmp_path / "run", "--binarize", "static").score(dataset.test, 50).elbo.mean()
    # Runs that differ in the order of the data alone have a standard deviation of 0.3 nats: five of the difference's.
    assert abs(ours - expected) < 5 * 0.3 * np.sqrt(2)


def test_warmup_raises_the_weight_of_the_kl_and_leaves_it_at_one():
    seen = []

    class Seen(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(float(self.model.objective.annealing.numpy()))

    x = np.random.default_rng(0).integers(0, 2, (8, 4)).astype(np.float32)
    vae = zoo.build("diag_vae", (4,), "binary", latent=2, network="mlp(hidden=(8,))")
    vae.compile("adam", run_eagerly=True)
    vae.fit(x, batch_size=8, epochs=3, callbacks=[zoo.callbacks.KLWarmup(4), Seen()], verbose=0)
    np.testing.assert_allclose(seen, [0.25, 0.5, 0.75])
    assert float(vae.objective.annealing.numpy()) == 1.0


@pytest.mark.parametrize("epochs", [-1, 2.5, True, "4"])
def test_a_warmup_of_no_number_is_refused(epochs):
    with pytest.raises(ValueError, match="Expected epochs to be a whole number, 0 or more"):
        zoo.callbacks.KLWarmup(epochs)
