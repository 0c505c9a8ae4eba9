"""The adapter between the model and Keras's `fit`, `evaluate`, `predict`, `compile` and trackers."""

import inspect
from contextlib import contextmanager

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer
from keras.src.trainers.data_adapters.tf_dataset_adapter import TFDatasetAdapter

from zoo.data import support as supports
from zoo.data.pipelines import untuned
from zoo.model import fit_arguments
from zoo.model.training import step_loop, train_step
from zoo.model.training.guard import GuardCallback
from zoo.model.training.train_step import Sums, note_outside, replicas
from zoo.objectives import Terms

# Private names that this file uses, each with the reason. `tests/model/test_keras_model.py` fails with the reason if an
# update of Keras or TensorFlow renames one.
PRIVATE = {
    "keras.Model._loss_tracker": "averages the loss of an epoch over examples; public `metrics` has no name for it",
    "keras.Model._distribute_strategy": "says whether the model was created in a strategy's scope",
    "keras.Model._maybe_symbolic_build": "concatenates the replicas' batches, which may be unequal; ours is built",
    "keras.EpochIterator._distributed_dataset": "has the options of an array's batches; no public name sets them",
    "keras.src.trainers.data_adapters.tf_dataset_adapter.TFDatasetAdapter": "says whether batches are the user's own",
    "keras.Optimizer._all_reduce_sum_gradients": "sums gradients after clipping; ours are summed before",
    "keras.Optimizer._clip_gradients": "sums squares in an order that XLA does not vectorize; ours are clipped before",
    "keras.Optimizer._model_variables_moving_average": "the averages of `use_ema`; public names only overwrite weights",
    "keras.Optimizer._trainable_variables": "the weights that an optimizer was built for; no public name lists them",
    "keras.Layer._flatten_layers": "lists the sublayers of any layer; public names list those of models only",
    "tf.__internal__.distribute.strategy_supports_no_merge_call": "no public name says whether replicas are threads",
}
EVALUATION = -(2**30)  # initial seed counter of `evaluate`, far from those of training


