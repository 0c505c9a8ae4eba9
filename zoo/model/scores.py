"""Estimates of log p(x) and its bounds, in chunks that fit into memory."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.checks import MAX_SAMPLES, check_int, check_seed
from zoo.data import support as supports

CURVE_SAMPLES = (1, 10, 100, 1000, 5000)
POINTS_PER_CHUNK = 10_000  # latent points that are decoded at once, on each replica


class Scores(NamedTuple):
    """Estimates for N examples from K draws each, in nats.

    Args:
        elbo: E_q log p(x|z) − KL(q(z|x) ‖ p(z)), whatever the training objective [N].
        log_likelihood: log p(x) by importance sampling, log 1/K Σₖ wₖ, wₖ = p(x|zₖ) p(zₖ) / q(zₖ|x): in
            expectation at most log p(x), tending to it as K grows (arXiv:1509.00519) [N].
        reconstruction: −E_q log p(x|z) [N].
        kl: KL(q(z|x) ‖ p(z)) [N].
        effective_sample_size: of `log_likelihood`, (Σ w)² / Σ w², from 1 to K. If it is small, the
            posterior is a poor proposal distribution, and `log_likelihood` is too low [N].
        curve: `log_likelihood` with each number of samples in `curve_samples(K)`, averaged over groups of draws [N, C].
    """

    elbo: np.ndarray
    log_likelihood: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray
    effective_sample_size: np.ndarray
    curve: np.ndarray


def score(model, x, samples, seed, progress):
    """Estimates the ELBO, log p(x) and their terms for each example, on all replicas of the model's strategy.

    Args:
        model: a model with `terms`, and with `estimate`, the compiled `estimate_on_replicas`.
        x: data [N, *x].
        samples: K, importance samples per example.
        seed: an integer.
        progress: whether to show a progress bar.

    Returns:
        `Scores`, arrays [N].

    Raises:
        ValueError: `x` has another shape or support than the model's, or `samples` is under 1.
    """
    samples, seed = check_int(samples, "samples", below=MAX_SAMPLES + 1), check_seed(seed)
    x = np.asarray(supports.as_examples(x))
    supports.check_examples(x, model.event_shape, model.support)
    parts, chunks = -(-samples // POINTS_PER_CHUNK), []
    sizes = [samples // parts + (i < samples % parts) for i in range(parts)]
    rows, replicas = min(len(x), max(1, POINTS_PER_CHUNK // samples)), model.distribute_strategy.num_replicas_in_sync
    starts = range(0, len(x), rows)
    for first in tqdm(starts[::replicas], desc="log p(x)", disable=not progress, leave=False):
        of_replicas = [first + rows * replica for replica in range(replicas)]
        # The last chunk is padded with the last example, so that all chunks have one shape and compile once.
        examples = [x[np.minimum(np.arange(start, start + rows), len(x) - 1)] for start in of_replicas]
        parts = [
            _score_chunks(model, examples, size, [[seed, start + i * len(x)] for start in of_replicas])
            for i, size in enumerate(sizes)
        ]
        chunks += [merge_scores(of_chunk, sizes) for of_chunk in zip(*parts, strict=True)]
    return Scores(*(np.concatenate(values)[: len(x)] for values in zip(*chunks, strict=True)))


def _score_chunks(model, chunks, samples, seeds):
    """Scores a chunk [b, *x] on each replica, with a seed for each. Returns a list of `Scores`."""
    strategy = model.distribute_strategy
    x, seed = (
        strategy.experimental_distribute_values_from_function(
            lambda context, values=values: tf.constant(values[context.replica_id_in_sync_group])
        )
        for values in (chunks, np.int32(seeds))
    )
    of_replicas = map(strategy.experimental_local_results, model.estimate(x, samples, seed))
    return [Scores(*(value.numpy() for value in scores)) for scores in zip(*of_replicas, strict=True)]


def estimate_on_replicas(model, x, samples, seed):
    """Scores the examples of each replica. Returns `Scores` of per-replica tensors.

    Args:
        model: see `score`.
        x: data [b, *x] of each replica.
        samples: K.
        seed: int32 [2] of each replica.
    """

    def scores(x, seed):
        return estimate(model.terms(x, samples, seed))

    return model.distribute_strategy.run(scores, args=(x, seed))


def curve_samples(samples):
    """Returns the number of samples of each point of `Scores.curve`: 1, 10, … up to K.

    Args:
        samples: K.
    """
    return [*(k for k in CURVE_SAMPLES if k < samples), samples]


def estimate(terms):
    """Estimates the scores of a batch.

    Args:
        terms: `zoo.Terms` of K draws for each of B examples.

    Returns:
        `Scores` of tensors [B], and [B, C].
    """
    reconstruction = -terms.mean(terms.log_px)
    kl = tf.reduce_sum(terms.kl, axis=-1)
    log_w = terms.log_weights  # [K, B]
    samples, batch = log_w.shape[0], tf.shape(log_w)[1]
    effective = tf.exp(2 * tf.reduce_logsumexp(log_w, axis=0) - tf.reduce_logsumexp(2 * log_w, axis=0))
    curve = []
    for k in curve_samples(samples):
        groups = tf.reshape(log_w[: samples // k * k], [samples // k, k, batch])
        curve.append(tf.reduce_mean(tf.reduce_logsumexp(groups, axis=1) - math.log(k), axis=0))
    return Scores(-reconstruction - kl, curve[-1], reconstruction, kl, effective, tf.stack(curve, axis=-1))


def merge_scores(parts, sizes):
    """Merges scores of the same examples from several sets of draws.

    Args:
        parts: `Scores` of the same examples, from `sizes[i]` draws each.
        sizes: number of draws of each part.

    Returns:
        `Scores` of all draws; the curve is that of the first part, except for its last point.
    """
    if len(parts) == 1:
        return parts[0]
    shares = np.array(sizes) / sum(sizes)
    means = {
        name: np.tensordot(shares, [getattr(part, name) for part in parts], axes=1)
        for name in ("elbo", "reconstruction", "kl")
    }
    log_sums = np.array([part.log_likelihood + np.log(n) for part, n in zip(parts, sizes, strict=True)])  # of w
    log_squares = 2 * log_sums - np.log([part.effective_sample_size for part in parts])  # of w²
    log_sum = np.logaddexp.reduce(log_sums)
    log_likelihood = log_sum - np.log(sum(sizes))
    curve = parts[0].curve[:, : len(curve_samples(sum(sizes))) - 1]
    return Scores(
        log_likelihood=log_likelihood,
        effective_sample_size=np.exp(2 * log_sum - np.logaddexp.reduce(log_squares)),
        curve=np.concatenate([curve, log_likelihood[:, None]], axis=1),
        **means,
    )
