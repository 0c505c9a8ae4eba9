"""The log-likelihood's rate beside that of plain matrix products: `python -m benchmarks.log_likelihood`."""

import time
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tyro

import zoo


@dataclass(frozen=True)
class Settings:
    """Times `VAE.score` of 784 binary pixels, gated 300-300, and matrix products, taking turns in one process.

    Counted are the products of the decoder's dense layers only, for each draw of each example.
    """

    models: tuple[str, ...] = ("diag_vae", "tril_vae", "vamp_vae")
    """Models of the catalogue."""
    latent: int = 40
    """Latent dimensions."""
    examples: int = 40
    """Examples to score."""
    samples: int = 5_000
    """K, importance samples per example."""
    size: int = 2_000
    """Rows and columns of the plain products."""
    rounds: int = 5
    """Measurements of each; the median counts."""


def main():
    """Prints a table: seconds, products a second, and their share of the rate of the plain ones in the same round."""
    settings = tyro.cli(Settings)
    x = np.float32(np.random.default_rng(0).integers(0, 2, (settings.examples, 784)))
    plain = products(settings.size)
    print(f"{settings.examples} examples, {settings.samples:,} draws each")
    print(f"{'model':<12} {'seconds':>8} {'GFLOP/s':>9} {'plain':>9} {'share':>7}")
    for name in settings.models:
        vae = zoo.build(name, (784,), "binary", latent=settings.latent)
        flops = settings.examples * settings.samples * decoder_flops(vae)
        vae.score(x, settings.samples)
        rounds = []
        for _ in range(settings.rounds):
            seconds = measure(lambda vae=vae: vae.score(x, settings.samples))
            rounds.append((seconds, flops / seconds / 1e9, plain()))
        seconds, rate, peak = np.median(rounds, axis=0)
        share = np.median([rate / peak for _, rate, peak in rounds])
        print(f"{name:<12} {seconds:>6.2f} s {rate:>9.0f} {peak:>9.0f} {share:>6.0%}", flush=True)


def decoder_flops(vae):
    """Returns the floating-point operations of the dense layers for one z: two for each weight of a matrix."""
    kernels = [w for w in [*vae.decoder.weights, *vae.likelihood.weights] if w.name == "kernel"]
    return 2 * sum(int(np.prod(kernel.shape)) for kernel in kernels)


def products(size, repeats=20):
    """Returns a function that measures the rate of products of square matrices, in GFLOP/s."""
    a = tf.random.stateless_normal([size, size], [0, 1])
    multiply = tf.function(lambda a: tf.reduce_sum(a @ a))
    multiply(a)

    def rate():
        seconds = measure(lambda: [multiply(a).numpy() for _ in range(repeats)])
        return repeats * 2 * size**3 / seconds / 1e9

    return rate


def measure(function):
    """Seconds that a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main()
