"""The aggregated posterior, q(z) = 1/N Σₙ q(z|xₙ): where the data are in latent space."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans
from tqdm import tqdm

from zoo.checks import seed_number, whole_number
from zoo.data import support as supports
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.distributions.moments import covariance_in_double
from zoo.probability import tfd
from zoo.registry import name_of

if TYPE_CHECKING:
    from zoo.model.vae import VAE

ENCODED = 500  # examples that are encoded at once


class AggregatedPosterior(BlockwiseMixture):
    """q(z) = 1/N Σₙ q(z|xₙ), a finite mixture with a component for each example.

    (Makhzani et al., 2015, arXiv:1511.05644; Hoffman & Johnson, 2016; Tomczak & Welling, 2018, arXiv:1705.07120.)
    `zoo.aggregated_posterior` makes one of data.

    Args:
        posterior: the layer h ↦ q(z|x), a `zoo.Posterior`.
        params: what the components are made of, `posterior.params(h)` [N, P].
        chunk: how many components make a block of the density; None for a number that suits them.
    """

    def __init__(self, posterior, params, chunk=None, name="AggregatedPosterior"):
        parameters = dict(locals())
        self.posterior = posterior
        super().__init__([params], posterior.distribution, chunk=chunk, name=name, parameters=parameters)

    def _log_prob(self, z):
        if self.posterior.sequential:
            raise NotImplementedError(
                f"The density of the posterior '{name_of(self.posterior)}' at points that it did not draw takes a pass "
                f"for each dimension and is lost in float32. Draw from its aggregated posterior, or use another one."
            )
        return super()._log_prob(z)


class CompressedPosterior(BlockwiseMixture):
    """An aggregated posterior in fewer components: normals with the moments of the clusters that they stand for.

    Args:
        weights: share of the examples in each cluster [M].
        loc: μ [M, L].
        covariance: Σ [M, L, L].

    Attributes:
        kl: estimate of KL(q ‖ this), what was lost, in nats; None where q has no density.
        kl_standard_error: its standard error.
    """

    kl = kl_standard_error = None

    def __init__(self, weights, loc, covariance, name="CompressedPosterior"):
        parameters = dict(locals())
        tensors = [tf.constant(loc, tf.float32), tf.constant(np.linalg.cholesky(covariance), tf.float32)]
        logits = tf.constant(np.log(weights), tf.float32)
        super().__init__(tensors, tfd.MultivariateNormalTriL, logits, name=name, parameters=parameters)


def aggregated_posterior(
    vae: "VAE",
    x: np.ndarray,
    *,
    subsample: int | None = None,
    compress: int | None = None,
    chunk: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> AggregatedPosterior | CompressedPosterior:
    """Returns the aggregated posterior of data, q(z) = 1/N Σₙ q(z|xₙ), as a distribution to sample and to evaluate.

    Args:
        vae: a `zoo.VAE`. Later training leaves the distribution as it is, unless the posterior has
            networks of its own, as `iaf` and `hierarchical` have.
        x: data [N, *x].
        subsample: of so many examples only, chosen by the seed; None for all.
        compress: in so many components, made by k-means on the posteriors' means; None for one of each example.
        chunk: how many components make a block of the density; None for a number that suits them.
        seed: of all choices.
        progress: whether to show a progress bar.

    Returns:
        An `AggregatedPosterior`, or a `CompressedPosterior`, which says in `kl` what was lost.

    Raises:
        ValueError: `x` is no data of this model, or a number is under 1 or over N.
    """
    x, seed = np.asarray(x), seed_number(seed)
    supports.check_examples(x, vae.event_shape, vae.support)
    if subsample is not None:
        subsample = whole_number(subsample, "subsample", below=len(x) + 1)
        x = x[np.sort(np.random.default_rng(seed).permutation(len(x))[:subsample])]
    if compress is not None:
        compress = whole_number(compress, "compress", below=len(x) + 1)
    aggregated = AggregatedPosterior(vae.posterior, encoded(vae, x, progress), chunk)
    return aggregated if compress is None else compressed(aggregated, compress, seed)


def encoded(vae, x, progress=False):
    """Encodes data into the parameters of their posteriors, `posterior.params(h)`.

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x].
        progress: whether to show a progress bar.

    Returns:
        [N, P].
    """
    rows = range(0, len(x), ENCODED)
    rows = tqdm(rows, "encode", disable=not progress, leave=False)
    chunks = [vae.posterior.params(vae.features(x[i : i + ENCODED])) for i in rows]
    return tf.concat(chunks, axis=0)


def compressed(aggregated, components, seed=0, draws=2_000):
    """Compresses an aggregated posterior into a `CompressedPosterior`.

    Args:
        aggregated: an `AggregatedPosterior`.
        components: M.
        seed: of the clusters and of the draws.
        draws: of which `kl` is estimated.

    Raises:
        ValueError: the posteriors are not on the reals, so that normals do not fit them.
    """
    if aggregated.posterior.space != "real":
        raise ValueError(
            f"Cannot compress posteriors '{name_of(aggregated.posterior)}' to normals: they are on "
            f"{supports.get(aggregated.posterior.space).values}. Take a subsample instead."
        )
    made = CompressedPosterior(*_cluster_moments(aggregated, whole_number(components, "compress"), seed))
    if not aggregated.posterior.sequential:
        z = aggregated.sample(draws, seed=[seed, 0])
        lost = (aggregated.log_prob(z) - made.log_prob(z)).numpy()
        made.kl, made.kl_standard_error = float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(draws))
    return made


def _cluster_moments(aggregated, clusters, seed):
    """Returns the share, the mean and the covariance of each cluster of components."""
    mean = np.concatenate([np.float64(components.mean()) for components in aggregated.component_chunks()])  # [N, L]
    cluster = np.arange(len(mean))  # k-means would not find all of so many
    if clusters < len(mean):
        cluster = KMeans(clusters, n_init=1, max_iter=50, random_state=seed).fit_predict(mean)
    cluster, counts = np.unique(cluster, return_inverse=True, return_counts=True)[1:]  # without empty ones
    loc = tf.math.unsorted_segment_sum(mean, cluster, len(counts)).numpy() / counts[:, None]
    covariance, first = np.zeros((len(counts), aggregated.size, aggregated.size)), 0
    for components in aggregated.component_chunks():
        mine = slice(first, first := first + components.batch_shape[0])
        centred = mean[mine] - loc[cluster[mine]]
        second = covariance_in_double(components) + centred[:, :, None] * centred[:, None, :]
        covariance += tf.math.unsorted_segment_sum(second, cluster[mine], len(counts)).numpy()
    return counts / aggregated.count, loc, covariance / counts[:, None, None]
