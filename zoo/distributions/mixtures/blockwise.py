"""Mixtures of many components, with densities computed block by block."""

import math
from functools import partial

import tensorflow as tf

from zoo.checks import check_int
from zoo.distributions.mixtures.log_sum import GROUP_SIZE, TOP_COMPONENTS, LogSum, sum_exp
from zoo.distributions.mixtures.mixture import has_matmul_log_prob, matmul_log_prob, pairwise_log_prob
from zoo.probability import tfd, tfp

BLOCK_POINTS = 512  # points per block
MATMUL_BLOCK_PAIRS = 2**23  # pairs of point and component per block, for families with `matmul_log_prob`
TOLERANCE = 5e-4  # nats; blocks with a larger error bound are recomputed without matrix products
BLOCK_PAIRS = 2**17  # pairs per block for other families, which need a vector for each pair
MOMENT_COMPONENTS = 2_000  # components whose covariances are in memory at once

compiled_sum_exp = tf.function(sum_exp, jit_compile=True, autograph=False)


class BlockwiseMixture(tfd.Distribution):
    """Σₙ πₙ pₙ(z) over many components, with densities computed in blocks of points × components.

    The density includes all components; its memory does not grow with points × components. Mean and covariance are
    exact.

    Args:
        tensors: list of the components' parameters, each [N, ...].
        family: function from such tensors to a distribution whose batch axes are their first axes.
        logits: log πₙ [N], up to a constant; None for equal weights.
        chunk: number of components per block; None for a default that depends on the family.
        parameters: constructor arguments of a subclass, for `copy`.
    """

    def __init__(self, tensors, family, logits=None, chunk=None, name="BlockwiseMixture", parameters=None):
        parameters = dict(locals()) if parameters is None else parameters
        self.tensors, self.family, self.logits = tensors, family, logits
        first = self.components([0, 0])
        self.uses_matmul, (self.size,) = has_matmul_log_prob(first), first.event_shape
        self.count = tensors[0].shape[0]
        pairs = MATMUL_BLOCK_PAIRS if self.uses_matmul else BLOCK_PAIRS
        largest = pairs // BLOCK_POINTS if chunk is None else check_int(chunk, "chunk")
        self.chunk = -(-self.count // -(-self.count // largest))  # blocks of about equal size
        self.chunk += -self.chunk % GROUP_SIZE if self.chunk > GROUP_SIZE else 0
        self.uses_matmul &= self.chunk > 2 * TOP_COMPONENTS
        signature = [tf.TensorSpec([None, self.size], first.dtype)]
        # A new partial for each mixture: with the method itself, TensorFlow would warn of retracing.
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
        """Returns the components at indices [...], an int tensor, as a distribution of batch shape [...]."""
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
            centered = components.mean() - mean
            return components.covariance() + centered[:, :, None] * centered[:, None, :]

        return self._average(second)

    def _variance(self):
        return tf.linalg.diag_part(self.covariance())

    def _stddev(self):
        return tf.sqrt(self.variance())

    def component_chunks(self):
        """Yields the components in order, in chunks, each a batched distribution."""
        for first in range(0, self.count, MOMENT_COMPONENTS):
            yield self.components(tf.range(first, min(first + MOMENT_COMPONENTS, self.count)))

    def _average(self, function):
        """Returns Σₙ πₙ f(component n)."""
        weights = tf.exp(self.log_weights)
        weights = [weights[first : first + MOMENT_COMPONENTS] for first in range(0, self.count, MOMENT_COMPONENTS)]
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
        """Computes the log-density [P] of points [P, d], block by block."""
        block, blocks = self._matmul_block() if self.uses_matmul else self._block, -(-tf.shape(z)[0] // BLOCK_POINTS)
        results = tf.TensorArray(z.dtype, size=blocks, infer_shape=False, element_shape=[None])

        def step(i, results):
            points = z[i * BLOCK_POINTS : (i + 1) * BLOCK_POINTS]
            nowhere = tf.reduce_any(tf.math.is_nan(points), axis=-1)
            return i + 1, results.write(i, tf.where(nowhere, tf.constant(math.nan, self.dtype), block(points)))

        return tf.while_loop(lambda i, _: i < blocks, step, (0, results), parallel_iterations=2)[1].concat()

    def _matmul_block(self):
        """Returns a function from a block of points [R, d] to their log-density [R]."""
        index, log_weights = self._indices(tf.range(-(-self.count // self.chunk) * self.chunk))
        factors, product, exact = matmul_log_prob(self.components(index), log_weights)

        def block(z):
            def step(first, log_sum):
                v = product(z, *(tensor[first : first + self.chunk] for tensor in factors))
                v = tf.ensure_shape(v, [None, self.chunk])
                return first + self.chunk, log_sum.merge(LogSum.from_block(v, True, first, compiled_sum_exp))

            log_sum = self._over_chunks(step, z, approximate=True)
            log_prob, error_bound = log_sum.corrected(exact(z, log_sum.top_indices))
            return tf.cond(tf.reduce_any(error_bound > TOLERANCE), lambda: self._block(z), lambda: log_prob)

        return block

    def _block(self, z):
        """Computes the log-density [R] of a block of points [R, d], with a vector per pair of point and component."""
        chunk = min(self.chunk, BLOCK_PAIRS // BLOCK_POINTS)

        def step(first, log_sum):
            index, log_weights = self._indices(first + tf.range(chunk))
            v = tf.ensure_shape(pairwise_log_prob(self.components(index), z) + log_weights, [None, chunk])
            return first + chunk, log_sum.merge(LogSum.from_block(v, False, first))

        return self._over_chunks(step, z, approximate=False).result()

    def _over_chunks(self, step, z, approximate):
        start = (0, LogSum.empty(z, approximate))
        return tf.while_loop(lambda first, _: first < self.count, step, start, parallel_iterations=2)[1]

    def _indices(self, index):
        """Clips indices to valid components, and returns them and log π, −∞ for indices past the last component."""
        valid = tf.minimum(index, self.count - 1)
        return valid, tf.where(index < self.count, tf.gather(self.log_weights, valid), -math.inf)
