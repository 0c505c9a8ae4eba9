"""Compiled steps of training and validation, on any devices."""

import numpy as np
import tensorflow as tf

from zoo.model.training import step_loop
from zoo.model.training.train_step import Sums


def compile_steps(vae, devices, stacked, measured):
    """Compiles training and validation steps.

    Args:
        vae: a compiled `zoo.VAE`.
        devices: `training.loop.devices.Devices`.
        stacked: number of batches for one XLA program, on one device; several devices take the steps one by one.
        measured: the same for validation batches.

    Returns:
        Two functions: (batches, n, stop) ↦ (`Sums` as a tensor [5], any_stop), which takes n steps and tells whether
        the bool `stop` is set on any worker; and (batches, n) ↦ `Sums` [5], which measures n batches without a step.
    """
    strategy = devices.strategy

    def on_replicas(method):
        def sums(x):
            return tf.stack(method(x))

        step = tf.function(sums, jit_compile=True) if devices.jit else sums
        return lambda x: strategy.experimental_local_results(strategy.run(step, args=(x,)))[0]

    def one_by_one(method, dtype):
        def steps(batches, n):
            sums, step = tf.zeros(len(Sums._fields), dtype), on_replicas(method)
            for _ in tf.range(n):
                sums += tf.cast(step(next(batches)), dtype)
            return sums, n

        return steps

    def compiled(method, stacked, dtype):
        if devices.jit and devices.replicas == 1:
            return step_loop.compile_steps(method, stacked, dtype)
        return one_by_one(method, dtype)

    steps = compiled(vae.take_step, stacked, vae.variable_dtype)
    measurements = compiled(vae.measure, measured, tf.float64)

    @tf.function
    def take_steps(batches, n, stop):
        sums, _ = steps(batches, n)
        return sums, devices.anywhere(stop)

    @tf.function
    def measure(batches, n):
        return measurements(batches, n)[0]

    return take_steps, measure


def means(sums):
    """Returns loss, reconstruction and kl in nats per example, by name.

    Args:
        sums: `zoo.model.training.train_step.Sums` as an array [5].
    """
    return {name: float(value) for name, value in Sums(*np.float64(sums)).means().items()}
