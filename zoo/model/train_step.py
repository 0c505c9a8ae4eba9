"""A step of training or of evaluation, the same on one replica or many."""

from typing import NamedTuple

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from zoo.data import support as supports
from zoo.model.checked_model import CheckedModel
from zoo.model.guard import OUTSIDE, Guard

TERMS = ("the data", OUTSIDE, "log p(x|z) (reconstruction)", "log p(z)", "log q(z|x)", "the KL", "the loss")


class Sums(NamedTuple):
    """What a step measured, in nats, as sums over the examples of all replicas, so that they can be added up.

    Args:
        loss: Σ minus the objective.
        reconstruction: Σ w · −E_q log p(x|z), w the sample weights.
        kl: Σ w · KL(q(z|x) ‖ p(z)).
        examples: how many.
        weight: Σ w.
    """

    loss: tf.Tensor
    reconstruction: tf.Tensor
    kl: tf.Tensor
    examples: tf.Tensor
    weight: tf.Tensor

    def means(self):
        """By name: loss, reconstruction and kl, in nats per example."""
        weights = {"loss": self.examples, "reconstruction": self.weight, "kl": self.weight}
        return {name: tf.math.divide_no_nan(getattr(self, name), weight) for name, weight in weights.items()}


class SteppedModel(CheckedModel):
    """A Keras model with an objective that takes no step which is not finite, and is exact on several replicas.

    Gradients are summed over the replicas before the optimizer sees them, so that it clips what it would clip
    on one.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.guard = Guard(TERMS, [f"the gradient in the {part}" for part in self.PARTS])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # Gradients are summed over replicas.
        return self._loss(y_pred, sample_weight) / _replicas()

    def _loss(self, terms, sample_weight):
        bound = self.objective(terms)  # [B]
        if sample_weight is not None:
            bound *= tf.cast(tf.reshape(sample_weight, [-1]), bound.dtype)
        return tf.add_n([-tf.reduce_mean(bound), *(tf.cast(loss, bound.dtype) for loss in self.losses)])

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing, as the model is built: Keras adds the replicas' shares of a batch, which may be unequal."""

    def make_train_function(self, force=False):
        before = self.train_function
        super().make_train_function(force)
        if self._distribute_strategy and self.train_function is not before:
            self.train_function = self._on_replicas_of(self.train_step)

    def make_test_function(self, force=False):
        before = self.test_function
        super().make_test_function(force)
        if self._distribute_strategy and self.test_function is not before:
            self.test_function = self._on_replicas_of(self.test_step)

    def _on_replicas_of(self, step):
        """A function iterator ↦ logs for any strategy; Keras's own fails with several workers (keras#20585)."""
        strategy = self.distribute_strategy

        @tf.function
        def logs_of(iterator):
            for _ in tf.range(self.steps_per_execution):
                strategy.run(step, args=(next(iterator),))
            logs = strategy.run(self.get_metrics_result)
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        return logs_of

    def predict_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self._noting_outside(x, 1.0, [])
        return self.reconstruct(x)

    def train_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return self._log(self.take_step(x, sample_weight))

    def test_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return self._log(self.measure(x, sample_weight))

    def take_step(self, x, sample_weight=None):
        """One step of the optimizer, or none where a number is not finite: then it counts for the guard alone.

        Args:
            x: data [B, *x], of this replica.
            sample_weight: [B]; None for ones.

        Returns:
            `Sums`.
        """
        self._prepare_optimizer()
        x, sample_weight, there = _at_least_one(x, sample_weight)
        weights = [weight for part in self.PARTS for weight in getattr(self, part).trainable_weights]
        # What the forward pass changes, such as moving statistics, is written when the step is known to be taken.
        with tf.GradientTape() as tape, self._scope_of(weights) as state:
            terms = self(x, training=True)
            loss = self.compute_loss(y_pred=terms, sample_weight=sample_weight)
            loss *= tf.cast(there, loss.dtype)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, weights)
        sums = _sums(terms, loss * _replicas(), sample_weight, there)
        wrong = [_wrong(value) for value in (x, terms.log_px, terms.log_pz, terms.log_qz, terms.kl, loss)]
        wrong.insert(TERMS.index(OUTSIDE), self.outside(x) * there)
        wrong = [tf.cast(value, loss.dtype) for value in wrong]
        gradients, values = _over_replicas(_shares(gradients, _replicas() * sums.examples), tf.stack([*sums, *wrong]))
        gradients = _of_all(gradients, values[Sums._fields.index("examples")])
        sums, wrong = values[: len(sums)], values[len(sums) :] > 0
        wrong_gradients = tf.stack([_wrong(self._of_part(gradients, part)) for part in self.PARTS]) > 0
        may = ~tf.reduce_any(wrong) & ~self.guard.closed()
        self._apply(gradients, weights, may, ~tf.reduce_any(wrong_gradients))
        # An example of zeros that stands for none changes nothing.
        self._write(state, may & ~tf.reduce_any(wrong_gradients) & (there > 0))
        if isinstance(self.optimizer, LossScaleOptimizer):  # which tries smaller scales, and takes no such step either
            wrong_gradients &= tf.convert_to_tensor(self.optimizer.dynamic_scale) <= 1
        wrong = tf.concat([wrong, wrong_gradients], axis=0)
        self.guard.record(wrong, tf.convert_to_tensor(self.seed_counter))
        return Sums(*tf.unstack(tf.where(tf.reduce_any(wrong), tf.zeros_like(sums), sums)))

    def _apply(self, gradients, weights, finite, finite_gradients):
        """Lets the optimizer take its step, if it may."""
        may = finite if isinstance(self.optimizer, LossScaleOptimizer) else finite & finite_gradients

        def apply(gradients):
            self.optimizer.apply(gradients, weights)

        def apply_on_all(strategy, may, gradients):
            tf.cond(
                strategy.experimental_local_results(may)[0],  # which is the same on all of them
                lambda: strategy.extended.call_for_each_replica(apply, args=(gradients,)),
                lambda: None,
            )

        if tf.distribute.has_strategy() and not tf.__internal__.distribute.strategy_supports_no_merge_call():
            # An optimizer merges the replicas' threads, which is possible within no condition but one of all of them.
            tf.distribute.get_replica_context().merge_call(apply_on_all, args=(may, gradients))
        else:
            tf.cond(may, lambda: apply(gradients), lambda: None)

    def _scope_of(self, weights):
        """A scope in which the forward pass changes no variable; regularizers look for their weights in it."""
        values = [(weight, tf.convert_to_tensor(weight)) for weight in weights if weight.regularizer is not None]
        return keras.StatelessScope(values, collect_losses=True)

    def _write(self, state, taken):
        """Writes what the forward pass has changed: counts in any case, other numbers if the step is taken.

        Args:
            state: the scope that it was made in.
            taken: bool.
        """
        for variable in self.non_trainable_variables:
            value = state.get_current_value(variable)
            if value is not None:
                counts = tf.as_dtype(value.dtype).is_integer
                variable.assign(value if counts else tf.where(taken, value, variable.value))

    def _prepare_optimizer(self):
        if self.optimizer is None:
            raise ValueError("Expected an optimizer to train with, got None. Name one: vae.compile(optimizer='adam').")
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        inner._all_reduce_sum_gradients = list  # they come summed, as Keras does it after clipping
        if not self.optimizer.built:
            with tf.init_scope():
                self.optimizer.build(self.trainable_variables)

    def _of_part(self, gradients, part):
        first = sum(len(getattr(self, p).trainable_weights) for p in self.PARTS[: self.PARTS.index(part)])
        return gradients[first : first + len(getattr(self, part).trainable_weights)]

    def measure(self, x, sample_weight=None):
        """What a step measures, without one.

        Args:
            x, sample_weight: see `take_step`.

        Returns:
            `Sums`.
        """
        x, sample_weight, there = _at_least_one(x, sample_weight)
        terms = self(x, training=False)
        sums = _sums(terms, self._loss(terms, sample_weight), sample_weight, there)
        return Sums(*self._noting_outside(x, there, sums))

    def _noting_outside(self, x, there, values):
        """Sums over the replicas, after the guard was told whether data [B, *x] are out of their support on any."""
        outside = tf.cast(self.outside(x) * there, tf.float32)
        values = [*values, tf.cast(outside, values[0].dtype if values else tf.float32)]
        *values, outside = tf.unstack(_over_replicas([], tf.stack(values))[1])
        self.guard.note(outside)
        return values

    def outside(self, x):
        """1 where data [B, *x] are finite but out of their support, else 0; in the graph."""
        x = tf.cast(x, self.variable_dtype)
        outside = tf.reduce_all(tf.math.is_finite(x)) & ~supports.get(self.support).contains_in_graph(x)
        return tf.cast(outside, tf.float32)

    def _log(self, sums):
        """Tells Keras's trackers."""
        means = sums.means()
        self._loss_tracker.update_state(means["loss"], sums.examples)
        self.reconstruction_tracker.update_state(means["reconstruction"], sums.weight)
        self.kl_tracker.update_state(means["kl"], sums.weight)
        return self.get_metrics_result()