class KerasModel(keras.Model):
    """The abstract base class of `VAE`: a Keras model with custom training and evaluation steps, on any strategy.

    A subclass defines `PARTS`, `event_shape`, `support`, `objective`, `seed_counter`, `samplers`, `guard`, `call`
    (x ↦ `Terms`) and `reconstruct`.
    """

    PARTS: tuple[str, ...] = ()

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def take_step(self, x: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Sums:
        """Takes or skips one optimizer step on a replica's data: see `zoo.model.training.train_step`."""
        return train_step.take_step(self, x, sample_weight)

    def measure(self, x: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Sums:
        """Computes the `Sums` of a replica's data without an optimizer step."""
        return train_step.measure(self, x, sample_weight)

    def loss_of(self, terms: Terms, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the loss of a replica's examples."""
        return train_step.loss_of(self, terms, sample_weight)

    def outside(self, x: tf.Tensor) -> tf.Tensor:
        """Returns 1.0 if data [B, *x] are finite but outside of their support, else 0.0; in the graph."""
        return train_step.outside_support(self, x)

    def reconstruct(self, x):
        """Returns reconstructions of data [B, *x]."""
        raise NotImplementedError

    def get_layer(self, name=None, index=None):
        """Returns a part by its role, such as "posterior", or else a layer by Keras's name or index."""
        return getattr(self, name) if name in self.PARTS and index is None else super().get_layer(name, index)

    def export(self, *args, **kwargs):
        """Raises an error, because Keras's export does not support seeds, densities and checks.

        Raises:
            NotImplementedError: always; the message names this project's export.
        """
        raise NotImplementedError(
            "Keras's export does not support densities or draws. Use export.saved_model.export(vae, folder, name=…) "
            "or save the model for Keras with vae.save('vae.keras')."
        )

    def compile(self, *args, **kwargs):
        """Configures training, as Keras's `compile` does, but rejects losses and metrics.

        Raises:
            ValueError: a loss or metrics were given.
        """
        call = inspect.signature(super().compile).bind(*args, **kwargs)
        fit_arguments.check_compilation(call.arguments)
        super().compile(*call.args, **call.kwargs)

    def compile_from_config(self, config):
        # Keras's version does nothing if `compile` is overridden.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        """Trains the model, as Keras's `fit` does, and validates the data: arrays at once, streams batch by batch.

        Steps with NaN or Inf are skipped, with a warning.

        Raises:
            ValueError: the data have another shape or support than the model's, or a step would not fit into memory.
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
        """Evaluates data, as Keras's `evaluate` does, with the same seeds every time: results are reproducible."""
        call = inspect.signature(super().evaluate).bind(*args, **kwargs)
        fit_arguments.check(self, call.arguments)
        with self.evaluating(), self.guard.watching(self.support):
            return super().evaluate(*call.args, **call.kwargs)

    def predict(self, x, *args, **kwargs):
        """Returns reconstructions, as Keras's `predict` does, after validation of arrays."""
        call = inspect.signature(super().predict).bind(x, *args, **kwargs)
        supports.check_examples(x, self.event_shape, self.support)
        fit_arguments.check_counts(call.arguments)
        with self.guard.watching(self.support):
            return super().predict(x, *args, **kwargs)

    @contextmanager
    def evaluating(self):
        """Uses the fixed seeds of evaluation within the context, and restores training's seed counter afterwards."""
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
        """Makes batches of arrays end without a wait; nothing has to be built.

        `fit` and `evaluate` call this before the first batch. See `zoo.data.pipelines.untuned`.
        """
        dataset = getattr(iterator, "_distributed_dataset", None)
        if isinstance(dataset, tf.data.Dataset) and not isinstance(iterator.data_adapter, TFDatasetAdapter):
            iterator._distributed_dataset = untuned(dataset)

    def make_train_function(self, force=False):
        before = self.train_function
        super().make_train_function(force)
        if self.train_function is before:
            return
        if self._distribute_strategy:
            self.train_function = self._on_replicas(self.train_step)
        elif self.jit_compile and self.steps_per_execution > 1 and self._has_own_step and step_loop.suits_xla(self):
            self.train_function = self._in_one_program()

    def make_test_function(self, force=False):
        before = self.test_function
        super().make_test_function(force)
        if self._distribute_strategy and self.test_function is not before:
            self.test_function = self._on_replicas(self.test_step)

    @property
    def _has_own_step(self):
        return type(self).train_step is KerasModel.train_step

    def _on_replicas(self, step):
        """Returns a function iterator ↦ logs for any strategy; Keras's fails with several workers (keras#20585)."""
        strategy = self.distribute_strategy

        @tf.function
        def logs_of(iterator):
            for _ in tf.range(self.steps_per_execution):
                strategy.run(step, args=(next(iterator),))
            logs = strategy.run(self.get_metrics_result)
            return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

        return logs_of

    def _in_one_program(self):
        """Returns a function iterator ↦ logs that takes all steps of an execution in one XLA program."""
        self.prepare_optimizer()  # while it is traced, variables would make TensorFlow trace it again
        steps = self.steps_per_execution
        take_steps = step_loop.compile_steps(
            self.take_step, step_loop.stack_size(steps, self.event_shape), self.variable_dtype
        )

        @tf.function
        def logs_of(iterator):
            sums, taken = take_steps(iterator, steps)
            return self._log(Sums(*tf.unstack(sums))), taken

        def train(iterator):
            logs, taken = logs_of(iterator)
            if not taken:
                raise StopIteration
            return logs

        return train

    def prepare_optimizer(self):
        """Builds the optimizer and turns off its all-reduce: gradients are summed over replicas before clipping.

        Raises:
            ValueError: the model was not compiled with an optimizer, or the weights to be trained have changed since.
        """
        if self.optimizer is None:
            raise ValueError("Expected an optimizer to train with, got None. Set one: vae.compile(optimizer='adam').")
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        inner._all_reduce_sum_gradients = list
        if self.clips_gradients:
            inner._clip_gradients = list
        if not self.optimizer.built:
            with tf.init_scope():
                self.optimizer.build(self.trainable_variables)
        check_optimizer(inner, self.trainable_variables)

    @property
    def clips_gradients(self):
        """Whether the step clips gradients by their global norm in the optimizer's place."""
        optimizer = self.optimizer
        return not self.scales_loss and optimizer.global_clipnorm and not optimizer.gradient_accumulation_steps

    @property
    def scales_loss(self):
        """Whether the optimizer uses dynamic loss scaling, which has to see non-finite gradients."""
        return isinstance(self.optimizer, LossScaleOptimizer)

    @property
    def averages(self):
        """The moving averages of the trainable weights, if the optimizer has `use_ema`; otherwise an empty list."""
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not getattr(optimizer, "use_ema", False):
            return []
        check_optimizer(optimizer, self.trainable_variables)
        return optimizer._model_variables_moving_average

    def apply_gradients_if(self, condition, gradients, weights):
        """Applies an optimizer step if a condition holds.

        Args:
            condition: bool [], the same on all replicas.
            gradients: gradients of the weights, summed over replicas.
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
            # The optimizer's merge_call is not allowed within a replica's tf.cond, only within one across replicas.
            tf.distribute.get_replica_context().merge_call(apply_on_all, args=(condition, gradients))
        else:
            tf.cond(condition, lambda: apply(gradients), lambda: None)


def check_optimizer(optimizer, weights):
    """Checks that an optimizer, if it is built, was built for the weights that are to be trained.

    Args:
        optimizer: a Keras optimizer.
        weights: the trainable weights of the model.

    Raises:
        ValueError: it was built for others.
    """
    if optimizer.built and {*map(id, optimizer._trainable_variables)} != {*map(id, weights)}:
        raise ValueError(
            f"The optimizer was built for {len(optimizer._trainable_variables)} weights, but now {len(weights)} are to "
            "be trained: call vae.compile(...) with a new optimizer after freeze, unfreeze, enable_lora or merge_lora."
        )


def layers_within(layer):
    """Returns a layer and all layers in it, outer ones first.

    Args:
        layer: a Keras layer or model.
    """
    return layer._flatten_layers()
