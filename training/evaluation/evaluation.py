"""From a trained model to its scores and its report."""

import json
import math
import platform
import time
from contextlib import nullcontext
from importlib.metadata import version

import numpy as np

import zoo
from training import run_folder as run
from training.evaluation.covariance import shape, weights
from training.evaluation.estimate import plain
from training.evaluation.information import gains, information
from training.evaluation.likelihood import likelihood
from training.evaluation.samples import compare
from training.report.page import report
from zoo.probability import tfd

VERSIONS = ("tensorflow", "keras", "tensorflow-probability", "numpy")
SHAPES = 1_000  # test examples, at most, whose posteriors' covariance is looked at
GAINS = 2_000  # test examples, at most, whose codes samplers are measured by


def load_on(devices, folder):
    """The model in a folder, on the devices of this machine that it is to be evaluated on.

    Args:
        devices: `training.loop.devices.Devices`.
        folder: path.
    """
    with nullcontext() if devices.workers > 1 else devices.strategy.scope():
        return zoo.load(folder)


def write_results(folder, config, dataset, vae, history, scores):
    """Writes the model with its samplers, the scores and the report, and prints the outcome.

    Args:
        folder: the run's.
        config: its `Config`.
        dataset: its `Dataset`.
        vae: the `zoo.VAE`.
        history: a dict of lists, a value an epoch.
        scores: all of scores.json.
    """
    if not config.aggregated:
        vae.samplers.remove("aggregated")
    page = report(config, dataset, vae, history, scores)
    zoo.save(vae, folder)
    run.write(folder / run.SCORES, json.dumps(scores, indent=2) + "\n")
    run.write(folder / run.REPORT, page)
    print(
        f"test ELBO {scores['elbo']:.2f}, log-likelihood {scores['log_likelihood']:.2f} "
        f"± {scores['log_likelihood_standard_error']:.2f} nats per example "
        f"({scores['draws']} draws, {scores['examples']} examples), {scores['training_seconds']:.0f} s of training"
    )
    for line in (scores["warning"], scores["samples"].get("verdict")):
        if line:
            print(line)
    print(f"report: {folder / run.REPORT}")


def evaluate(vae, dataset, settings):
    """The scores of a model, which gets the samplers that suit it.

    Args:
        vae: a `zoo.VAE`.
        dataset: the `Dataset` that it was trained on.
        settings: `Settings`.

    Returns:
        A dict for scores.json: in nats per example, with standard errors (of means over examples or draws), and what
        each number was estimated from.

    Raises:
        ValueError: too few test examples.
    """
    start, train = time.perf_counter(), dataset.seen(settings.seed)
    if len(train) < len(dataset.train):
        print(
            f"evaluated on a random {len(train):,} of the {len(dataset.train):,} training examples, which fit in memory"
        )
    names = add_samplers(vae, train, settings.samplers)
    test = chosen_by(settings.seed, dataset.test, settings.test_examples or len(dataset.test))
    return {
        **likelihood(vae, test, settings.samples, settings.seed),
        "information": _information(vae, train, settings),
        "posterior": _posterior(vae, chosen_by(settings.seed, test, SHAPES)),
        "samples": _samples(vae, dataset, ["prior", *names], settings),
        "gain_as_prior": plain(gains(vae, chosen_by(settings.seed, test, GAINS), names, settings.seed)),
        "evaluation_seconds": round(time.perf_counter() - start, 1),
        "versions": versions(),
    }


def add_samplers(vae, x, specs):
    """Fits those samplers that suit the model, in place of all that it has.

    Args:
        vae: a `zoo.VAE`.
        x: training examples [N, *x], as the model sees them.
        specs: see `VAE.add_sampler`.

    Returns:
        Their names.
    """
    fitting = [spec for spec in specs if vae.samplers.can_fit(spec, vae.posterior, len(x))]
    for name in list(vae.samplers.fitted):
        vae.samplers.remove(name)
    for spec in fitting:
        vae.add_sampler(spec, x)
    return [zoo.registry.parse(spec)[0] for spec in fitting]


def _posterior(vae, x):
    q = vae.encode(np.float32(x))
    covariance = q.covariance().numpy()
    # On the simplex the last dimension follows from the others, and the whole matrix is singular.
    found = plain(shape(covariance[:, :-1, :-1] if vae.posterior.space == "simplex" else covariance))
    if isinstance(q, tfd.MixtureSameFamily):
        found["weights"] = plain(weights(q.mixture_distribution.probs_parameter()))
    return found


def _information(vae, train, settings):
    if vae.posterior.sequential:
        return {"unavailable": "the density of the aggregated posterior of a flow is lost in float32"}
    found = information(vae, train, settings.draws, seed=settings.seed)
    facts = {"log_encodings": math.log(found.encodings), "saturated": found.saturated}
    return plain(found) | facts | {"active": int(found.active.sum())}


def _samples(vae, dataset, names, settings):
    found = settings.generated and compare(vae, dataset, names, settings.generated, settings.sets, settings.seed)
    return plain(found) if found else {}


def chosen_by(seed, x, n):
    """n of the examples, in their order: the same ones for every model that is scored with that seed.

    Args:
        seed: an integer.
        x: [N, *x].
        n: how many; all for N or more.
    """
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:n])]


def versions():
    """The versions of Python and of the libraries that numbers depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONS}
