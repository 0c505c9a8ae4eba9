"""The aggregated posterior, q(z) = 1/N Σₙ q(z|xₙ): where the data are in latent space."""

import math
from functools import partial

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from sklearn.cluster import KMeans
from tqdm import tqdm

from zoo import support as supports
from zoo.checks import seed_number, whole_number
from zoo.mixture import GROUP, LEADERS, LogSum, is_rough, pairwise_log_prob, rough, sum_exp
from zoo.registry import name_of

tfd = tfp.distributions

ROWS = 512  # points of a block
PAIRS = 2**23  # of a point and a component, in a block of a family with rough densities
TOLERANCE = 5e-4  # nats; points whose density may be off by more are computed without matrix products
WIDE = 2**17  # in a block of another family, which has a vector for each pair
MOMENTS = 2_000  # components whose covariances are in memory at once
ENCODED = 500  # examples that are encoded at once


compiled_sum_exp = tf.function(sum_exp, jit_compile=True, autograph=False)


class StreamedMixture(tfd.Distribution):
    """Σₙ πₙ pₙ(z) over so many components that not all densities of all points fit into memory.

    The density is exact over all of them, in blocks of points × components, see `zoo.mixture`; its memory does not
    grow with their product. Mean and covariance are exact.

    Args:
        tensors: list of what the components are made of, each [N, ...].
        family: function from such tensors to a distribution, their first axes its batch.
        logits: log πₙ [N], up to a constant; None for equal weights.
        chunk: how many components make a block; None for a number that suits the family.
        parameters: what a class under this one was made of, for `copy`.
    """

    def __init__(self, tensors, family, logits=None, chunk=None, name="StreamedMixture", parameters=None):
        parameters = dict(locals()) if parameters is None else parameters
        self.tensors, self.family, self.logits = tensors, family, logits
        first = self.components([0, 0])
        self.rough, (self.size,) = is_rough(first), first.event_shape
        self.count = tensors[0].shape[0]
        most = (PAIRS if self.rough else WIDE) // ROWS if chunk is None else whole_number(chunk, "chunk")
        self.chunk = -(-self.count // -(-self.count // most))  # all of about one size
        self.chunk += -self.chunk % GROUP if self.chunk > GROUP else 0
        self.rough &= self.chunk > 2 * LEADERS
        signature = [tf.TensorSpec([None, self.size], first.dtype)]
        # A partial is known by itself: TensorFlow would warn of retracing where there are several mixtures.
        self._compiled = tf.function(partial(self._points), signature, autograph=False)
        super().__init__(
            dtype=first.dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    def components(self, index):
        """Those components, a distribution whose batch is the shape of the int tensor `index`."""
        return self.family(*(tf.gather(tensor, index) for tensor in self.tensors))

    @property
    def log_weights(self):
        """log πₙ [N]."""
        if self.logits is None:
            return tf.fill([self.count], tf.constant(-math.log(self.count), self.dtype))
        return tf.nn.log_softmax(self.logits)

    def _mean(self):
        return self._average(lambda components: components.mean())

    def _covariance(self):
        mean = self.mean()

        def second(components):
            centred = components.mean() - mean
            return components.covariance() + centred[:, :, None] * centred[:, None, :]

        return self._average(second)

    def _variance(self):
        return tf.linalg.diag_part(self.covariance())

    def _stddev(self):
        return tf.sqrt(self.variance())

    def component_chunks(self):
        """Distributions of some components each, in their order, of all of them."""
        for first in range(0, self.count, MOMENTS):
            yield self.components(tf.range(first, min(first + MOMENTS, self.count)))

    def _average(self, function):
        """Σₙ πₙ of a function of the components."""
        weights = tf.exp(self.log_weights)
        weights = [weights[first : first + MOMENTS] for first in range(0, self.count, MOMENTS)]
        parts = zip(weights, self.component_chunks(), strict=True)
        return tf.add_n([tf.tensordot(w, function(components), axes=1) for w, components in parts])

    def _batch_shape(self):
        return tf.TensorShape([])

    def _batch_shape_tensor(self):
        return tf.constant([], tf.int32)

    def _event_shape(self):
        return tf.TensorShape([self.size])

    def _event_shape_tensor(self):
        return tf.constant([self.size], tf.int32)

    def _sample_n(self, n, seed=None):
        which, where = tfp.random.split_seed(seed, 2)
        if self.logits is None:
            index = tf.random.stateless_uniform([n], which, maxval=self.count, dtype=tf.int32)
        else:
            index = tf.random.stateless_categorical(self.logits[None], n, which, dtype=tf.int32)[0]
        return self.components(index).sample(seed=where)

    def _log_prob(self, z):
        if z.shape[-1] not in (self.size, None):
            raise ValueError(f"Expected points of shape [..., {self.size}], got {list(z.shape)}.")
        points = tf.reshape(tf.cast(z, self.dtype), [-1, self.size])
        return tf.reshape(self._compiled(points), tf.shape(z)[:-1])

    def _points(self, z):
        """log density of points [P, d], a block of them after the other: [P]."""
        block, blocks = self._rough_block() if self.rough else self._block, -(-tf.shape(z)[0] // ROWS)
        results = tf.TensorArray(z.dtype, size=blocks, infer_shape=False, element_shape=[None])

        def step(i, results):
            points = z[i * ROWS : (i + 1) * ROWS]
            nowhere = tf.reduce_any(tf.math.is_nan(points), axis=-1)
            return i + 1, results.write(i, tf.where(nowhere, tf.constant(math.nan, self.dtype), block(points)))

        return tf.while_loop(lambda i, _: i < blocks, step, (0, results), parallel_iterations=2)[1].concat()

    def _rough_block(self):
        """A function from few points [R, d] to their log density [R]."""
        index, log_weights = self._indices(tf.range(-(-self.count // self.chunk) * self.chunk))
        factors, product, exact = rough(self.components(index), log_weights)

        def block(z):
            def step(first, log_sum):
                v = product(z, *(tensor[first : first + self.chunk] for tensor in factors))
                v = tf.ensure_shape(v, [None, self.chunk])
                return first + self.chunk, log_sum.plus(LogSum.of(v, True, first, compiled_sum_exp))

            log_sum = self._over_chunks(step, z, rough=True)
            log_prob, doubt = log_sum.corrected(exact(z, log_sum.indices))
            return tf.cond(tf.reduce_any(doubt > TOLERANCE), lambda: self._block(z), lambda: log_prob)

        return block

    def _block(self, z):
        """log density of few points [R, d], with a vector for each pair of a point and a component: [R]."""
        chunk = min(self.chunk, WIDE // ROWS)

        def step(first, log_sum):
            index, log_weights = self._indices(first + tf.range(chunk))
            v = tf.ensure_shape(pairwise_log_prob(self.components(index), z) + log_weights, [None, chunk])
            return first + chunk, log_sum.plus(LogSum.of(v, False, first))

        return self._over_chunks(step, z, rough=False).result()

    def _over_chunks(self, step, z, rough):
        start = (0, LogSum.of_nothing(z, rough))
        return tf.while_loop(lambda first, _: first < self.count, step, start, parallel_iterations=2)[1]

    def _indices(self, index):
        """Indices of components, and log π of them: −∞ for those over the last, which stand for none."""
        there = tf.minimum(index, self.count - 1)
        return there, tf.where(index < self.count, tf.gather(self.log_weights, there), -math.inf)


class AggregatedPosterior(StreamedMixture):
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


class CompressedPosterior(StreamedMixture):
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


def aggregated_posterior(vae, x, *, subsample=None, compress=None, chunk=None, seed=0, progress=True):
    """The aggregated posterior of data, q(z) = 1/N Σₙ q(z|xₙ), as a distribution: draw from it, take its density.

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
    """What the posteriors of data are made of, `posterior.params(h)`.

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
    """The `CompressedPosterior` of an aggregated one.

    Args:
        aggregated: an `AggregatedPosterior`.
        components: M.
        seed: of the clusters and of the draws.
        draws: of which `kl` is estimated.

    Raises:
        ValueError: the posteriors are not on the reals, so that normals do not fit them.
    """
    if aggregated.posterior.space != "reals":
        raise ValueError(
            f"Cannot compress posteriors '{name_of(aggregated.posterior)}' to normals, as they are on the "
            f"{aggregated.posterior.space}. Take a subsample instead."
        )
    made = CompressedPosterior(*_cluster_moments(aggregated, whole_number(components, "compress"), seed))
    if not aggregated.posterior.sequential:
        z = aggregated.sample(draws, seed=[seed, 0])
        lost = (aggregated.log_prob(z) - made.log_prob(z)).numpy()
        made.kl, made.kl_standard_error = float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(draws))
    return made


def _cluster_moments(aggregated, clusters, seed):
    """Share, mean and covariance of each cluster of components."""
    mean = np.concatenate([components.mean() for components in aggregated.component_chunks()])  # [N, L]
    cluster = np.arange(len(mean))  # k-means would not find all of so many
    if clusters < len(mean):
        cluster = KMeans(clusters, n_init=1, max_iter=50, random_state=seed).fit_predict(mean)
    cluster, counts = np.unique(cluster, return_inverse=True, return_counts=True)[1:]  # without empty ones
    loc = tf.math.unsorted_segment_sum(np.float64(mean), cluster, len(counts)).numpy() / counts[:, None]
    covariance, first = np.zeros((len(counts), aggregated.size, aggregated.size)), 0
    for components in aggregated.component_chunks():
        mine = slice(first, first := first + components.batch_shape[0])
        centred = mean[mine] - loc[cluster[mine]]
        second = components.covariance().numpy() + centred[:, :, None] * centred[:, None, :]
        covariance += tf.math.unsorted_segment_sum(second, cluster[mine], len(counts)).numpy()
    return counts / aggregated.count, loc, covariance / counts[:, None, None]
