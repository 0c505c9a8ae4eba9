"""Sample quality: what is measured in features, against loops and closed forms."""

import numpy as np
import pytest
from scipy import linalg

from training.evaluation import sample_quality as module
from training.evaluation.sample_quality import frechet_distance, precision_recall, quality

BOTH = pytest.mark.parametrize("measure", [precision_recall, frechet_distance, quality])


def normal(n, f=4, seed=0, loc=0.0):
    return np.random.default_rng(seed).normal(loc, size=(n, f))


# precision and recall


def naive_covered(points, centers, k):
    """The definition, point by point."""
    inside = 0
    for point in points:
        for i, center in enumerate(centers):
            others = sorted(np.linalg.norm(center - other) for j, other in enumerate(centers) if j != i)
            if np.linalg.norm(point - center) <= others[k - 1]:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("distances", [1, 100, 10**6])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_precision_and_recall_are_those_of_a_double_loop(monkeypatch, k, distances):
    monkeypatch.setattr(module, "MAX_DISTANCES", distances)
    real, generated = normal(40), normal(25, seed=1, loc=0.7)
    precision, recall = precision_recall(real, generated, k)
    assert precision == pytest.approx(naive_covered(generated, real, k))
    assert recall == pytest.approx(naive_covered(real, generated, k))
    assert 0 < recall < precision < 1


def test_precision_and_recall_by_hand():
    real, generated = np.array([[0.0], [1], [3], [7]]), np.array([[-0.5], [2], [9.5], [11.5]])
    # Radii of real points with one neighbour 1, 1, 2, 4; of generated ones 2.5, 2.5, 2, 2.
    assert precision_recall(real, generated, 1) == (3 / 4, 3 / 4)


@pytest.mark.parametrize("offset", [0, 1e7])
@pytest.mark.parametrize("copies", [1, 5])
def test_a_set_covers_itself(copies, offset):
    x = np.tile(normal(50), (copies, 1)) + offset  # with five copies of each point, all radii are zero
    assert precision_recall(x, x) == (1, 1)
    assert precision_recall(x, x[::-1]) == (1, 1)


def test_copies_are_covered_whatever_rounding_makes_of_their_distance(monkeypatch):
    x = np.tile(normal(101, 64), (4, 1))  # all radii are zero
    monkeypatch.setattr(module, "MAX_DISTANCES", 4 * len(x))  # of five points the last is alone, and rounded otherwise
    for i in range(50):
        assert precision_recall(x, np.roll(x, i, axis=0)[:5])[0] == 1


def test_sets_apart_cover_nothing_of_each_other():
    assert precision_recall(normal(50), normal(60, loc=100)) == (0, 0)


def test_dropped_mode_lowers_recall_and_invented_mode_precision():
    one, other = normal(300), normal(300, seed=1, loc=50)
    both, again = np.concatenate([one, other]), normal(300, seed=2)
    precision, recall = precision_recall(both, again)
    assert precision > 0.8
    assert 0.4 < recall < 0.5
    precision, recall = precision_recall(one, np.concatenate([again, other]))
    assert 0.4 < precision < 0.5
    assert recall > 0.8


def test_copies_of_one_example_are_precise_and_recall_nothing_else():
    x = normal(50)
    assert precision_recall(x, np.repeat(x[:1], 30, axis=0)) == (1, 1 / 50)


def test_precision_and_recall_change_places_with_the_sets():
    a, b = normal(60), normal(50, seed=1, loc=0.5)
    assert precision_recall(a, b) == precision_recall(b, a)[::-1]


def test_precision_and_recall_are_the_same_far_from_the_origin():
    a, b = normal(60), normal(50, seed=1, loc=0.5)
    assert precision_recall(a + 1e7, b + 1e7) == precision_recall(a, b)


# the Fréchet distance


def with_moments(mean, covariance, n=200, seed=0):
    """Points of exactly these moments."""
    x = normal(n, len(mean), seed)
    x = x - x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return mean + x @ np.linalg.cholesky(covariance).T


