"""reference.json: fixed inputs, and what the model's encode and score gave for them when its preset was saved."""

from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from zoo.data import support as supports
from zoo.model import forward

EXAMPLES, SAMPLES, SEED = 3, 8, 0
SCORES = ("elbo", "log_likelihood", "reconstruction", "kl")
TOLERANCE = 1e-3  # relative, and in nats or units of z: of other machines and versions of TensorFlow


def inputs(vae) -> np.ndarray:
    """Returns examples [3, *x] of the model's support, in the units of its data."""
    x = supports.get(vae.support).sample(np.random.default_rng(SEED), (EXAMPLES, *vae.event_shape))
    if supports.get(vae.support).has_units:
        x = np.asarray(vae.likelihood.unstandardize(np.float32(x)))
    return np.asarray(x, "float32")


def outputs(vae, x: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what the model says of examples.

    Args:
        vae: a `zoo.VAE`.
        x: [N, *x].

    Returns:
        The posterior's `mean` [N, L], and `elbo`, `log_likelihood`, `reconstruction`, `kl` and `objective` [N],
        from fixed seeds; `sampler <name>`, the log-density of those means under each sampler [N].
    """
    with _eagerly():  # compiling takes longer than computing
        scores = vae.score(x, samples=SAMPLES, seed=SEED)
        objective = vae.objective
        terms = forward.terms(vae, x, objective.sample_posterior, objective.batch_statistic, tf.constant([SEED, 1]))
    mean = vae.encode(x).mean()
    found = {"mean": np.asarray(mean), "objective": np.asarray(objective(terms))}
    for name in vae.samplers.fitted:
        found[f"sampler {name}"] = np.asarray(vae.latent_distribution(name).log_prob(mean))
    return found | {name: np.asarray(getattr(scores, name)) for name in SCORES}


@contextmanager
def _eagerly():
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def reference(vae) -> dict:
    """Returns the content of reference.json for a model."""
    x = inputs(vae)
    return {"samples": SAMPLES, "seed": SEED, "x": _numbers(x)} | {k: _numbers(v) for k, v in outputs(vae, x).items()}


def check(vae, expected: dict) -> None:
    """Checks that a model gives what it gave when its preset was saved.

    Args:
        vae: a `zoo.VAE`.
        expected: content of reference.json.

    Raises:
        ValueError: it gives something else.
    """
    found = outputs(vae, np.asarray(expected["x"], "float32"))
    for name, values in found.items():
        if not np.allclose(values, np.float32(expected[name]), rtol=TOLERANCE, atol=TOLERANCE):
            raise ValueError(
                f"Expected the model to give the {name} {expected[name]} of its preset, got {values.tolist()}. "
                f"Use the versions that metadata.json names, and report it."
            )


def _numbers(values):
    """Returns float32 values as nested lists of the shortest numbers that are read back exactly."""
    values = np.float32(values)
    return [_numbers(row) for row in values] if values.ndim else float(str(values))