def _at_least_one(x, sample_weight):
    """The examples and weights of a replica; where it has got none, one of zeros, and 0 in place of 1 to multiply with.

    The last batch of arrays may be smaller than there are replicas.
    """
    if _replicas() == 1 or x.shape[0]:
        return x, sample_weight, 1.0
    none = tf.cast(tf.equal(tf.shape(x)[0], 0), tf.int32)
    x = tf.pad(x, [[0, none], *([0, 0] for _ in x.shape[1:])])
    if sample_weight is not None:
        sample_weight = tf.pad(tf.reshape(sample_weight, [-1]), [[0, none]])
    return x, sample_weight, 1.0 - tf.cast(none, tf.float32)


def _sums(terms, loss, sample_weight, there):
    reconstruction, kl = -terms.mean(terms.log_px), tf.reduce_sum(terms.kl, axis=-1)  # [B]
    weight = tf.ones_like(kl) if sample_weight is None else tf.cast(tf.reshape(sample_weight, [-1]), kl.dtype)
    weight *= tf.cast(there, kl.dtype)
    examples = tf.cast(there, kl.dtype) * tf.cast(tf.shape(kl)[0], kl.dtype)
    sums = (tf.reduce_sum(weight * value) for value in (reconstruction, kl))
    return Sums(loss * examples, *sums, examples, tf.reduce_sum(weight))


def _wrong(tensors):
    """1 where a tensor, or one of a list of tensors, is not finite, else 0."""
    tensors = [t for t in tf.nest.flatten(tensors) if t is not None and t.dtype.is_floating]
    return 1.0 - tf.reduce_min([1.0, *(tf.cast(tf.reduce_all(tf.math.is_finite(t)), tf.float32) for t in tensors)])


def _shares(tensors, weight):
    """A replica's tensors, which may be None, times its weight: shares of a batch may be unequal."""
    if _replicas() == 1:
        return tensors
    return [None if t is None else t * tf.cast(weight, t.dtype) for t in tensors]


def _of_all(sums, examples):
    """Means over all examples, of sums over the replicas weighted by theirs."""
    if _replicas() == 1:
        return sums
    return [None if t is None else tf.math.divide_no_nan(t, tf.cast(examples, t.dtype)) for t in sums]


def _replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync


def _over_replicas(gradients, values):
    """Gradients, which may be None, and values [V], each summed over the replicas."""
    if _replicas() == 1:
        return gradients, values
    given = [gradient for gradient in gradients if gradient is not None]
    *given, values = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, [*given, values])
    given = iter(given)
    return [None if gradient is None else next(given) for gradient in gradients], values
