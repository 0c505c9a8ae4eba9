"""What an evaluation's numbers are estimated from."""

from dataclasses import dataclass

import zoo
from zoo.checks import seed_number, whole_number
from zoo.model.scores import MOST as MOST_SAMPLES

SAMPLERS = ("aggregated", "gmm")


@dataclass(frozen=True)
class Settings:
    """What a run's numbers are estimated from."""

    samples: int = 5_000
    """K, draws for the log-likelihood of a test example."""
    test_examples: int | None = None
    """How many test examples to score, chosen by the seed; unset, all."""
    draws: int = 10_000
    """Draws of the aggregated posterior."""
    generated: int = 5_000
    """Samples in a set that is compared with held-out examples, at most; 0 to compare none."""
    sets: int | None = None
    """Sets of samples of each sampler; unset, 3, or 12 of fewer than 1,000 samples."""
    samplers: tuple[str, ...] = SAMPLERS
    """Densities of z that are fitted, saved with the model and compared with the prior."""
    seed: int = 0
    """Of all choices and draws; the samplers have their own, e.g. "gmm(seed=1)"."""

    def __post_init__(self):
        for name, least in {"samples": 1, "test_examples": 2, "draws": 2, "generated": 0, "sets": 2}.items():
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name, least=least)
        whole_number(self.samples, "samples", below=MOST_SAMPLES + 1)
        seed_number(self.seed)
        for spec in self.samplers:
            zoo.registry.build("sampler", spec, event_shape=(2,))
