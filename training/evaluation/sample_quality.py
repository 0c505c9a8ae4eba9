"""How like data samples are: precision, recall and a Fréchet distance in the features of a small classifier."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from tqdm import tqdm

from training.data.binarization import drawn
from training.data.memory import examples_within
from zoo.checks import seed_number, whole_number
from zoo.data import support as supports

EXAMPLES, STEPS, BATCH, CLUSTERS = 20_000, 600, 100, 10
CHUNK, DISTANCES = 1000, 10_000_000  # examples, and distances between them, at a time
ROUNDING = 1e-12  # of a square; float64 errs by less


class Quality(NamedTuple):
    """How like real examples generated ones are.

    Args:
        precision, recall: see `precision_recall`.
        frechet_distance: see `frechet_distance`.
    """

    precision: float
    recall: float
    frechet_distance: float


def quality(real, generated):
    """All that is measured here, with three neighbours.

    Args:
        real, generated: features [N, F] and [M, F], see `features`.

    Returns:
        A `Quality`.

    Raises:
        ValueError: see `precision_recall`.
    """
    return Quality(*precision_recall(real, generated), frechet_distance(real, generated))


def precision_recall(real, generated, neighbours=3):
    """Improved precision and recall (Kynkäänniemi et al., 2019, arXiv:1904.06991).

    Each set is taken to fill the balls around its points that reach to their k-th nearest neighbours. Precision
    is the share of generated points within a ball of a real one: do samples look like data? Recall is the
    share of real points within a ball of a generated one: do the samples show all of the data?

    Both fall as N and M grow, so sets of the same sizes should be compared.

    Args:
        real: [N, F].
        generated: [M, F].
        neighbours: k; N and M are greater.

    Returns:
        (precision, recall), from 0 to 1.

    Raises:
        ValueError: too few points, another number of features, or values that are not finite.
    """
    neighbours = whole_number(neighbours, "neighbours")
    real, generated = _points(real, generated, neighbours + 1)
    centre = real.mean(axis=0)  # far from the origin, differences would drown in the squares' rounding errors
    real, generated = real - centre, generated - centre
    return _covered(generated, real, neighbours), _covered(real, generated, neighbours)


def _covered(points, centres, neighbours):
    """The share of points [N, F] within a ball around one of the centres [M, F]."""
    # Each centre is the nearest to itself, so the k-th neighbour is the next after k.
    kth = [np.partition(chunk, neighbours)[:, neighbours] for chunk in _squared_distances(centres, centres)]
    squared_radii = np.concatenate(kth)
    # A copy of a centre is in its ball, also where the ball has shrunk to nothing.
    squared_radii += ROUNDING * (squared_radii + np.sum(centres**2, axis=1))
    inside = [np.any(chunk <= squared_radii, axis=1) for chunk in _squared_distances(points, centres)]
    return float(np.concatenate(inside).mean())


def _squared_distances(a, b):
    """|aᵢ − bⱼ|² of a [N, F] and b [M, F]: the rows of [N, M], some at a time."""
    # |a|² + |b|² − 2 a b as one matrix product, [−2a, |a|², 1] [b, 1, |b|²]ᵀ.
    left = np.column_stack([-2 * a, np.sum(a**2, axis=1), np.ones(len(a))])
    right = np.column_stack([b, np.ones(len(b)), np.sum(b**2, axis=1)]).T
    rows = max(1, DISTANCES // len(b))
    for start in range(0, len(a), rows):
        yield left[start : start + rows] @ right


def frechet_distance(real, generated):
    """The squared Fréchet distance of the normal distributions with the sets' means and covariances.

    |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) (Dowson & Landau, 1982). It is not the FID (Heusel et al., 2017,
    arXiv:1706.08500), whose features are those of the Inception network: here they are a small classifier's of
    its own for each data set, and numbers can be compared within one data set, and for one seed, only.

    It is biased upwards, the more so the fewer points there are (Chong & Forsyth, 2020, arXiv:1911.07023):
    sets of the same sizes should be compared, and what test examples get is a model's goal, not 0.

    Args:
        real: [N, F], N ≥ 2.
        generated: [M, F], M ≥ 2.

    Returns:
        A float, 0 or more, in squared units of the features.

    Raises:
        ValueError: too few points, another number of features, or values that are not finite.
    """
    sets = _points(real, generated, 2)
    mean_1, mean_2 = (points.mean(axis=0) for points in sets)
    covariance_1, covariance_2 = (np.atleast_2d(np.cov(points.T)) for points in sets)
    # The singular values of A B are the roots of the eigenvalues of A B² A, and lose no digits by squaring.
    cross = np.linalg.norm(_root(covariance_1) @ _root(covariance_2), "nuc")
    distance = np.sum((mean_1 - mean_2) ** 2) + np.trace(covariance_1) + np.trace(covariance_2) - 2 * cross
    return max(0.0, float(distance))


def _root(covariance):
    """The symmetric C^½ of a covariance matrix C [F, F], singular or not."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _points(real, generated, least):
    """Both sets as float64, found to be such as can be compared."""
    sets = {"real": np.asarray(real), "generated": np.asarray(generated)}
    for name, points in sets.items():
        if points.ndim != 2:
            raise ValueError(
                f"Expected {name} features [N, F], got an array of shape {list(points.shape)}. "
                f"Make features of examples with training.evaluation.sample_quality.features."
            )
        if len(points) < least:
            raise ValueError(f"Expected at least {least} {name} points, got {len(points)}. Take more examples.")
        supports.check(points, "real", f"the {name} features")
    if sets["real"].shape[1] != sets["generated"].shape[1]:
        raise ValueError(
            f"Expected as many features of generated points as of real ones, {sets['real'].shape[1]}, "
            f"got {sets['generated'].shape[1]}. Make both with the same training.evaluation.sample_quality.Features."
        )
    return [np.float64(points) for points in sets.values()]


