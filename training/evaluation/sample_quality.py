"""Sample quality: precision, recall and Fréchet distance of features."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from zoo.checks import check_int
from zoo.data import support as supports

MAX_DISTANCES = 10_000_000  # between examples, at a time
ROUNDING = 1e-12  # of a square; float64 errs by less


class Quality(NamedTuple):
    """Quality of generated examples, compared with real ones.

    Args:
        precision: see `precision_recall`.
        recall: likewise.
        frechet_distance: see `frechet_distance`.
    """

    precision: float
    recall: float
    frechet_distance: float


def quality(real, generated):
    """Measures precision, recall and Fréchet distance, with three neighbors.

    Args:
        real: features [N, F], see `training.evaluation.features`.
        generated: features [M, F].

    Returns:
        A `Quality`.

    Raises:
        ValueError: see `precision_recall`.
    """
    return Quality(*precision_recall(real, generated), frechet_distance(real, generated))


def precision_recall(real, generated, neighbors=3):
    """Measures improved precision and recall (Kynkäänniemi et al., 2019, arXiv:1904.06991).

    The support of each set is estimated by balls around its points with the distance to the k-th nearest neighbor as
    radius. Precision is the share of generated points within a ball of a real one: do samples look like data? Recall
    is the share of real points within a ball of a generated one: do samples cover the data?

    Both decrease with N and M: compare sets of the same sizes.

    Args:
        real: [N, F].
        generated: [M, F].
        neighbors: k, less than N and M.

    Returns:
        (precision, recall), from 0 to 1.

    Raises:
        ValueError: too few points, another number of features, or values that are not finite.
    """
    neighbors = check_int(neighbors, "neighbors")
    real, generated = _points(real, generated, neighbors + 1)
    center = real.mean(axis=0)  # far from the origin, differences would drown in the squares' rounding errors
    real, generated = real - center, generated - center
    return _covered(generated, real, neighbors), _covered(real, generated, neighbors)


def _covered(points, centers, neighbors):
    """Returns the share of points [N, F] within a ball around one of the centers [M, F]."""
    # Each center is the nearest to itself, so the k-th neighbor is the next after k.
    kth = [np.partition(chunk, neighbors)[:, neighbors] for chunk in _squared_distances(centers, centers)]
    squared_radii = np.concatenate(kth)
    # A copy of a center is in its ball, also where the ball has shrunk to nothing.
    squared_radii += ROUNDING * (squared_radii + np.sum(centers**2, axis=1))
    inside = [np.any(chunk <= squared_radii, axis=1) for chunk in _squared_distances(points, centers)]
    return float(np.concatenate(inside).mean())


def _squared_distances(a, b):
    """Yields |aᵢ − bⱼ|² of a [N, F] and b [M, F] in chunks of rows of [N, M]."""
    # |a|² + |b|² − 2 a b as one matrix product, [−2a, |a|², 1] [b, 1, |b|²]ᵀ.
    left = np.column_stack([-2 * a, np.sum(a**2, axis=1), np.ones(len(a))])
    right = np.column_stack([b, np.ones(len(b)), np.sum(b**2, axis=1)]).T
    rows = max(1, MAX_DISTANCES // len(b))
    for start in range(0, len(a), rows):
        yield tf.matmul(left[start : start + rows], right).numpy()


def frechet_distance(real, generated):
    """Measures the squared Fréchet distance of normal distributions with the sets' means and covariances.

    |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁ C₂)^½) (Dowson & Landau, 1982). This is not the FID (Heusel et al., 2017,
    arXiv:1706.08500), which uses features of the Inception network: here they come from a small classifier trained for
    each data set. Compare numbers within one data set and for one seed only.

    The estimate is biased upwards, more so for fewer points (Chong & Forsyth, 2020, arXiv:1911.07023): compare sets of
    the same sizes; the goal of a model is the distance of training examples, not 0.

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
    """Returns the symmetric C^½ of a covariance matrix C [F, F], singular or not."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _points(real, generated, least):
    """Returns both sets as float64, after checks that they can be compared."""
    sets = {"real": np.asarray(real), "generated": np.asarray(generated)}
    for name, points in sets.items():
        if points.ndim != 2:
            raise ValueError(
                f"Expected {name} features [N, F], got an array of shape {list(points.shape)}. "
                f"Make features of examples with training.evaluation.features.train_features."
            )
        if len(points) < least:
            raise ValueError(f"Expected at least {least} {name} points, got {len(points)}. Take more examples.")
        supports.check(points, "real", f"the {name} features")
    if sets["real"].shape[1] != sets["generated"].shape[1]:
        raise ValueError(
            f"Expected as many features of generated points as of real ones, {sets['real'].shape[1]}, "
            f"got {sets['generated'].shape[1]}. Make both with the same training.evaluation.features.Features."
        )
    return [np.float64(points) for points in sets.values()]
