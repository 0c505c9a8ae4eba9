"""Dataset: arrays, what they are, and how they are binarised."""

import itertools
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import tensorflow as tf

from training.data.lazy_arrays import Examples, Mapped
from training.data.memory import examples_within
from training.data.settings import Binarize
from zoo.data import support as supports

SEEN = 50_000  # examples, at most, that streamed data are seen by

PREFETCHED = 8  # batches that are made ahead

_SOURCES = {}


@dataclass(frozen=True)
class Dataset:
    """Examples in three parts.

    Args:
        name: its short name.
        support: what the values are: the name of a `zoo.data.support`.
        train, validation, test: arrays [N, *event_shape]; the first one may be `Examples`, which stay in their files.
        labels: of the test examples [N_test], where there are any; for pictures only.
        train_labels: of the training examples [N_train], where there are any; no VAE is trained on them.
        binarize: what has been done to grey levels; if "dynamic", the training examples still are grey
            levels in [0, 1], and are binarised anew in each batch.
        epochs: how long to train on it unless told otherwise.
        columns: names of the elements, if they are columns of a table.
        values: for data of one's own, what the values are before they are binarised.
        checksum: for data of one's own, what tells them from others.
        description: what was found, for the user.

    Raises:
        ValueError: the parts are of different shapes, empty, not finite, or out of the support, or the
            labels are not as many as the examples.
    """

    name: str
    support: str
    train: np.ndarray
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
        for part in ("train", "validation", "test"):
            x = getattr(self, part)
            if x.shape[1:] != self.event_shape:
                raise ValueError(
                    f"Expected examples of shape {list(self.event_shape)} as in the training data, "
                    f"but the {part} data of '{self.name}' have {list(x.shape[1:])}."
                )
            if isinstance(x, Examples):
                continue  # all of them were looked at when they were found
            support = "unit" if self.binarize == "dynamic" and part == "train" else self.support
            supports.check(x, support, f"the {part} data of '{self.name}'")
        self._check_labels("test", self.labels)
        self._check_labels("train", self.train_labels)

    def _check_labels(self, part, labels):
        n = len(getattr(self, part))
        if labels is not None and len(labels) != n:
            raise ValueError(f"Expected {n} labels of the {part} data, got {len(labels)}.")

    @property
    def event_shape(self):
        """Shape of one example."""
        return self.train.shape[1:]

    def seen(self, seed=0):
        """The training examples as a model sees them: zeros and ones if they are binarised dynamically, drawn once.

        Of streamed examples they are a random choice that fits into memory: 50,000 at most, and 1 GiB.

        Args:
            seed: of the draws.

        Returns:
            Array [N, *event_shape].
        """
        x, rng = self.train, np.random.default_rng(seed)
        if isinstance(x, Examples):
            x = x[np.sort(rng.permutation(len(x))[: examples_within(x.shape, SEEN)])]
        return drawn(x, rng) if self.binarize == "dynamic" else x

    def batches(self, batch_size, seed, first_step=0, replicas=1, workers=1, worker=0):
        """Training batches without end: epoch after epoch, each in an order of its own.

        Everything is a function of the seed and of the epoch's or the step's number, whatever the number of
        replicas: their shares, put together, are the batch that one replica gets.

        Args:
            batch_size: B, of all replicas together; the rest of an epoch that fills no batch is left out.
            seed: an integer.
            first_step: how many steps to leave out, those of earlier epochs included.
            replicas: R, on all workers; on each the same number.
            workers: W.
            worker: whose batches, from 0 to W − 1.

        Returns:
            A tf.data.Dataset of float32 [B / R, *event_shape], for each step the shares of this worker's replicas.

        Raises:
            ValueError: the batch cannot be shared, or is larger than an epoch.
        """
        steps, share = self.steps(batch_size), shared(batch_size, replicas)
        streamed = isinstance(self.train, Examples)
        gather = self.train.gather if streamed else partial(tf.gather, tf.constant(self.train))
        mine = slice(worker * (batch_size // workers), (worker + 1) * (batch_size // workers))

        def epoch(number):
            order = tf.random.experimental.stateless_shuffle(
                tf.range(len(self.train), dtype=tf.int64), _seed(seed, number, "order")
            )
            indices = tf.reshape(order[: steps * batch_size], [steps, batch_size])[:, mine]
            return tf.data.Dataset.from_tensor_slices(indices)

        def batch(step, indices):
            values = tf.ensure_shape(tf.cast(gather(indices), tf.float32), [batch_size // workers, *self.event_shape])
            if self.binarize != "dynamic":
                return values
            noise = tf.random.stateless_uniform([batch_size, *self.event_shape], _seed(seed, step, "noise"))
            return tf.cast(noise[mine] < values, tf.float32)

        numbers = tf.data.Dataset.counter(first_step // steps, dtype=tf.int64)
        indices = numbers.flat_map(epoch).enumerate(first_step // steps * steps).skip(first_step % steps)
        batches = indices.map(
            batch, **({"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True} if streamed else {})
        )
        batches = batches if replicas == workers else batches.rebatch(share)
        return batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(PREFETCHED)

    def validation_batches(self, batch_size, replicas=1, workers=1, worker=0):
        """The validation examples over and over, in batches as equal as can be, with something for each replica.

        Args:
            batch_size: of all replicas together, at most.
            replicas, workers, worker: see `batches`.

        Returns:
            A tf.data.Dataset of float32 [b, *event_shape], for each step the shares of this worker's replicas.

        Raises:
            ValueError: there are fewer examples than replicas.
        """
        shares = np.array_split(self.validation, replicas * self.validation_steps(batch_size, replicas))
        local = replicas // workers
        mine = [x for i, x in enumerate(shares) if i % replicas // local == worker]
        spec = tf.TensorSpec([None, *self.event_shape], tf.float32)
        batches = tf.data.Dataset.from_generator(lambda: map(np.float32, itertools.cycle(mine)), output_signature=spec)
        return batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)).prefetch(2)

    def validation_steps(self, batch_size, replicas=1):
        """How many batches the validation examples fill.

        Args:
            batch_size, replicas: see `validation_batches`.

        Raises:
            ValueError: there are fewer examples than replicas.
        """
        if len(self.validation) < replicas:
            raise ValueError(
                f"Expected validation examples for each of {replicas} replicas, got {len(self.validation)}."
            )
        return -(-len(self.validation) // max(batch_size, replicas))

    def steps(self, batch_size):
        """How many batches an epoch has.

        Raises:
            ValueError: not even one.
        """
        if not 1 <= batch_size <= len(self.train):
            raise ValueError(f"Expected a --batch-size from 1 to {len(self.train)}, got {batch_size}.")
        return len(self.train) // batch_size


def shared(batch_size, replicas):
    """How many examples of a batch a replica gets.

    Raises:
        ValueError: not all would get as many.
    """
    if batch_size % replicas:
        raise ValueError(
            f"Expected a batch size that {replicas} replicas can share, got {batch_size}. "
            f"Name a multiple of {replicas} with --batch-size."
        )
    return batch_size // replicas


def _seed(seed, number, use):
    """A seed of its own for each use, lest an epoch's order and a batch's noise be made of the same bits."""
    return tf.random.fold_in([tf.constant(seed, tf.int64), number], {"order": 1, "noise": 2}[use])


def binarized(dataset, how, seed=0):
    """A data set of zeros and ones from one of grey levels in [0, 1].

    Args:
        dataset: a `Dataset` of support unit or binary.
        how: "none" leaves it as it is; "static" puts a one where a value is over ½; "dynamic" draws it
            with the value as its probability: training examples anew for each batch, the others
            once, from `seed`.

    Raises:
        ValueError: the values are not in [0, 1], or are binary and so cannot be drawn anew.
    """
    if how in ("none", dataset.binarize):
        return dataset
    if how == "static" and dataset.support == "binary":
        return replace(dataset, binarize="static")
    if dataset.support != "unit":
        raise ValueError(
            f"Data set '{dataset.name}' has support '{dataset.support}', and only 'unit' can be binarised ({how}). "
            f"Leave binarize out."
        )
    if how == "static":
        parts = {part: _threshold(getattr(dataset, part)) for part in ("train", "validation", "test")}
        return replace(dataset, support="binary", binarize="static", **parts)
    draws = np.random.default_rng(seed)
    held_out = {part: drawn(getattr(dataset, part), draws) for part in ("validation", "test")}
    return replace(dataset, support="binary", binarize="dynamic", **held_out)


def _threshold(x):
    if isinstance(x, Examples):
        return Mapped(x, lambda values: values > 0.5, np.uint8)
    return (x > 0.5).astype(np.uint8)


def drawn(x, draws):
    """Zeros and ones by chance.

    Args:
        x: their probabilities, an array of any shape.
        draws: a NumPy generator.

    Returns:
        uint8 array of the shape of x.
    """
    return (draws.random(x.shape, dtype=np.float32) < x).astype(np.uint8)


def source(binarize="none"):
    """A decorator that makes a function of `data_dir` known as a data set.

    Args:
        binarize: how it is binarised unless told otherwise.
    """

    def add(function):
        _SOURCES[function.__name__] = (function, binarize)
        return function

    return add


def dataset_names():
    """The names of all data sets."""
    return sorted(_SOURCES)


def load_dataset(name, binarize=None, data_dir=None):
    """A data set by name.

    Args:
        name: one of `dataset_names()`.
        binarize: none, static or dynamic; None for what the data set is known by.
        data_dir: folder with the original files; None for `ZOO_DATA_DIR` or, without that, the cache
            folder, into which they are downloaded.

    Raises:
        KeyError: no such data set.
        ValueError: it cannot be binarised so, or a file is damaged.
        FileNotFoundError: a file is missing in `data_dir`.
    """
    if name not in _SOURCES:
        raise KeyError(
            f"No data set '{name}'. Known: {', '.join(dataset_names())}; or name a file or folder, ./{name}."
        )
    function, usual = _SOURCES[name]
    return binarized(function(data_dir), usual if binarize is None else binarize)
