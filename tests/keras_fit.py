"""Keras's own `fit` of a small model, on several devices or in several workers."""

import numpy as np
import tensorflow as tf

import zoo


def fit(out, devices=None):
    """Fits, and writes weights, losses and the number of steps to OUT.<worker>.npz.

    Args:
        out: path.
        devices: how many logical CPU devices to mirror the model on; None for the workers of TF_CONFIG.
    """
    if devices:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
        strategy, worker = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]), 0
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        worker = strategy.cluster_resolver.task_id
    with strategy.scope():
        vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
        vae.compile("adam", steps_per_execution=2)
    x = np.random.default_rng(0).normal(size=(81 if devices else 80, 4)).astype(np.float32)
    history = vae.fit(x, validation_data=(x,), batch_size=20, epochs=2, verbose=0).history
    steps = vae.optimizer.iterations.numpy()
    np.savez(f"{out}.{worker}.npz", *vae.get_weights(), losses=list(history.values()), steps=steps)
