"""How well a model explains examples."""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

DRAWS = (1, 10, 100, 1000, 5000)


class Scores(NamedTuple):
    """Estimates for N examples from K draws each, in nats.

    Args:
        elbo: E_q log p(x|z) − KL(q(z|x) ‖ p(z)), whatever objective the model was trained with [N].
        log_likelihood: log p(x) by importance sampling, log 1/K Σₖ wₖ, wₖ = p(x|zₖ) p(zₖ) / q(zₖ|x): in
            expectation at most log p(x), tending to it as K grows (arXiv:1509.00519) [N].
        reconstruction: −E_q log p(x|z) [N].
        kl: KL(q(z|x) ‖ p(z)) [N].
        effective_draws: (Σ w)² / Σ w², from 1 to K: of how many draws `log_likelihood` is made. Where it is
            small, the posterior misses what matters, and `log_likelihood` is too low [N].
        curve: `log_likelihood` of fewer draws, those of `curve_draws(K)`, averaged over groups of so many [N, C].
    """

    elbo: np.ndarray
    log_likelihood: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray
    effective_draws: np.ndarray
    curve: np.ndarray


def curve_draws(samples):
    """How many draws the points of a `Scores.curve` stand for: 1, 10, … up to K itself.

    Args:
        samples: K.
    """
    return [*(k for k in DRAWS if k < samples), samples]


def estimate(terms):
    """The scores of a batch.

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
    for k in curve_draws(samples):
        groups = tf.reshape(log_w[: samples // k * k], [samples // k, k, batch])
        curve.append(tf.reduce_mean(tf.reduce_logsumexp(groups, axis=1) - math.log(k), axis=0))
    return Scores(-reconstruction - kl, curve[-1], reconstruction, kl, effective, tf.stack(curve, axis=-1))


def merged(parts, sizes):
    """The scores from draws that were taken in parts.

    Args:
        parts: `Scores` of the same examples, from `sizes[i]` draws each.
        sizes: how many, one or more.

    Returns:
        `Scores` of all the draws: the curve of the first part, up to its last point.
    """
    if len(parts) == 1:
        return parts[0]
    shares = np.array(sizes) / sum(sizes)
    means = {
        name: np.tensordot(shares, [getattr(part, name) for part in parts], axes=1)
        for name in ("elbo", "reconstruction", "kl")
    }
    log_sums = np.array([part.log_likelihood + np.log(n) for part, n in zip(parts, sizes, strict=True)])  # of w
    log_squares = 2 * log_sums - np.log([part.effective_draws for part in parts])  # of w²
    log_sum = np.logaddexp.reduce(log_sums)
    log_likelihood = log_sum - np.log(sum(sizes))
    curve = parts[0].curve[:, : len(curve_draws(sum(sizes))) - 1]
    return Scores(
        log_likelihood=log_likelihood,
        effective_draws=np.exp(2 * log_sum - np.logaddexp.reduce(log_squares)),
        curve=np.concatenate([curve, log_likelihood[:, None]], axis=1),
        **means,
    )
