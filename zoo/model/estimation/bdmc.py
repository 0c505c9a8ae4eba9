"""Bidirectional Monte Carlo: log p(x) between two bounds."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.checks import check_int
from zoo.model import seeds
from zoo.model.estimation.ais import AIS, forward
from zoo.model.estimation.annealer import Annealer, resampled
from zoo.model.estimation.annealing import sigmoidal_schedule
from zoo.model.estimation.weights import log_mean_weight

BACKWARD = 3  # number of the run


class BDMCScores(NamedTuple):
    """Bounds on log p(x) of N examples that the model generated, in nats.

    Args:
        lower: by annealing from f₀ to p(x, z); in expectation at most log p(x) [N].
        upper: by annealing backwards from the z that generated x; in expectation at least log p(x) [N].
        acceptance: acceptance rate, mean over chains and moves of both directions [N].
    """

    lower: np.ndarray
    upper: np.ndarray
    acceptance: np.ndarray

    @property
    def gap(self):
        """`upper` − `lower` [N]: its mean bounds the mean error of the estimate on data like these from above."""
        return self.upper - self.lower


def bdmc(vae, method, examples, seed, progress):
    """Bounds log p(x) of examples that the model generates (Grosse et al., 2015, arXiv:1511.02543; arXiv:1611.04273).

    z ~ p(z) and x ~ p(x|z) make z an exact draw of p(z|x). Chains that start at it and take the transitions of `AIS`
    in reverse order have weights that are unbiased estimates of 1 / p(x).

    Args:
        vae: a `zoo.VAE`.
        method: an `AIS`.
        examples: N.
        seed: an integer.
        progress: whether to show a progress bar.

    Returns:
        `BDMCScores`.

    Raises:
        ValueError: `method` is another one, or `examples` is under 1.
    """
    if not isinstance(method, AIS):
        raise ValueError(f"Expected method= to be annealed importance sampling, 'ais(...)', got {method!r}.")
    z_seed, x_seed = tf.unstack(tf.random.split(seeds.draw_seed(vae, seed)))
    z = vae.latent_distribution("prior").sample(check_int(examples, "examples"), seed=z_seed)
    x = vae.decode(z).sample(seed=x_seed).numpy()
    annealer = Annealer(vae, x, method.start, method.chains, seed)
    moves = method.pilot + 2 * method.temperatures
    with tqdm(total=annealer.chunks * moves, desc="BDMC", disable=not progress, leave=False) as bar:
        parts = [_bounds(annealer, method, z.numpy(), chunk, bar) for chunk in range(annealer.chunks)]
    return BDMCScores(*(np.concatenate(values)[: len(x)] for values in zip(*parts, strict=True)))


def _bounds(annealer, method, z, chunk, bar):
    """Returns `BDMCScores` of a chunk, of examples that were generated from z [N, L]."""
    pilot = annealer.pilot_steps(chunk, method.pilot, bar)
    log_weights, accepted = forward(annealer, chunk, method.temperatures, pilot, bar, 1)
    start, u = annealer.starts(chunk, BACKWARD)
    u = tf.broadcast_to(start.inverse(tf.cast(annealer.padded(z, chunk), u.dtype)[None]), tf.shape(u))
    schedule, steps = sigmoidal_schedule(method.temperatures)[::-1], resampled(pilot, method.temperatures)[-2::-1]
    log_inverse, back, _ = annealer.run(chunk, start, u, schedule, steps, bar, BACKWARD)
    return BDMCScores(
        log_mean_weight(log_weights)[0], -log_mean_weight(log_inverse)[0], (accepted + back.mean(axis=0)) / 2
    )
