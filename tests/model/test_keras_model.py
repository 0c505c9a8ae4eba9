"""What the model takes from Keras by private names, and a step and a score of stubs that are no Keras models."""

import ast
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow.trainer import TFEpochIterator

from tests import ROOT
from tests.models.image_vae import X, model
from zoo.model import scores
from zoo.model.keras_model import PRIVATE
from zoo.model.training import train_step
from zoo.model.training.guard import Guard
from zoo.objectives import Terms


def has(name):
    """Returns whether a private name of Keras or TensorFlow is there."""
    owner, _, attribute = name.rpartition(".")
    if owner in ("keras.Model", "keras.Layer"):
        return hasattr(model(), attribute)
    if owner == "keras.EpochIterator":
        return attribute in vars(TFEpochIterator(x=X, distribute_strategy=tf.distribute.get_strategy()))
    if owner == "keras.Optimizer":
        optimizer = keras.optimizers.Adam(use_ema=True)
        optimizer.build([])
        return hasattr(optimizer, attribute)
    try:
        return callable(eval(name, {"keras": keras, "tf": tf}))
    except AttributeError:
        return False


@pytest.mark.parametrize("name", PRIVATE)
def test_private_names_are_there(name):
    assert has(name), f"{name} is gone from this version of Keras or TensorFlow: {PRIVATE[name]}."


def test_a_renamed_one_would_be_noticed():
    assert not has("keras.Model._renamed")
    assert not has("tf.__internal__.distribute.renamed")


def test_private_names_are_used_in_one_file():
    names = re.compile("|".join(rf"\b{re.escape(name.rpartition('.')[2])}\b" for name in PRIVATE))
    using = {
        str(path.relative_to(ROOT))
        for package in ("zoo", "training", "export")
        for path in (ROOT / package).rglob("*.py")
        if names.search(path.read_text(encoding="utf-8"))
    }
    assert using == {"zoo/model/keras_model.py"}


def test_the_model_is_one_class_over_one_adapter():
    # Mixins have methods that delegate.
    mixins = ["PresetMethods", "LikelihoodMethods", "RefinementMethods", "TuningMethods"]
    expected = ["VAE", *mixins, "KerasModel", "Model"]
    assert [cls.__name__ for cls in type(model()).__mro__[: len(expected)]] == expected
    for path in (ROOT / "zoo/model").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        bases = [ast.unparse(b) for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ClassDef) for b in n.bases]
        assert "keras.Model" not in bases or path.name == "keras_model.py"


class Line:
    """A model of one weight, x ↦ w x, whose loss is mean(w x): no Keras model."""

    PARTS = ("line",)
    losses, support, variable_dtype, scales_loss, non_trainable_variables = (), "real", "float32", False, ()
    clips_gradients = False

    def __init__(self):
        self.weight = keras.Variable(2.0, name="w")
        self.line = SimpleNamespace(trainable_weights=[self.weight])
        self.seed_counter = tf.Variable(1, dtype=tf.int64)
        self.guard = Guard(train_step.TERMS, ["the gradient in the line"])
        self.optimizer = keras.optimizers.SGD(0.5)

    def __call__(self, x, training):
        value = self.weight * x[None, :, 0]  # [K, B], K = 1
        zeros = tf.zeros_like(value)
        return Terms(-value, zeros, zeros, zeros[0][:, None], zeros[..., None], tf.zeros([]))

    def prepare_optimizer(self):
        if not self.optimizer.built:
            self.optimizer.build([self.weight])

    def objective(self, terms):
        return terms.mean(terms.log_px)

    def loss_of(self, terms, sample_weight=None):
        return train_step.loss_of(self, terms, sample_weight)

    def compute_loss(self, y_pred, sample_weight):
        return self.loss_of(y_pred, sample_weight)

    def apply_gradients_if(self, condition, gradients, weights):
        if condition:
            self.optimizer.apply(gradients, weights)


