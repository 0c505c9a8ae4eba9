"""What an evaluation's numbers are estimated from."""

from dataclasses import dataclass

import zoo
from zoo.checks import MAX_SAMPLES, check_int, check_seed

SAMPLERS = ("aggregated", "gmm")


@dataclass(frozen=True)
class Settings:
    """What a run's numbers are estimated from."""

    samples: int = 5_000
    """Importance samples per test example for the log-likelihood."""
    test_examples: int | None = None
    """Number of test examples to score, a random choice by the seed; unset, all."""
    draws: int = 10_000
    """Number of samples from the aggregated posterior for the mutual information and the total correlation."""
    generated: int = 5_000
    """Maximum number of generated samples to compare with held-out examples; 0 skips the comparison."""
    sets: int | None = None
    """Number of sample sets per sampler; unset, 3, or 12 if a set has fewer than 1,000 samples."""
    samplers: tuple[str, ...] = SAMPLERS
    """Samplers of z to fit, save with the model and compare with the prior, such as "gmm(components=20)"."""
    method: str | None = None
    """Method of a second, slow estimate of the log-likelihood, such as "ais(temperatures=1000, chains=16)"; unset,
    none."""
    examples: int = 500
    """Number of test examples for --method, a random choice by the seed."""
    bdmc: int = 0
    """Number of generated examples on which the error of --method is bounded by bidirectional Monte Carlo."""
    seed: int = 0
    """Random seed of all choices and samples; samplers have their own, such as "gmm(seed=1)"."""

    def __post_init__(self):
        least = {"samples": 1, "test_examples": 2, "draws": 2, "generated": 0, "sets": 2, "examples": 2, "bdmc": 0}
        for name, minimum in least.items():
            if getattr(self, name) is not None:
                check_int(getattr(self, name), name, minimum=minimum)
        check_int(self.samples, "samples", below=MAX_SAMPLES + 1)
        check_seed(self.seed)

    def check_specs(self):
        """Checks that the samplers and the method exist and have the options that are set.

        Raises:
            KeyError: there is no such sampler or method.
            ValueError: it has no such option, or not of such a value.
        """
        if self.method is not None:
            from training.evaluation.annealed import method_of  # here, because it imports TensorFlow

            method_of(self.method)
        elif self.bdmc:
            raise ValueError(f'--bdmc {self.bdmc} needs a --method, such as --method "ais(temperatures=1000)".')
        for spec in self.samplers:
            zoo.registry.build("sampler", spec, event_shape=(2,))
