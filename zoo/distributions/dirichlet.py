"""Dirichlet distributions for posteriors and priors."""

import math

import tensorflow as tf

from zoo.probability import tfd, tfp

MIN_ELEMENT = 1e-30  # smallest element of a draw; the log-density is infinite at zero
MIN_LOG_ARGUMENT = 1e-37  # keeps logarithms finite
PROPOSALS = 5  # the probability that none is accepted is under 1e-6


class ReparameterizedDirichlet(tfd.Dirichlet):
    """Dir(α), with draws in the interior of the simplex and finite gradients for any α over 0.1.

    TFP's draws are rounded to the boundary in float32, have gradients 0/0 there, and do not compile with XLA
    after the same function was traced without it.

    Args:
        concentration: α [..., L].
    """

    def _sample_n(self, n, seed=None):
        concentration = tf.convert_to_tensor(self.concentration)
        shape = tf.concat([[n], tf.shape(concentration)], axis=0)
        gamma_seed, power_seed = tfp.random.split_seed(seed, 2)
        power = tf.random.stateless_uniform(shape, power_seed, minval=MIN_LOG_ARGUMENT, dtype=self.dtype)
        # Gamma(α) is Gamma(α + 1) U^(1/α), computed in logarithms to avoid underflow.
        log_gamma = tf.math.log(_gamma(concentration + 1, shape, gamma_seed)) + tf.math.log(power) / concentration
        return tf.maximum(tf.nn.softmax(log_gamma), MIN_ELEMENT)


def _gamma(concentration, shape, seed):
    """Samples Gamma(α, 1) for α over 1 with implicit reparameterization (Figurnov et al., 2018, arXiv:1805.08498).

    Uses the rejection sampler of Marsaglia & Tsang (2000) with five proposals at once, and keeps the first accepted.

    Args:
        concentration: α [...].
        shape: shape of the draws, [n, ...].
        seed: int32 [2].
    """
    normal_seed, uniform_seed = tfp.random.split_seed(seed, 2)
    proposals, dtype = tf.concat([[PROPOSALS], shape], axis=0), concentration.dtype
    normal = _normal(proposals, normal_seed, dtype)
    uniform = tf.random.stateless_uniform(proposals, uniform_seed, minval=MIN_LOG_ARGUMENT, dtype=dtype)

    @tf.custom_gradient
    def draw(concentration):
        d = concentration - 1 / 3
        v = (1 + normal / tf.sqrt(9 * d)) ** 3
        log_v = tf.math.log(tf.maximum(v, MIN_LOG_ARGUMENT))
        accepted = (v > 0) & (tf.math.log(uniform) < 0.5 * normal**2 + d * (1 - v + log_v))
        chosen = v[-1]
        for i in reversed(range(PROPOSALS - 1)):
            chosen = tf.where(accepted[i], v[i], chosen)
        sample = d * tf.maximum(chosen, MIN_LOG_ARGUMENT)

        def gradient(upstream):
            partial = tf.raw_ops.RandomGammaGrad(alpha=tf.broadcast_to(concentration, tf.shape(sample)), sample=sample)
            return tf.reduce_sum(upstream * partial, axis=0)

        return sample, gradient

    return draw(concentration)


def _normal(shape, seed, dtype):
    """Samples N(0, 1) by the Box–Muller transform, faster under XLA than TensorFlow's inverse error function."""
    radius_seed, angle_seed = tfp.random.split_seed(seed, 2)
    radius = tf.random.stateless_uniform(shape, radius_seed, minval=MIN_LOG_ARGUMENT, dtype=dtype)
    angle = tf.random.stateless_uniform(shape, angle_seed, maxval=2 * math.pi, dtype=dtype)
    return tf.sqrt(-2 * tf.math.log(radius)) * tf.cos(angle)


def check_categories(event_shape):
    """Checks that a simplex has two categories or more.

    Raises:
        ValueError: the latent size is 1.
    """
    if event_shape[0] < 2:
        raise ValueError(f"A Dirichlet needs a latent size of 2 or more, got {event_shape[0]}.")