@pytest.fixture
def options_of_batches(monkeypatch):
    """The options of each tf.data.Dataset that Keras iterates over."""
    found, get = [], TFEpochIterator._get_iterator

    def noted(self):
        found.append(get(self).options())
        return get(self)

    monkeypatch.setattr(TFEpochIterator, "_get_iterator", noted)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("validation", [{}, {"validation_split": 0.5}, {"validation_data": (X,)}])
def test_batches_of_arrays_end_without_a_wait(options_of_batches, validation):
    vae = model()
    vae.compile(optimizer="adam")
    vae.fit(X, epochs=2, batch_size=3, verbose=0, **validation)
    vae.evaluate(X, verbose=0)
    assert len(options_of_batches) >= 3
    assert {options.autotune.enabled for options in options_of_batches} == {False}
    assert not any(options.experimental_optimization.apply_default_optimizations for options in options_of_batches)


def test_streams_keep_their_options(options_of_batches):
    vae = model()
    vae.compile(optimizer="adam")
    vae.fit(tf.data.Dataset.from_tensor_slices(X).batch(2), verbose=0)
    assert {options.autotune.enabled for options in options_of_batches} == {None}


def test_a_step_of_a_stub():
    line = Line()
    sums = train_step.take_step(line, tf.constant([[1.0], [3.0]]))
    assert (float(sums.loss), float(sums.examples)) == (8.0, 2.0)  # Σ 2 x
    assert float(line.weight.value) == 2.0 - 0.5 * 2.0  # less the learning rate × mean(x)


def test_a_step_of_a_stub_is_skipped_where_it_is_not_finite():
    line = Line()
    sums = train_step.take_step(line, tf.constant([[1.0], [np.nan]]))
    assert float(line.weight.value) == 2.0
    assert float(sums.examples) == 0.0
    assert "NaN or Inf in the data" in line.guard.check()


def test_measuring_a_stub_takes_no_step():
    line = Line()
    sums = train_step.measure(line, tf.constant([[1.0], [3.0]]), tf.constant([1.0, 0.0]))
    assert (float(sums.reconstruction), float(sums.weight)) == (2.0, 1.0)
    assert float(line.weight.value) == 2.0


def test_the_optimizer_of_a_model_clips_the_gradients_of_others():
    vae, optimizer = model(), keras.optimizers.SGD(1.0, global_clipnorm=0.5)
    vae.compile(optimizer)
    vae.take_step(tf.constant(X))
    before = [weight.numpy() for weight in vae.trainable_weights]
    optimizer.apply([tf.fill(weight.shape, 9.0) for weight in vae.trainable_weights], vae.trainable_weights)
    moved = [np.ravel(weight.numpy() - old) for weight, old in zip(vae.trainable_weights, before, strict=True)]
    assert np.linalg.norm(np.concatenate(moved)) == pytest.approx(0.5, rel=1e-3)


def test_scores_of_a_stub():
    class Known:
        event_shape, support, distribute_strategy = (1,), "real", tf.distribute.get_strategy()

        def terms(self, x, samples, seed):
            log_px = tf.tile(x[None, :, 0], [samples, 1])  # all weights equal: log p(x) is x
            zeros = tf.zeros_like(log_px)
            return Terms(log_px, zeros, zeros, zeros[0][:, None], zeros[..., None], tf.zeros([]))

        def estimate(self, x, samples, seed):
            return scores.estimate_on_replicas(self, x, samples, seed)

    x = np.float32([[-1.0], [-2.5], [-7.0]])
    found = scores.score(Known(), x, 20, 0, False)
    np.testing.assert_allclose(found.log_likelihood, x[:, 0], rtol=1e-6)
    np.testing.assert_allclose(found.effective_sample_size, 20, rtol=1e-5)


def test_delegates_are_there():
    vae = model()
    for name in ("take_step", "measure", "outside", "score", "log_likelihood", "evaluating", "get_layer", "adapt"):
        assert callable(getattr(vae, name))
    assert vae.get_layer("posterior") is vae.posterior
    assert float(vae.outside(X)) == 0.0
    assert float(vae.outside(X + 0.5)) == 1.0
