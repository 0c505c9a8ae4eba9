"""Mutual information of data and latent code, and KL of the aggregated posterior to the prior (ELBO surgery)."""

import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import zoo
from training.evaluation.estimate import Estimate
from zoo.checks import check_int
from zoo.distributions import kl_divergence
from zoo.distributions.hierarchy import Hierarchy
from zoo.distributions.mixtures.marginals import marginal_log_prob, normal_components
from zoo.probability import tfd

# Variance of a dimension's mean over the examples, beside that of the prior, above which it is active: Burda et al.
# (2016), whose prior is N(0, I).
ACTIVE = 0.01
MAX_SLOW_ENCODINGS = 500  # encodings at most of a posterior that is not normal, whose density takes long
VARIANCE_DRAWS = 10_000  # draws of a prior without a variance
MAX_SLOW_DRAWS = 2_000  # draws at most of such a one
SATURATED = 0.9  # share of its maximum, log M, from which on I(x; z) is saturated
UNAVAILABLE = "the density of the aggregated posterior of a flow is lost in float32"


@dataclass(frozen=True)
class Information:
    """mean KL(q(z|x) ‖ p(z)) = I(x; z) + KL(q(z) ‖ p(z)), q(z) the aggregated posterior of M examples.

    (Hoffman & Johnson, 2016, "ELBO surgery".) In nats, each an estimate with its standard error over draws. I is the
    mutual information of the example's index and its code, hence at most log M. The two terms are estimated from
    separate draws, so that `difference` checks the whole computation.

    Args:
        encodings: M.
        draws: how many draws each of the two terms is estimated from.
        mean_kl: the mean KL of the M posteriors to the prior, in closed form where there is one.
        mutual_information: I(x; z).
        marginal_kl: KL(q(z) ‖ p(z)).
        difference: I(x; z) + KL(q(z) ‖ p(z)) − mean KL, zero up to sampling error.
        total_correlation: KL(q(z) ‖ Πⱼ q(zⱼ)); None unless the marginals are mixtures of normals.
        mean_kl_of_dimensions: mean KL(q(zⱼ|x) ‖ p(zⱼ)), an estimate of arrays [L]: in closed form, with an error of
            0, if the prior is normal; None unless the marginals of q and p are mixtures of normals.
        marginal_kl_of_dimensions: KL(q(zⱼ) ‖ p(zⱼ)), an estimate of arrays [L]; None likewise.
        variance_of_means: of each dimension's posterior mean over the examples [L].
        variance_of_prior: of each dimension [L].
    """

    encodings: int
    draws: int
    mean_kl: Estimate
    mutual_information: Estimate
    marginal_kl: Estimate
    difference: Estimate
    total_correlation: Estimate | None
    mean_kl_of_dimensions: Estimate | None
    marginal_kl_of_dimensions: Estimate | None
    variance_of_means: np.ndarray
    variance_of_prior: np.ndarray

    DERIVED = ("log_encodings", "saturated", "active")

    @property
    def log_encodings(self):
        """log M, the maximum of I(x; z)."""
        return math.log(self.encodings)

    @property
    def saturated(self):
        """Whether I(x; z) is near log M: then a draw of q(z) identifies its example, whatever M is."""
        return self.mutual_information.value > SATURATED * self.log_encodings

    @property
    def is_active(self):
        """Whether each dimension is active: the variance of its mean exceeds 0.01 of the prior's variance [L]."""
        return self.variance_of_means > ACTIVE * self.variance_of_prior

    @property
    def active(self):
        """The number of active dimensions."""
        return int(self.is_active.sum())


def information(vae, x, draws=10_000, marginal_draws=1_000, seed=0, progress=True):
    """Estimates the terms of the mean KL.

    Args:
        vae: a `zoo.VAE`.
        x: examples [M, *x], the training data.
        draws: how many to estimate each of the two terms from.
        marginal_draws: how many to estimate the terms of single dimensions from.
        seed: an integer.
        progress: whether to show a progress bar.

    Returns:
        `Information`.

    Raises:
        ValueError: `x` is not data of this model, or the posterior has no density at other points than its draws.
    """
    if vae.posterior.density_is_sequential:
        raise ValueError(
            "The aggregated posterior of a posterior that is sequential, such as 'iaf', has no density that float32 "
            "could tell, and so no mutual information. Use another posterior."
        )
    draws = check_int(draws, "draws", minimum=2)
    q = zoo.aggregated_posterior(vae, x, seed=seed, progress=progress)
    if normal_components(q) is None and q.count > MAX_SLOW_ENCODINGS:
        q = zoo.aggregated_posterior(vae, x, subsample=MAX_SLOW_ENCODINGS, seed=seed, progress=progress)
        draws = min(draws, MAX_SLOW_DRAWS)
    p = vae.prior(encode=vae.posterior_at)

    rng = np.random.default_rng(seed)
    index = rng.integers(q.count, size=draws)
    posteriors = q.components(index)
    conditional = posteriors.sample(seed=[seed, 0])
    mutual = posteriors.log_prob(conditional) - q.log_prob(conditional)

    z = q.sample(draws, seed=[seed, 1])
    log_q = q.log_prob(z)
    marginal = log_q - p.log_prob(z)
    mean_kl = _mean_kl(q, p, seed, progress)
    few = slice(marginal_draws)
    of_dimensions = _of_dimensions(q, p, z[few], log_q[few], q.components(index[few]), conditional[few])
    means = np.concatenate([components.mean() for components in q.component_chunks()])

    mutual, marginal = Estimate.mean(mutual), Estimate.mean(marginal)
    errors = [mutual.standard_error, marginal.standard_error, mean_kl.standard_error]
    difference = Estimate(mutual.value + marginal.value - mean_kl.value, float(np.linalg.norm(errors)))
    variances = np.float64(means).var(axis=0), _variance(p, [seed, 1])
    return Information(q.count, draws, mean_kl, mutual, marginal, difference, *of_dimensions, *variances)


