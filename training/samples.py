"""Where to draw z from: samples of the prior, the aggregated posterior and other samplers beside real examples."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from training.estimate import Estimate
from training.quality import features, quality

LEAST = 20  # examples without which nothing is said of samples


@dataclass(frozen=True)
class SampleQuality:
    """A sampler's `training.quality.Quality`, averaged over sets of samples.

    Args:
        precision, recall, frechet_distance: see `training.quality`.
    """

    precision: Estimate
    recall: Estimate
    frechet_distance: Estimate


@dataclass(frozen=True)
class Comparison:
    """Sets of samples beside held-out examples, the sizes all alike.

    Args:
        examples: in each set.
        sets: of each sampler.
        classifier: of what its features are, in words.
        accuracy: the share of held-out training examples that the classifier got right.
        qualities: name of a sampler, or of "training data" and "reconstructions" -> `SampleQuality`.
        verdict: where to draw from, in a sentence.
    """

    examples: int
    sets: int
    classifier: str
    accuracy: float
    qualities: dict[str, SampleQuality]
    verdict: str


def compare(vae, dataset, samplers, examples=5_000, sets=3, seed=0, progress=True):
    """Measures the samples of samplers, with training examples and reconstructions to be measured against.

    Samples are draws of p(x|z) where data are zeros and ones, as these are draws too, and its mean elsewhere.

    Args:
        vae: a `zoo.VAE` that has the samplers.
        dataset: its `training.data.Dataset`; validation and test examples are what is real.
        samplers: their names, "prior" the first.
        examples: in each set, at most.
        sets: of each sampler.
        seed: of the classifier and of all draws.
        progress: whether to show a progress bar.

    Returns:
        A `Comparison`; None where there are too few examples.
    """
    held_out, train = np.concatenate([dataset.validation, dataset.test]), dataset.seen(seed)
    n = min(examples, len(held_out), len(train))
    if n < LEAST:
        return None
    rng = np.random.default_rng(seed)
    classifier = features(dataset, seed, progress)
    x = held_out[rng.permutation(len(held_out))[:n]]
    real = classifier(x)
    sources = {
        "training data": lambda i: train[rng.permutation(len(train))[:n]],
        "reconstructions": lambda i: _shown(vae, vae.encode(x[:n]).sample(seed=[seed, i]), [seed, 1000 + i]),
    } | {name: lambda i, name=name: samples(vae, n, name, [seed, i]) for name in samplers}
    measured = {
        name: [quality(real, classifier(source(i))) for i in range(sets)]
        for name, source in tqdm(sources.items(), "samples", disable=not progress, leave=False)
    }
    qualities = {
        name: SampleQuality(*(Estimate.mean(values) for values in zip(*results, strict=True)))
        for name, results in measured.items()
    }
    return Comparison(n, sets, classifier.source, classifier.accuracy, qualities, verdict(qualities))


def samples(vae, n, latents, seed):
    """Samples of a model.

    Args:
        vae: a `zoo.VAE`.
        n: how many.
        latents: where z comes from, see `VAE.latent_distribution`.
        seed: int32 [2].

    Returns:
        [n, *x].
    """
    return _shown(vae, vae.latent_distribution(latents).sample(n, seed=seed), seed)


def _shown(vae, z, seed, rows=1_000):
    """What is compared with data: draws of p(x|z) for zeros and ones, its mean for all else."""
    chunks = []
    for i in range(0, len(z), rows):
        px = vae.decode(z[i : i + rows])
        chunks.append(px.sample(seed=tf.random.fold_in(seed, i)) if vae.support == "binary" else px.mean())
    return np.concatenate(chunks)


def verdict(qualities):
    """Whether the prior will do, in a sentence with the numbers that it rests on.

    The aggregated posterior is advised where its Fréchet distance is less than the prior's by more than two standard
    errors of the difference.

    Args:
        qualities: see `Comparison`.
    """
    if "aggregated" not in qualities:
        return "The aggregated posterior was not measured."
    prior, aggregated = (qualities[name].frechet_distance for name in ("prior", "aggregated"))
    error = np.hypot(prior.standard_error, aggregated.standard_error)
    better = prior.value - aggregated.value > 2 * error
    advice = "Use the aggregated posterior" if better else "Sampling the prior is safe"
    return (
        f"{advice}: the Fréchet distance to held-out data is {prior} for samples of the prior, "
        f"{aggregated} for samples of the aggregated posterior and "
        f"{qualities['training data'].frechet_distance} for training data; precision {_pair(qualities, 'precision')}, "
        f"recall {_pair(qualities, 'recall')}."
    )


def _pair(qualities, name):
    prior, aggregated = (getattr(qualities[sampler], name).value for sampler in ("prior", "aggregated"))
    return f"{prior:.2f} against {aggregated:.2f}"
