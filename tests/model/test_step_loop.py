"""Several steps in one XLA program, held to the same steps one by one; sums and norms held to TensorFlow's."""

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.models.image_vae import model
from zoo.model.training import norms, step_loop
from zoo.model.training.train_step import Sums

CONV_1D = keras.layers.Conv1D(1, 3, padding="same")
X = np.random.default_rng(0).integers(0, 2, (60, *model().event_shape)).astype("float32")


def compiled(**options):
    vae = model("diag_vae", network="mlp(hidden=(8,))")
    vae.compile(keras.optimizers.Adam(0.01, global_clipnorm=0.5), jit_compile=True, **options)
    return vae


def batches(sizes, weights=None):
    """A dataset of batches of these sizes, with sample weights if there are any."""
    starts = np.cumsum([0, *sizes])
    parts = [(X[a:b],) if weights is None else (X[a:b], None, weights[a:b]) for a, b in pairwise(starts)]
    spec = tuple(None if p is None else tf.TensorSpec([None, *p.shape[1:]], tf.float32) for p in parts[0])
    if weights is None:
        return tf.data.Dataset.from_generator(lambda: (p[0] for p in parts), output_signature=spec[0])
    signature = (spec[0], tf.TensorSpec([None]), spec[2])
    return tf.data.Dataset.from_generator(lambda: ((x, w, w) for x, _, w in parts), output_signature=signature)


def one_by_one(vae, dataset):
    """Takes each step by a call of its own; compiled too, because XLA draws other random numbers than TensorFlow."""
    take_step = tf.function(vae.take_step, jit_compile=True, reduce_retracing=True)
    sums = np.zeros(len(Sums._fields))
    for batch in dataset:
        x, _, weight = keras.utils.unpack_x_y_sample_weight(batch)
        sums += np.array([float(value) for value in take_step(x, weight)])
    return sums


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "weighted"), [([10] * 6, True), ([12, 12, 12, 7], False), ([5, 9, 9, 5, 5], False)])
def test_the_steps_are_those_taken_one_by_one(sizes, weighted):
    weights = np.linspace(0.5, 1.5, len(X), dtype="float32") if weighted else None
    plain, looped = compiled(), compiled()
    expected = one_by_one(plain, batches(sizes, weights))
    take_steps = step_loop.compile_steps(looped.take_step, stacked=4, dtype="float32")
    sums, taken = take_steps(iter(batches(sizes, weights)), tf.constant(10))  # more than there are
    assert taken == len(sizes)
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-6)
    for weight, want in zip(looped.weights, plain.weights, strict=True):
        np.testing.assert_allclose(weight.numpy(), want.numpy(), atol=1e-6, err_msg=weight.path)


@pytest.mark.slow
@pytest.mark.xla
def test_it_takes_as_many_as_it_is_asked_for_and_goes_on_where_it_stopped():
    whole, parts = compiled(), compiled()
    step_loop.compile_steps(whole.take_step, 4, "float32")(iter(batches([10] * 6)), tf.constant(6))
    take_steps, iterator = step_loop.compile_steps(parts.take_step, 4, "float32"), iter(batches([10] * 6))
    assert [int(take_steps(iterator, tf.constant(n))[1]) for n in (1, 3, 2, 5)] == [1, 3, 2, 0]
    for weight, want in zip(parts.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), want.numpy(), err_msg=weight.path)  # bit for bit


def test_a_step_with_a_value_that_is_not_finite_changes_no_weight():
    vae = compiled()
    x = X[:20].copy()
    x[3] = np.nan
    before = [weight.numpy() for weight in [*vae.trainable_weights, *vae.optimizer.variables]]
    dataset = tf.data.Dataset.from_tensor_slices(x).batch(10)
    step_loop.compile_steps(vae.take_step, 4, "float32")(iter(dataset.take(1)), tf.constant(4))
    for variable, want in zip([*vae.trainable_weights, *vae.optimizer.variables], before, strict=False):
        np.testing.assert_array_equal(variable.numpy(), want)
    assert "NaN or Inf in the data" in vae.guard.check()


def test_large_data_are_stacked_in_fewer_batches():
    assert step_loop.stack_size(10, (784,), 100) == 10
    assert step_loop.stack_size(10, (256, 256, 3), 20) == 4  # 15.7 million bytes each
    assert step_loop.stack_size(10, (2048, 2048, 3), 16) == 1


