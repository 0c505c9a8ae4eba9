"""Log-likelihood by annealed importance sampling, beside that by importance sampling."""

from dataclasses import dataclass, field

import numpy as np

import zoo
from training.evaluation.estimate import Estimate
from training.evaluation.typed_json import FLAT, none_as
from zoo.model.estimation.ais import AIS
from zoo.model.estimation.methods import METHOD


@dataclass(frozen=True)
class Bounds:
    """Bounds on log p(x) of generated examples, by bidirectional Monte Carlo; see `zoo.VAE.bdmc`.

    Args:
        lower: mean over the examples.
        upper: mean over the examples.
        gap: mean of upper − lower; a bound on the error of the mean of `lower`.
        examples: number of generated examples.
    """

    lower: Estimate = field(metadata=FLAT)
    upper: Estimate = field(metadata=FLAT)
    gap: Estimate = field(metadata=FLAT)
    examples: int


@dataclass(frozen=True, kw_only=True)
class Annealed:
    """Log-likelihood of test examples by annealed importance sampling, in nats per example; see `zoo.VAE`.

    Args:
        method: its spec.
        examples: number of test examples, a random choice by the seed.
        log_likelihood: mean over the examples, with the standard error over them.
        chain_error: part of that standard error that comes from the chains and not from the choice of examples.
        by_importance: log-likelihood of the same examples by importance sampling.
        importance_samples: number of samples of it.
        gain: mean difference of the two.
        doubling: mean change of the log-likelihood when the temperatures were doubled; near zero if it has settled.
        effective_chains: median over the examples.
        acceptance: mean acceptance rate of the moves.
        bdmc: see `Bounds`; None if no examples were generated.
    """

    method: str
    examples: int
    log_likelihood: Estimate = field(metadata=FLAT)
    chain_error: float
    by_importance: Estimate = field(metadata=FLAT)
    importance_samples: int
    gain: Estimate = field(metadata=FLAT)
    doubling: Estimate = field(metadata=FLAT)
    effective_chains: float
    acceptance: float
    bdmc: Bounds | None = field(default=None, metadata=none_as())

    def __str__(self):
        text = (
            f"{self.method}, {self.examples:,} test examples: log-likelihood {self.log_likelihood} nats per example, "
            f"of which ± {self.chain_error:.3f} from the chains; by {self.importance_samples:,} importance samples "
            f"{self.by_importance}\ndoubling the temperatures changed it by {self.doubling}; acceptance "
            f"{self.acceptance:.2f}, {self.effective_chains:.1f} effective chains"
        )
        if self.bdmc is None:
            return text
        return f"{text}\nBDMC gap of {self.bdmc.examples:,} generated examples {self.bdmc.gap}"


def method_of(spec):
    """Returns the `AIS` of a spec.

    Args:
        spec: such as "ais(temperatures=1000, chains=16)".

    Raises:
        KeyError: there is no such method.
        ValueError: it is another method, or has no such option.
    """
    method = zoo.registry.build(METHOD, spec)
    if not isinstance(method, AIS):
        raise ValueError(f"Expected --method to be annealed importance sampling, 'ais(...)', got {spec!r}.")
    return method


def annealed(vae, x, settings):
    """Estimates the log-likelihood of test data by annealed importance sampling.

    Args:
        vae: a `zoo.VAE`.
        x: test data [N, *x], N ≥ 2.
        settings: `Settings`.

    Returns:
        `Annealed`.
    """
    found = method_of(settings.method).estimate(vae, x, settings.seed, progress=True)
    importance = vae.log_likelihood(x, settings.samples, settings.seed, progress=True)
    generated = vae.bdmc(settings.bdmc, settings.method, settings.seed, progress=True) if settings.bdmc else None
    return Annealed(
        method=settings.method,
        examples=len(x),
        log_likelihood=Estimate.mean(found.log_likelihood),
        chain_error=float(np.sqrt(np.sum(found.standard_error**2)) / len(x)),
        by_importance=Estimate.mean(importance),
        importance_samples=settings.samples,
        gain=Estimate.mean(found.log_likelihood - importance),
        doubling=Estimate.mean(found.doubling),
        effective_chains=float(np.median(found.effective_chains)),
        acceptance=float(found.acceptance.mean()),
        bdmc=None if generated is None else _bounds(generated),
    )


def _bounds(found):
    return Bounds(*map(Estimate.mean, (found.lower, found.upper, found.gap)), examples=len(found.gap))
