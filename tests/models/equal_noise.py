"""The training command with one noise for all examples, so that runs on few and on many devices can be compared."""

import json
import os

import numpy as np
import tensorflow as tf

import zoo.objectives.objective
from training import run, train


def draw(posterior, h, seed, samples):
    """`zoo.objectives.objective.sample_posterior` of a normal posterior, with the same ε in each step."""
    q = posterior(h)
    noise = tf.random.stateless_normal([samples, 1, q.event_shape[0]], seed=[1, 2])
    z = q.mean() + tf.linalg.matvec(q.scale.to_dense(), noise)
    return q, z, q.log_prob(z), None


def written(fit):
    """`training.loop.training.fit`, with what it came to in a file."""

    def fitted(config, dataset, vae, folder, devices, interruption):
        training = fit(config, dataset, vae, folder, devices, interruption)
        worker = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
        losses = [list(row.values()) for row in training.position.history]
        scores = vae.score(dataset.test[:25], samples=3_000) if devices.workers == 1 else ()  # three examples at a time
        weights = {f"weight_{i}": weight for i, weight in enumerate(vae.get_weights())}
        np.savez(f"{folder}.{worker}.npz", losses=losses, scores=[s for s in scores if s.ndim == 1], **weights)
        return training

    return fitted


def equal_noise(devices, *words):
    """The command, in a process of its own.

    In place of an evaluation, what this process has come to is written to OUT.<worker>.npz: its weights, its losses,
    and the scores of some examples.

    Args:
        devices: how many logical CPU devices there are.
        *words: the command's.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    zoo.objectives.objective.sample_posterior = draw
    run.fit = written(run.fit)
    run.evaluate_run = lambda *of_run: None
    train.main(words)
