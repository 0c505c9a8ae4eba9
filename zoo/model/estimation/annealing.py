"""Annealing: HMC along a path of densities from a start f₀ to f₁ = p(x, z), with the weights of the chains."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.probability import tfp

SIGMOID_RANGE = 4.0  # the temperatures are a sigmoid's values from −4 to 4, closest at both ends (arXiv:1511.02543)
TARGET_ACCEPTANCE = 0.65  # optimal for HMC in many dimensions (Beskos et al., 2013, arXiv:1001.4460)
ADAPTATION_RATE = 0.3  # change of the log step size per unit of acceptance
JITTER = 0.2  # random relative change of the step size; with a fixed one, trajectories of normals can be periodic
LEAPFROG_STEPS = 10


class Chains(NamedTuple):
    """The state of C chains for each of B examples.

    Args:
        u: points in the coordinates of the start [C, B, D].
        log_weights: in float64 [C, B].
        log_factor: change of the log step size by adaptation [B].
    """

    u: tf.Tensor
    log_weights: tf.Tensor
    log_factor: tf.Tensor


def sigmoidal_schedule(temperatures):
    """Returns β₀ = 0 < … < β_T = 1, float64 [T + 1].

    Args:
        temperatures: T.
    """
    values = 1 / (1 + np.exp(-np.linspace(-SIGMOID_RANGE, SIGMOID_RANGE, temperatures + 1)))
    return (values - values[0]) / (values[-1] - values[0])


def log_densities(vae, x, start, u):
    """Computes the logarithms of f₀ and f₁ in the coordinates of a start.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        start: a `Start`.
        u: points [C, B, D].

    Returns:
        log f₀, normalized, and log f₁, whose normalizer is log p(x), both [C, B].
    """
    z, log_det = start.forward(u)
    log_joint = vae.decode(z).log_prob(x) + start.prior.log_prob(z)
    return start.log_prob(u, z, log_det), log_joint + log_det


def anneal(vae, x, start, chains, schedule, steps, count, rate, seed):
    """Moves chains along a part of the path: for each β in turn, the weights gain and HMC that leaves f_β invariant.

    log f_β = (1 − β) log f₀ + β log f₁. Reversed schedules anneal backwards, from f₁ to f₀.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        start: a `Start`.
        chains: `Chains` at the first β.
        schedule: β, float64 [n + 1].
        steps: step sizes of the moves at all but the first β [n, B].
        count: number of moves, at most n; what follows is padding.
        rate: of the adaptation of step sizes; 0 for none.
        seed: int32 [2].

    Returns:
        The `Chains`, the acceptance rate and the adapted step sizes of each move, both [n, B].
    """
    dtype = chains.u.dtype

    def move(i, chains, accepted, used):
        before, beta = schedule[i], schedule[i + 1]
        log_f0, log_f1 = log_densities(vae, x, start, chains.u)
        log_weights = chains.log_weights + (beta - before) * tf.cast(log_f1 - log_f0, tf.float64)
        step = steps[i] * tf.exp(chains.log_factor)
        u, acceptance = hmc(vae, x, start, chains.u, tf.cast(beta, dtype), step, tf.random.fold_in(seed, i))
        log_factor = chains.log_factor + rate * (acceptance - TARGET_ACCEPTANCE)
        rows = tf.fill([1, 1], i)
        accepted = tf.tensor_scatter_nd_update(accepted, rows, acceptance[None])
        used = tf.tensor_scatter_nd_update(used, rows, step[None])
        return i + 1, Chains(u, log_weights, log_factor), accepted, used

    zeros = tf.zeros_like(steps)
    return tf.while_loop(lambda i, *_: i < count, move, (tf.constant(0), chains, zeros, zeros))[1:]


def hmc(vae, x, start, u, beta, step, seed):
    """Moves points by one trajectory of Hamiltonian Monte Carlo that leaves f_β invariant.

    Args:
        vae: a `zoo.VAE`.
        x: data [B, *x].
        start: a `Start`.
        u: points [C, B, D].
        beta: β.
        step: step sizes [B].
        seed: int32 [2].

    Returns:
        The points [C, B, D], and the mean probability of acceptance over the chains [B].
    """

    def target(u):
        log_f0, log_f1 = log_densities(vae, x, start, u)
        return (1 - beta) * log_f0 + beta * log_f1

    jitter_seed, seed = tfp.random.split_seed(seed, 2)
    jitter = tf.random.stateless_uniform(tf.shape(u)[:2], jitter_seed, 1 - JITTER, 1 + JITTER, u.dtype)
    kernel = tfp.mcmc.HamiltonianMonteCarlo(target, (jitter * step)[..., None], LEAPFROG_STEPS)
    # Bootstrapped at each β: results that are handed on contain the density and gradient at the last one.
    u, results = kernel.one_step(u, kernel.bootstrap_results(u), seed=seed)
    ratio = results.log_accept_ratio
    acceptance = tf.where(tf.math.is_nan(ratio), tf.zeros_like(ratio), tf.exp(tf.minimum(ratio, 0.0)))
    return u, tf.reduce_mean(acceptance, axis=0)
