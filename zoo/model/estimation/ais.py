"""Annealed importance sampling."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from zoo.checks import check_int
from zoo.data import support as supports
from zoo.model.estimation.annealer import Annealer, resampled
from zoo.model.estimation.annealing import sigmoidal_schedule
from zoo.model.estimation.weights import log_mean_weight, standard_error
from zoo.registry import register

PILOT = (50, 250)  # fewest and most temperatures of the run in which step sizes are adapted
STARTS = ("auto", "posterior", "prior")


class AISScores(NamedTuple):
    """Estimates of log p(x) of N examples by annealed importance sampling, in nats.

    Args:
        log_likelihood: log 1/C Σ w of the weights of C chains: in expectation at most log p(x) [N].
        standard_error: of `log_likelihood`, from the spread of the weights; NaN of one chain [N].
        effective_chains: (Σ w)² / Σ w², from 1 to C. If it is near 1, `log_likelihood` and its error are too low [N].
        acceptance: acceptance rate, mean over chains and moves [N].
        doubling: `log_likelihood` minus that of half as many temperatures with chains of their own; near 0 once the
            estimate has settled. NaN if it was not computed [N].
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    effective_chains: np.ndarray
    acceptance: np.ndarray
    doubling: np.ndarray


@register("log-likelihood method", "ais")
class AIS:
    """log p(x) by annealed importance sampling from q(z|x) to p(x, z) (Neal, 2001; Wu et al., 2017, arXiv:1611.04273).

    C chains move by Hamiltonian Monte Carlo along f_β = f₀^(1−β) p(x, z)^β, from β = 0 to 1; f₀ is q(z|x) or p(z), in
    unconstrained coordinates in which it has unit scale. The weights are unbiased estimates of p(x), so that their
    log-mean is in expectation a lower bound on log p(x), and tends to it as T grows, whatever q(z|x) is. Step sizes are
    adapted to an acceptance rate of 0.65 for each example, in a pilot run with other chains, and fixed afterwards: if
    they depended on the history of the chains themselves, the weights would be biased.

    Args:
        temperatures: T, moves of each chain.
        chains: C, chains per example.
        start: "posterior" for f₀ = q(z|x); "prior" for f₀ = p(z), which takes more temperatures, and also finds modes
            that q(z|x) misses; "auto" for the posterior if it has a density.

    Raises:
        ValueError: `temperatures` is under 2, `chains` under 1, or `start` is none of these.
    """

    def __init__(self, temperatures=1000, chains=16, start="auto"):
        self.temperatures = check_int(temperatures, "temperatures", minimum=2)
        self.chains = check_int(chains, "chains")
        if start not in STARTS:
            raise ValueError(f"Expected start= to be one of {', '.join(map(repr, STARTS))}, got {start!r}.")
        self.start = start

    @property
    def pilot(self):
        """Number of temperatures of the pilot run."""
        return min(max(PILOT[0], self.temperatures // 8), PILOT[1])

    def log_likelihood(self, vae, x, samples, seed, progress):
        """Returns log p(x) [N]. Takes the arguments of `estimate`; `samples` is not used."""
        return self.estimate(vae, x, seed, progress, doubling=False).log_likelihood

    def estimate(self, vae, x, seed=0, progress=False, doubling=True):
        """Returns `AISScores` of data.

        Args:
            vae: a `zoo.VAE`.
            x: data [N, *x].
            seed: an integer.
            progress: whether to show a progress bar.
            doubling: whether to compute `AISScores.doubling`, which takes half as much time again.

        Raises:
            ValueError: `x` has another shape or support than the model's.
        """
        x = np.asarray(supports.as_examples(x))
        supports.check_examples(x, vae.event_shape, vae.support)
        annealer = Annealer(vae, x, self.start, self.chains, seed)
        moves = self.pilot + self.temperatures + doubling * (self.temperatures // 2)
        with tqdm(total=annealer.chunks * moves, desc="AIS", disable=not progress, leave=False) as bar:
            parts = [self._scores(annealer, chunk, bar, doubling) for chunk in range(annealer.chunks)]
        return AISScores(*(np.concatenate(values)[: len(x)] for values in zip(*parts, strict=True)))

    def _scores(self, annealer, chunk, bar, doubling):
        """Returns `AISScores` of a chunk."""
        pilot = annealer.pilot_steps(chunk, self.pilot, bar)
        log_weights, accepted = forward(annealer, chunk, self.temperatures, pilot, bar, 1)
        log_mean, effective = log_mean_weight(log_weights)
        half = np.full_like(log_mean, np.nan)
        if doubling:
            half, _ = log_mean_weight(forward(annealer, chunk, self.temperatures // 2, pilot, bar, 2)[0])
        return AISScores(log_mean, standard_error(effective, self.chains), effective, accepted, log_mean - half)


def forward(annealer, chunk, temperatures, pilot, bar, number):
    """Anneals from f₀ to f₁.

    Args:
        annealer: an `Annealer`.
        chunk: number of the chunk.
        temperatures: T.
        pilot: step sizes of the pilot run [S, B].
        bar: the progress bar.
        number: number of the run, whose random numbers are its own.

    Returns:
        Log weights [C, B] and acceptance rates [B].
    """
    start, u = annealer.starts(chunk, number)
    steps = resampled(pilot, temperatures)[1:]
    log_weights, accepted, _ = annealer.run(chunk, start, u, sigmoidal_schedule(temperatures), steps, bar, number)
    return log_weights, accepted.mean(axis=0)
