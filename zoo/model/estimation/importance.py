"""Importance sampling that adds samples where they are needed."""

from typing import NamedTuple

import numpy as np

from zoo.checks import MAX_SAMPLES, check_float, check_int
from zoo.data import support as supports
from zoo.model import scores
from zoo.model.estimation.weights import standard_error
from zoo.registry import register

SAMPLES = 1000  # default


class ImportanceScores(NamedTuple):
    """Estimates of log p(x) of N examples by importance sampling from q(z|x), in nats.

    Args:
        log_likelihood: log 1/K Σ w: too low if `effective_sample_size` is small [N].
        standard_error: of `log_likelihood`, from the spread of the weights; NaN of one sample [N].
        effective_sample_size: (Σ w)² / Σ w², from 1 to K [N].
        samples: K of each example [N].
    """

    log_likelihood: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray
    samples: np.ndarray

    @classmethod
    def of(cls, found, samples):
        """Returns those of `zoo.model.scores.Scores` that were made of K samples of every example.

        Args:
            found: the `Scores`.
            samples: K.
        """
        effective = found.effective_sample_size
        error = standard_error(effective, samples)
        return cls(found.log_likelihood, error, effective, np.full(len(effective), samples))


@register("log-likelihood method", "importance")
class Importance:
    """log p(x) by importance sampling from q(z|x), see `zoo.VAE.score`; with a budget, with more samples where needed.

    With `budget`, the number of samples of each example is doubled until their effective sample size is large enough,
    or the budget is reached; then as many new samples make the estimate. The samples that decide are not part of it:
    sets that lack large weights have a large effective sample size, and if the estimate were made of the samples that
    were enough, it would be too low, by more than without a budget.

    Args:
        samples: K, importance samples per example, at first; None for the argument `samples=` of the call, or 1,000.
        budget: maximum number of samples per example; None for K.
        effective: the effective sample size that is enough.

    Raises:
        ValueError: `budget` is under `samples`, or one of them is out of range.
    """

    def __init__(self, samples=None, budget=None, effective=10):
        self.samples = None if samples is None else check_int(samples, "samples", below=MAX_SAMPLES + 1)
        self.budget = None if budget is None else check_int(budget, "budget", below=MAX_SAMPLES + 1)
        if self.budget is not None and self.samples is not None and self.budget < self.samples:
            raise ValueError(f"Expected budget= to be at least samples={self.samples}, got {budget}.")
        self.effective = check_float(effective, "effective", minimum=1)

    def log_likelihood(self, vae, x, samples, seed, progress):
        """Returns log p(x) [N]. Takes the arguments of `estimate`."""
        return self.estimate(vae, x, seed, progress, samples).log_likelihood

    def estimate(self, vae, x, seed=0, progress=False, samples=SAMPLES):
        """Returns `ImportanceScores` of data.

        Args:
            vae: a `zoo.VAE`.
            x: data [N, *x].
            seed: an integer.
            progress: whether to show a progress bar.
            samples: K, if the method has none.

        Raises:
            ValueError: `x` has another shape or support than the model's, or `samples` is under 1.
        """
        k = samples if self.samples is None else self.samples
        if self.budget is None:
            return ImportanceScores.of(scores.score(vae, x, k, seed, progress), k)
        x = np.asarray(supports.as_examples(x))
        supports.check_examples(x, vae.event_shape, vae.support)
        needed = self._needed(vae, x, k, seed, progress)
        log_likelihood, effective = np.zeros([2, len(x)])
        for count in np.unique(needed):
            rows = np.flatnonzero(needed == count)
            found = scores.score(vae, x[rows], int(count), seed, progress)
            log_likelihood[rows], effective[rows] = found.log_likelihood, found.effective_sample_size
        return ImportanceScores(log_likelihood, standard_error(effective, needed), effective, needed)

    def _needed(self, vae, x, k, seed, progress):
        """Returns the number of samples that each example needs [N], from separate samples."""
        needed, low = np.full(len(x), self.budget), np.arange(len(x))
        while k < self.budget and len(low):
            enough = scores.score(vae, x[low], k, _seed(seed, k), progress).effective_sample_size >= self.effective
            needed[low[enough]] = k
            low, k = low[~enough], 2 * k
        return needed


def _seed(seed, k):
    """Returns a seed for the samples that decide whether k are enough, an integer."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1)[0] >> 1)
