"""Executions: the functions of several steps that Keras's `fit` and `evaluate` call, from their batches to logs."""

import tensorflow as tf

from zoo.model.training import step_loop
from zoo.model.training.train_step import Sums


def on_replicas(model, step, of_one_batch):
    """Returns an execution on the replicas of any strategy; Keras's fails with several workers (keras#20585).

    Args:
        model: a `KerasModel`.
        step: a function of a replica's batch.
        of_one_batch: Keras's own execution, for `train_on_batch` and `test_on_batch`.
    """
    strategy = model.distribute_strategy

    @tf.function
    def logs_of(iterator):
        taken = 0
        for _ in tf.range(model.steps_per_execution):
            batch = iterator.get_next_as_optional()
            if not batch.has_value():
                break
            strategy.run(step, args=(batch.get_value(),))
            taken += 1
        logs = strategy.run(model.get_metrics_result)
        return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}, taken

    return _execution(logs_of, of_one_batch)


def in_one_program(model, of_one_batch):
    """Returns an execution whose training steps are all in one XLA program.

    Args:
        model: a compiled `KerasModel`.
        of_one_batch: Keras's own execution, for `train_on_batch`.
    """
    model.prepare_optimizer()  # while it is traced, variables would make TensorFlow trace it again
    steps = model.steps_per_execution
    stacked = step_loop.stack_size(steps, model.event_shape)
    take_steps = step_loop.compile_steps(model.take_step, stacked, model.variable_dtype)

    @tf.function
    def logs_of(iterator):
        sums, taken = take_steps(iterator, steps)
        return model.update_metrics(Sums(*tf.unstack(sums))), taken

    return _execution(logs_of, of_one_batch)


def _execution(logs_of, of_one_batch):
    """Returns a function of an iterator over batches, or of the generator of one batch that `train_on_batch` makes."""

    def execution(iterator):
        if not isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)):
            return of_one_batch(iterator)
        logs, taken = logs_of(iterator)
        if not taken:
            raise StopIteration
        return logs

    return execution
