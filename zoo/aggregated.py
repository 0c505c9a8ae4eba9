"""The aggregated posterior, q(z) = 1/N Σₙ q(z|xₙ)."""

from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.checks import check_int, check_seed
from zoo.data import support as supports
from zoo.distributions.mixtures.blockwise import BlockwiseMixture
from zoo.distributions.moments import covariance_float64
from zoo.probability import tfd
from zoo.registry import name_of

if TYPE_CHECKING:
    from zoo.model.vae import VAE

BATCH_SIZE = 500  # batch size of encoding


class AggregatedPosterior(BlockwiseMixture):
    """q(z) = 1/N Σₙ q(z|xₙ), a finite mixture with a component for each example.

    (Makhzani et al., 2015, arXiv:1511.05644; Hoffman & Johnson, 2016; Tomczak & Welling, 2018, arXiv:1705.07120.)
    `zoo.aggregated_posterior` creates one from data.

    Args:
        posterior: the layer h ↦ q(z|x), a `zoo.Posterior`.
        params: parameters of the components, `posterior.params(h)` [N, P].
        chunk: number of components per block of the density; None for a default that depends on the family.
    """

    def __init__(self, posterior, params, chunk=None, name="AggregatedPosterior"):
        parameters = dict(locals())
        self.posterior = posterior
        super().__init__([params], posterior.distribution, chunk=chunk, name=name, parameters=parameters)

    def _log_prob(self, z):
        if self.posterior.density_is_sequential:
            raise NotImplementedError(
                f"The density of the posterior '{name_of(self.posterior)}' at given points takes a network pass per "
                f"dimension and is inaccurate in float32. Only sample from it, or use another posterior."
            )
        return super()._log_prob(z)


class CompressedPosterior(BlockwiseMixture):
    """An aggregated posterior compressed to fewer components: a normal for each cluster, with the cluster's moments.

    Args:
        weights: share of the examples in each cluster [M].
        loc: μ [M, L].
        covariance: Σ [M, L, L].

    Attributes:
        kl: estimate of KL(q ‖ this), the loss of the compression, in nats; None if q has no density.
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
    """Returns the aggregated posterior q(z) = 1/N Σₙ q(z|xₙ) of data as a distribution.

    Args:
        vae: a `zoo.VAE`. Later training does not change the distribution, unless the posterior has networks of its
            own, as `iaf` and `hierarchical` have.
        x: data [N, *x].
        subsample: number of randomly chosen examples to use; None for all.
        compress: number of components to compress to, by k-means on the posteriors' means; None for one per example.
        chunk: number of components per block of the density; None for a default that depends on the family.
        seed: random seed of the subsample and of the clustering.
        progress: whether to show a progress bar.

    Returns:
        An `AggregatedPosterior`, or a `CompressedPosterior`, whose `kl` is the loss of the compression.

    Raises:
        ValueError: `x` has another shape or support than the model's, or a number is under 1 or over N.
    """
    x, seed = np.asarray(x), check_seed(seed)
    supports.check_examples(x, vae.event_shape, vae.support)
    if subsample is not None:
        subsample = check_int(subsample, "subsample", below=len(x) + 1)
        x = x[np.sort(np.random.default_rng(seed).permutation(len(x))[:subsample])]
    if compress is not None:
        compress = check_int(compress, "compress", below=len(x) + 1)
    aggregated = AggregatedPosterior(vae.posterior, encode_params(vae, x, progress), chunk)
    return aggregated if compress is None else compress_posterior(aggregated, compress, seed)


def encode_params(vae, x, progress=False):
    """Encodes data into the parameters of their posteriors, `posterior.params(h)`.

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x].
        progress: whether to show a progress bar.

    Returns:
        [N, P].
    """
    rows = range(0, len(x), BATCH_SIZE)
    rows = tqdm(rows, "encode", disable=not progress, leave=False)
    chunks = [vae.posterior.params(vae.features(x[i : i + BATCH_SIZE])) for i in rows]
    return tf.concat(chunks, axis=0)


def compress_posterior(aggregated, components, seed=0, draws=2_000):
    """Compresses an aggregated posterior into a `CompressedPosterior`.

    Args:
        aggregated: an `AggregatedPosterior`.
        components: M.
        seed: random seed of the clustering and of the draws.
        draws: number of draws for the estimate of `kl`.

    Raises:
        ValueError: the posteriors' support is not the reals.
    """
    if aggregated.posterior.support != "real":
        raise ValueError(
            f"Cannot compress posteriors '{name_of(aggregated.posterior)}' to normals: they are on "
            f"{supports.get(aggregated.posterior.support).description}. Use subsample= instead."
        )
    made = CompressedPosterior(*_cluster_moments(aggregated, check_int(components, "compress"), seed))
    if not aggregated.posterior.density_is_sequential:
        z = aggregated.sample(draws, seed=[seed, 0])
        lost = (aggregated.log_prob(z) - made.log_prob(z)).numpy()
        made.kl, made.kl_standard_error = float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(draws))
    return made


def _cluster_moments(aggregated, clusters, seed):
    """Returns the weight, mean and covariance of each cluster of components."""
    mean = np.concatenate([np.float64(components.mean()) for components in aggregated.component_chunks()])  # [N, L]
    cluster = np.arange(len(mean))  # each example is a cluster; k-means might merge some
    if clusters < len(mean):
        from sklearn.cluster import KMeans  # here, because few need it, and it takes 0.1 s

        cluster = KMeans(clusters, n_init=1, max_iter=50, random_state=seed).fit_predict(mean)
    cluster, counts = np.unique(cluster, return_inverse=True, return_counts=True)[1:]  # drops empty clusters
    loc = tf.math.unsorted_segment_sum(mean, cluster, len(counts)).numpy() / counts[:, None]
    covariance, first = np.zeros((len(counts), aggregated.size, aggregated.size)), 0
    for components in aggregated.component_chunks():
        mine = slice(first, first := first + components.batch_shape[0])
        centered = mean[mine] - loc[cluster[mine]]
        second = covariance_float64(components) + centered[:, :, None] * centered[:, None, :]
        covariance += tf.math.unsorted_segment_sum(second, cluster[mine], len(counts)).numpy()
    return counts / aggregated.count, loc, covariance / counts[:, None, None]
