"""Sample quality: the classifier's features, and what is measured in them."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import linalg
from sklearn.neighbors import KNeighborsClassifier

from training import quality as module
from training.data import digits, load_dataset
from training.data.dataset import Dataset
from training.quality import features, frechet_distance, precision_recall, quality

BOTH = pytest.mark.parametrize("measure", [precision_recall, frechet_distance, quality])


def normal(n, f=4, seed=0, loc=0.0):
    return np.random.default_rng(seed).normal(loc, size=(n, f))


# precision and recall


def naive_covered(points, centres, k):
    """The definition, point by point."""
    inside = 0
    for point in points:
        for i, centre in enumerate(centres):
            others = sorted(np.linalg.norm(centre - other) for j, other in enumerate(centres) if j != i)
            if np.linalg.norm(point - centre) <= others[k - 1]:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("distances", [1, 100, 10**6])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_precision_and_recall_are_those_of_a_double_loop(monkeypatch, k, distances):
    monkeypatch.setattr(module, "DISTANCES", distances)
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
    monkeypatch.setattr(module, "DISTANCES", 4 * len(x))  # of five points the last is alone, and rounded otherwise
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
        (normal(9)[:, 0], ["[N, F]", "[9]", "training.quality.features"]),
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


def test_points_are_more_than_neighbours():
    precision_recall(normal(4), normal(4))
    with pytest.raises(ValueError, match="at least 4 generated points, got 3"):
        precision_recall(normal(4), normal(3))
    with pytest.raises(ValueError, match="at least 6 real points, got 5"):
        precision_recall(normal(5), normal(9), neighbours=5)


@pytest.mark.parametrize("neighbours", [0, -1, 1.5, True])
def test_neighbours_are_a_positive_number(neighbours):
    with pytest.raises(ValueError, match="neighbours"):
        precision_recall(normal(9), normal(9), neighbours)


# features


@pytest.fixture(scope="module")
def digits_features():
    return features(digits(), progress=False)


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(module, "STEPS", 5)


@pytest.fixture
def batches(monkeypatch):
    """What the classifier is trained on, in place of training."""
    seen = []
    monkeypatch.setattr(keras.Sequential, "train_on_batch", lambda self, x, y: seen.append((x, y)))
    return seen


def made(shape, support="real", n=40, scale=1.0, **options):
    x = scale * np.random.default_rng(0).random((n, *shape))
    return Dataset("made", support, x, x[:5], x[:5], **options)


def test_classifier_tells_digits_apart(digits_features):
    assert digits_features.accuracy > 0.9
    assert digits_features.classes == 10
    assert digits_features.source == "labels"


def test_features_put_equal_digits_together(digits_features):
    data = digits()
    neighbours = KNeighborsClassifier(3).fit(digits_features(data.train), data.train_labels)
    assert neighbours.score(digits_features(data.test), data.labels) > 0.9


def test_features_tell_data_from_noise_and_from_a_part_of_themselves(digits_features):
    data = digits()
    real = digits_features(data.train[:200])
    test = quality(real, digits_features(data.test))
    noise = quality(real, digits_features(np.random.default_rng(0).random((200, 8, 8, 1))))
    threes = quality(real, digits_features(data.test[data.labels == 3]))
    assert noise.precision < 0.5 < test.precision
    assert threes.recall < 0.7 < test.recall
    assert test.frechet_distance < 0.2 * min(noise.frechet_distance, threes.frechet_distance)


def test_features_are_64_float32_numbers_whatever_the_chunk(digits_features, monkeypatch):
    x = digits().test[:20]
    whole = digits_features(x)
    assert whole.shape == (20, 64)
    assert whole.dtype == np.float32
    monkeypatch.setattr(module, "CHUNK", 7)
    assert np.allclose(digits_features(x), whole, atol=1e-5)


@pytest.mark.parametrize(
    ("dataset", "layer"),
    [
        (made((3,)), "Dense"),
        (made((6, 5)), "Conv2D"),
        (made((6, 5, 1), "unit"), "Conv2D"),
        (made((7, 4, 3), "unit"), "Conv2D"),
        (made((2, 3, 4, 2)), "Dense"),
        (made((1,), n=2), "Dense"),
        (load_dataset("digits", "static"), "Conv2D"),
        (Dataset("grey", "levels", *[np.arange(256, dtype=np.uint8).reshape(16, 4, 4)] * 3), "Conv2D"),
        (Dataset("shares", "simplex", *[np.random.default_rng(0).dirichlet([1, 1, 1], 30)] * 3), "Dense"),
        (Dataset("constant", "real", *[np.ones((30, 2), np.float32)] * 3), "Dense"),
    ],
    ids=lambda value: f"{value.name} {value.event_shape}" if isinstance(value, Dataset) else value,
)
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_features_are_made_of_any_data(dataset, layer, batches):
    found = features(dataset, progress=False)
    x = found(dataset.test)
    assert x.shape == (len(dataset.test), 64)
    assert np.isfinite(x).all()
    kinds = {type(part).__name__ for part in found.network.layers}
    assert layer in kinds
    assert ("Conv2D" in kinds) == (layer == "Conv2D")


def test_scale_and_offset_of_the_data_make_no_difference(batches):
    data = digits()
    scaled = Dataset("levels", "levels", *(x * 16 + 3 for x in (data.train, data.validation, data.test)))
    plain = Dataset("unit", "unit", data.train, data.validation, data.test)
    expected = features(plain, progress=False)(data.test)
    assert np.allclose(features(scaled, progress=False)(scaled.test), expected, atol=1e-3)


def test_features_are_a_function_of_the_seed(few_steps):
    data = load_dataset("digits")
    unlabelled = Dataset("digits", "binary", data.train, data.validation, data.test, binarize="dynamic")
    keras.utils.set_random_seed(1)
    first, other = (features(unlabelled, seed, progress=False)(data.test) for seed in (0, 1))
    keras.utils.set_random_seed(2)
    assert np.array_equal(features(unlabelled, 0, progress=False)(data.test), first)
    assert not np.allclose(other, first)


def test_random_states_are_left_as_they_were(few_steps):
    def draws(between):
        keras.utils.set_random_seed(3)
        between()
        return random.random(), np.random.random(), float(tf.random.normal([])), float(keras.random.normal([]))

    assert draws(lambda: features(load_dataset("digits"), progress=False)) == draws(lambda: None)


def test_without_labels_clusters_are_the_classes():
    centres = 20 * np.eye(12)
    x = np.repeat(centres[:10], 30, axis=0) + 0.1 * normal(300, 12)
    found = features(Dataset("blobs", "real", x, x[:5], x[:5]), progress=False)
    assert (found.classes, found.source) == (10, "k-means clusters, as the data have no labels")
    assert found.accuracy > 0.9


def test_labels_may_be_any_words(batches):
    words = np.array(["cat", "dog", "owl", "dog"] * 10)
    data = made((3,), train_labels=words)
    found = features(data, progress=False)
    assert (found.classes, found.source) == (3, "labels")
    label = dict(zip((x.tobytes() for x in np.float32(data.train)), words, strict=True))
    for x, y in batches:
        assert [label[row.tobytes()] for row in x] == np.array(["cat", "dog", "owl"])[y].tolist()


def test_a_tenth_of_the_examples_is_held_out(batches, monkeypatch):
    data = made((1,), n=100)
    features(data, progress=False)
    assert 80 < len(np.unique([x for x, _ in batches])) <= 90
    batches.clear()
    monkeypatch.setattr(module, "EXAMPLES", 50)
    features(data, progress=False)
    assert 40 < len(np.unique([x for x, _ in batches])) <= 45


def test_grey_levels_are_drawn_anew_for_each_batch_where_the_data_are(batches):
    test = np.zeros((2, 40), np.uint8)
    train = np.full((50, 40), 0.2, np.float32)
    found = features(Dataset("grey", "binary", train, test, test, binarize="dynamic"), progress=False)
    x = np.stack([x for x, _ in batches])
    assert set(np.unique(x)) == {0, 1}
    assert abs(x.mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / x.size)
    assert len(np.unique(x.reshape(-1, 40), axis=0)) > 400  # of 500 rows drawn of 45 examples
    rescaling = next(layer for layer in found.network.layers if isinstance(layer, keras.layers.Rescaling))
    assert rescaling.scale == pytest.approx(1 / np.sqrt(0.2 * 0.8), rel=0.1)


def test_binarised_digits_are_told_apart_too():
    assert features(load_dataset("digits"), progress=False).accuracy > 0.8


@pytest.mark.parametrize("progress", [True, False])
def test_progress_is_shown_if_asked_for(batches, capsys, progress):
    features(made((3,)), progress=progress)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("features" in captured.err) == progress


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((3, 8, 8)), ["[8, 8, 1]", "[3, 8, 8]", "Reshape"]),
        (np.zeros((0, 8, 8, 1)), ["empty"]),
        (np.full((3, 8, 8, 1), np.nan), ["finite", "NaN"]),
    ],
)
def test_examples_that_have_no_features_are_refused(digits_features, x, words):
    with pytest.raises(ValueError) as error:
        digits_features(x)
    for word in words:
        assert word in str(error.value)


def test_one_training_example_is_too_few():
    with pytest.raises(ValueError, match="at least 2 training examples in 'made', got 1"):
        features(made((3,), n=1), progress=False)


@pytest.mark.parametrize("seed", [-1, 1.5, 2**31])
def test_other_seeds_than_whole_numbers_are_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        features(made((3,)), seed)