class ResidualBlock(keras.layers.Layer):
    """h + convolution(h), whose layer no model lists."""

    def __init__(self):
        super().__init__()
        self.convolution = keras.layers.Conv2D(1, 3, padding="same")

    def call(self, h):
        return h + self.convolution(h)


class Convolution(keras.layers.Layer):
    """A convolution without a layer."""

    def call(self, h):
        return keras.ops.conv(h, tf.ones([3, 3, 1, 1]), padding="same")


def is_compiled(take_steps):
    """Returns whether a function of an iterator and n calls an XLA program."""
    dataset = tf.data.Dataset.from_tensor_slices(X).batch(10)
    graph = take_steps.get_concrete_function(iter(dataset), tf.constant(4)).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return any(node.attr["_XlaMustCompile"].b for node in nodes)


@pytest.mark.slow
@pytest.mark.parametrize("layer", [ResidualBlock, Convolution, lambda: keras.layers.TimeDistributed(CONV_1D), None])
def test_convolutions_are_not_compiled_on_a_cpu(layer):
    vae = compiled()
    if layer:
        encoder = [keras.Input(vae.event_shape), layer(), keras.layers.Flatten(), keras.layers.Dense(4)]
        vae = model("diag_vae", encoder=keras.Sequential(encoder))
        vae.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    vae.prepare_optimizer()
    take_steps = step_loop.compile_steps(vae.take_step, 4, "float32")
    assert is_compiled(take_steps) == (layer is None)
    sums, taken = take_steps(iter(batches([10, 10, 7])), tf.constant(4))
    assert (int(taken), float(sums[Sums._fields.index("examples")])) == (3, 27)


def test_convolutions_are_compiled_on_a_gpu(monkeypatch):
    with tf.Graph().as_default() as graph:
        tf.nn.conv2d_transpose(tf.ones([1, 4, 4, 1]), tf.ones([3, 3, 1, 1]), [1, 4, 4, 1], 1)
    assert not step_loop.suits_xla(graph)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind] if kind == "GPU" else [])
    assert step_loop.suits_xla(graph)


@pytest.mark.slow
@pytest.mark.xla
def test_steps_are_traced_once():
    vae, traced = compiled(), []
    vae.prepare_optimizer()
    step = step_loop.compile_steps(lambda x: traced.append(x) or vae.take_step(x), 4, "float32")
    step(iter(batches([10, 10, 7])), tf.constant(4))
    assert len(traced) == 1


@pytest.mark.slow
def test_fit_learns_the_same_with_several_steps_in_an_execution():
    histories = {}
    for steps in (1, 4):
        vae = compiled(steps_per_execution=steps)
        histories[steps] = vae.fit(X, batch_size=8, epochs=3, shuffle=False, verbose=0).history  # 7 batches and a half
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[4][name], values, rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_one_batch_is_trained_on_whatever_an_execution_takes():
    logs = {}
    for steps in (1, 4):
        keras.utils.set_random_seed(0)
        vae = compiled(steps_per_execution=steps)
        logs[steps] = [vae.train_on_batch(X[:10], sample_weight=np.ones(10)) for _ in range(2)]
        assert vae.optimizer.iterations == 2
    np.testing.assert_allclose(logs[4], logs[1], rtol=1e-6)


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (2, 3, 4), (0,), (0, 3)])
def test_total_and_norm(shape):
    value = tf.constant(np.random.default_rng(1).normal(size=shape), tf.float32)
    np.testing.assert_allclose(norms.total(value), value.numpy().sum(dtype="float64"), atol=1e-5)
    np.testing.assert_allclose(norms.squared_norm([value, None, value]), 2 * (value.numpy() ** 2).sum(), rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_total_of_values_that_are_not_finite_is_not(bad):
    value = np.ones((4, 5), "float32")
    value[2, 3] = bad
    value[1, 3] = -bad
    assert not np.isfinite(norms.total(tf.constant(value)))


@pytest.mark.parametrize("limit", [0.5, 5.0, 50.0])
def test_clipping_is_tensorflow_s(limit):
    rng = np.random.default_rng(2)
    gradients = [tf.constant(rng.normal(size=shape), tf.float32) for shape in ((4, 3), (3,))]
    expected, norm = tf.clip_by_global_norm(gradients, limit)
    found = norms.clip([*gradients, None], norm, limit)
    assert found.pop() is None
    for value, want in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, want, rtol=1e-6)
