"""Adam on the parameters of each example, with the best ones kept."""

import math
from typing import NamedTuple

import tensorflow as tf

from zoo.model.refinement.bound import all_rows, elbo, elbo_gradient

DRAWS = 10  # default number of draws per example and step
LEARNING_RATE = 0.02  # default in the first step
EVALUATION_DRAWS = 200  # per example, that parameters are compared by
MEAN_DECAY, SQUARE_DECAY = 0.9, 0.99  # Adam's β₁ and β₂; a few hundred steps do not fill the usual mean of squares
# Much over Adam's usual one, as gradients are in nats: rounding errors of a parameter without effect stay small.
EPSILON = 1e-3


class Ascent(NamedTuple):
    """The state of the optimization of B examples.

    Args:
        params: the current parameters [B, P].
        mean: Adam's moving mean of the gradient [B, P].
        square: Adam's moving mean of its square [B, P].
        best: the best parameters so far [B, P].
        bound: their ELBO on fixed draws; −∞ before the first comparison [B].
    """

    params: tf.Tensor
    mean: tf.Tensor
    square: tf.Tensor
    best: tf.Tensor
    bound: tf.Tensor


def begin(params):
    """Returns the state before the first step and before any comparison.

    Args:
        params: initial parameters [B, P].
    """
    zeros = tf.zeros_like(params)
    return Ascent(params, zeros, zeros, params, tf.fill(tf.shape(params)[:1], tf.constant(-math.inf, params.dtype)))


def advance(log_joint, layer, state, steps, learning_rate, samples, seed, rows=all_rows):
    """Takes steps of Adam, each on new draws: with the same ones in all, q(z|x) would adapt to them.

    The learning rate falls to zero over all steps by a cosine. Non-finite gradients count as zero.

    Args:
        log_joint: see `zoo.model.refinement.bound.elbo`.
        layer: see `zoo.model.refinement.bound.draw`.
        state: `Ascent`.
        steps: numbers of the first step and of the one after the last, counted from 0, and of all steps, int32 [3].
        learning_rate: that of the first step, a tensor [].
        samples: draws per example and step.
        seed: int32 [2].
        rows: `all_rows` or `one_row`.

    Returns:
        `Ascent`, with `best` and `bound` as they were.
    """
    dtype, (first, last, total) = state.params.dtype, tf.unstack(steps)

    def step(t, params, mean, square):
        gradient = elbo_gradient(log_joint, layer, params, samples, tf.random.fold_in(seed, t), rows)
        gradient = tf.ensure_shape(tf.where(tf.math.is_finite(gradient), gradient, 0), params.shape)
        mean = MEAN_DECAY * mean + (1 - MEAN_DECAY) * gradient
        square = SQUARE_DECAY * square + (1 - SQUARE_DECAY) * gradient**2
        done, count = tf.cast(t, dtype) / tf.cast(total, dtype), tf.cast(t + 1, dtype)
        rate = learning_rate * 0.5 * (1 + tf.cos(math.pi * done))
        unbiased, root = mean / (1 - MEAN_DECAY**count), tf.sqrt(square / (1 - SQUARE_DECAY**count))
        return t + 1, params + rate * unbiased / (root + EPSILON), mean, square

    _, params, mean, square = tf.while_loop(
        lambda t, *_: t < last, step, (first, state.params, state.mean, state.square)
    )
    return state._replace(params=params, mean=mean, square=square)


def keep_best(log_joint, layer, state, samples, seed, rows=all_rows):
    """Keeps for each example the current parameters, if their ELBO on fixed draws is over that of the best ones.

    Args:
        log_joint: see `zoo.model.refinement.bound.elbo`.
        layer: see `zoo.model.refinement.bound.draw`.
        state: `Ascent`.
        samples: draws per example that parameters are compared by.
        seed: int32 [2].
        rows: `all_rows` or `one_row`.

    Returns:
        `Ascent`.
    """
    bound = elbo(log_joint, layer, state.params, samples, seed, rows)
    better = bound > state.bound  # not where it is NaN
    best = tf.where(better[:, None], state.params, state.best)
    return state._replace(best=best, bound=tf.where(better, bound, state.bound))
