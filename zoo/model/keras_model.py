"""Everything in the model that is there because of Keras."""

import inspect
from contextlib import contextmanager

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

from zoo.data import support as supports
from zoo.model import fit_arguments, train_step
from zoo.model.guard import GuardCallback
from zoo.model.train_step import Sums, note_outside, replicas
from zoo.objectives import Terms

# The private names that this file uses, each with the public way that is missing. `tests/model/test_keras_model.py`
# fails with this sentence where an update of Keras or TensorFlow renames one.
PRIVATE = {
    "keras.Model._loss_tracker": "weights the mean loss of an epoch by examples; `metrics` has it without a name",
    "keras.Model._distribute_strategy": "says whether Keras's own step function is one of a strategy",
    "keras.Model._maybe_symbolic_build": "adds the replicas' shares of a batch, which may be unequal; ours is built",
    "keras.Optimizer._all_reduce_sum_gradients": "sums gradients after clipping them; ours are summed before",
    "tf.__internal__.distribute.strategy_supports_no_merge_call": "no public name says whether replicas are threads",
}
EVALUATION = -(2**30)  # where the seed counter starts in `evaluate`, far from training's
MEASURED = "Logged are loss, reconstruction and kl; vae.score(x) measures more."
UNUSED = {
    "loss": "A VAE's loss is minus its objective: choose one by zoo.build(..., objective='elbo').",
    "loss_weights": "Weigh the terms by the objective's options: zoo.build(..., objective='elbo(beta=2.0)').",
    "metrics": MEASURED,
    "weighted_metrics": MEASURED,
}


