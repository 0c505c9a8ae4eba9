"""Validation of the arguments of `compile`, `fit`, `evaluate` and `predict`."""

import warnings

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.data import support as supports
from zoo.memory import check_step
from zoo.model.adaptation import unadapted
from zoo.registry import spec_of

KERAS_BATCH = 32  # Keras's default `batch_size`
MINIMUMS = {"batch_size": 1, "epochs": 0, "steps_per_epoch": 1, "steps": 1}
MEASURED = "The logs contain loss, reconstruction and kl; vae.score(x) estimates more."
UNUSED = {
    "loss": "A VAE's loss is minus its objective: choose one by zoo.build(..., objective='elbo').",
    "loss_weights": "Set the weights of the terms in the objective: zoo.build(..., objective='elbo(beta=2.0)').",
    "metrics": MEASURED,
    "weighted_metrics": MEASURED,
}


def check_compilation(arguments):
    """Checks that `compile` gets neither losses nor metrics.

    Args:
        arguments: arguments of Keras's `compile` by name.

    Raises:
        ValueError: it gets some.
    """
    for name, instead in UNUSED.items():
        if arguments.get(name):
            raise ValueError(f"Expected no {name}=, got {arguments[name]!r}. {instead}")


def check(model, arguments):
    """Checks data, sample weights and counts, and adds the labels of zeros that Keras needs for weighted data.

    Args:
        model: a `KerasModel`.
        arguments: arguments of Keras's method by name; `y` is set.

    Raises:
        ValueError: the data have another shape or support than the model's, or weights, counts or callbacks are
            invalid.
    """
    x, sample_weight = arguments.get("x"), arguments.get("sample_weight")
    supports.check_examples(x, model.event_shape, model.support)
    check_counts(arguments)
    if sample_weight is not None and isinstance(x, np.ndarray):
        got = np.shape(sample_weight)
        if got not in ((len(x),), (len(x), 1)):
            raise ValueError(f"Expected sample_weight of shape [{len(x)}], one weight per example, got {[*got]}.")
    arguments["y"] = _labels(x, arguments.get("y"), sample_weight)


def check_validation(model, arguments):
    """Checks validation data given as a tuple; see `check`."""
    validation = arguments.get("validation_data")
    if isinstance(validation, tuple | list):
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(tuple(validation))
        supports.check_examples(x, model.event_shape, model.support, "the validation data")
        arguments["validation_data"] = (x, _labels(x, y, sample_weight), sample_weight)


def check_training(model, arguments):
    """Checks the memory of a training step; warns of a missing `adapt` and of sample weights that have partial effect.

    Args:
        model: a `KerasModel`.
        arguments: arguments of `fit` by name.

    Raises:
        ValueError: a step would not fit into memory.
    """
    x, batch_size = arguments.get("x"), arguments.get("batch_size")
    if model.objective.uses_batch_statistic and arguments.get("sample_weight") is not None:
        warnings.warn(
            f"The objective '{spec_of(model.objective)}' uses a statistic of the whole batch: sample weights apply to "
            f"the bound of each example, but not to that statistic.",
            stacklevel=3,
        )
    array = x if isinstance(x, np.ndarray) or tf.is_tensor(x) else None
    if array is not None:
        replicas = model.distribute_strategy.num_replicas_in_sync
        check_step(model, -(-min(batch_size or KERAS_BATCH, len(array)) // replicas))
    for sentence in unadapted(model, array):
        warnings.warn(sentence, stacklevel=3)


def check_counts(arguments):
    """Checks counts, such as `batch_size`, and callbacks.

    Args:
        arguments: arguments of Keras's method by name.

    Raises:
        ValueError: a count is not an integer or too small, or a callback is not a Keras callback.
    """
    for name, minimum in MINIMUMS.items():
        if arguments.get(name) is not None:
            check_int(arguments[name], name, minimum=minimum)
    callbacks = arguments.get("callbacks")
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        for callback in tf.nest.flatten(callbacks or []):
            if not isinstance(callback, keras.callbacks.Callback):
                raise ValueError(f"Expected callbacks to be instances of keras.callbacks.Callback, got {callback!r}.")


def _labels(x, y, sample_weight):
    """Returns labels of zeros if there are sample weights but no labels, because Keras would ignore the weights."""
    return np.zeros(len(x)) if y is None and sample_weight is not None else y
