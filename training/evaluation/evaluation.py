"""Scores of a trained model."""

import platform
import time
from importlib.metadata import version

import numpy as np

import zoo
from training.evaluation.annealed import annealed
from training.evaluation.covariance import posterior_summary
from training.evaluation.information import gains, information
from training.evaluation.likelihood import likelihood
from training.evaluation.samples import compare
from training.evaluation.scores import Evaluation

LIBRARIES = ("tensorflow", "keras", "tensorflow-probability", "numpy")
MAX_COVARIANCES = 1_000  # test examples, at most, whose posteriors' covariance is summarized
MAX_CODES = 2_000  # test examples, at most, whose codes the samplers' densities are compared on


def evaluate(vae, dataset, settings):
    """Evaluates a model, after fitting the samplers that are compatible with it.

    Args:
        vae: a `zoo.VAE`.
        dataset: the `Dataset` that it was trained on.
        settings: `Settings`.

    Returns:
        An `Evaluation`.

    Raises:
        ValueError: there are too few test examples.
    """
    start, train = time.perf_counter(), dataset.seen(settings.seed)
    if len(train) < len(dataset.train):
        print(
            f"evaluated on a random {len(train):,} of the {len(dataset.train):,} training examples, which fit in memory"
        )
    names, seed = add_samplers(vae, train, settings.samplers), settings.seed
    test = choose(seed, dataset.test, settings.test_examples or len(dataset.test))
    return Evaluation(
        likelihood=likelihood(vae, test, settings.samples, seed),
        # The aggregated posterior of a flow has no density that float32 could tell.
        information=None if vae.posterior.density_is_sequential else information(vae, train, settings.draws, seed=seed),
        posterior=posterior_summary(vae, choose(seed, test, MAX_COVARIANCES)),
        samples=compare(vae, dataset, ["prior", *names], settings.generated, settings.sets, seed),
        gain_as_prior=gains(vae, choose(seed, test, MAX_CODES), names, seed),
        annealed=annealed(vae, choose(seed, test, settings.examples), settings) if settings.method else None,
        evaluation_seconds=round(time.perf_counter() - start, 1),
        versions=versions(),
    )


def add_samplers(vae, x, specs):
    """Fits the samplers that are compatible with a model, in place of all that it has.

    Args:
        vae: a `zoo.VAE`.
        x: training examples [N, *x], as the model sees them.
        specs: see `VAE.add_sampler`.

    Returns:
        Their names.
    """
    compatible = [spec for spec in specs if vae.samplers.can_fit(spec, vae.posterior, len(x))]
    for name in list(vae.samplers.fitted):
        vae.samplers.remove(name)
    for spec in compatible:
        vae.add_sampler(spec, x)
    return [zoo.registry.parse(spec)[0] for spec in compatible]


def choose(seed, x, n):
    """Returns n random examples in their order, the same ones for all models that are scored with that seed.

    Args:
        seed: an integer.
        x: [N, *x].
        n: how many; N or more for all.
    """
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:n])]


def versions():
    """Returns the versions of Python and of the libraries that numbers depend on, by name."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}
