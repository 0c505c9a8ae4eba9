"""Time of a training step of each posterior, beside the diagonal one: `python -m benchmarks.train_step`."""

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tyro
from tqdm import tqdm

import zoo

LINEAR = ("diag", "low_rank")


@dataclass(frozen=True)
class Settings:
    """Times training steps on 784 binary pixels, gated 300-300, all posteriors taking turns in one process."""

    latents: tuple[int, ...] = (8, 32, 64, 128)
    """Latent sizes of all posteriors."""
    large: tuple[int, ...] = (256, 512)
    """Latent sizes of those posteriors alone whose cost is linear in it."""
    posteriors: tuple[str, ...] = tuple(zoo.names("posterior"))
    """Posteriors to time; "diag" is among them in any case."""
    batch_size: int = 100
    """Examples for a step."""
    steps: int = 50
    """Steps in one measurement."""
    rounds: int = 7
    """Measurements of each; the median counts."""


def main():
    """Prints a table: milliseconds a step, and the ratio to the diagonal posterior in the same round."""
    settings = tyro.cli(Settings)
    print(f"{'latent':>6} {'posterior':<14} {'ms a step':>10} {'against diag':>13}")
    for latent in (*settings.latents, *settings.large):
        names = LINEAR if latent in settings.large else dict.fromkeys(("diag", *settings.posteriors))
        trainers = {name: trainer(name, latent, settings) for name in tqdm(names, desc="compile", leave=False)}
        rounds = [
            {name: measure(train) for name, train in trainers.items()}
            for _ in tqdm(range(settings.rounds), desc=f"latent {latent}", leave=False)
        ]
        for name in trainers:
            milliseconds = np.median([times[name] for times in rounds]) / settings.steps * 1e3
            ratio = np.median([times[name] / times["diag"] for times in rounds])
            print(f"{latent:>6} {name:<14} {milliseconds:>10.2f} {ratio:>12.2f}×", flush=True)


def trainer(posterior, latent, settings):
    """Returns a compiled function that trains a model for some steps.

    The steps are called one by one on a batch in memory: within `fit`, waits of tf.data would be timed too.
    """
    prior = "dirichlet" if posterior == "dirichlet" else "standard"
    vae = zoo.build("diag_vae", (784,), "binary", posterior=posterior, prior=prior, latent=latent)
    vae.compile(keras.optimizers.Adam(1e-3))
    vae.optimizer.build(vae.trainable_variables)
    x = tf.constant(np.random.default_rng(0).integers(0, 2, (settings.batch_size, 784)), tf.float32)
    step = tf.function(vae.train_step, jit_compile=True)

    def train():
        for _ in range(settings.steps):
            logs = step(x)
        return float(logs["loss"])  # waits until the last step is done

    train()
    return train


def measure(function):
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
