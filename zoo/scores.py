"""How well a model explains examples."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp


class Scores(NamedTuple):
    """Estimates for N examples, each an array [N] in nats.

    Args:
        elbo: E_q log p(x|z) − KL(q(z|x) ‖ p(z)), whatever objective the model was trained with.
        log_likelihood: log p(x) by importance sampling, log 1/K Σₖ p(x|zₖ) p(zₖ) / q(zₖ|x): in
            expectation at most log p(x), tending to it as K grows (arXiv:1509.00519).
        reconstruction: −E_q log p(x|z).
        kl: KL(q(z|x) ‖ p(z)).
    """

    elbo: np.ndarray
    log_likelihood: np.ndarray
    reconstruction: np.ndarray
    kl: np.ndarray


def estimate(terms):
    """The scores of a batch.

    Args:
        terms: `zoo.Terms` of K draws for each of B examples.

    Returns:
        `Scores` of tensors [B].
    """
    reconstruction = -tf.reduce_mean(terms.log_px, axis=0)
    kl = tf.reduce_sum(terms.kl, axis=-1)
    log_likelihood = tfp.math.reduce_logmeanexp(terms.log_weights, axis=0)
    return Scores(-reconstruction - kl, log_likelihood, reconstruction, kl)
