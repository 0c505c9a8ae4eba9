"""The refinement of the posteriors of examples, in chunks that fit into memory."""

from functools import partial
from itertools import pairwise

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.data import support as supports
from zoo.model import forward, scores
from zoo.model.refinement import families
from zoo.model.refinement.ascent import EVALUATION_DRAWS, Ascent, advance, begin, keep_best
from zoo.model.refinement.bound import elbo, log_joint
from zoo.objectives.objective import no_statistic

COMPARISONS = 10  # how often the current parameters are compared with the best ones
POINTS_PER_CHUNK = 10_000  # latent points that are decoded at once


class Refiner:
    """Refines q(z|x) of a model within a family; each function is compiled once, for any number of examples.

    Args:
        vae: a `zoo.VAE`.
        spec: spec of the family; None for the model's own.
        samples: draws per example and step.
    """

    def __init__(self, vae, spec, samples):
        self.vae, self.family, self.samples = vae, families.family(vae, spec), samples
        x, h, seed = (
            tf.TensorSpec([None, *vae.event_shape], vae.variable_dtype),
            tf.TensorSpec([None, *vae.encoder.output_shape[1:]], vae.posterior.compute_dtype),
            tf.TensorSpec([2], tf.int32),
        )
        dtype, size = self.family.layer.compute_dtype, families.params_size(vae, self.family)
        params, number = tf.TensorSpec([None, size], dtype), tf.TensorSpec([None], dtype)
        state = Ascent(params, params, params, params, number)
        steps, rate = tf.TensorSpec([3], tf.int32), tf.TensorSpec([], dtype)
        self.features = tf.function(vae.features, input_signature=[x])
        self.amortized = tf.function(self._amortized, input_signature=[x, h, seed])
        self.improve = tf.function(self._improve, input_signature=[x, state, steps, rate, seed, seed])
        self.estimate = tf.function(self._estimate)

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
        rate = tf.constant(learning_rate, self.family.layer.compute_dtype)
        seeds = tf.constant([seed, 0], tf.int32), tf.constant([seed, 1], tf.int32)
        stops = np.linspace(0, steps, min(steps, COMPARISONS) + 1).astype(np.int32)
        rows, chunks = rows_per_chunk(EVALUATION_DRAWS), []
        with tqdm(total=-(-len(x) // rows) * steps, desc="refine", disable=not progress, leave=False) as bar:
            for batch in (tf.constant(x[start : start + rows]) for start in range(0, len(x), rows)):
                h = self.features(batch)
                state, improve = begin(families.start(self.vae, self.family, h)), partial(self.improve, batch)
                state = improve(state, tf.constant([0, 0, steps]), rate, *seeds)  # evaluates the initial parameters
                before = state.bound if self.family.contains else self.amortized(batch, h, seeds[1])
                for first, last in pairwise(stops):
                    state = improve(state, tf.constant([first, last, steps]), rate, *seeds)
                    bar.update(int(last - first))
                chunks.append((state.best.numpy(), state.bound.numpy(), before.numpy()))
        return tuple(np.concatenate(values) for values in zip(*chunks, strict=True))

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
        rows, chunks = min(len(x), rows_per_chunk(samples)), []
        for start in tqdm(range(0, len(x), rows), desc="log p(x)", disable=not progress, leave=False):
            # The last chunk is padded with the last example, so that all chunks have one shape and compile once.
            chosen = np.minimum(np.arange(start, start + rows), len(x) - 1)
            seeds = [tf.constant([seed, start + i * len(x)], tf.int32) for i in range(parts)]
            found = [self.estimate(x[chosen], params[chosen], n, s) for n, s in zip(sizes, seeds, strict=True)]
            found = [scores.Scores(*(value.numpy() for value in part)) for part in found]
            chunks.append(scores.merge_scores(found, sizes))
        return scores.Scores(*(np.concatenate(values)[: len(x)] for values in zip(*chunks, strict=True)))

    def _amortized(self, x, h, seed):
        """Returns the ELBO of the encoder's q(z|x), from the features of data."""
        own = self.vae.posterior
        return elbo(self._log_joint(x), own, own.params(h), EVALUATION_DRAWS, seed)

    def _improve(self, x, state, steps, learning_rate, seed, comparison_seed):
        """Takes some steps, and keeps what is better: see `zoo.model.refinement.ascent.advance`."""
        joint, layer = self._log_joint(x), self.family.layer
        state = advance(joint, layer, state, steps, learning_rate, self.samples, seed)
        return keep_best(joint, layer, state, EVALUATION_DRAWS, comparison_seed)

    def _estimate(self, x, params, samples, seed):
        """Estimates the `Scores` of a chunk. Takes the arguments of `score`."""

        def sample(posterior, h, seed):
            q = self.family.layer.distribution(params)
            return q, *q.experimental_sample_and_log_prob(samples, seed=seed), None

        return scores.estimate(forward.terms(self.vae, x, sample, no_statistic, seed))

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


def rows_per_chunk(draws):
    """Returns the maximum number of examples in a chunk, with that many latent points each."""
    return max(1, POINTS_PER_CHUNK // draws)


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
