"""SavedModels that load and run in Python and fail on a server: each is refused by the name of what breaks it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from export.checks.lint import lint
from export.checks.proof import Loader
from export.errors import ExportError

X = tf.TensorSpec([None, 3], tf.float32, name="x")
SEEDS = tf.TensorSpec([None, 2], tf.int32, name="seed")


def concrete(function, keep=None, **specs):
    made = tf.function(function, autograph=False).get_concrete_function(**specs)
    made.keep = keep  # what it uses, which TensorFlow would forget
    return made


def saved(folder, functions, **attached):
    """Writes concrete functions with what is attached to them: their variables, unless said otherwise."""
    root = tf.Module()
    attached = attached or {"weights": [v for function in functions.values() for v in function.variables]}
    for name, value in attached.items():
        setattr(root, name, value)
    tf.saved_model.save(root, str(folder), signatures=functions)
    return folder


def dense():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return layer


def rules(folder):
    return {finding.rule for finding in lint(folder)}


def test_a_good_one_passes_and_is_served(tmp_path):
    layer = dense()
    saved(tmp_path, {"serving_default": concrete(lambda x: {"y": layer(x)}, x=X)})
    assert lint(tmp_path) == []
    with Loader(tmp_path) as loader:
        got = loader.run("serving_default", {"x": np.ones((2, 3), np.float32)})
    np.testing.assert_allclose(got["y"], np.tile(layer.kernel.numpy().sum(axis=0), (2, 1)), rtol=1e-6)


def test_a_keras_object_attached_works_in_python_and_not_on_a_server(tmp_path):
    layer = dense()
    saved(tmp_path, {"serving_default": concrete(lambda x: {"y": layer(x)}, x=X)}, layer=layer)
    x = np.ones((2, 3), np.float32)
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.signatures["serving_default"](x=tf.constant(x))["y"], layer(x), rtol=1e-6)
    with Loader(tmp_path) as loader, pytest.raises(ExportError, match="Could not find variable"):
        loader.run("serving_default", {"x": x})
    assert "unrestored_variable" in rules(tmp_path)


def jit_compile():
    compiled = tf.function(lambda x: tf.nn.softplus(x), jit_compile=True, autograph=False)
    return {"serving_default": concrete(lambda x: {"y": compiled(x)}, x=X)}


def numpy_function():
    return {
        "serving_default": concrete(
            lambda x: {"y": tf.ensure_shape(tf.numpy_function(np.tanh, [x], tf.float32), [None, 3])}, x=X
        )
    }


def py_function():
    return {
        "serving_default": concrete(
            lambda x: {"y": tf.ensure_shape(tf.py_function(tf.tanh, [x], tf.float32), [None, 3])}, x=X
        )
    }


def distribution_output():
    return {"serving_default": concrete(lambda x: {"q": tfp.distributions.Normal(x, 1.0)}, x=X)}


def scalar_output():
    return {"serving_default": concrete(lambda x: {"loss": tf.reduce_mean(x)}, x=X)}


def one_seed_for_all():
    def sample(x, seed):
        return {"z": x + tf.random.stateless_normal(tf.shape(x), seed)}

    return {"serving_default": concrete(sample, x=X, seed=tf.TensorSpec([2], tf.int32, name="seed"))}


def number_of_samples():
    def sample(num_samples):
        return {"z": tf.random.stateless_normal([num_samples, 2], [0, 1])}

    return {"serving_default": concrete(sample, num_samples=tf.TensorSpec([], tf.int32, name="num_samples"))}


def bfloat16_output():
    return {"serving_default": concrete(lambda x: {"y": tf.cast(x, tf.bfloat16)}, x=X)}


def half_output():
    return {"serving_default": concrete(lambda x: {"y": tf.cast(x, tf.float16)}, x=X)}


def string_without_bytes():
    return {
        "serving_default": concrete(
            lambda x: {"image": tf.map_fn(lambda row: tf.io.serialize_tensor(row), x, fn_output_signature=tf.string)},
            x=X,
        )
    }


def seed_generator():
    generator = keras.random.SeedGenerator(0)
    return {"serving_default": concrete(lambda x: {"z": x + keras.random.normal((3,), seed=generator)}, generator, x=X)}


def random_generator():
    generator = tf.random.Generator.from_seed(0)
    return {"serving_default": concrete(lambda x: {"z": x + generator.normal([3])}, generator, x=X)}


def stateful_random():
    return {"serving_default": concrete(lambda x: {"z": x + tf.random.normal([3])}, x=X)}


def non_deterministic():
    def sample(x):
        return {"z": x + tf.cast(tf.raw_ops.NonDeterministicInts(shape=[3]), tf.float32)}

    return {"serving_default": concrete(sample, x=X)}


def candidates():
    def sample(x):
        chosen, _, _ = tf.random.uniform_candidate_sampler(tf.zeros([1, 1], tf.int64), 1, 3, False, 9)
        return {"z": x + tf.cast(chosen, tf.float32)}

    return {"serving_default": concrete(sample, x=X)}


def assigned_slice():
    state = tf.Variable([0.0, 0.0])

    def count(x):
        state[0].assign(state[0] + 1)
        return {"y": x + state[0]}

    return {"serving_default": concrete(count, state, x=X)}


def no_serving_default():
    return {"encode": concrete(lambda x: {"y": 2 * x}, x=X)}


def unstable_names():
    return {"serving_default": concrete(lambda x: {"Mean/Value": 2 * x}, x=X)}


def unknown_width():
    return {"serving_default": concrete(lambda x: {"y": 2 * x}, x=tf.TensorSpec([None, None], tf.float32, name="x"))}


BAD = {
    "jit_compile": jit_compile,
    "python_function": [numpy_function, py_function],
    "not_a_tensor": distribution_output,
    "no_batch_axis": [scalar_output, one_seed_for_all, number_of_samples],
    "types": [bfloat16_output, half_output],
    "string_without_bytes": string_without_bytes,
    "changed_variable": [seed_generator, assigned_slice],
    "stateful_random": [random_generator, stateful_random, non_deterministic, candidates],
    "no_serving_default": no_serving_default,
    "names": unstable_names,
    "unknown_size": unknown_width,
}
CASES = [(rule, make) for rule, makes in BAD.items() for make in np.ravel(makes)]


@pytest.mark.parametrize(("rule", "make"), CASES, ids=[make.__name__ for _, make in CASES])
def test_each_trap_is_refused_by_name(tmp_path, rule, make):
    saved(tmp_path, make())
    assert rule in rules(tmp_path)
    assert all(len(finding.message) > 20 for finding in lint(tmp_path))


def test_variables_of_the_optimizer_are_refused(tmp_path):
    layer, optimizer = dense(), keras.optimizers.Adam()
    optimizer.build(layer.trainable_variables)
    weights = [variable.value for variable in (*layer.variables, *optimizer.variables)]
    saved(tmp_path, {"serving_default": concrete(lambda x: {"y": layer(x)}, x=X)}, weights=weights)
    assert rules(tmp_path) == {"unread_variable", "variable_twice"}


def test_variables_saved_twice_are_refused(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", lambda x: {"y": model(x)}, input_signature=[X])
    archive.write_out(str(tmp_path), verbose=False)

    assert "variable_twice" in rules(tmp_path)


def test_what_is_no_saved_model_is_incomplete(tmp_path):
    assert rules(tmp_path) == {"incomplete"}
    layer = dense()
    saved(tmp_path / "cut", {"serving_default": concrete(lambda x: {"y": layer(x)}, x=X)})
    data = tmp_path / "cut" / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:4])
    assert rules(tmp_path / "cut") == {"incomplete"}
    (tmp_path / "cut" / "variables" / "variables.index").unlink()
    assert rules(tmp_path / "cut") == {"incomplete"}
    (tmp_path / "cut" / "saved_model.pb").write_bytes(b"nonsense")
    assert rules(tmp_path / "cut") == {"incomplete"}


def test_a_file_that_is_named_and_missing_is_incomplete(tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("a\nb\n")
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        ),
        1,
    )
    word = tf.TensorSpec([None], tf.string, name="word")
    function = concrete(lambda word: {"number": table.lookup(word)}, table, word=word)
    saved(tmp_path / "model", {"serving_default": function}, table=table)
    assert lint(tmp_path / "model") == []
    (tmp_path / "model" / "assets" / "words.txt").unlink()
    assert rules(tmp_path / "model") == {"incomplete"}


def test_random_numbers_of_a_seed_and_their_gradients_pass(tmp_path):
    def sample(x, seed):
        z = tf.random.stateless_truncated_normal([3], seed[0]) + tf.random.stateless_uniform([3], seed[0])
        return {"z": x + z + tf.raw_ops.RandomGammaGrad(alpha=x + 1, sample=x + 1)}

    saved(tmp_path, {"serving_default": concrete(sample, x=X, seed=SEEDS)})
    assert lint(tmp_path) == []
