"""Log-likelihood of test data, and whether its estimate is too low."""

import math
from dataclasses import dataclass, field

import numpy as np

from training.evaluation.estimate import Estimate
from training.evaluation.typed_json import FLAT
from zoo.model.scores import curve_samples

MIN_EFFECTIVE_SAMPLES = 10  # effective sample size below which an example's log-likelihood is unreliable
MAX_LOW_SHARE = 0.05  # share of such examples above which there is a warning
MAX_RISE = 0.05  # nats by which a log-likelihood may rise in the last tenfold of draws, or miss, without a warning
STANDARD_ERRORS = 3.0  # standard errors that either is above zero
EXAMPLES, GROUPS, DRAWS_PER_GROUP = 200, 20, 1_000  # test examples, groups of them, draws of the prior per group
MAX_ELEMENTS = 10_000_000  # elements of x whose densities are computed at once


@dataclass(frozen=True)
class EffectiveSampleSize:
    """Effective sample size, (Σ w)² / Σ w², over the test examples.

    Args:
        median: of the examples.
        minimum: of the examples.
        low_share: share of examples with fewer than 10, or than half of all draws if these are fewer.
    """

    median: float
    minimum: float
    low_share: float


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Scores of test data, in nats per example; see `zoo.VAE.score`.

    Args:
        elbo: mean over the examples, as are the next three.
        kl: mean KL(q(z|x) ‖ p(z)).
        log_likelihood: by importance sampling with `importance_samples` samples.
        reconstruction: mean −E_q log p(x|z).
        unit: of all scores but the next.
        bits_per_dimension: −log₂ p(x) / number of elements of x.
        importance_samples: K, per example.
        examples: number of test examples.
        log_likelihood_by_samples: number of importance samples -> log-likelihood with so many.
        rise_of_last_tenfold: see `rise`; None of fewer than 5 draws.
        effective_sample_size: see `EffectiveSampleSize`.
        missed_by_posterior: see `missed`.
        warning: sentences that say why the log-likelihood is too low; None unless it is.
    """

    elbo: Estimate = field(metadata=FLAT)
    kl: Estimate = field(metadata=FLAT)
    log_likelihood: Estimate = field(metadata=FLAT)
    reconstruction: Estimate = field(metadata=FLAT)
    unit: str = "nats per example"
    bits_per_dimension: float
    importance_samples: int
    examples: int
    log_likelihood_by_samples: dict[str, float]
    rise_of_last_tenfold: Estimate | None
    effective_sample_size: EffectiveSampleSize
    missed_by_posterior: Estimate
    warning: str | None


def likelihood(vae, x, samples, seed=0):
    """Estimates the scores of test data.

    Args:
        vae: a `zoo.VAE`.
        x: test data [N, *x], N ≥ 2.
        samples: K, importance samples per example.
        seed: an integer.

    Returns:
        `Likelihood`.

    Raises:
        ValueError: there are fewer than two examples.
    """
    if len(x) < 2:
        raise ValueError(f"Expected 2 test examples or more, got {len(x)}: one has no standard error.")
    scores = vae.score(x, samples, seed, progress=True)
    ks = curve_samples(samples)
    log_likelihood, rising = Estimate.mean(scores.log_likelihood), rise(scores.curve, ks)
    effective, missing = _effective(scores.effective_sample_size, samples), missed(vae, x, scores.log_likelihood, seed)
    return Likelihood(
        elbo=Estimate.mean(scores.elbo),
        kl=Estimate.mean(scores.kl),
        log_likelihood=log_likelihood,
        reconstruction=Estimate.mean(scores.reconstruction),
        bits_per_dimension=-log_likelihood.value / (math.prod(x.shape[1:]) * math.log(2)),
        importance_samples=samples,
        examples=len(x),
        log_likelihood_by_samples={
            str(k): float(values.mean(dtype=np.float64)) for k, values in zip(ks, scores.curve.T, strict=True)
        },
        rise_of_last_tenfold=rising,
        effective_sample_size=effective,
        missed_by_posterior=missing,
        warning=_warning(effective.low_share, rising, missing, samples),
    )


def _effective(sizes, samples):
    low_share = float(np.mean(sizes < min(MIN_EFFECTIVE_SAMPLES, samples / 2)))
    return EffectiveSampleSize(float(np.median(sizes)), float(sizes.min()), low_share)


def rise(curve, draws):
    """Estimates how much the log-likelihood rose in the last tenfold of draws.

    Args:
        curve: log-likelihood with each number of draws, up to K [N, C].
        draws: these numbers, see `zoo.model.scores.curve_samples`.

    Returns:
        An `Estimate` in nats, or None of fewer than 5 draws.
    """
    before = [i for i, k in enumerate(draws) if 5 * k <= draws[-1]]  # nearer ones tell little but noise
    if not before:
        return None
    tenfold = math.log(10) / math.log(draws[-1] / draws[before[-1]])
    return Estimate.mean(tenfold * (np.float64(curve[:, -1]) - curve[:, before[-1]]))


def missed(vae, x, log_likelihood, seed=0):
    """Estimates a lower bound of what the log-likelihood misses, with draws of the prior.

    If q(z|x) misses a part of p(z|x), such as a second mode, none of its draws are there, their weights are all
    similar, and the estimate is too low without a sign of it. Draws of the prior are everywhere. With p̂ the estimate by
    draws of q and p̃ = 1/K Σₖ p(x|zₖ), zₖ ~ p(z), the mean (p̂ + p̃) / 2 is unbiased too and hence its logarithm at
    most log p(x), in expectation: its excess over log p̂ is missing. In many dimensions p̃ is far too low, and nothing
    is found.

    Args:
        vae: a `zoo.VAE`.
        x: examples [N, *x], N ≥ 2; at most 200 of them are used.
        log_likelihood: log p̂(x) of them [N].
        seed: an integer, for the draws and the choice of examples.

    Returns:
        An `Estimate` of the mean of log (p̂ + p̃) / 2 − log p̂ over the examples, in nats, negative if nothing is
        missed. Its error is over groups of examples with separate draws.
    """
    index = np.random.default_rng(seed).permutation(len(x))[:EXAMPLES]
    x, log_likelihood = x[index].astype(vae.variable_dtype), np.float64(log_likelihood[index])
    groups = np.array_split(np.arange(len(x)), min(GROUPS, len(x)))
    draws = max(1, min(DRAWS_PER_GROUP, MAX_ELEMENTS // (len(groups[0]) * math.prod(x.shape[1:]))))
    z = vae.latent_distribution("prior").sample(len(groups) * draws, seed=[seed, 3]).numpy()
    gains = []
    for i, group in enumerate(groups):
        log_px = np.float64(vae.decode(z[i * draws : (i + 1) * draws]).log_prob(x[group][:, None]))  # [n, K]
        by_prior = np.logaddexp.reduce(log_px, axis=1) - math.log(draws)
        gains.append(np.mean(np.logaddexp(0, by_prior - log_likelihood[group]) - math.log(2)))
    return Estimate.mean(gains)


def _warning(low_share, rising, missing, samples):
    """Returns the sentences on why the log-likelihood is too low, or None.

    Args:
        low_share: share of examples with a small effective sample size.
        rising: see `rise`.
        missing: see `missed`.
        samples: K.
    """
    sentences = []
    if low_share > MAX_LOW_SHARE:
        sentences.append(
            f"{low_share:.0%} of the test examples have an effective sample size under {MIN_EFFECTIVE_SAMPLES}, "
            f"and too low a log-likelihood: take more than {samples:,} importance samples."
        )
    if rising is not None and _is_too_low(rising):
        sentences.append(
            f"The log-likelihood still rises, by {rising} nats with ten times as many importance samples, and so is "
            f"too low: take more than {samples:,}."
        )
    if _is_too_low(missing):
        why = ": q(z|x) misses a part of p(z|x), and more importance samples would hardly help"
        told = f"The log-likelihood is too low by {missing} nats at least, as samples of the prior show"
        sentences.append(f"{told}{'' if sentences else why}.")
    return " ".join(sentences) or None


def _is_too_low(estimate):
    return estimate.value > max(MAX_RISE, STANDARD_ERRORS * estimate.standard_error)
