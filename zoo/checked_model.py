"""Keras's `fit`, `evaluate` and `predict`, with a look at the data first."""

import inspect
import warnings
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from zoo import support as supports
from zoo.guard import Watch
from zoo.registry import spec_of

EVALUATION = -(2**30)  # where the count of draws begins in `evaluate`, far from training's


class CheckedModel(keras.Model):
    """A Keras model that refuses arrays of another shape or support than its own; streams are let through.

    It has an `event_shape`, a `support`, an `objective`, `draws` (how many were made), `samplers` and a `guard`.
    """

    def fit(self, *args, **kwargs):
        """Keras's `fit`, after a look at the data where they are arrays.

        Steps in which a number is not finite are not taken, with a warning.

        Raises:
            FloatingPointError: ten of them in a row.
        """
        call = inspect.signature(super().fit).bind(*args, **kwargs)
        validation = call.arguments.get("validation_data")
        if isinstance(validation, tuple | list):
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(tuple(validation))
            supports.check_examples(x, self.event_shape, self.support, "the validation data")
            call.arguments["validation_data"] = (x, _labels(x, y, sample_weight), sample_weight)
        self._prepare(call.arguments)
        if self.objective.of_batch and call.arguments.get("sample_weight") is not None:
            warnings.warn(
                f"The objective '{spec_of(self.objective)}' looks at the batch as a whole: sample weights weigh the "
                f"bound of each example, but nothing in that statistic.",
                stacklevel=2,
            )
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
        with self.evaluating():
            return super().evaluate(*call.args, **call.kwargs)

    @contextmanager
    def evaluating(self):
        """While it lasts, draws are an evaluation's, the same ones each time; then training's go on."""
        draws = int(self.draws.numpy())
        self.draws.assign(EVALUATION)
        try:
            yield
        finally:
            self.draws.assign(draws)

    def predict(self, x, *args, **kwargs):
        """Keras's `predict`, after a look at the data where they are arrays: the reconstructions."""
        supports.check_examples(x, self.event_shape, self.support)
        return super().predict(x, *args, **kwargs)

    def _prepare(self, arguments):
        x, sample_weight = arguments.get("x"), arguments.get("sample_weight")
        supports.check_examples(x, self.event_shape, self.support)
        arguments["y"] = _labels(x, arguments.get("y"), sample_weight)


def _labels(x, y, sample_weight):
    """Labels that mean nothing where there are weights: without any, Keras leaves out the weights and says nothing."""
    return np.zeros(len(x)) if y is None and sample_weight is not None else y
