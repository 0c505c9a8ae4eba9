"""Importance sampling from refined posteriors."""

from zoo.checks import MAX_SAMPLES, check_float, check_int
from zoo.model.estimation.importance import SAMPLES, ImportanceScores
from zoo.model.refinement.ascent import LEARNING_RATE
from zoo.registry import register


@register("log-likelihood method", "refined")
class RefinedImportance:
    """log p(x) by importance sampling from q(z|x) refined for each example, see `zoo.VAE.refine`.

    Args:
        steps: optimizer steps of the refinement.
        posterior: spec of the family, e.g. "tril"; None for the model's own.
        samples: K, importance samples per example; None for the argument `samples=` of the call, or 1,000.
        learning_rate: Adam's learning rate in the first step.

    Raises:
        ValueError: a number is out of range.
    """

    def __init__(self, steps=300, posterior=None, samples=None, learning_rate=LEARNING_RATE):
        self.steps, self.posterior = check_int(steps, "steps"), posterior
        self.samples = None if samples is None else check_int(samples, "samples", below=MAX_SAMPLES + 1)
        self.learning_rate = check_float(learning_rate, "learning_rate", minimum=0)

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
            KeyError, ValueError: as `zoo.VAE.refine`, or `samples` is under 1.
        """
        k = check_int(samples if self.samples is None else self.samples, "samples", below=MAX_SAMPLES + 1)
        options = {"learning_rate": self.learning_rate, "seed": seed, "progress": progress}
        found = vae.refine(x, self.steps, self.posterior, **options).score(k, seed, progress)
        return ImportanceScores.of(found, k)
