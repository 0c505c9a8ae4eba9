"""Exponential moving averages of the weights: an optimizer that computes them, and models that use them."""

from contextlib import contextmanager

import keras
import tensorflow as tf

LAG = 9  # as in tf.train.ExponentialMovingAverage


@keras.saving.register_keras_serializable("zoo")
class Adam(keras.optimizers.Adam):
    """Keras's Adam, whose moving average of the weights w with `use_ema` also suits short trainings.

    After step n = 0, 1, …, w̄ₙ = mₙ w̄ₙ₋₁ + (1 − mₙ) wₙ with the momentum mₙ = min(`ema_momentum`, n / (n + 9)). The mean
    age of the averaged weights is a tenth of the steps, or 1 / (1 − `ema_momentum`) steps if they are fewer. Keras's
    own has a constant momentum: with 0.999, the first weights are still 37 % of the average after 1,000 steps.

    Only trainable weights are averaged, as in Keras: moving statistics, as of BatchNormalization, stay those of w.

    Args:
        *args: see `keras.optimizers.Adam`.
        **kwargs: see `keras.optimizers.Adam`.
    """

    @property
    def ema_momentum(self):
        """The momentum mₙ of the next step, a tensor."""
        n = keras.ops.cast(self.iterations, "float32")
        return keras.ops.minimum(self._largest_momentum, n / (n + LAG))

    @ema_momentum.setter
    def ema_momentum(self, momentum):
        self._largest_momentum = momentum

    def get_config(self):
        return super().get_config() | {"ema_momentum": self._largest_momentum}


@contextmanager
def averaged(model):
    """Replaces the weights by their moving averages within the context, if there are any; restores the same bits.

    Args:
        model: a compiled `KerasModel`.

    Yields:
        None.
    """
    weights = [tf.identity(weight) for weight in model.trainable_variables] if model.averages else []
    use_averages(model)
    try:
        yield
    finally:
        for variable, weight in zip(model.trainable_variables, weights, strict=False):
            variable.assign(weight)


def start_averages(model):
    """Assigns the weights to their moving averages, if there are any, so that they are right also before a step.

    Args:
        model: a compiled `KerasModel` whose optimizer is built.
    """
    for weight, average in zip(model.trainable_variables, model.averages, strict=False):
        average.assign(weight)


def use_averages(model):
    """Assigns the moving averages to the weights, if there are any.

    Args:
        model: a compiled `KerasModel`.
    """
    for weight, average in zip(model.trainable_variables, model.averages, strict=False):
        weight.assign(average)
