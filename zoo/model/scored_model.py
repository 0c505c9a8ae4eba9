"""How well a model explains examples: log p(x) and its bounds, in parts that fit into memory."""

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from zoo.checks import seed_number, whole_number
from zoo.data import support as supports
from zoo.model.scores import Scores, estimate, merged
from zoo.model.train_step import SteppedModel

MOST = 10_000_000  # draws for an example
POINTS = 10_000  # latent points that are decoded at once, on each replica


class ScoredModel(SteppedModel):
    """A model whose `terms` give log p(x), estimated on all replicas of the strategy that it was made in."""

    def log_likelihood(self, x, samples=1000, seed=0, progress=False):
        """log p(x) of each example, the `log_likelihood` of `score`.

        Args:
            x, samples, seed, progress: see `score`.

        Returns:
            Array [N], nats.
        """
        return self.score(x, samples, seed, progress).log_likelihood

    def score(self, x, samples=1000, seed=0, progress=False):
        """How well the model explains each example, estimated from K draws zₖ of q(z|x).

        Args:
            x: data [N, *x].
            samples: K.
            seed: an integer; the same one gives the same draws.
            progress: whether to show a progress bar.

        Returns:
            `Scores`, arrays [N].

        Raises:
            ValueError: `x` is no data of this model, or `samples` is under 1.
        """
        samples, seed = whole_number(samples, "samples", below=MOST + 1), seed_number(seed)
        x = np.asarray(supports.as_examples(x))
        supports.check_examples(x, self.event_shape, self.support)
        parts, chunks = -(-samples // POINTS), []
        sizes = [samples // parts + (i < samples % parts) for i in range(parts)]
        rows, replicas = min(len(x), max(1, POINTS // samples)), self.distribute_strategy.num_replicas_in_sync
        starts = range(0, len(x), rows)
        for first in tqdm(starts[::replicas], desc="log p(x)", disable=not progress, leave=False):
            of_replicas = [first + rows * replica for replica in range(replicas)]
            parts = [
                self._on_replicas(
                    # The last rows take others along, so that all chunks are of one size and compile once.
                    [x[np.minimum(np.arange(start, start + rows), len(x) - 1)] for start in of_replicas],
                    size,
                    [[seed, start + i * len(x)] for start in of_replicas],
                )
                for i, size in enumerate(sizes)
            ]
            chunks += [merged(of_chunk, sizes) for of_chunk in zip(*parts, strict=True)]
        return Scores(*(np.concatenate(values)[: len(x)] for values in zip(*chunks, strict=True)))

    def _on_replicas(self, chunks, samples, seeds):
        """The scores of a chunk [b, *x] on each replica, from as many draws, by a seed for each: a list of `Scores`."""
        strategy = self.distribute_strategy
        x, seed = (
            strategy.experimental_distribute_values_from_function(
                lambda context, values=values: tf.constant(values[context.replica_id_in_sync_group])
            )
            for values in (chunks, np.int32(seeds))
        )
        of_replicas = map(strategy.experimental_local_results, self._estimate(x, samples, seed))
        return [Scores(*(value.numpy() for value in scores)) for scores in zip(*of_replicas, strict=True)]

    @tf.function  # without XLA: large products on the CPU take it twice as long
    def _estimate(self, x, samples, seed):
        def estimated(x, seed):
            return estimate(self.terms(x, samples, seed))

        return self.distribute_strategy.run(estimated, args=(x, seed))
