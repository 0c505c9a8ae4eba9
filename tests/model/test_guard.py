"""A step with numbers that are not finite is not taken, is told of, and ten in a row end the training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from training import run_folder as run
from training.loop.checkpoints import Position
from training.train import main

pytestmark = pytest.mark.slow

D, B = 4, 5
X = np.random.default_rng(0).normal(size=(20, D)).astype(np.float32)
FAR = np.full((B, D), 1e30, np.float32)  # finite, but not the square of it


@keras.saving.register_keras_serializable("tests")
class BadGradient(keras.layers.Layer):
    """The identity, whose gradient is NaN where its input is over 100."""

    def call(self, x):
        @tf.custom_gradient
        def identity(x):
            return tf.identity(x), lambda dy: tf.where(tf.reduce_max(x) > 100, np.nan, dy)

        return identity(x)


def model(**parts):
    vae = zoo.build("diag_vae", (D,), "real", latent=2, **{"network": "mlp(hidden=(3,))"} | parts)
    vae.compile(keras.optimizers.Adam(0.1))
    return vae


def values(vae):
    """All that a step changes: weights, and what the optimizer keeps; not the count of draws."""
    variables = [v for v in [*vae.weights, *vae.optimizer.variables] if v is not vae.seed_counter]
    return [v.numpy().copy() for v in variables]


def same(before, after):
    return [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]


def bad(rows):
    """A batch with numbers in some rows that are not finite."""
    x = X[:B].copy()
    x[rows] = np.nan
    return x


def bad_gradient_vae():
    encoder = keras.Sequential([keras.Input((D,)), keras.layers.Dense(3), BadGradient()])
    encoder.layers[0].kernel.assign(np.ones((D, 3)))
    return model(encoder=encoder)


WRONG = {
    "NaN in the data": (bad([2]), "NaN or Inf in the data, log p(x|z) (reconstruction), "),
    "overflow": (FAR, "NaN or Inf in log p(x|z) (reconstruction), "),
    "gradient alone": (np.full((B, D), 200, np.float32), "NaN or Inf in the gradient in the encoder;"),
}


@pytest.mark.parametrize("jit", [False, True])
def test_moving_statistics_are_those_of_the_steps_that_were_taken(jit):
    dense = keras.layers.Dense(3, kernel_regularizer="l2")
    layers = [dense, keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), BadGradient()]
    vae = model(encoder=keras.Sequential([keras.Input((D,)), *layers]))
    moving = layers[1].non_trainable_weights
    step = tf.function(vae.take_step, jit_compile=jit)
    step(tf.constant(X[:B]))
    before = [weight.numpy() for weight in moving]
    step(tf.constant(bad([2])))
    step(tf.constant(FAR))
    assert all(same(before, [weight.numpy() for weight in moving]))
    step(tf.constant(X[:B]))
    assert not any(same(before, [weight.numpy() for weight in moving]))
    assert np.isfinite(np.concatenate(moving)).all()


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.xla)])
def test_step_is_not_taken_and_what_was_wrong_is_named(jit):
    vae = bad_gradient_vae()
    step = tf.function(vae.take_step, jit_compile=jit)
    step(tf.constant(X[:B]))
    assert vae.guard.check() is None
    for i, (x, named) in enumerate(WRONG.values(), start=1):
        before = values(vae)
        sums = step(tf.constant(x))
        assert all(same(before, values(vae)))
        assert all(value == 0 for value in sums)  # nothing is added to the epoch's means
        sentence = vae.guard.check()
        assert sentence.startswith(f"step {2 * i}: {named}")
        assert sentence.endswith("the step was skipped")
        assert vae.guard.check() is None  # said once
        step(tf.constant(X[:B]))
        assert not any(same(before, values(vae))[:2])
        assert vae.guard.state.numpy()[:2].tolist() == [i, 0]


def stream(batches):
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=tf.TensorSpec([None, D], tf.float32))


def test_training_goes_on_as_if_the_step_had_not_been():
    vae, spared = model(), model()
    for x in (X[:5], bad([0, 1]), X[5:10]):
        vae.take_step(tf.constant(x))
    spared.take_step(tf.constant(X[:5]))
    spared.seed_counter.assign_add(1)
    spared.take_step(tf.constant(X[5:10]))
    assert all(same(values(spared), values(vae)))


def test_fit_warns_and_its_losses_are_those_of_the_other_steps():
    vae = model()
    with pytest.warns(UserWarning, match=r"step 2: NaN or Inf in the data.*skipped"):
        history = vae.fit(stream([X[:5], bad([0, 1]), X[5:10]]), epochs=1, verbose=0).history
    assert np.isfinite(list(history.values())).all()
    assert vae.optimizer.iterations == 2


def test_fit_ends_after_ten_in_a_row_and_not_before():
    vae = model()
    good, wrong = X[:5], bad([0])
    with pytest.warns(UserWarning, match="NaN or Inf"):
        vae.fit(stream(([wrong] * 9 + [good]) * 2), epochs=1, verbose=0)
    before = values(vae)
    with (
        pytest.warns(UserWarning, match="NaN or Inf"),
        pytest.raises(FloatingPointError, match=r"10 consecutive steps.*Lower the learning"),
    ):
        vae.fit(stream([wrong] * 50), epochs=1, verbose=0)
    assert vae.guard.state[0] == 28
    assert all(same(before, values(vae)))


@pytest.mark.parametrize(("steps", "jit"), [(1, False), (10, False), (10, True)])
def test_data_outside_of_the_support_are_found_before_a_nan_in_the_same_execution(steps, jit):
    vae = zoo.build("diag_vae", (D,), "binary", latent=2, network="mlp(hidden=(3,))")
    vae.compile("adam", steps_per_execution=steps, jit_compile=jit)
    good = (X[:B] > 0).astype("float32")
    batches = [good, good, 5 * good, good, np.nan * good, good]
    for _ in range(2):  # a second call of fit counts its own batches
        with pytest.raises(ValueError, match=r"the data of batch 3 have values outside"):
            vae.fit(stream(batches), verbose=0)


def test_data_outside_of_the_support_are_reported_also_if_a_later_step_had_a_nan():
    vae = zoo.build("diag_vae", (D,), "binary", latent=2, network="mlp(hidden=(3,))")
    vae.compile("adam")
    good = tf.constant(X[:B] > 0, tf.float32)
    for x in (good, 5 * good, np.nan * good):
        vae.take_step(x)
    assert vae.guard.check() == "step 2: the data are outside of their support; the step was skipped, as were 1 others"
    vae.take_step(np.nan * good)
    assert vae.guard.check().startswith("step 4: NaN or Inf in the data")


def test_ten_in_a_row_are_ten_however_many_steps_a_call_takes():
    vae = model()
    vae.compile("adam", steps_per_execution=15)
    batches = [X[:5]] * 2 + [bad([0])] * 10 + [X[5:10]] * 3
    with pytest.raises(FloatingPointError, match=r"Stopped after 10 consecutive steps with NaN or Inf \(last: step 12"):
        vae.fit(stream(batches), epochs=1, verbose=0)
    assert vae.optimizer.iterations == 2


def test_an_optimizer_is_asked_for():
    vae = model()
    vae.compile(optimizer=None)
    with pytest.raises(ValueError, match=r"Expected an optimizer.*vae\.compile"):
        vae.take_step(tf.constant(X))


def test_a_model_that_is_saved_by_keras_is_trained_on_exactly(tmp_path):
    vae = model()
    vae.take_step(tf.constant(X))
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras")
    for each in (vae, again):
        each.take_step(tf.constant(X))
    assert again.optimizer.iterations == 2
    assert all(same(values(vae), values(again)))


def test_the_user_s_callbacks_stay():
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    vae = model()
    for callbacks in (callback, [callback], keras.callbacks.CallbackList([callback], add_history=True, model=vae)):
        vae.fit(X, epochs=1, callbacks=callbacks, verbose=0)
    assert seen == [0, 0, 0]


def test_half_precision_s_own_search_for_a_scale_is_no_failure():
    keras.config.set_dtype_policy("mixed_float16")
    vae = model()
    vae.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1), initial_scale=2.0**60))
    before = values(vae)
    vae.take_step(tf.constant(X[:B]))
    assert vae.optimizer.dynamic_scale < 2.0**60
    assert all(same(before[:5], values(vae)[:5]))
    assert vae.guard.check() is None
    vae.optimizer.dynamic_scale.assign(1.0)
    vae.take_step(tf.constant(FAR))
    assert "NaN or Inf" in vae.guard.check()


# the training script

SMALL = ["--latent", "3", "--network", "mlp(hidden=(16,))", "--no-jit", "--steps-per-execution", "1"]


def test_the_run_ends_with_a_status_and_the_best_weights(tmp_path, monkeypatch, capsys):
    saved = {}
    vaes, build, is_best = [], zoo.build, Position.is_best
    monkeypatch.setattr(zoo, "build", lambda *args, **options: vaes.append(build(*args, **options)) or vaes[-1])

    def is_best_and_spoilt(self, loss):
        if len(self.history) == 4:
            weight = vaes[-1].likelihood.trainable_variables[0]
            weight.assign(np.nan * weight)
            return False
        saved["best"] = [weight.numpy().copy() for weight in vaes[-1].weights]
        return is_best(self, loss)

    monkeypatch.setattr(Position, "is_best", is_best_and_spoilt)
    with pytest.raises(SystemExit) as end:
        main([*SMALL, "--epochs", "30", "--warmup", "1", "--out", str(tmp_path / "run")])
    assert end.value.code.startswith(
        "error: Stopped after 10 consecutive steps with NaN or Inf (last: step 62: NaN or Inf in"
    )
    assert "The best weights, of epoch 3, are saved in" in end.value.code
    assert "step 53: NaN or Inf in log p(x|z) (reconstruction)" in capsys.readouterr().out
    for weight, best in zip(zoo.load(tmp_path / "run").get_weights(), saved["best"], strict=True):
        np.testing.assert_array_equal(weight, best)
    assert not (tmp_path / "run" / run.SCORES).exists()


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_keeps_densities_in_float32(precision, tmp_path, monkeypatch):
    monkeypatch.setattr("training.run.evaluate_run", lambda *of_run: None)
    main([*SMALL, "--precision", precision, "--epochs", "3", "--warmup", "0", "--out", str(tmp_path / "run")])
    vae = zoo.load(tmp_path / "run")
    assert vae.encoder.compute_dtype == precision.removeprefix("mixed_")
    assert {weight.dtype for weight in vae.weights} == {"float32", "int64"}
    x = np.random.default_rng(0).integers(0, 2, (3, 8, 8, 1)).astype(np.float32)
    assert vae.encoder(x).dtype == vae.encoder.compute_dtype
    assert all(term.dtype == tf.float32 for term in tf.nest.flatten(vae.terms(x, 2, [0, 1])) if term is not None)
    losses = np.genfromtxt(tmp_path / "run" / run.HISTORY, delimiter=",", names=True)["val_loss"]
    assert losses[-1] < losses[0] < 45
