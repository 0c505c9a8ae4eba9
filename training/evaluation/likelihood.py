"""Log-likelihood of test data, and whether its estimate is too low."""

import math
from dataclasses import dataclass, field

import numpy as np

from training.evaluation.estimate import Estimate
from training.evaluation.typed_json import FLAT
from zoo.model.scores import curve_draws

FEW = 10  # effective draws under which an example's log-likelihood rests on too few
MANY = 0.05  # share of such examples above which there is a warning
TOO_LOW = 0.05  # nats by which a log-likelihood may rise in the last tenfold of draws, or miss, without a warning
SURE = 3.0  # standard errors that either is above zero
EXAMPLES, GROUPS, DRAWS = 200, 20, 1_000  # for draws of the prior: test examples, groups of them, draws per group
NUMBERS = 10_000_000  # elements of x whose densities are computed at once


@dataclass(frozen=True)
class EffectiveDraws:
    """Effective number of importance samples, (Σ w)² / Σ w², over the test examples.

    Args:
        median: of the examples.
        least: of the examples.
        few: share of examples with fewer than 10, or than half of all draws if these are fewer.
    """

    median: float
    least: float
    few: float


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """Scores of test data, in nats per example; see `zoo.VAE.score`.

    Args:
        elbo: mean over the examples, as are the next three.
        kl: mean KL(q(z|x) ‖ p(z)).
        log_likelihood: by importance sampling with `draws` samples.
        reconstruction: mean −E_q log p(x|z).
        unit: of all scores but the next.
        bits_per_dimension: −log₂ p(x) / number of elements of x.
        draws: K, importance samples per example.
        examples: number of test examples.
        log_likelihood_of_draws: number of draws -> log-likelihood with so few.
        rise_of_last_tenfold: see `rise`; None of fewer than 5 draws.
        effective_draws: see `EffectiveDraws`.
        missed_by_posterior: see `missed`.
        warning: sentences that say why the log-likelihood is too low; None unless it is.
    """

    elbo: Estimate = field(metadata=FLAT)
    kl: Estimate = field(metadata=FLAT)
    log_likelihood: Estimate = field(metadata=FLAT)
    reconstruction: Estimate = field(metadata=FLAT)
    unit: str = "nats per example"
    bits_per_dimension: float
    draws: int
    examples: int
    log_likelihood_of_draws: dict[str, float]
    rise_of_last_tenfold: Estimate | None
    effective_draws: EffectiveDraws
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
    ks = curve_draws(samples)
    log_likelihood, rising = Estimate.mean(scores.log_likelihood), rise(scores.curve, ks)
    effective, missing = _effective(scores.effective_draws, samples), missed(vae, x, scores.log_likelihood, seed)
    return Likelihood(
        elbo=Estimate.mean(scores.elbo),
        kl=Estimate.mean(scores.kl),
        log_likelihood=log_likelihood,
        reconstruction=Estimate.mean(scores.reconstruction),
        bits_per_dimension=-log_likelihood.value / (math.prod(x.shape[1:]) * math.log(2)),
        draws=samples,
        examples=len(x),
        log_likelihood_of_draws={
            str(k): float(values.mean(dtype=np.float64)) for k, values in zip(ks, scores.curve.T, strict=True)
        },
        rise_of_last_tenfold=rising,
        effective_draws=effective,
        missed_by_posterior=missing,
        warning=_warning(effective.few, rising, missing, samples),
    )


def _effective(draws, samples):
    few = float(np.mean(draws < min(FEW, samples / 2)))
    return EffectiveDraws(float(np.median(draws)), float(draws.min()), few)


def rise(curve, draws):
    """Estimates how much the log-likelihood rose in the last tenfold of draws.

    Args:
        curve: log-likelihood with each number of draws, up to K [N, C].
        draws: these numbers, see `zoo.model.scores.curve_draws`.

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
    draws = max(1, min(DRAWS, NUMBERS // (len(groups[0]) * math.prod(x.shape[1:]))))
    z = vae.latent_distribution("prior").sample(len(groups) * draws, seed=[seed, 3]).numpy()
    gains = []
    for i, group in enumerate(groups):
        log_px = np.float64(vae.decode(z[i * draws : (i + 1) * draws]).log_prob(x[group][:, None]))  # [n, K]
        by_prior = np.logaddexp.reduce(log_px, axis=1) - math.log(draws)
        gains.append(np.mean(np.logaddexp(0, by_prior - log_likelihood[group]) - math.log(2)))
    return Estimate.mean(gains)


def _warning(few, rising, missing, samples):
    """Returns the sentences on why the log-likelihood is too low, or None.

    Args:
        few: share of examples that rest on few effective draws.
        rising: see `rise`.
        missing: see `missed`.
        samples: K.
    """
    sentences = []
    if few > MANY:
        sentences.append(
            f"{few:.0%} of the test examples have an effective sample size under {FEW}, and too low a log-likelihood: "
            f"take more than {samples:,} importance samples."
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
    return estimate.value > max(TOO_LOW, SURE * estimate.standard_error)
