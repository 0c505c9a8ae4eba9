"""Where to draw z from: samples of the prior, the aggregated posterior and other samplers beside real examples."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import stats
from tqdm import tqdm

from training.evaluation.estimate import Estimate
from training.evaluation.sample_quality import features, quality, scale_of
from zoo.data import support as supports

LEAST = 64  # examples without which nothing is said of samples, as many as the classifier's features
SMALL, FAR = 0.25, 2.0  # shares of the training data's own Fréchet distance
SETS, MANY_SETS, LARGE = 3, 12, 1_000
NEAR = 500  # samples whose nearest training example is looked for


@dataclass(frozen=True)
class SampleQuality:
    """The `Quality` of a sampler's draws, averaged over sets of samples; of one set, without a standard error.

    Args:
        precision, recall, frechet_distance: see `training.evaluation.sample_quality`.
        to_training: mean Euclidean distance of samples to the nearest training example, of real vectors in standard
            deviations of each element; 0 of copies.
    """

    precision: Estimate
    recall: Estimate
    frechet_distance: Estimate
    to_training: Estimate


@dataclass(frozen=True)
class Comparison:
    """Sets of samples beside held-out examples, the sizes all alike.

    Args:
        examples: in each set.
        sets: of each sampler.
        training_sets: of training examples; no two share one, so that there may be fewer of them.
        classifier: of what its features are, in words.
        accuracy: the share of held-out training examples that the classifier got right.
        qualities: name of a sampler, or of "training data" and "reconstructions" -> `SampleQuality`.
        verdict: where to draw from, in a sentence.
    """

    examples: int
    sets: int
    training_sets: int
    classifier: str
    accuracy: float
    qualities: dict[str, SampleQuality]
    verdict: str


def compare(vae, dataset, samplers, examples=5_000, sets=None, seed=0, progress=True):
    """Measures the samples of samplers, with training examples and reconstructions to be measured against.

    Samples are draws of p(x|z) where data are zeros and ones, as these are draws too, and its mean elsewhere.

    Args:
        vae: a `zoo.VAE` that has the samplers.
        dataset: its `training.data.Dataset`; validation and test examples are what is real.
        samplers: their names, "prior" the first.
        examples: in each set, at most.
        sets: of each sampler; None for 3, or 12 of fewer than 1,000 samples.
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
    sets = (MANY_SETS if n < LARGE else SETS) if sets is None else sets
    disjoint = np.array_split(rng.permutation(len(train))[: len(train) // n * n], len(train) // n)[:sets]
    sources = {
        "training data": lambda i: train[disjoint[i]],
        "reconstructions": lambda i: _shown(vae, vae.encode(x[:n]).sample(seed=[seed, i]), [seed, 1000 + i]),
    } | {name: lambda i, name=name: samples(vae, n, name, [seed, i]) for name in samplers}
    qualities = {}
    for name, source in tqdm(sources.items(), "samples", disable=not progress, leave=False):
        made = [source(i) for i in range(len(disjoint) if name == "training data" else sets)]
        measured = zip(*(quality(real, classifier(x)) for x in made), strict=True)
        to_training = Estimate.mean(nearest(made[0][:NEAR], train, scale_of(dataset.support, train))[1])
        qualities[name] = SampleQuality(*(Estimate.mean(values) for values in measured), to_training)
    advice = verdict(qualities, sets, len(disjoint))
    return Comparison(n, sets, len(disjoint), classifier.source, classifier.accuracy, qualities, advice)


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
        chunks.append(
            px.sample(seed=tf.random.fold_in(seed, i)) if supports.get(vae.support).shows_draws else px.mean()
        )
    return np.concatenate(chunks)


def verdict(qualities, sets, training_sets):
    """Where to draw z from, in sentences with the numbers that they rest on.

    It is the difference of two Fréchet distances, the prior's less the aggregated posterior's, that decides: where it
    is over zero, the latter is advised; where it is under a quarter of the training data's own distance, the prior is
    safe; each at 97.5 % by Student's t. Where samples are nearer to held-out data than training data are, at as much,
    these two differ, and neither is said: the distances then measure what no model of the training data can know.

    Args:
        qualities: see `Comparison`.
        sets: how many the samplers' estimates are averaged over.
        training_sets: how many those of training data are.
    """
    if "aggregated" not in qualities:
        return "The aggregated posterior was not measured."
    prior, aggregated, train = (qualities[name].frechet_distance for name in ("prior", "aggregated", "training data"))
    difference, margin = prior.value - aggregated.value, _margin(prior, aggregated, sets, sets)
    nearer = min(prior, aggregated, key=lambda distance: distance.value)
    if train.value - nearer.value > _margin(nearer, train, sets, training_sets):
        advice = (
            "Training and held-out data differ, more than samples and held-out data do, so that these distances do not "
            "tell where to sample from"
        )
    elif difference > margin:
        advice = "Use the aggregated posterior"
    elif difference + margin < SMALL * train.value:
        advice = "Sampling the prior is safe"
    else:
        advice = "Prior or aggregated posterior, these samples cannot tell"
    far = " Neither is much like the data." if min(prior.value, aggregated.value) > FAR * train.value else ""
    return (
        f"{advice}: the Fréchet distance to held-out data is {prior} for samples of the prior, "
        f"{aggregated} for samples of the aggregated posterior and {train} for training data; "
        f"precision {_pair(qualities, 'precision')}, recall {_pair(qualities, 'recall')}.{far}"
    )


def _margin(one, other, sets, others):
    """Returns what the difference of two means over sets of samples is under, at 97.5 %, where there is none.

    Args:
        one, other: `Estimate`s.
        sets: how many the first is the mean of.
        others: how many the other is; a single one, which has no error, is taken to vary as the first do.
    """
    error = one.standard_error * np.sqrt(sets) if others == 1 else other.standard_error
    return stats.t.ppf(0.975, sets + others - 2) * np.hypot(one.standard_error, error)


def _pair(qualities, name):
    prior, aggregated = (getattr(qualities[sampler], name).value for sampler in ("prior", "aggregated"))
    return f"{prior:.2f} against {aggregated:.2f}"


def nearest(x, examples, scale=1.0, rows=1_000):
    """The example nearest to each x, by Euclidean distance.

    Args:
        x: [n, *x].
        examples: [N, *x].
        scale: a number, or one for each element, that distances are measured in, see `sample_quality.scale_of`.
        rows: how many examples are compared at once.

    Returns:
        Those examples [n, *x], and the distances [n].
    """
    points, best, found = np.float32(x / scale).reshape(len(x), -1), np.full(len(x), np.inf), np.zeros(len(x), int)
    for first in range(0, len(examples), rows):
        chunk = np.float32(examples[first : first + rows] / scale).reshape(-1, points.shape[1])
        squares = np.sum(points**2, axis=1)[:, None] + np.sum(chunk**2, axis=1) - 2 * points @ chunk.T
        index = squares.argmin(axis=1)
        least = squares[np.arange(len(x)), index]
        found, best = np.where(least < best, first + index, found), np.minimum(best, least)
    return examples[found], np.sqrt(np.maximum(best, 0))
