"""Dataset: examples for training, validation and test, and the batches that are made of them."""

import itertools
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from training.data.binarization import drawn
from training.data.memory import examples_within
from training.data.settings import Binarize
from zoo.data import support as supports
from zoo.data.lazy_arrays import LazyArray, as_lazy
from zoo.data.pipelines import untuned

MAX_SEEN = 50_000  # examples, at most, that `seen` chooses from streamed data
PREFETCHED = 8  # batches that are made ahead


@dataclass(frozen=True)
class Dataset:
    """Examples in three parts.

    Args:
        name: its short name.
        support: what the values are: the name of a `zoo.data.support`.
        train: training examples [N, *event_shape], an array or a `LazyArray`; kept as a `LazyArray`.
        validation: array [N_validation, *event_shape].
        test: array [N_test, *event_shape].
        labels: of the test examples [N_test], or None; for pictures only.
        train_labels: of the training examples [N], or None; no VAE is trained on them.
        binarize: what has been done to gray levels; if "dynamic", the training examples still are gray
            levels in [0, 1], and are binarized again in each batch.
        epochs: default number of epochs to train on it.
        columns: names of the elements, if they are columns of a table.
        values: for user data, what the values are before they are binarized.
        checksum: for user data, what tells them from others.
        description: what was read, for the user.

    Raises:
        ValueError: The parts are of different shapes, empty, not finite, or out of the support, or the
            labels are not as many as the examples.
    """

    name: str
    support: str
    train: LazyArray
    validation: np.ndarray
    test: np.ndarray
    labels: np.ndarray | None = None
    train_labels: np.ndarray | None = None
    binarize: Binarize = "none"
    epochs: int = 100
    columns: tuple[str, ...] | None = None
    values: str | None = None
    checksum: str | None = None
    description: str = ""

    def __post_init__(self):
        object.__setattr__(self, "train", as_lazy(self.train))
        for part in ("train", "validation", "test"):
            self._check_part(part, getattr(self, part))
        self._check_labels("test", self.labels)
        self._check_labels("train", self.train_labels)

    def _check_part(self, part, x):
        if x.shape[1:] != self.event_shape:
            raise ValueError(
                f"Expected examples of shape {list(self.event_shape)} as in the training data, "
                f"but the {part} data of '{self.name}' have {list(x.shape[1:])}."
            )
        if part == "train" and x.streamed:
            return  # all of them were checked by the scan
        sampled = self.binarize == "dynamic" and part == "train"  # from gray levels, for each batch
        support = supports.before_binarization(self.support) if sampled else self.support
        supports.check(x[:], support, f"the {part} data of '{self.name}'")

    def _check_labels(self, part, labels):
        n = len(getattr(self, part))
        if labels is not None and len(labels) != n:
            raise ValueError(f"Expected {n} labels of the {part} data, got {len(labels)}.")

    @property
    def event_shape(self):
        """Shape of one example."""
        return self.train.shape[1:]

    def seen(self, seed=0):
        """Returns the training examples as a model sees them: if binarized dynamically, zeros and ones, drawn once.

        Of streamed examples it is a random choice that fits into memory: 50,000 at most, and 1 GiB.

        Args:
            seed: of the choice and the draws.

        Returns:
            Array [N, *event_shape].
        """
        x, rng = self.train, np.random.default_rng(seed)
        x = x[np.sort(rng.permutation(len(x))[: examples_within(x.shape, MAX_SEEN)])] if x.streamed else x[:]
        return drawn(x, rng) if self.binarize == "dynamic" else x

    def batches(self, batch_size, seed, first_step=0, replicas=1, workers=1, worker=0):
        """Returns training batches without end: epoch after epoch, each shuffled.

        Everything is a function of the seed and of the epoch's or the step's number, whatever the number of
        replicas: their shares concatenated are the batch that one replica gets.

        Args:
            batch_size: B, of all replicas together; the rest of an epoch that fills no batch is left out.
            seed: an integer.
            first_step: number of steps to skip, those of earlier epochs included.
            replicas: R, on all workers; on each the same number.
            workers: W.
            worker: index of the worker, from 0 to W − 1.

        Returns:
            A tf.data.Dataset of float32 [B / R, *event_shape], for each step the shares of this worker's replicas.

        Raises:
            ValueError: The batch cannot be shared, or is larger than an epoch.
        """
        steps, share = self.steps(batch_size), shared(batch_size, replicas)
        mine = slice(worker * (batch_size // workers), (worker + 1) * (batch_size // workers))

        def epoch(number):
            order = tf.random.experimental.stateless_shuffle(
                tf.range(len(self.train), dtype=tf.int64), _seed(seed, number, "order")
            )
            indices = tf.reshape(order[: steps * batch_size], [steps, batch_size])[:, mine]
            return tf.data.Dataset.from_tensor_slices(indices)

        def batch(step, indices):
            values = tf.ensure_shape(
                tf.cast(self.train.gather(indices), tf.float32), [batch_size // workers, *self.event_shape]
            )
            if self.binarize != "dynamic":
                return values
            noise = tf.random.stateless_uniform([batch_size, *self.event_shape], _seed(seed, step, "noise"))
            return tf.cast(noise[mine] < values, tf.float32)

        numbers = tf.data.Dataset.counter(first_step // steps, dtype=tf.int64)
        indices = numbers.flat_map(epoch).enumerate(first_step // steps * steps).skip(first_step % steps)
        parallel = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True} if self.train.streamed else {}
        batches = indices.map(batch, **parallel)
        batches = batches if replicas == workers else batches.rebatch(share)
        return _endless(batches, PREFETCHED)

    def validation_batches(self, batch_size, replicas=1, workers=1, worker=0):
        """Returns the validation examples over and over, in batches of almost equal size, some for each replica.

        Args:
            batch_size: of all replicas together, at most.
            replicas: R, see `batches`.
            workers: W.
            worker: index of the worker.

        Returns:
            A tf.data.Dataset of float32 [b, *event_shape], for each step the shares of this worker's replicas.

        Raises:
            ValueError: There are fewer examples than replicas.
        """
        shares = np.array_split(self.validation, replicas * self.validation_steps(batch_size, replicas))
        local = replicas // workers
        mine = [x for i, x in enumerate(shares) if i % replicas // local == worker]
        spec = tf.TensorSpec([None, *self.event_shape], tf.float32)
        batches = tf.data.Dataset.from_generator(lambda: map(np.float32, itertools.cycle(mine)), output_signature=spec)
        return _endless(batches, 2)

    def validation_steps(self, batch_size, replicas=1):
        """Returns how many batches the validation examples fill.

        Args:
            batch_size: of all replicas together, at most.
            replicas: R.

        Raises:
            ValueError: There are fewer examples than replicas.
        """
        if len(self.validation) < replicas:
            raise ValueError(
                f"Expected validation examples for each of {replicas} replicas, got {len(self.validation)}."
            )
        return -(-len(self.validation) // max(batch_size, replicas))

    def steps(self, batch_size):
        """Returns how many batches an epoch has.

        Args:
            batch_size: of all replicas together.

        Raises:
            ValueError: There is none.
        """
        if not 1 <= batch_size <= len(self.train):
            raise ValueError(f"Expected a --batch-size from 1 to {len(self.train)}, got {batch_size}.")
        return len(self.train) // batch_size


def shared(batch_size, replicas):
    """Returns how many examples of a batch a replica gets.

    Args:
        batch_size: of all replicas together.
        replicas: R.

    Raises:
        ValueError: They cannot get equally many.
    """
    if batch_size % replicas:
        raise ValueError(
            f"Expected a batch size that {replicas} replicas can share, got {batch_size}. "
            f"Name a multiple of {replicas} with --batch-size."
        )
    return batch_size // replicas


def _endless(batches, prefetched):
    """Returns batches without end, of which some are made ahead."""
    infinite = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return untuned(batches.apply(infinite).prefetch(prefetched))


def _seed(seed, number, use):
    """Returns a seed for one use: an epoch's order and a batch's noise must not be made of the same bits."""
    return tf.random.fold_in([tf.constant(seed, tf.int64), number], {"order": 1, "noise": 2}[use])
