"""Keras's `fit`, `evaluate` and `predict`, with a look at the data first."""

import inspect
import warnings
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import whole_number
from zoo.data import support as supports
from zoo.data.standardization import unadapted
from zoo.memory import check_step
from zoo.model.guard import Watch
from zoo.registry import spec_of

KERAS_BATCH = 32  # examples, unless told otherwise
MEASURED = "Logged are loss, reconstruction and kl; vae.score(x) measures more."
UNUSED = {
    "loss": "A VAE's loss is minus its objective: choose one by zoo.build(..., objective='elbo').",
    "loss_weights": "Weigh the terms by the objective's options: zoo.build(..., objective='elbo(beta=2.0)').",
    "metrics": MEASURED,
    "weighted_metrics": MEASURED,
}
EVALUATION = -(2**30)  # where the count of draws begins in `evaluate`, far from training's


class CheckedModel(keras.Model):
    """A Keras model that refuses data of another shape or support than its own.

    It has `PARTS`, an `event_shape`, a `support`, an `objective`, `draws` (how many were made), `samplers` and a
    `guard`.
    """

    def get_layer(self, name=None, index=None):
        """A part by its role, such as "posterior", or else what Keras knows by that name or index."""
        return getattr(self, name) if name in self.PARTS and index is None else super().get_layer(name, index)

    def export(self, *args, **kwargs):
        """Raises a NotImplementedError: Keras's export has no seeds, densities or checks."""
        raise NotImplementedError(
            "Keras's export does not know densities and draws. Use that of this project, "
            "export.saved_model.export(vae, folder, name=...), or save a model for Keras by vae.save('vae.keras')."
        )

    def compile(self, *args, **kwargs):
        """Keras's `compile`, without what a VAE has no use for.

        Raises:
            ValueError: a loss or metrics came.
        """
        call = inspect.signature(super().compile).bind(*args, **kwargs)
        for name, instead in UNUSED.items():
            if call.arguments.get(name):
                raise ValueError(f"Expected no {name}=, got {call.arguments[name]!r}. {instead}")
        super().compile(*call.args, **call.kwargs)

    def compile_from_config(self, config):
        # Keras's does nothing where `compile` is another than its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        """Keras's `fit`, after a look at the data: at all where they are arrays, at each batch where they are a stream.

        Steps in which a number is not finite are not taken, with a warning.

        Raises:
            ValueError: the data are of another shape or support than the model's; or a step would not fit into memory.
            FloatingPointError: ten steps in a row were not taken.
        """
        call = inspect.signature(super().fit).bind(*args, **kwargs)
        validation = call.arguments.get("validation_data")
        if isinstance(validation, tuple | list):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(tuple(validation))
            supports.check_examples(x, self.event_shape, self.support, "the validation data")
            call.arguments["validation_data"] = (x, _labels(x, y, sample_weight), sample_weight)
        self._prepare(call.arguments)
        self._look_before_training(call.arguments)
        self.samplers.clear()
        callbacks = call.arguments.get("callbacks") or []
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.callbacks.append(watch := Watch())
            watch.set_model(self)
        else:
            call.arguments["callbacks"] = [*tf.nest.flatten(callbacks), Watch()]
        return super().fit(*call.args, **call.kwargs)

    def evaluate(self, *args, **kwargs):
        """Keras's `evaluate`, with the same noise every time: equal weights give equal numbers."""
        call = inspect.signature(super().evaluate).bind(*args, **kwargs)
        self._prepare(call.arguments)
        with self.evaluating(), self.guard.watching(self.support):
            return super().evaluate(*call.args, **call.kwargs)

    @contextmanager
    def evaluating(self):
        """While it lasts, draws are an evaluation's, the same ones each time; then training's go on."""
        draws = int(self.seed_counter.numpy())
        self.seed_counter.assign(EVALUATION)
        try:
            yield
        finally:
            self.seed_counter.assign(draws)

    def predict(self, x, *args, **kwargs):
        """Keras's `predict`, after a look at the data where they are arrays: the reconstructions."""
        call = inspect.signature(super().predict).bind(x, *args, **kwargs)
        supports.check_examples(x, self.event_shape, self.support)
        _check_counts(call.arguments)
        with self.guard.watching(self.support):
            return super().predict(x, *args, **kwargs)

    def _look_before_training(self, arguments):
        """Refuses steps that do not fit into memory, and warns of what the data are not known to or do not count in."""
        x, batch_size = arguments.get("x"), arguments.get("batch_size")
        if self.objective.of_batch and arguments.get("sample_weight") is not None:
            warnings.warn(
                f"The objective '{spec_of(self.objective)}' looks at the batch as a whole: sample weights weigh the "
                f"bound of each example, but nothing in that statistic.",
                stacklevel=3,
            )
        array = x if isinstance(x, np.ndarray) or tf.is_tensor(x) else None
        if array is not None:
            replicas = self.distribute_strategy.num_replicas_in_sync
            check_step(self, -(-min(batch_size or KERAS_BATCH, len(array)) // replicas))
        for sentence in unadapted(self, array):
            warnings.warn(sentence, stacklevel=3)

    def _prepare(self, arguments):
        x, sample_weight = arguments.get("x"), arguments.get("sample_weight")
        supports.check_examples(x, self.event_shape, self.support)
        _check_counts(arguments)
        if sample_weight is not None and isinstance(x, np.ndarray):
            got = np.shape(sample_weight)
            if got not in ((len(x),), (len(x), 1)):
                raise ValueError(
                    f"Expected sample_weight of shape [{len(x)}], a number for each example, got {[*got]}."
                )
        arguments["y"] = _labels(x, arguments.get("y"), sample_weight)


def _check_counts(arguments):
    for name, least in (("batch_size", 1), ("epochs", 0), ("steps_per_epoch", 1), ("steps", 1)):
        if arguments.get(name) is not None:
            whole_number(arguments[name], name, least=least)
    callbacks = arguments.get("callbacks")
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        for callback in tf.nest.flatten(callbacks or []):
            if not isinstance(callback, keras.callbacks.Callback):
                raise ValueError(f"Expected callbacks to be of keras.callbacks.Callback, got {callback!r}.")


def _labels(x, y, sample_weight):
    """Labels that mean nothing where there are weights: without any, Keras leaves out the weights and says nothing."""
    return np.zeros(len(x)) if y is None and sample_weight is not None else y
