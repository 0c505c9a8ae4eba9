"""Keras's own `fit` of a small model, on several devices or in several workers."""

import equal_noise
import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.objectives.objective


def fit(out, devices=None):
    """Fits, and writes weights, losses and the number of steps to OUT.<worker>.npz.

    Args:
        out: path.
        devices: how many logical CPU devices to mirror the model on; None for the workers of TF_CONFIG.
    """
    if devices:
        split_cpu(devices)
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


def fit_unequal_shares(out):
    """Fits by plain gradient descent to batches that one and two devices share, and writes both weights to OUT.npz.

    Args:
        out: path.
    """
    split_cpu(2)
    zoo.objectives.objective.draw = equal_noise.draw
    found = {}
    for examples, batch in ((21, 20), (24, 21)):
        for devices in (1, 2):
            with tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]).scope():
                vae = zoo.build("diag_vae", (6,), "real", latent=2, network="mlp(hidden=(3,))")
                vae.compile(keras.optimizers.SGD(0.05))
            x = np.random.default_rng(0).normal(size=(examples, 6)).astype(np.float32)
            weights = np.linspace(0.5, 2, examples) if batch == 21 else None
            vae.fit(x, sample_weight=weights, batch_size=batch, shuffle=False, verbose=0)
            found[f"{examples}_on_{devices}"] = np.concatenate([np.ravel(w) for w in vae.trainable_weights])
    np.savez(out, **found)


def split_cpu(devices):
    """Makes so many logical devices of the CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
