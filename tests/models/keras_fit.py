"""Keras's own `fit` of a small model, on two devices or in several workers."""

import keras
import numpy as np
import tensorflow as tf

import zoo
import zoo.objectives.objective
from tests.models import equal_noise


def fit(out):
    """Fits in a worker of TF_CONFIG, and writes weights, losses and the number of steps to OUT.<worker>.npz.

    Args:
        out: path.
    """
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        vae = zoo.build("diag_vae", (4,), "real", latent=2, network="mlp(hidden=(3,))")
        vae.compile("adam", steps_per_execution=3)  # of 4 batches
    x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    history = vae.fit(x, validation_data=(x,), batch_size=20, epochs=2, verbose=0).history
    steps = vae.optimizer.iterations.numpy()
    losses = list(history.values())
    np.savez(f"{out}.{strategy.cluster_resolver.task_id}.npz", *vae.get_weights(), losses=losses, steps=steps)


def fit_unequal_shares(out):
    """Fits by plain gradient descent to batches that one and two devices share, and writes both weights to OUT.npz.

    Args:
        out: path.
    """
    split_cpu(2)
    zoo.objectives.objective.sample_posterior = equal_noise.draw
    found, fixed = {}, keras.initializers.GlorotUniform(seed=1)
    for examples, batch in ((21, 20), (24, 21)):
        for devices in (1, 2):
            with tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]).scope():
                dense = keras.layers.Dense(3, "tanh", kernel_regularizer="l2", kernel_initializer=fixed)
                encoder = keras.Sequential([keras.Input((6,)), dense])
                vae = zoo.build("diag_vae", (6,), "real", latent=2, network="mlp(hidden=(3,))", encoder=encoder)
                vae.compile(keras.optimizers.SGD(0.05), steps_per_execution=2)
            x = np.random.default_rng(0).normal(size=(examples, 6)).astype(np.float32)
            weights = np.linspace(0.5, 2, examples) if batch == 21 else None
            logs = vae.fit(
                x, None, batch, verbose=0, validation_data=(x,), sample_weight=weights, shuffle=False
            ).history
            found[f"{examples}_on_{devices}_losses"] = np.ravel(list(logs.values()))
            found[f"{examples}_on_{devices}"] = np.concatenate([np.ravel(w) for w in vae.trainable_weights])
    np.savez(out, **found)


def fit_averages(out):
    """Fits on one and on two devices, and writes the moving averages of the weights to OUT.npz.

    Args:
        out: path.
    """
    split_cpu(2)
    zoo.objectives.objective.sample_posterior = equal_noise.draw
    x, found = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32), {}
    for devices in (1, 2):
        with tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)]).scope():
            vae = zoo.build("diag_vae", (6,), "real", latent=2, network="mlp(hidden=(3,))")
            vae.compile(zoo.Adam(0.01, epsilon=0.1, use_ema=True, ema_momentum=0.8), steps_per_execution=2)
        vae.fit(x, batch_size=20, epochs=2, verbose=0, shuffle=False)
        found[str(devices)] = flat(vae.averages)
    replicas = [[weight.value.values[i] for weight in vae.averages] for i in range(2)]
    found |= {"first": flat(replicas[0]), "second": flat(replicas[1])}
    np.savez(out, **found)


def flat(variables):
    """All values of some variables in a row."""
    return np.concatenate([np.ravel(variable) for variable in variables])


def split_cpu(devices):
    """Makes so many logical devices of the CPU."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