@dataclass(frozen=True)
class Features:
    """What a small classifier sees in examples: a function of x [N, *x] that returns float32 [N, F], F = 64.

    Args:
        network: Keras model from x [B, *x] to its last hidden layer [B, F].
        classes: how many classes were told apart.
        source: what they are, in words.
        accuracy: the share of held-out training examples whose class was found.
    """

    network: keras.Model
    classes: int
    source: str
    accuracy: float

    def __call__(self, x):
        """The features.

        Args:
            x: examples [N, *x], scaled as the data set's are; N ≥ 1.

        Returns:
            float32 array [N, F].

        Raises:
            ValueError: examples of another shape, none, or values that are not finite.
        """
        x, shape = np.asarray(x), self.network.input_shape[1:]
        if x.shape[1:] != shape:
            raise ValueError(
                f"Expected examples of shape {list(shape)}, got an array of shape {list(x.shape)}. Reshape them, or "
                f"make features of their own data set."
            )
        supports.check(x, "real", "the examples")
        return _in_chunks(self.network, x)


def features(dataset, seed=0, progress=True):
    """Trains a small classifier on a data set's training examples, for its last hidden layer.

    It is convolutional for images [H, W] or [H, W, C], and an MLP for other shapes. Its classes are the labels or,
    where there are none, ten clusters. At most 20,000 examples are used, and a tenth of them is held out.

    Args:
        dataset: a `training.data.Dataset` of at least two training examples.
        seed: an integer; everything is a function of it and of the data.
        progress: whether to show a progress bar.

    Returns:
        `Features`.

    Raises:
        ValueError: there is but one training example.
    """
    rng = np.random.default_rng(seed_number(seed))
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
    """Training examples [N, *x] in an order drawn by chance, their classes [N] from 0 on, and what these are."""
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
    """What differences of examples are measured in: for real vectors, whose elements may be of different units, the
    standard deviation of each; for all else 1.

    Args:
        support: the name of the data's support.
        x: training examples [N, *x].
    """
    if support != "real" or x.ndim != 2:
        return 1.0
    deviation = x.std(axis=0, dtype=np.float64)
    return np.where(deviation > 0, deviation, 1.0)


def _classifier(x, classes, rng, scale):
    """A compiled network from x [B, *x] to logits [B, classes] that knows the mean and standard deviation of x."""
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
        filters, 3, strides=2, padding="same", activation="relu", kernel_initializer=_initialiser(rng)
    )


def _dense(units, activation, rng):
    return keras.layers.Dense(units, activation, kernel_initializer=_initialiser(rng))


def _initialiser(rng):
    """With a seed of its own, for without one it would draw it from Python's `random`."""
    return keras.initializers.HeNormal(int(rng.integers(2**31)))


def _in_chunks(network, x):
    chunks = range(0, len(x), CHUNK)
    return np.concatenate([np.float32(network(np.float32(x[start : start + CHUNK]))) for start in chunks])
