"""The refinement of the posteriors of examples, in chunks that fit into memory."""

from functools import partial
from itertools import pairwise

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.data import support as supports
from zoo.model import forward, scores
from zoo.model.refinement import families
from zoo.model.refinement.ascent import advance, begin, keep_best
from zoo.model.refinement.bound import elbo, log_joint
from zoo.objectives.objective import no_statistic

EVALUATION_DRAWS = 200  # per example, that parameters are compared by
COMPARISONS = 10  # how often the current parameters are compared with the best ones
POINTS_PER_CHUNK = 10_000  # latent points that are decoded at once


class Refiner:
    """Refines q(z|x) of a model within a family; each function is compiled once.

    Args:
        vae: a `zoo.VAE`.
        spec: spec of the family; None for the model's own.
        samples: draws per example and step.
    """

    def __init__(self, vae, spec, samples):
        self.vae, self.family, self.samples = vae, families.family(vae, spec), samples

    def refine(self, x, steps, learning_rate, seed, progress):
        """Refines q(z|x) of all examples.

        Args:
            x: data [N, *x].
            steps: number of steps.
            learning_rate: that of the first step.
            seed: an integer.
            progress: whether to show a progress bar.

        Returns:
            Refined parameters [N, P], their ELBO [N] and that of the encoder's q(z|x) [N].
        """
        seeds, rate = tf.constant([[seed, 0], [seed, 1]], tf.int32), tf.constant(learning_rate, self._dtype)
        stops = np.linspace(0, steps, min(steps, COMPARISONS) + 1).astype(np.int32)
        rows = chunk_rows(len(x), EVALUATION_DRAWS)
        chunks = []
        with tqdm(total=-(-len(x) // rows) * steps, desc="refine", disable=not progress, leave=False) as bar:
            for batch in padded_chunks(x, rows):
                state, before = self.start(batch, seeds[1])
                for first, last in pairwise(stops):
                    state = self.improve(batch, state, tf.constant([first, last, steps]), rate, seeds)
                    bar.update(int(last - first))
                chunks.append((state.best.numpy(), state.bound.numpy(), before.numpy()))
        return tuple(np.concatenate(values)[: len(x)] for values in zip(*chunks, strict=True))

    def score(self, x, params, samples, seed, progress):
        """Estimates the `Scores` of examples from draws of the refined q(z|x).

        Args:
            x: data [N, *x].
            params: parameters of q(z|x) [N, P].
            samples: K, importance samples per example.
            seed: an integer.
            progress: whether to show a progress bar.
        """
        parts = -(-samples // POINTS_PER_CHUNK)
        sizes = [samples // parts + (i < samples % parts) for i in range(parts)]
        rows, chunks = chunk_rows(len(x), samples), []
        pairs = list(zip(padded_chunks(x, rows), padded_chunks(params, rows), strict=True))
        for start, pair in enumerate(tqdm(pairs, desc="log p(x)", disable=not progress, leave=False)):
            seeds = [tf.constant([seed, start * rows + i * len(x)], tf.int32) for i in range(parts)]
            found = [self.estimate(*pair, size, s) for size, s in zip(sizes, seeds, strict=True)]
            found = [scores.Scores(*(value.numpy() for value in part)) for part in found]
            chunks.append(scores.merge_scores(found, sizes))
        return scores.Scores(*(np.concatenate(values)[: len(x)] for values in zip(*chunks, strict=True)))

    def start(self, x, seed):
        """Returns the `Ascent` of examples before the first step, and the ELBO of the encoder's q(z|x).

        Args:
            x: data [B, *x].
            seed: int32 [2].
        """
        h = self.features(x)
        state = self.begin(x, families.start(self.vae, self.family, h), seed)
        return state, state.bound if self.family.contains else self.amortized(x, h, seed)

    @tf.function
    def features(self, x):
        """Returns the encoder's features of data [B, *x]."""
        return self.vae.features(x)

    @tf.function
    def amortized(self, x, h, seed):
        """Returns the ELBO of the encoder's q(z|x), from the features of data."""
        own = self.vae.posterior
        return elbo(self._log_joint(x), own, own.params(h), EVALUATION_DRAWS, seed)

    @tf.function
    def begin(self, x, params, seed):
        """Returns `zoo.model.refinement.ascent.begin` of data."""
        return begin(self._log_joint(x), self.family.layer, params, EVALUATION_DRAWS, seed)

    @tf.function
    def improve(self, x, state, steps, learning_rate, seeds):
        """Takes some steps, and keeps what is better: see `zoo.model.refinement.ascent.advance`.

        Args:
            x: data [B, *x].
            state: `Ascent`.
            steps: numbers of the first step and of the one after the last, and of all steps, int32 [3].
            learning_rate: as in `advance`.
            seeds: of the steps and of the comparison, int32 [2, 2].
        """
        joint, layer = self._log_joint(x), self.family.layer
        state = advance(joint, layer, state, steps, learning_rate, self.samples, seeds[0])
        return keep_best(joint, layer, state, EVALUATION_DRAWS, seeds[1])

    @tf.function
    def estimate(self, x, params, samples, seed):
        """Estimates the `Scores` of a chunk. Takes the arguments of `score`."""

        def sample(posterior, h, seed):
            q = self.family.layer.distribution(params)
            return q, *q.experimental_sample_and_log_prob(samples, seed=seed), None

        return scores.estimate(forward.terms(self.vae, x, sample, no_statistic, seed))

    @property
    def _dtype(self):
        return self.family.layer.compute_dtype

    def _log_joint(self, x):
        vae = self.vae
        return partial(log_joint, vae, vae.prior(encode=vae.posterior_at), x)


class Refiners:
    """The refiners of a model, each compiled once. A plain object, because Keras would track the layers in it.

    Args:
        vae: a `zoo.VAE`.
    """

    def __init__(self, vae):
        self._vae, self._made = vae, {}

    def get(self, spec, samples):
        """Returns the `Refiner` of a family.

        Args:
            spec: its spec; None for the model's own.
            samples: draws per example and step.

        Raises:
            KeyError, ValueError: see `zoo.model.refinement.families.family`.
        """
        key = (repr(spec), samples, self._vae.lora.key)
        if key not in self._made:
            self._made[key] = Refiner(self._vae, spec, samples)
        return self._made[key]


def chunk_rows(count, draws):
    """Returns the number of examples of a chunk.

    Args:
        count: number of all examples.
        draws: latent points of each.
    """
    return min(count, max(1, POINTS_PER_CHUNK // draws))


def padded_chunks(values, rows):
    """Yields chunks of rows, the last one padded with the last row, so that all have one shape and compile once.

    Args:
        values: array [N, ...].
        rows: number of rows in a chunk.
    """
    for start in range(0, len(values), rows):
        yield tf.constant(values[np.minimum(np.arange(start, start + rows), len(values) - 1)])


def examples(vae, x):
    """Returns data as an array [N, *x].

    Args:
        vae: a `zoo.VAE`.
        x: data [N, *x].

    Raises:
        ValueError: `x` has another shape or support than the model's.
    """
    x = np.asarray(supports.as_examples(x))
    supports.check_examples(x, vae.event_shape, vae.support)
    return np.asarray(x, vae.variable_dtype)
