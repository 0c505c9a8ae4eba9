"""NaN and Inf: steps with a value that is not finite are skipped, and ten in a row end the training."""

import warnings
from contextlib import contextmanager

import keras
import tensorflow as tf

from zoo.data import support as supports

LIMIT = 10
OUTSIDE = "the data are out of their support"


class Guard(tf.Module):
    """Counts the steps of training that were skipped because a value in them was not finite.

    Args:
        terms: what is checked in a step, in words.
        gradients: the gradients that are checked, in words; they follow from the terms, and are named only where all
            terms are finite.
    """

    def __init__(self, terms, gradients):
        super().__init__()
        self.terms, self.gradients = tuple(terms), tuple(gradients)
        self.state = tf.Variable(  # how many in all, how many in a row, which step was the last, what was wrong in it
            [0, 0, 0, 0], dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self.outside = tf.Variable(False, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
        self._told = 0

    def note(self, outside):
        """Records, in the graph, whether data that are only measured are out of their support.

        Args:
            outside: a number over 0 where they are.
        """
        self.outside.assign(tf.convert_to_tensor(self.outside) | (outside > 0))

    @contextmanager
    def watching(self, support):
        """Watches data for values out of their support within the context.

        Args:
            support: the support's name.

        Yields:
            Nothing.

        Raises:
            ValueError: at the end, there were such values.
        """
        self.outside.assign(False)
        yield
        if self.outside.numpy():
            raise supports.outside(support, "the data have values out of it")

    def record(self, wrong, step):
        """Records a step, in the graph.

        Args:
            wrong: bool [terms + gradients], which of them are not finite.
            step: its number, int64.
        """
        bad = tf.reduce_any(wrong)
        before = tf.convert_to_tensor(self.state)
        code = tf.reduce_sum(tf.where(wrong, 2 ** tf.range(len(self.terms + self.gradients), dtype=tf.int64), 0))
        total, row, last, last_code = tf.unstack(before)
        one = tf.cast(bad, tf.int64)
        after = tf.stack([total + one, (row + 1) * one, tf.where(bad, step, last), tf.where(bad, code, last_code)])
        self.state.assign(tf.where(self.closed(), before, after))

    def closed(self):
        """Returns whether ten steps in a row were skipped, after which all are; in the graph."""
        return tf.convert_to_tensor(self.state)[1] >= LIMIT

    def start(self, resume=False):
        """Starts counting for a training.

        Args:
            resume: whether to continue a count of steps in a row that was restored.
        """
        if not resume:
            self.state.assign(self.state * tf.constant([1, 0, 1, 1], tf.int64))
        self._told = int(self.state[0])

    def wrong(self):
        """Returns the terms, or else the gradients, that were not finite in the last step skipped since `check`."""
        total, _, _, code = self.state.numpy().tolist()
        names = self.terms + self.gradients
        wrong = [i for i in range(len(names)) if code >> i & 1 and total > self._told]
        return [names[i] for i in [i for i in wrong if i < len(self.terms)] or wrong]

    def check(self):
        """Reports the steps that were skipped since the last call.

        Returns:
            A sentence; None if no step was skipped.

        Raises:
            FloatingPointError: ten steps in a row were skipped.
        """
        wrong = self.wrong()
        total, row, step, _ = self.state.numpy().tolist()
        new, self._told = total - self._told, total
        if not new:
            return None
        what = f"step {step}: " + (OUTSIDE if OUTSIDE in wrong else f"NaN or Inf in {', '.join(wrong)}")
        if row >= LIMIT:
            raise FloatingPointError(
                f"Stopped after {row} consecutive steps with NaN or Inf (last: {what}). "
                f"Lower the learning rate, or look for extreme values in the data."
            )
        return f"{what}; the step was skipped" + (f", as were {new - 1} before it" if new > 1 else "")


class GuardCallback(keras.callbacks.Callback):
    """Warns of steps that `fit` skipped, and ends it after ten in a row."""

    def on_train_begin(self, logs=None):
        self.model.guard.start()

    def on_train_batch_end(self, batch, logs=None):
        if OUTSIDE in self.model.guard.wrong():
            raise supports.outside(self.model.support, f"the data of batch {batch + 1} have values out of it")
        if sentence := self.model.guard.check():
            warnings.warn(sentence, stacklevel=2)
