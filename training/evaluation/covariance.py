"""Summaries of the posteriors' covariance matrices, and of the weights of mixtures."""

from dataclasses import dataclass, field

import numpy as np

from training.evaluation.estimate import Estimate
from training.evaluation.typed_json import none_as
from zoo.data import support as supports
from zoo.probability import tfd


@dataclass(frozen=True)
class MixtureWeights:
    """How mixtures q(z|x) = Σₘ πₘ(x) qₘ(z|x) of M components weigh them, in nats.

    Args:
        entropy: mean H(π(x)) over the examples; log M if all components have the same weight, 0 if one has all of it.
        entropy_of_mean: H of the mean of π(x) over the examples; the log of the number of used components if these are
            used equally and all others are dead. If it is far above `entropy`, examples use different components.
        effective_components: exp of it, from 1 to M.
        log_components: log M, the maximum of both.
    """

    entropy: Estimate
    entropy_of_mean: float
    effective_components: float
    log_components: float


@dataclass(frozen=True)
class CovarianceSummary:
    """How far posteriors are from diagonal, by their correlation matrices Ω and covariance matrices Σ.

    Args:
        posteriors: number of examples.
        mean_absolute_correlation: mean |Ωᵢⱼ|, i ≠ j; 0 of a diagonal one, and of a single dimension.
        correlation_condition: median condition number of Ω; 1 of a diagonal one.
        covariance_condition: median condition number of Σ.
        effective_rank: mean of exp H(λ / L), λ the eigenvalues of Ω and H the entropy, from 1 to L; L of a diagonal
            one (Roy & Vetterli, 2007).
        weights: of mixtures; None for other posteriors.
    """

    posteriors: int
    mean_absolute_correlation: float
    correlation_condition: float
    covariance_condition: float
    effective_rank: float
    weights: MixtureWeights | None = field(default=None, metadata=none_as())


def posterior_summary(vae, x):
    """Returns the `CovarianceSummary` of the posteriors q(z|x) of examples.

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x], N ≥ 2.
    """
    q = vae.encode(np.float32(x))
    covariance = q.covariance().numpy()
    if supports.get(vae.posterior.support).total is not None:
        covariance = covariance[:, :-1, :-1]  # the last dimension follows from the others: the whole one is singular
    mixture = isinstance(q, tfd.MixtureSameFamily)
    return summarize(covariance, mixture_weights(q.mixture_distribution.probs_parameter()) if mixture else None)


def summarize(covariance, weights=None):
    """Returns the `CovarianceSummary` of posteriors.

    Args:
        covariance: Σ [N, L, L].
        weights: their `MixtureWeights`, if they are mixtures.
    """
    covariance = np.float64(covariance)
    omega = correlation(covariance)
    size = omega.shape[-1]
    eigenvalues = np.maximum(np.linalg.eigvalsh(omega), 0)
    shares = eigenvalues / eigenvalues.sum(axis=-1, keepdims=True)
    off_diagonal = np.abs(omega[:, ~np.eye(size, dtype=bool)])
    return CovarianceSummary(
        posteriors=len(covariance),
        mean_absolute_correlation=float(off_diagonal.mean()) if size > 1 else 0.0,
        correlation_condition=float(np.median(np.linalg.cond(omega))),
        covariance_condition=float(np.median(np.linalg.cond(covariance))),
        effective_rank=float(np.exp(_entropy(shares)).mean()),
        weights=weights,
    )


def mixture_weights(pi):
    """Returns the `MixtureWeights` of posteriors.

    Args:
        pi: π [N, M], N ≥ 2.
    """
    pi = np.float64(pi)
    of_mean = float(_entropy(pi.mean(axis=0)))
    return MixtureWeights(Estimate.mean(_entropy(pi)), of_mean, float(np.exp(of_mean)), float(np.log(pi.shape[-1])))


def _entropy(shares):
    """Returns −Σ s log s of shares [..., n]."""
    return -np.sum(shares * np.log(np.maximum(shares, 1e-300)), axis=-1)


def correlation(covariance):
    """Returns the correlation matrices of covariance matrices [..., L, L]."""
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / (scale[..., :, None] * scale[..., None, :])
