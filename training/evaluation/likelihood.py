"""What is said of the log-likelihood of test data, and of how sure it is."""

import math

import numpy as np

from training.evaluation.estimate import Estimate, plain
from zoo.model.scores import curve_draws

FEW = 10  # effective draws under which a log-likelihood rests on too few
MANY = 0.05  # share of examples that rest on too few, from which on it is said
TOO_LOW = 0.05  # nats that a log-likelihood may rise in the last tenfold of draws, or miss, before it is said
SURE = 3.0  # standard errors by which either is over zero
EXAMPLES, GROUPS, DRAWS = 200, 20, 1_000  # test examples that draws of the prior look at, in groups, and draws for each
NUMBERS = 10_000_000  # elements of x whose densities are taken at once


def likelihood(vae, x, samples, seed=0):
    """Returns what `vae.score` says of test data.

    Args:
        vae: a `zoo.VAE`.
        x: test data [N, *x], two examples or more.
        samples: K, draws for an example.
        seed: of the draws.

    Returns:
        A dict: means and standard errors of the scores, the curve over K, how much it rose in the last tenfold of
        draws, the effective draws, what they miss (see `missed`), and a warning where any of these tells that
        the log-likelihood is too low.

    Raises:
        ValueError: there are fewer than two examples.
    """
    if len(x) < 2:
        raise ValueError(f"Expected 2 test examples or more, got {len(x)}: one has no standard error.")
    scores = vae.score(x, samples, seed, progress=True)._asdict()
    curve, effective = scores.pop("curve"), scores.pop("effective_draws")
    estimates = {name: Estimate.mean(values) for name, values in scores.items()}
    means = {name: estimate.value for name, estimate in estimates.items()}
    errors = {f"{name}_standard_error": estimate.standard_error for name, estimate in estimates.items()}
    few, ks = float(np.mean(effective < min(FEW, samples / 2))), curve_draws(samples)
    rising, missing = rise(curve, ks), missed(vae, x, scores["log_likelihood"], seed)
    warnings = [*_few(few, samples), *_rising(rising, samples)]
    warnings += _missing(missing, alone=not warnings)
    return {
        **dict(sorted((means | errors).items())),
        "unit": "nats per example",
        "bits_per_dimension": -means["log_likelihood"] / (math.prod(x.shape[1:]) * math.log(2)),
        "draws": samples,
        "examples": len(x),
        "log_likelihood_of_draws": {
            str(k): float(values.mean(dtype=np.float64)) for k, values in zip(ks, curve.T, strict=True)
        },
        "rise_of_last_tenfold": plain(rising),
        "effective_draws": {"median": float(np.median(effective)), "least": float(effective.min()), "few": few},
        "missed_by_posterior": plain(missing),
        "warning": " ".join(warnings) or None,
    }


def rise(curve, draws):
    """Returns by how much the log-likelihood rose in the last tenfold of draws, an `Estimate`; None of fewer than 5.

    Args:
        curve: log-likelihood of so many draws, up to K [N, C].
        draws: how many, see `zoo.model.scores.curve_draws`.
    """
    before = [i for i, k in enumerate(draws) if 5 * k <= draws[-1]]  # nearer ones tell little but noise
    if not before:
        return None
    tenfold = math.log(10) / math.log(draws[-1] / draws[before[-1]])
    return Estimate.mean(tenfold * (np.float64(curve[:, -1]) - curve[:, before[-1]]))


def missed(vae, x, log_likelihood, seed=0):
    """Returns how much of log p(x) draws of the posterior are sure to miss, by draws of the prior.

    Where p(z|x) has a part that q(z|x) leaves out, such as a second mode, its draws never come there, their weights are
    all alike and the estimate is too low without a sign of it. Draws of the prior come everywhere. With p̂ the
    estimate by draws of q and p̃ = 1/K Σₖ p(x|zₖ), zₖ ~ p(z), the mean (p̂ + p̃) / 2 is unbiased too and so its
    logarithm at most log p(x), in expectation: what it is over log p̂ is missing there. In many dimensions
    p̃ is far too low, and nothing is found.

    Args:
        vae: a `zoo.VAE`.
        x: examples [N, *x], N ≥ 2, of which 200 at most are looked at.
        log_likelihood: log p̂(x) of them [N].
        seed: of the draws, and of which examples are looked at.

    Returns:
        An `Estimate` of the mean of log (p̂ + p̃) / 2 − log p̂ over the examples, in nats, negative where nothing is
        missed. Its error is over groups of examples, which have draws of their own.
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


def _few(share, samples):
    if share > MANY:
        yield (
            f"The log-likelihood of {share:.0%} of the test examples rests on fewer than {FEW} effective draws, "
            f"and is too low there: take more than {samples:,} draws."
        )


def _rising(rise, samples):
    if rise is not None and _is_too_low(rise):
        yield (
            f"The log-likelihood still rises, by {rise} nats with ten times as many draws, and so is too low: "
            f"take more than {samples:,} draws."
        )


def _missing(missed, alone):
    if _is_too_low(missed):
        why = ": q(z|x) leaves out part of what explains the examples, and more draws of it would hardly help"
        told = f"The log-likelihood is too low by {missed} nats at least, as draws of the prior tell"
        yield f"{told}{why if alone else ''}."


def _is_too_low(estimate):
    return estimate.value > max(TOO_LOW, SURE * estimate.standard_error)
