"""A trained model's scores on test data."""

import platform
import time
from importlib.metadata import version

import numpy as np

VERSIONS = ("tensorflow", "keras", "tensorflow-probability", "numpy")


def evaluate(vae, x, samples):
    """The scores of a model, in nats per example.

    Args:
        vae: a `zoo.VAE`.
        x: test data [N, *x], two examples or more.
        samples: K, draws for an example.

    Returns:
        A dict for scores.json: the means over x of the fields of `zoo.scores.Scores` and their standard
        errors (of the mean over examples), and what they were estimated from.
    """
    start = time.perf_counter()
    scores = vae.score(x, samples, progress=True)._asdict()
    means = {name: float(values.mean(dtype=np.float64)) for name, values in scores.items()}
    errors = {f"{name}_standard_error": _standard_error(values) for name, values in scores.items()}
    return {
        **dict(sorted((means | errors).items())),
        "unit": "nats per example",
        "draws": samples,
        "examples": len(x),
        "evaluation_seconds": round(time.perf_counter() - start, 1),
    }


def chosen_by(seed, x, n):
    """n of the examples, in their order: the same ones for every model that is scored with that seed.

    Args:
        seed: an integer.
        x: [N, *x].
        n: how many; all for N or more.
    """
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:n])]


def _standard_error(values):
    return float(values.std(ddof=1, dtype=np.float64) / np.sqrt(len(values)))


def versions():
    """The versions of Python and of the libraries that numbers depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONS}
