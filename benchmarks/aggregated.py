"""Densities of large mixtures beside TFP's: `python -m benchmarks.aggregated`."""

import resource
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tyro
from scipy import special
from tqdm import tqdm

from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.probability import tfd

SHARP = 0.03


@dataclass(frozen=True)
class Settings:
    """Times the density of a mixture, ours and TFP's MixtureSameFamily under XLA, taking turns in one process."""

    components: int = 50_000
    """N."""
    dimensions: int = 40
    """d."""
    diag_points: int = 10_000
    """Points of diagonal mixtures."""
    tril_points: int = 1_000
    """Points of mixtures with full covariance matrices."""
    tfp_points: int = 100
    """Points that TFP takes at once, so that it fits into memory."""
    rounds: int = 3
    """Measurements; the median counts."""
    checked: int = 200
    """Points that are compared with float64."""


def main():
    """Prints a table: seconds of both, their ratio, the largest error against float64, and ours' memory."""
    settings = tyro.cli(Settings)
    print(f"{settings.components:,} components, {settings.dimensions} dimensions")
    print(f"{'mixture':<24} {'points':>7} {'ours':>8} {'TFP, XLA':>9} {'ratio':>7} {'error, nats':>12} {'memory':>9}")
    for name in ("diag", "diag sharp, half inactive", "tril"):
        points = settings.tril_points if name == "tril" else settings.diag_points
        tensors, family = mixture(name, settings.components, settings.dimensions)
        ours = BlockwiseMixture(tensors, family)
        z = ours.sample(points, seed=[0, 1])
        before = peak()
        density = ours.log_prob(z).numpy()
        memory = peak() - before
        error = np.abs(density[: settings.checked] - reference(z[: settings.checked], *tensors)).max()
        seconds, tfps = compare(ours, tensors, family, z, settings)
        times = f"{seconds:>6.2f} s {tfps:>7.2f} s {tfps / seconds:>6.1f}×"
        print(f"{name:<24} {points:>7,} {times} {error:>12.1e} {memory:>5.2f} GiB", flush=True)


def mixture(name, components, dimensions):
    """Returns the parameters of components, and their family."""
    rng = np.random.default_rng(0)
    shape = components, dimensions
    loc, scale = rng.normal(size=shape), np.exp(rng.normal(-1, 0.3, shape))
    if "sharp" in name:
        active = np.arange(dimensions) < dimensions // 2
        loc = np.where(active, loc, rng.normal(0, 0.01, shape))
        scale = np.where(active, SHARP, rng.normal(1, 0.01, shape))
    if name != "tril":
        return [tf.constant(loc, tf.float32), tf.constant(scale, tf.float32)], tfd.MultivariateNormalDiag
    lower = np.float32(0.1 * rng.normal(size=(*shape, dimensions))) * np.tri(dimensions, k=-1, dtype=np.float32)
    lower[:, range(dimensions), range(dimensions)] = scale
    return [tf.constant(loc, tf.float32), tf.constant(lower)], tfd.MultivariateNormalTriL


def compare(ours, tensors, family, z, settings):
    """Returns median seconds of ours, and of TFP on all points."""
    count = len(tensors[0])
    theirs = tfd.MixtureSameFamily(tfd.Categorical(logits=tf.zeros(count)), family(*tensors))
    compiled = tf.function(theirs.log_prob, jit_compile=True)
    # A triangular component takes a product of its matrix for each point, and so more memory.
    step = settings.tfp_points if family is tfd.MultivariateNormalDiag else max(1, settings.tfp_points // 20)
    compiled(z[:step])
    rounds = []
    for _ in tqdm(range(settings.rounds), leave=False):
        start = time.perf_counter()
        ours.log_prob(z).numpy()
        middle = time.perf_counter()
        some = (
            z if family is tfd.MultivariateNormalDiag else z[: 2 * step]
        )  # and scaled up: all would take a quarter of an hour
        for i in range(0, len(some), step):
            compiled(some[i : i + step]).numpy()
        rounds.append((middle - start, (time.perf_counter() - middle) * len(z) / len(some)))
    return np.median(rounds, axis=0)


def reference(z, loc, scale):
    """Returns the log density of points in float64."""
    z, loc, scale = np.float64(z), np.float64(loc), np.float64(scale)
    densities = []
    for point in z:
        if scale.ndim == 2:
            u, log_det = (point - loc) / scale, np.log(scale).sum(axis=1)
        else:
            u = np.linalg.solve(scale, (point - loc)[..., None])[..., 0]
            log_det = np.log(np.diagonal(scale, axis1=1, axis2=2)).sum(axis=1)
        densities.append(-0.5 * np.sum(u**2, axis=1) - log_det)
    return special.logsumexp(densities, axis=1) - np.log(len(loc)) - 0.5 * z.shape[1] * np.log(2 * np.pi)


def peak():
    """Returns the peak memory of this process, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    main()
