"""Handling of NaN and Inf: steps with a non-finite value are skipped, and ten in a row stop training."""

import warnings
from contextlib import contextmanager

import keras
import tensorflow as tf

from zoo.data import support as supports

LIMIT = 10
OUTSIDE = "the data are outside of their support"


class Guard(tf.Module):
    """A counter of training steps that were skipped because of a non-finite value.

    Args:
        terms: names of the terms that are checked in a step, for messages.
        gradients: names of the gradients that are checked; messages name them only if all terms are finite.
    """

    def __init__(self, terms, gradients):
        super().__init__()
        self.terms, self.gradients = tuple(terms), tuple(gradients)
        # Skipped steps in total, skipped steps in a row, index of the last one, bit mask of its non-finite values.
        self.state = tf.Variable(
            [0, 0, 0, 0], dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self.outside = tf.Variable(False, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
        # The first step since `check` whose data were outside of their support; 0 for none.
        self.first_outside = tf.Variable(
            0, dtype=tf.int64, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self._told = 0

    def note(self, outside):
        """Records, in the graph, whether evaluated data are outside of their support.

        Args:
            outside: a number; positive if they are.
        """
        self.outside.assign(tf.convert_to_tensor(self.outside) | (outside > 0))

    @contextmanager
    def watching(self, support):
        """Raises an error at the end of the context if data in it had values outside of their support.

        Args:
            support: the support's name.

        Yields:
            None.

        Raises:
            ValueError: there were such values.
        """
        self.outside.assign(False)
        yield
        if self.outside.numpy():
            raise supports.outside(support, "the data have values outside of it")

    def record(self, wrong, step):
        """Records a step, in the graph.

        Args:
            wrong: bool [terms + gradients], which of them are not finite.
            step: the step's index, int64.
        """
        bad = tf.reduce_any(wrong)
        before = tf.convert_to_tensor(self.state)
        code = tf.reduce_sum(tf.where(wrong, 2 ** tf.range(len(self.terms + self.gradients), dtype=tf.int64), 0))
        total, row, last, last_code = tf.unstack(before)
        one = tf.cast(bad, tf.int64)
        after = tf.stack([total + one, (row + 1) * one, tf.where(bad, step, last), tf.where(bad, code, last_code)])
        self.state.assign(tf.where(self.closed(), before, after))
        first = tf.convert_to_tensor(self.first_outside)
        self.first_outside.assign(tf.where(wrong[self.terms.index(OUTSIDE)] & (first == 0), step, first))

    def closed(self):
        """Returns, in the graph, whether ten steps in a row were skipped; all later steps are skipped too."""
        return tf.convert_to_tensor(self.state)[1] >= LIMIT

    def start(self, resume=False):
        """Resets the counts at the start of training.

        Args:
            resume: whether to keep the restored number of skipped steps in a row.
        """
        if not resume:
            self.state.assign(self.state * tf.constant([1, 0, 1, 1], tf.int64))
        self._told = int(self.state[0])
        self.first_outside.assign(0)

    def check(self):
        """Reports the steps that were skipped since the last call.

        Returns:
            A sentence, or None if no step was skipped. It names what was wrong in the last of them, or the first whose
            data were outside of their support.

        Raises:
            FloatingPointError: ten steps in a row were skipped.
        """
        total, row, step, code = self.state.numpy().tolist()
        new, self._told = total - self._told, total
        if not new:
            return None
        outside = int(self.first_outside.numpy())
        self.first_outside.assign(0)
        what = f"step {step}: {self._named(code)}"
        if row >= LIMIT:
            raise FloatingPointError(
                f"Stopped after {row} consecutive steps with NaN or Inf (last: {what}). "
                f"Lower the learning rate, or check the data for extreme values."
            )
        what = f"step {outside}: {OUTSIDE}" if outside else what
        return f"{what}; the step was skipped" + (f", as were {new - 1} others" if new > 1 else "")

    def _named(self, code):
        """Returns what was wrong in a step: by the terms that were not finite, or else the gradients."""
        names = self.terms + self.gradients
        wrong = [name for i, name in enumerate(names) if code >> i & 1]
        terms = [name for name in wrong if name in self.terms]
        return OUTSIDE if OUTSIDE in terms else f"NaN or Inf in {', '.join(terms or wrong)}"


class GuardCallback(keras.callbacks.Callback):
    """A callback that warns of skipped steps in `fit` and stops it after ten in a row."""

    def on_train_begin(self, logs=None):
        self.model.guard.start()

    def on_train_batch_begin(self, batch, logs=None):
        self._before = batch - int(self.model.seed_counter.numpy())

    def on_train_batch_end(self, batch, logs=None):
        # Keras's `batch` is here the last one that the execution may have, not the one in which it was.
        if outside := int(self.model.guard.first_outside.numpy()):
            number = self._before + outside
            raise supports.outside(self.model.support, f"the data of batch {number} have values outside of it")
        if sentence := self.model.guard.check():
            warnings.warn(sentence, stacklevel=2)