def test_frechet_distance_of_commuting_covariances_has_a_closed_form():
    rotation = np.linalg.qr(normal(5, 5))[0]
    a, b = np.array([1, 2, 3, 4, 5.0]), np.array([3, 0.1, 3, 9, 0.5])
    mean = np.array([1, -2, 0, 0.5, 0])
    real = with_moments(np.zeros(5), rotation * a @ rotation.T)
    generated = with_moments(mean, rotation * b @ rotation.T, n=150, seed=1)
    expected = mean @ mean + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-10)


def test_frechet_distance_agrees_with_scipys_matrix_root():
    real, generated = normal(90, 6) @ normal(6, 6, seed=1), 1 + normal(70, 6, seed=2) @ normal(6, 6, seed=3)
    covariances = np.cov(real.T), np.cov(generated.T)
    difference = real.mean(axis=0) - generated.mean(axis=0)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = difference @ difference + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(generated, real) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_singular_covariances_is_that_within_their_plane():
    real, generated = normal(50, 3), 1 + 2 * normal(40, 3, seed=1)
    plane = np.linalg.qr(normal(64, 3, seed=2))[0].T
    expected = frechet_distance(real, generated)
    assert frechet_distance(real @ plane, generated @ plane) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "f"), [(100, 1), (100, 8), (10, 64), (2, 3)])
def test_frechet_distance_to_itself_is_zero_and_to_a_shifted_copy_the_shift(n, f):
    x, shift = normal(n, f), normal(1, f, seed=1)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-10)
    assert frechet_distance(x, x + shift) == pytest.approx(np.sum(shift**2), abs=1e-10)
    assert frechet_distance(x, x) >= 0


def test_frechet_distance_of_points_without_spread_is_that_between_them():
    assert frechet_distance(np.zeros((5, 2)), np.tile([3, 4], (7, 1))) == 25


# all of them


def test_quality_has_all_measures():
    real, generated = normal(60), normal(50, seed=1, loc=0.5)
    found = quality(real, generated)
    assert (found.precision, found.recall) == precision_recall(real, generated, 3)
    assert found.frechet_distance == frechet_distance(real, generated)


@BOTH
def test_float32_features_are_measured_in_float64(measure):
    real, generated = np.float32(normal(60)), np.float32(normal(50, seed=1))
    assert measure(real, generated) == measure(np.float64(real), np.float64(generated))


@BOTH
@pytest.mark.parametrize("name", ["real", "generated"])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (normal(9)[:, 0], ["[N, F]", "[9]", "training.evaluation.features.train_features"]),
        (normal(9).reshape(9, 2, 2), ["[N, F]", "[9, 2, 2]"]),
        (normal(1), ["at least", "got 1", "Take more"]),
        (np.where(normal(9) > 2, np.nan, np.nan), ["finite", "NaN", "36"]),
        (normal(9) * np.inf, ["finite"]),
        (np.array([["a"] * 4] * 9), ["numbers"]),
    ],
    ids=["vector", "images", "one point", "nan", "infinite", "text"],
)
def test_what_cannot_be_measured_is_refused_by_name(measure, name, bad, words):
    with pytest.raises(ValueError) as error:
        measure(**{"real": normal(9), "generated": normal(9)} | {name: bad})
    for word in [name, *words]:
        assert word in str(error.value)


@BOTH
def test_different_numbers_of_features_are_refused(measure):
    with pytest.raises(ValueError, match=r"of real ones, 4, got 5\. Make both with the same"):
        measure(normal(9), normal(9, 5))


def test_points_are_more_than_neighbors():
    precision_recall(normal(4), normal(4))
    with pytest.raises(ValueError, match="at least 4 generated points, got 3"):
        precision_recall(normal(4), normal(3))
    with pytest.raises(ValueError, match="at least 6 real points, got 5"):
        precision_recall(normal(5), normal(9), neighbors=5)


@pytest.mark.parametrize("neighbors", [0, -1, 1.5, True])
def test_neighbors_are_a_positive_number(neighbors):
    with pytest.raises(ValueError, match="neighbors"):
        precision_recall(normal(9), normal(9), neighbors)
