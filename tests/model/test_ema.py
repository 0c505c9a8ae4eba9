"""The moving average of the weights: held to a loop in numpy and to TensorFlow's own, and never touched by a skip."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from tests.models import keras_fit
from tests.shared.averages import numpy_averages
from tests.shared.processes import done, start
from zoo.model.training import step_loop
from zoo.model.training.averaging import averaged, start_averages, use_averages

D = 4
X = np.random.default_rng(0).normal(size=(60, D)).astype(np.float32)


def model(momentum=0.8, rate=0.1, **options):
    vae = zoo.build("diag_vae", (D,), "real", latent=2, network="mlp(hidden=(3,))")
    vae.compile(zoo.Adam(rate, global_clipnorm=1.0, use_ema=True, ema_momentum=momentum), **options)
    vae.optimizer.build(vae.trainable_variables)
    return vae


def values(variables):
    return [np.array(variable) for variable in variables]


def assert_close(found, expected, **tolerance):
    for value, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, want, **tolerance)


def assert_equal(found, expected):
    for value, want in zip(values(found), values(expected), strict=True):
        np.testing.assert_array_equal(value, want)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.999])
def test_the_average_is_that_of_a_loop_and_tensorflow_s(momentum):
    weight = keras.Variable(np.float32([1.0, -2.0]))
    adam = zoo.Adam(0.3, use_ema=True, ema_momentum=momentum)
    adam.build([weight])
    path, found, rng = [], [], np.random.default_rng(0)
    theirs, copy = tf.train.ExponentialMovingAverage(momentum, num_updates=tf.Variable(0.0)), tf.Variable([0.0, 0.0])
    for n in range(40):
        adam.apply([tf.constant(rng.normal(size=2), tf.float32)])
        path.append(values([weight]))
        found.append(values(adam._model_variables_moving_average))
        copy.assign(weight.value)
        if n:
            theirs._num_updates.assign(n - 1)
        theirs.apply([copy])  # starts, as Keras's, at the weights after the first step
    for value, want in zip(found, numpy_averages(path, momentum), strict=True):
        assert_close(value, want, rtol=1e-5)
    np.testing.assert_allclose(found[-1][0], theirs.average(copy), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [False, True])
def test_every_step_of_training_averages_all_weights(jit):
    vae, path = model(), []
    step = tf.function(vae.take_step, jit_compile=jit)
    for i in range(15):  # the largest momentum from step 36
        step(tf.constant(X[4 * i : 4 * i + 4]))
        path.append(values(vae.trainable_variables))
    assert_close(values(vae.averages), numpy_averages(path, 0.8)[-1], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_several_steps_in_one_program_average_as_one_by_one_also_with_a_schedule():
    decay = keras.optimizers.schedules.CosineDecay(0.0, 11, warmup_target=0.1, warmup_steps=4)
    one, several = model(rate=decay), model(rate=decay)
    batches = tf.data.Dataset.from_tensor_slices(X).batch(4)
    step = tf.function(one.take_step, jit_compile=True)
    for x in batches:
        step(x)
    step_loop.compile_steps(several.take_step, 10, "float32")(iter(batches), tf.constant(15))
    assert_close(values(several.averages), values(one.averages), atol=1e-6)


def test_a_skipped_step_leaves_the_average():
    vae = model()
    for x in (X[:5], X[5:10]):
        vae.take_step(tf.constant(x))
    before = values([*vae.averages, *vae.trainable_variables, vae.optimizer.iterations])
    vae.take_step(tf.constant(np.where(X[:5] > 1, np.nan, X[:5])))
    assert_equal([*vae.averages, *vae.trainable_variables, vae.optimizer.iterations], before)
    assert "NaN or Inf" in vae.guard.check()


def test_in_half_precision_a_search_for_the_scale_leaves_the_average_and_a_step_moves_it():
    keras.config.set_dtype_policy("mixed_float16")
    vae = model()
    adam = zoo.Adam(0.1, use_ema=True, ema_momentum=0.8)
    vae.compile(keras.optimizers.LossScaleOptimizer(adam, initial_scale=2.0**60))
    vae.prepare_optimizer()
    start_averages(vae)
    before = values(vae.averages)
    vae.take_step(tf.constant(X[:5]))
    assert_equal(vae.averages, before)
    vae.optimizer.dynamic_scale.assign(1.0)
    path = []
    for _ in range(3):
        vae.take_step(tf.constant(X[:5]))
        path.append(values(vae.trainable_variables))
    assert_close(values(vae.averages), numpy_averages(path, 0.8)[-1], rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_devices_average_as_one(tmp_path):
    done(start(keras_fit.fit_averages, tmp_path / "fit"))
    found = np.load(tmp_path / "fit.npz")
    np.testing.assert_array_equal(found["first"], found["second"])  # replica
    np.testing.assert_allclose(found["2"], found["1"], atol=1e-6)


def test_weights_are_the_average_within_the_context_and_the_same_bits_after_it():
    vae = model()
    for i in range(3):
        vae.take_step(tf.constant(X[5 * i : 5 * i + 5]))
    before = values([*vae.weights, *vae.optimizer.variables])
    with averaged(vae):
        assert_equal(vae.trainable_variables, vae.averages)
    assert_equal([*vae.weights, *vae.optimizer.variables], before)
    use_averages(vae)
    assert_equal(vae.trainable_variables, vae.averages)


def test_without_an_average_nothing_is_replaced():
    vae = model()
    vae.compile("adam")
    before = values(vae.weights)
    with averaged(vae):
        assert_equal(vae.weights, before)
    assert vae.averages == []


def test_before_the_first_step_the_average_is_the_weights():
    vae = model()
    start_averages(vae)
    assert_equal(vae.averages, vae.trainable_variables)


def test_the_optimizer_comes_back_from_its_config_and_from_a_file(tmp_path):
    vae = model(momentum=0.7)
    config = vae.optimizer.get_config()
    assert (config["use_ema"], config["ema_momentum"]) == (True, 0.7)
    vae.take_step(tf.constant(X))
    vae.save(tmp_path / "vae.keras")
    again = keras.saving.load_model(tmp_path / "vae.keras")
    for each in (vae, again):
        each.take_step(tf.constant(X[::-1].copy()))
    assert_equal(again.averages, vae.averages)


# as a user of Keras has it


def fitted(optimizer, *callbacks, **options):
    vae = model()
    vae.compile(optimizer, run_eagerly=True)
    history = vae.fit(X, batch_size=10, callbacks=[*callbacks], verbose=0, **options).history
    return vae, history


def average_of(make):
    return make(0.1, use_ema=True, ema_momentum=0.8)


@pytest.mark.slow
@pytest.mark.parametrize("make", [zoo.Adam, keras.optimizers.Adam])
def test_fit_ends_with_the_average_which_keras_swaps_in_for_validation(make):
    data = {"validation_data": (X,), "shuffle": False}
    vae, history = fitted(average_of(make), keras.callbacks.SwapEMAWeights(), **data)
    assert_close(values(vae.trainable_variables), values(vae.averages), atol=0)
    assert history["val_loss"][-1] == pytest.approx(vae.evaluate(X, batch_size=10, verbose=0)[0], rel=1e-4)
    raw, other = fitted(make(0.1), **data)
    np.testing.assert_allclose(history["loss"], other["loss"], rtol=1e-4)  # the average does not change the training
    assert history["val_loss"][-1] != pytest.approx(other["val_loss"][-1], rel=1e-4)
    assert np.abs(values(vae.trainable_variables)[0] - values(raw.trainable_variables)[0]).max() > 1e-3


@pytest.mark.slow
def test_without_the_swap_keras_validates_the_last_weights():
    data = {"validation_data": (X,), "shuffle": False}
    _, history = fitted(average_of(zoo.Adam), **data)
    _, other = fitted(zoo.Adam(0.1), **data)
    np.testing.assert_allclose(history["val_loss"], other["val_loss"], rtol=1e-5)
