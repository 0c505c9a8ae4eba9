"""Features of examples that sample quality is measured in: the last hidden layer of a small classifier."""

from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from tqdm import tqdm

from training.data.binarization import drawn
from training.data.memory import examples_within
from zoo.checks import check_seed
from zoo.data import support as supports

EXAMPLES, STEPS, BATCH, CLUSTERS = 20_000, 600, 100, 10
CHUNK = 1000  # examples at a time


@dataclass(frozen=True)
class Features:
    """Features of a small classifier: a function x [N, *x] ↦ float32 [N, F], F = 64.

    Args:
        network: Keras model from x [B, *x] to the last hidden layer [B, F].
        classes: number of classes.
        source: of the classes, in words.
        accuracy: of the classifier, on held-out training examples.
    """

    network: keras.Model
    classes: int
    source: str
    accuracy: float

    def __call__(self, x):
        """Returns the features of examples.

        Args:
            x: examples [N, *x], N ≥ 1, scaled as those of the data set.

        Returns:
            float32 array [N, F].

        Raises:
            ValueError: `x` is empty, of another shape, or not finite.
        """
        x, shape = np.asarray(x), self.network.input_shape[1:]
        if x.shape[1:] != shape:
            raise ValueError(
                f"Expected examples of shape {list(shape)}, got an array of shape {list(x.shape)}. Reshape them, or "
                f"train features on their own data set."
            )
        supports.check(x, "real", "the examples")
        return _in_chunks(self.network, x)


def train_features(dataset, seed=0, progress=True):
    """Trains a small classifier on a data set's training examples.

    It is convolutional for images [H, W] or [H, W, C], and an MLP for other shapes. Its classes are the labels, or ten
    clusters of data without labels. At most 20,000 examples are used, and a tenth of them is held out.

    Args:
        dataset: a `training.data.Dataset` of at least two training examples.
        seed: an integer; the same one gives the same features of the same data.
        progress: whether to show a progress bar.

    Returns:
        `Features`.

    Raises:
        ValueError: there is only one training example.
    """
    rng = np.random.default_rng(check_seed(seed))
    x, classes, source = _examples(dataset, rng)
    held_out = max(1, len(x) // 10)
    draw = partial(drawn, rng=rng) if dataset.binarize == "dynamic" else np.float32  # as the test examples are
    classifier = _classifier(draw(x), int(classes.max()) + 1, rng, scale_of(dataset.support, x))
    batches = rng.integers(held_out, len(x), size=(STEPS, BATCH))  # drawn with replacement: there may be few
    for batch in tqdm(batches, desc="features", disable=not progress, leave=False):
        classifier.train_on_batch(np.float32(draw(x[batch])), classes[batch])
    found = _in_chunks(classifier, draw(x[:held_out])).argmax(axis=1)
    network = keras.Model(classifier.inputs[0], classifier.layers[-2].output)
    return Features(network, int(classes.max()) + 1, source, float(np.mean(found == classes[:held_out])))


def _examples(dataset, rng):
    """Returns shuffled training examples [N, *x], their classes [N] from 0 on, and the source of these."""
    if len(dataset.train) < 2:
        raise ValueError(f"Expected at least 2 training examples in '{dataset.name}', got 1. Add some.")
    chosen = rng.permutation(len(dataset.train))[: examples_within(dataset.train.shape, EXAMPLES)]
    x = dataset.train[chosen]
    if dataset.train_labels is not None:
        labels, source = np.asarray(dataset.train_labels)[chosen], "labels"
    else:
        clusters = MiniBatchKMeans(min(CLUSTERS, len(x)), random_state=int(rng.integers(2**31)), n_init=1)
        labels = clusters.fit_predict(np.float32(x / scale_of(dataset.support, x)).reshape(len(x), -1))
        source = "k-means clusters, as the data have no labels"
    return x, np.unique(labels, return_inverse=True)[1], source


def scale_of(support, x):
    """Returns the units of distances between examples.

    Args:
        support: name of the data's support.
        x: training examples [N, *x].

    Returns:
        The standard deviation of each element [D] for vectors in units of their own, else 1.
    """
    if not supports.get(support).has_units or x.ndim != 2:
        return 1.0
    deviation = x.std(axis=0, dtype=np.float64)
    return np.where(deviation > 0, deviation, 1.0)


def _classifier(x, classes, rng, scale):
    """Returns a compiled network x [B, *x] ↦ logits [B, classes] that standardizes x."""
    axis = 0 if np.ndim(scale) else None  # each element of its own, or all together
    mean, deviation = x.mean(axis=axis, dtype=np.float64), x.std(axis=axis, dtype=np.float64)
    deviation = np.where(deviation > 0, deviation, 1.0)
    image = [keras.layers.Reshape((*x.shape[1:3], -1)), _conv(16, rng), _conv(32, rng), keras.layers.Flatten()]
    vector = [keras.layers.Flatten(), _dense(128, "relu", rng)]
    classifier = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Rescaling((1 / deviation).tolist(), (-mean / deviation).tolist()),
            *(image if x.ndim in (3, 4) else vector),
            # Bounded, so that no outlier has a ball that holds everything, and none of them dies as a ReLU may.
            _dense(64, "tanh", rng),
            _dense(classes, None, rng),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)  # XLA's compilation takes longer
    return classifier


def _conv(filters, rng):
    return keras.layers.Conv2D(
        filters, 3, strides=2, padding="same", activation="relu", kernel_initializer=_initializer(rng)
    )


def _dense(units, activation, rng):
    return keras.layers.Dense(units, activation, kernel_initializer=_initializer(rng))


def _initializer(rng):
    """Returns an initializer with a seed: without one, Keras takes it from Python's `random`."""
    return keras.initializers.HeNormal(int(rng.integers(2**31)))


def _in_chunks(network, x):
    chunks = range(0, len(x), CHUNK)
    return np.concatenate([np.float32(network(np.float32(x[start : start + CHUNK]))) for start in chunks])
