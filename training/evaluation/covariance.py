"""How far posteriors are from diagonal, and how mixtures use their components."""

from dataclasses import dataclass

import numpy as np

from training.evaluation.estimate import Estimate


@dataclass(frozen=True)
class Shape:
    """How far posteriors are from diagonal: figures of their correlation matrices Ω and covariance matrices Σ.

    Args:
        posteriors: of how many examples.
        mean_absolute_correlation: mean |Ωᵢⱼ|, i ≠ j; 0 of a diagonal one, and of a single dimension.
        correlation_condition: median condition number of Ω; 1 of a diagonal one.
        covariance_condition: median condition number of Σ.
        effective_rank: mean of exp H(λ / L), λ the eigenvalues of Ω and H the entropy, from 1 to L; L of a diagonal
            one (Roy & Vetterli, 2007).
    """

    posteriors: int
    mean_absolute_correlation: float
    correlation_condition: float
    covariance_condition: float
    effective_rank: float


def shape(covariance):
    """The `Shape` of posteriors.

    Args:
        covariance: Σ [N, L, L].
    """
    covariance = np.float64(covariance)
    omega = correlation(covariance)
    size = omega.shape[-1]
    eigenvalues = np.maximum(np.linalg.eigvalsh(omega), 0)
    shares = eigenvalues / eigenvalues.sum(axis=-1, keepdims=True)
    off_diagonal = np.abs(omega[:, ~np.eye(size, dtype=bool)])
    return Shape(
        posteriors=len(covariance),
        mean_absolute_correlation=float(off_diagonal.mean()) if size > 1 else 0.0,
        correlation_condition=float(np.median(np.linalg.cond(omega))),
        covariance_condition=float(np.median(np.linalg.cond(covariance))),
        effective_rank=float(np.exp(_entropy(shares)).mean()),
    )


@dataclass(frozen=True)
class Weights:
    """How mixtures q(z|x) = Σₘ πₘ(x) qₘ(z|x) of M components weigh them, in nats.

    Args:
        entropy: mean H(π(x)) over the examples; log M where all components weigh the same, 0 where one has all the
            weight.
        entropy_of_mean: H of the mean of π(x) over the examples; log of the number of components in use, where these
            are used alike and all others are dead. Where it is far over `entropy`, examples differ in those they use.
        used: exp of it, from 1 to M.
        log_components: log M, what both are at most.
    """

    entropy: Estimate
    entropy_of_mean: float
    used: float
    log_components: float


def weights(pi):
    """Returns the `Weights` of posteriors.

    Args:
        pi: π [N, M], N ≥ 2.
    """
    pi = np.float64(pi)
    of_mean = float(_entropy(pi.mean(axis=0)))
    return Weights(Estimate.mean(_entropy(pi)), of_mean, float(np.exp(of_mean)), float(np.log(pi.shape[-1])))


def _entropy(shares):
    """Returns −Σ s log s of shares [..., n]."""
    return -np.sum(shares * np.log(np.maximum(shares, 1e-300)), axis=-1)


def correlation(covariance):
    """Correlation matrices of covariance matrices [..., L, L]."""
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    return covariance / (scale[..., :, None] * scale[..., None, :])
