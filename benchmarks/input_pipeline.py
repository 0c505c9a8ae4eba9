"""How much of a training step waits for its batch: `python -m benchmarks.input_pipeline`."""

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tyro
from tqdm import tqdm

import zoo
from training.data.binarization import binarized
from training.data.dataset import Dataset
from training.loop.devices import Devices
from training.loop.steps import compile_steps


@dataclass(frozen=True)
class Settings:
    """Times the training loop's steps on arrays of MNIST's size: on their batches, and on one batch again and again."""

    models: tuple[str, ...] = ("diag_vae", "tril_vae", "vamp_vae")
    """Models of the catalogue."""
    steps: int = 100
    """Steps in one measurement."""
    rounds: int = 7
    """Measurements of each; the median counts."""


def main():
    """Prints a table: milliseconds a step on real batches and on a constant one, and their ratio, round by round."""
    settings = tyro.cli(Settings)
    print(f"{'model':<10} {'binarized':<9} {'batches':>9} {'one batch':>10} {'ratio':>7}")
    for model in settings.models:
        for how in ("static", "dynamic"):
            take, feeds = trainer(model, how)
            rounds = [
                [measure(take, feed, settings.steps) for feed in feeds]
                for _ in tqdm(range(settings.rounds), model, leave=False)
            ]
            real, constant = np.median(rounds, axis=0) * 1e3
            ratio = np.median([a / b for a, b in rounds])
            print(f"{model:<10} {how:<9} {real:>6.2f} ms {constant:>7.2f} ms {ratio:>7.3f}", flush=True)


def trainer(model, how):
    """Returns the loop's compiled function that takes steps, and two feeds: real batches, and one batch repeated."""
    gray = np.random.default_rng(0).random((50_000, 28, 28, 1), np.float32)
    dataset = binarized(Dataset("noise", "unit", gray, gray[:500], gray[:500]), how)
    devices = Devices(tf.distribute.get_strategy())
    vae = zoo.build(model, dataset.event_shape, dataset.support)
    vae.compile(keras.optimizers.Adam(1e-3, global_clipnorm=100.0))
    take_steps, _ = compile_steps(vae, devices)
    batches = dataset.batches(100, seed=0)
    one = next(iter(batches))
    feeds = [
        devices.distribute(lambda data=data, **shares: data)
        for data in (batches, tf.data.Dataset.from_tensors(one).repeat())
    ]
    for feed in feeds:
        measure(take_steps, feed, 10)
    return take_steps, feeds


def measure(take_steps, feed, steps):
    """Seconds a step."""
    start = time.perf_counter()
    for _ in range(steps // 10):
        sums, _ = take_steps(feed, tf.constant(10), tf.constant(False))
    sums.numpy()
    return (time.perf_counter() - start) / steps


if __name__ == "__main__":
    main()
