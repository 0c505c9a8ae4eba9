"""Runs of annealing over chunks of examples."""

import numpy as np
import tensorflow as tf

import zoo.memory as memory
from zoo.checks import check_seed
from zoo.model.estimation.annealing import Chains, sigmoidal_schedule
from zoo.model.estimation.start import has_density, start_of

POINTS_PER_CHUNK = 2_000  # latent points that are moved at once
FLOATS_PER_CHUNK = 50_000_000  # outputs of the decoder's layers, at most, that are kept for their gradient
TEMPERATURES_PER_CALL = 25  # of the compiled function, so that progress shows
FIRST_STEP = 0.5  # of adaptation, in units of the scale of f₀, for one dimension
SMOOTHING = 20  # a step size is the mean over a 20th of the pilot run


class Annealer:
    """Runs of annealing for chunks of examples, with the compiled `LikelihoodMethods.anneal`.

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x], checked.
        origin: "posterior" for f₀ = q(z|x); "prior" for f₀ = p(z); "auto" for the posterior if it has a density.
        chains: C, chains per example.
        seed: an integer.
    """

    def __init__(self, vae, x, origin, chains, seed):
        self.vae, self.x, self.chains, self.seed = vae, x, chains, check_seed(seed)
        points = min(POINTS_PER_CHUNK, FLOATS_PER_CHUNK // max(1, memory.outputs(vae.decoder)))
        self.rows = min(len(x), max(1, points // chains))
        self.chunks = -(-len(x) // self.rows)
        if origin == "auto":
            origin = "posterior" if has_density(vae, self.padded(x, 0)) else "prior"
        self.origin = origin

    def padded(self, values, chunk):
        """Returns a chunk [B, ...] of values [N, ...]; the last one is padded with the last value.

        Args:
            values: an array [N, ...].
            chunk: number of the chunk.
        """
        index = np.minimum(np.arange(chunk * self.rows, (chunk + 1) * self.rows), len(values) - 1)
        return tf.constant(values[index], self.vae.variable_dtype)

    def starts(self, chunk, number):
        """Returns the `Start` of a chunk, and draws u [C, B, D] of it.

        Args:
            chunk: number of the chunk.
            number: number of the run, whose random numbers are its own.
        """
        start = start_of(self.vae, self.padded(self.x, chunk), self.origin)
        seed = tf.random.fold_in(tf.constant([self.seed, 2 * number]), chunk)
        return start, start.sample(self.chains, self.rows, seed)

    def pilot_steps(self, chunk, temperatures, bar):
        """Returns step sizes [S, B] of the S moves of a run in which they are adapted.

        Args:
            chunk: number of the chunk.
            temperatures: S.
            bar: the progress bar.
        """
        start, u = self.starts(chunk, 0)
        first = np.full([temperatures, self.rows], FIRST_STEP * u.shape[-1] ** -0.25)
        return self.run(chunk, start, u, sigmoidal_schedule(temperatures), first, bar, 0, adapts=True)[2]

    def run(self, chunk, start, u, schedule, steps, bar, number, adapts=False):
        """Anneals chains along a schedule.

        Args:
            chunk: number of the chunk.
            start: its `Start`.
            u: points at the first β [C, B, D].
            schedule: β [T + 1].
            steps: step sizes of the moves [T, B].
            bar: the progress bar.
            number: number of the run.
            adapts: whether step sizes are adapted.

        Returns:
            Arrays: log weights [C, B], acceptance rates [T, B] and the step sizes that were used [T, B].
        """
        x, moves = self.padded(self.x, chunk), []
        chains = Chains(u, tf.zeros(u.shape[:2], tf.float64), tf.zeros(u.shape[1:2], u.dtype))
        padding = -len(steps) % TEMPERATURES_PER_CALL
        schedule = np.pad(schedule, (0, padding), mode="edge")
        padded = np.pad(steps, ((0, padding), (0, 0)), mode="edge")
        for first in range(0, len(steps), TEMPERATURES_PER_CALL):
            count, last = min(TEMPERATURES_PER_CALL, len(steps) - first), first + TEMPERATURES_PER_CALL
            seed = tf.random.fold_in(tf.random.fold_in(tf.constant([self.seed, 2 * number + 1]), chunk), first)
            chains, *found = self.vae.anneal(
                x,
                start,
                chains,
                tf.constant(schedule[first : last + 1]),
                tf.constant(padded[first:last], u.dtype),
                tf.constant(count),
                tf.constant(float(adapts), u.dtype),
                seed,
            )
            moves.append([values[:count] for values in found])
            bar.update(count)
        return (chains.log_weights.numpy(), *(np.concatenate(values) for values in zip(*moves, strict=True)))


def resampled(steps, temperatures):
    """Returns step sizes [T + 1, B] at each β of a schedule, from those of the moves of another [S, B].

    Args:
        steps: at positions 1/S, …, 1 of the path.
        temperatures: T.
    """
    width = max(1, len(steps) // SMOOTHING)
    padded = np.pad(np.log(np.float64(steps)), ((width // 2, (width - 1) // 2), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(column, np.full(width, 1 / width), mode="valid") for column in padded.T])
    here, there = np.arange(1, len(steps) + 1) / len(steps), np.linspace(0, 1, temperatures + 1)
    return np.exp(np.stack([np.interp(there, here, column) for column in smooth], axis=-1))