def _variance(p, seed):
    """Returns the variance of each dimension of the prior [L], from draws if there is no closed form."""
    try:
        return np.float64(p.variance())
    except NotImplementedError:  # a flow
        return np.float64(p.sample(VARIANCE_DRAWS, seed=seed)).var(axis=0)


def _mean_kl(q, p, seed, progress):
    """Returns the mean over all components of their KL to the prior; the error of a closed form is 0."""
    kls, exact = [], True
    for i, components in enumerate(tqdm(q.component_chunks(), "KL", disable=not progress, leave=False)):
        z = components.sample(seed=[seed, 2 + i])
        log_qz, log_pz = components.log_prob(z)[None], p.log_prob(z)[None]
        kl = tf.reduce_sum(kl_divergence(components, p, log_qz, log_pz, z[None]), axis=-1)
        estimated = np.array_equal(kl, (log_qz - log_pz)[0])  # the fall-back, one draw each
        exact &= not estimated and not isinstance(components, Hierarchy)  # which is in closed form given z₂ alone
        kls.append(kl)
    mean, error = Estimate.mean(np.concatenate(kls))
    return Estimate(mean, 0.0 if exact else error)


def _of_dimensions(q, p, z, log_q, posteriors, conditional):
    """Estimates the terms of single dimensions; None for distributions without normal components.

    Args:
        q: the aggregated posterior.
        p: the prior.
        z: draws of q [D, L].
        log_q: log q(z) [D].
        posteriors: some q(z|x), of batch [D].
        conditional: draws of them [D, L].

    Returns:
        The total correlation, mean KL(q(zⱼ|x) ‖ p(zⱼ)) and KL(q(zⱼ) ‖ p(zⱼ)) of each dimension j, `Estimate`s.
    """
    q_components, p_components = normal_components(q), normal_components(p)
    if q_components is None:
        return None, None, None
    log_marginals = marginal_log_prob(q_components, z)  # [D, L]
    correlation = Estimate.mean(log_q - tf.reduce_sum(log_marginals, axis=-1))
    if p_components is None:
        return correlation, None, None
    if p_components[0].shape[0] == 1:
        mean_kl = _mean_normal_kl(q_components, p_components)
    else:
        log_posteriors = tfd.Normal(posteriors.mean(), posteriors.stddev()).log_prob(conditional)
        mean_kl = Estimate.means(log_posteriors - marginal_log_prob(p_components, conditional))
    # Not the mean of log r + 1/r − 1: where q is narrow, that of 1/r rests on draws too rare to come up.
    return correlation, mean_kl, Estimate.means(log_marginals - marginal_log_prob(p_components, z))


def _mean_normal_kl(q, p):
    """Returns mean KL(q(zⱼ|x) ‖ p(zⱼ)) of each dimension, in closed form.

    Args:
        q: see `zoo.distributions.mixtures.marginals.normal_components`.
        p: likewise, of a single component.
    """
    _, loc, scale = (np.float64(tensor) for tensor in q)  # all weigh the same
    _, (prior_loc,), (prior_scale,) = (np.float64(tensor) for tensor in p)
    square = (scale**2 + (loc - prior_loc) ** 2) / prior_scale**2
    kl = np.mean(0.5 * (square - 1) - np.log(scale / prior_scale), axis=0)
    return Estimate(kl, np.zeros_like(kl))


def gains(vae, x, samplers, seed=0):
    """Estimates the gain of the ELBO with a sampler as the prior: the mean of E_q(z|x) log p̂(z) − log p(z).

    On held-out examples, a strongly negative gain means that the sampler's density overfits the training codes.

    Args:
        vae: a `zoo.VAE` that has the samplers.
        x: held-out examples [N, *x], N ≥ 2; one draw of q(z|x) each.
        samplers: their names.
        seed: an integer.

    Returns:
        A dict: name -> `Estimate`, in nats per example, of the samplers that have a density.
    """
    z = vae.encode(np.float32(x)).sample(seed=[seed, 0])
    log_pz, found = vae.latent_distribution("prior").log_prob(z), {}
    for name in samplers:
        with suppress(NotImplementedError):  # the aggregated posterior of a flow
            found[name] = Estimate.mean(vae.latent_distribution(name).log_prob(z) - log_pz)
    return found