class KerasModel(keras.Model):
    """A Keras model whose step of training and of evaluation are its own, on one device or many.

    Abstract: a class under it has `PARTS`, an `event_shape`, a `support`, an `objective`, a `seed_counter`, `samplers`,
    a `guard`, `call` (x ↦ `Terms`) and `reconstruct`.
    """

    PARTS: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def take_step(self, x: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Sums:
        """Takes one step of the optimizer on a replica's data, or skips it: see `zoo.model.train_step`."""
        return train_step.take_step(self, x, sample_weight)

    def measure(self, x: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Sums:
        """Measures a replica's data as a step does, without taking one."""
        return train_step.measure(self, x, sample_weight)

    def loss_of(self, terms: Terms, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the loss of a replica's examples."""
        return train_step.loss_of(self, terms, sample_weight)

    def outside(self, x: tf.Tensor) -> tf.Tensor:
        """Returns 1.0 where data [B, *x] are finite but out of their support, else 0.0; in the graph."""
        return train_step.outside_support(self, x)

    def reconstruct(self, x):
        """Returns reconstructions of data [B, *x]."""
        raise NotImplementedError

    def get_layer(self, name=None, index=None):
        """Returns a part by its role, such as "posterior", or else what Keras knows by that name or index."""
        return getattr(self, name) if name in self.PARTS and index is None else super().get_layer(name, index)

    def export(self, *args, **kwargs):
        """Raises an error: Keras's export has no seeds, densities or checks.

        Raises:
            NotImplementedError: always; it names this project's export.
        """
        raise NotImplementedError(
            "Keras's export does not know densities and draws. Use that of this project, "
            "export.saved_model.export(vae, folder, name=...), or save a model for Keras by vae.save('vae.keras')."
        )

    def compile(self, *args, **kwargs):
        """Configures training, as Keras's `compile` does, without what a VAE has no use for.

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
        """Trains, as Keras's `fit` does, after checks of the data: arrays as a whole, streams batch by batch.

        Steps with a NaN or infinite value are skipped, with a warning.

        Raises:
            ValueError: the data are of another shape or support than the model's; or a step would not fit into memory.
            FloatingPointError: ten steps in a row were skipped.
        """
        call = inspect.signature(super().fit).bind(*args, **kwargs)
        fit_arguments.check_validation(self, call.arguments)
        fit_arguments.check(self, call.arguments)
        fit_arguments.check_training(self, call.arguments)
        self.samplers.clear()
        callbacks = call.arguments.get("callbacks") or []
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.callbacks.append(guard := GuardCallback())
            guard.set_model(self)
        else:
            call.arguments["callbacks"] = [*tf.nest.flatten(callbacks), GuardCallback()]
        return super().fit(*call.args, **call.kwargs)

    def evaluate(self, *args, **kwargs):
        """Measures data, as Keras's `evaluate` does, with the same noise every time: equal weights, equal numbers."""
        call = inspect.signature(super().evaluate).bind(*args, **kwargs)
        fit_arguments.check(self, call.arguments)
        with self.evaluating(), self.guard.watching(self.support):
            return super().evaluate(*call.args, **call.kwargs)

    def predict(self, x, *args, **kwargs):
        """Returns reconstructions, as Keras's `predict` does, after checks of the data where they are arrays."""
        call = inspect.signature(super().predict).bind(x, *args, **kwargs)
        supports.check_examples(x, self.event_shape, self.support)
        fit_arguments.check_counts(call.arguments)
        with self.guard.watching(self.support):
            return super().predict(x, *args, **kwargs)

    @contextmanager
    def evaluating(self):
        """Uses the seeds of evaluation within the context, the same ones each time; training's continue afterwards."""
        count = int(self.seed_counter.numpy())
        self.seed_counter.assign(EVALUATION)
        try:
            yield
        finally:
            self.seed_counter.assign(count)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.loss_of(y_pred, sample_weight) / replicas()  # gradients are summed over replicas

    def train_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return self._log(self.take_step(x, sample_weight))

    def test_step(self, data):
        x, _, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return self._log(self.measure(x, sample_weight))

    def predict_step(self, data):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        note_outside(self, x)
        return self.reconstruct(x)

    def _log(self, sums):
        """Updates Keras's trackers."""
        means = sums.means()
        self._loss_tracker.update_state(means["loss"], sums.examples)
        self.reconstruction_tracker.update_state(means["reconstruction"], sums.weight)
        self.kl_tracker.update_state(means["kl"], sums.weight)
        return self.get_metrics_result()

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: the model is built."""

    def make_train_function(self, force=False):
        before = self.train_function
        super().make_train_function(force)
        if self._distribute_strategy and self.train_function is not before:
            self.train_function = self._on_replicas(self.train_step)

    def make_test_function(self, force=False):
        before = self.test_function
        super().make_test_function(force)
        if self._distribute_strategy and self.test_function is not before:
            self.test_function = self._on_replicas(self.test_step)

    def _on_replicas(self, step):
        """Returns a function iterator ↦ logs for any strategy; Keras's own fails with several workers (keras#20585)."""
        strategy = self.distribute_strategy

        @tf.function
        def logs_of(iterator):
            for _ in tf.range(self.steps_per_execution):
                strategy.run(step, args=(next(iterator),))
            logs = strategy.run(self.get_metrics_result)
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        return logs_of

    def prepare_optimizer(self):
        """Builds the optimizer, and lets it take gradients as they come: they are summed over replicas before clipping.

        Raises:
            ValueError: the model was compiled without one, or not at all.
        """
        if self.optimizer is None:
            raise ValueError("Expected an optimizer to train with, got None. Name one: vae.compile(optimizer='adam').")
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        inner._all_reduce_sum_gradients = list
        if not self.optimizer.built:
            with tf.init_scope():
                self.optimizer.build(self.trainable_variables)

    @property
    def scales_loss(self):
        """Whether the optimizer tries loss scales, so that it has to see gradients that are not finite."""
        return isinstance(self.optimizer, LossScaleOptimizer)

    def apply_gradients_if(self, condition, gradients, weights):
        """Lets the optimizer take its step if a condition holds.

        Args:
            condition: bool [], the same on all replicas.
            gradients: of the weights, summed over replicas.
            weights: trainable weights.
        """

        def apply(gradients):
            self.optimizer.apply(gradients, weights)

        def apply_on_all(strategy, condition, gradients):
            tf.cond(
                strategy.experimental_local_results(condition)[0],
                lambda: strategy.extended.call_for_each_replica(apply, args=(gradients,)),
                lambda: None,
            )

        if tf.distribute.has_strategy() and not tf.__internal__.distribute.strategy_supports_no_merge_call():
            # An optimizer merges the replicas' threads, which is possible within no condition but one of all of them.
            tf.distribute.get_replica_context().merge_call(apply_on_all, args=(condition, gradients))
        else:
            tf.cond(condition, lambda: apply(gradients), lambda: None)
