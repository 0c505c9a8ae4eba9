"""Quality of samples from the prior, the aggregated posterior and other samplers, compared with held-out examples."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from scipy import stats
from tqdm import tqdm

from training.evaluation.estimate import Estimate
from training.evaluation.features import scale_of, train_features
from training.evaluation.sample_quality import quality
from zoo.data import support as supports

MIN_EXAMPLES = 64  # examples, without which samples are not compared: as many as the classifier has features
SMALL_SHARE, FAR_SHARE = 0.25, 2.0  # shares of the training data's own Fréchet distance
SETS, MANY_SETS, LARGE = 3, 12, 1_000
NEAREST_SAMPLES = 500  # samples whose nearest training example is searched for


@dataclass(frozen=True)
class SampleQuality:
    """The `Quality` of a sampler's samples, averaged over sets of them; of a single set, without standard errors.

    Args:
        precision: see `training.evaluation.sample_quality`.
        recall: likewise.
        frechet_distance: likewise.
        distance_to_training: mean Euclidean distance of samples to the nearest training example, of real vectors in
            standard deviations of each element; 0 of copies.
    """

    precision: Estimate
    recall: Estimate
    frechet_distance: Estimate
    distance_to_training: Estimate


@dataclass(frozen=True)
class Comparison:
    """Sets of samples compared with as many held-out examples.

    Args:
        examples: number in each set.
        sets: number of sets per sampler.
        training_sets: number of sets of training examples; these are disjoint, so there may be fewer.
        classifier: source of the classes that the features are trained for, in words.
        accuracy: of the classifier, on held-out training examples.
        qualities: name of a sampler, "training data" or "reconstructions" -> `SampleQuality`.
        verdict: which sampler to use, see `verdict`.
    """

    examples: int
    sets: int
    training_sets: int
    classifier: str
    accuracy: float
    qualities: dict[str, SampleQuality]
    verdict: str


def compare(vae, dataset, samplers, examples=5_000, sets=None, seed=0, progress=True):
    """Compares samples with held-out examples, with training examples and reconstructions as references.

    Samples are draws of p(x|z) of binary data, which are draws too, and its mean otherwise.

    Args:
        vae: a `zoo.VAE` that has the samplers.
        dataset: its `training.data.Dataset`; validation and test examples are the held-out ones.
        samplers: their names, "prior" first.
        examples: maximum number in each set.
        sets: number of sets per sampler; None for 3, or 12 of fewer than 1,000 samples.
        seed: an integer, for the classifier and the samples.
        progress: whether to show a progress bar.

    Returns:
        A `Comparison`; None if there are fewer than 64 examples in a set.
    """
    if examples < MIN_EXAMPLES:
        return None
    held_out, train = np.concatenate([dataset.validation, dataset.test]), dataset.seen(seed)
    n = min(examples, len(held_out), len(train))
    if n < MIN_EXAMPLES:
        return None
    rng = np.random.default_rng(seed)
    classifier = train_features(dataset, seed, progress)
    x = held_out[rng.permutation(len(held_out))[:n]]
    real = classifier(x)
    sets = (MANY_SETS if n < LARGE else SETS) if sets is None else sets
    disjoint = np.array_split(rng.permutation(len(train))[: len(train) // n * n], len(train) // n)[:sets]
    sources = {
        "training data": lambda i: train[disjoint[i]],
        "reconstructions": lambda i: _shown(vae, vae.encode(x[:n]).sample(seed=[seed, i]), [seed, 1000 + i]),
    } | {name: lambda i, name=name: samples(vae, n, name, [seed, i]) for name in samplers}
    scale, qualities = scale_of(dataset.support, train), {}
    for name, source in tqdm(sources.items(), "samples", disable=not progress, leave=False):
        made = [source(i) for i in range(len(disjoint) if name == "training data" else sets)]
        qualities[name] = _quality(made, real, classifier, train, scale)
    advice = verdict(qualities, sets, len(disjoint))
    return Comparison(n, sets, len(disjoint), classifier.source, classifier.accuracy, qualities, advice)


def _quality(sets, real, classifier, train, scale):
    """Returns the `SampleQuality` of sets of samples, a list of [n, *x]."""
    measured = zip(*(quality(real, classifier(x)) for x in sets), strict=True)
    distance_to_training = Estimate.mean(nearest(sets[0][:NEAREST_SAMPLES], train, scale)[1])
    return SampleQuality(*(Estimate.mean(values) for values in measured), distance_to_training)


def samples(vae, n, sampler, seed):
    """Samples x from a model, as draws or means of p(x|z).

    Args:
        vae: a `zoo.VAE`.
        n: how many.
        sampler: name of the distribution of z, see `VAE.latent_distribution`.
        seed: int32 [2].

    Returns:
        [n, *x].
    """
    return _shown(vae, vae.latent_distribution(sampler).sample(n, seed=seed), seed)


def _shown(vae, z, seed, rows=1_000):
    """Decodes z: draws of p(x|z) if the support is shown by draws, else its mean."""
    chunks = []
    for i in range(0, len(z), rows):
        px = vae.decode(z[i : i + rows])
        chunks.append(
            px.sample(seed=tf.random.fold_in(seed, i)) if supports.get(vae.support).shows_draws else px.mean()
        )
    return np.concatenate(chunks)


def verdict(qualities, sets, training_sets):
    """Returns whether to sample z from the prior or the aggregated posterior, in sentences with the evidence.

    The criterion is the Fréchet distance of the prior minus that of the aggregated posterior. If it is above zero, the
    aggregated posterior is advised; if it is below a quarter of the training data's distance, the prior is safe; each
    at 97.5 % by Student's t. If samples are closer to held-out data than training data are, at the same level, training
    and held-out data differ and neither is advised: no model of the training data can know that difference.

    Args:
        qualities: see `Comparison`.
        sets: number of sets that the samplers' estimates average.
        training_sets: number of sets that those of training data average.
    """
    if "aggregated" not in qualities:
        return "The aggregated posterior was not compared."
    prior, aggregated, train = (qualities[name].frechet_distance for name in ("prior", "aggregated", "training data"))
    difference, margin = prior.value - aggregated.value, _margin(prior, aggregated, sets, sets)
    nearer = min(prior, aggregated, key=lambda distance: distance.value)
    if train.value - nearer.value > _margin(nearer, train, sets, training_sets):
        advice = (
            "Training and held-out data differ by more than samples and held-out data do, so that these distances "
            "cannot tell where to sample from"
        )
    elif difference > margin:
        advice = "Use the aggregated posterior"
    elif difference + margin < SMALL_SHARE * train.value:
        advice = "Sampling the prior is safe"
    else:
        advice = "These samples do not decide between prior and aggregated posterior"
    far = " Neither is close to the data." if min(prior.value, aggregated.value) > FAR_SHARE * train.value else ""
    return (
        f"{advice}: the Fréchet distance to held-out data is {prior} for samples of the prior, "
        f"{aggregated} for samples of the aggregated posterior and {train} for training data; "
        f"precision {_pair(qualities, 'precision')}, recall {_pair(qualities, 'recall')}.{far}"
    )


def _margin(one, other, sets, others):
    """Returns the critical value of the difference of two means over sets of samples, at 97.5 %.

    Args:
        one: an `Estimate`.
        other: another one.
        sets: number of sets that the first averages.
        others: number of sets that the other averages; a single one, without an error, gets that of the first.
    """
    error = one.standard_error * np.sqrt(sets) if others == 1 else other.standard_error
    return stats.t.ppf(0.975, sets + others - 2) * np.hypot(one.standard_error, error)


def _pair(qualities, name):
    prior, aggregated = (getattr(qualities[sampler], name).value for sampler in ("prior", "aggregated"))
    return f"{prior:.2f} against {aggregated:.2f}"


def nearest(x, examples, scale=1.0, rows=1_000):
    """Finds the example nearest to each x, by Euclidean distance.

    Args:
        x: [n, *x].
        examples: [N, *x].
        scale: unit of distances, a number or one for each element, see `features.scale_of`.
        rows: number of examples that are compared at once.

    Returns:
        The examples [n, *x], and the distances [n].
    """
    points, best, found = np.float32(x / scale).reshape(len(x), -1), np.full(len(x), np.inf), np.zeros(len(x), int)
    for first in range(0, len(examples), rows):
        chunk = np.float32(examples[first : first + rows] / scale).reshape(-1, points.shape[1])
        squares = np.sum(points**2, axis=1)[:, None] + np.sum(chunk**2, axis=1) - 2 * tf.matmul(points, chunk.T).numpy()
        index = squares.argmin(axis=1)
        least = squares[np.arange(len(x)), index]
        found, best = np.where(least < best, first + index, found), np.minimum(best, least)
    return examples[found], np.sqrt(np.maximum(best, 0))
