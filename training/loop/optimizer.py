"""The optimizer of a run: Adam, its learning-rate schedule, and the moving average of the weights."""

import keras

import zoo
from training.schedules import keras_config


class LearningRate:
    """The learning rate of a run's steps.

    Args:
        config: the run's `Config`.
        steps: number of steps in an epoch.
    """

    def __init__(self, config, steps):
        made = keras_config(config.lr_schedule, config.learning_rate, config.epochs, steps)
        self.value = keras.optimizers.schedules.deserialize(made) if isinstance(made, dict) else made

    def at(self, step):
        """Returns the learning rate of a step, a float.

        Args:
            step: index of the step, from 0; skipped ones do not count.
        """
        return float(self.value(max(step, 0))) if callable(self.value) else self.value


def make_optimizer(config, learning_rate):
    """Makes a run's optimizer, in the scope of its devices' strategy.

    Args:
        config: the run's `Config`.
        learning_rate: its `LearningRate`.
    """
    average = {"use_ema": True, "ema_momentum": config.ema} if config.ema else {}
    return zoo.Adam(learning_rate.value, global_clipnorm=config.clip_norm, **average)


def described(config):
    """Yields lines on the schedule of the learning rate and on the average of the weights, if there are any.

    Args:
        config: the run's `Config`.

    Yields:
        Strings.
    """
    if config.lr_schedule != "constant":
        yield f"learning rate: {config.learning_rate:g}, {config.lr_schedule}"
    if config.ema:
        yield f"validated and saved: the moving average of the weights, momentum {config.ema:g}"
