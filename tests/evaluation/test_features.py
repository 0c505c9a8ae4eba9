"""What the small classifier sees in examples, and how it is trained."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.neighbors import KNeighborsClassifier

from training.data import load_dataset
from training.data.dataset import Dataset
from training.data.named.digits import digits
from training.evaluation import features as module
from training.evaluation.features import train_features
from training.evaluation.sample_quality import quality

pytestmark = pytest.mark.slow


def normal(n, f=4, seed=0, loc=0.0):
    return np.random.default_rng(seed).normal(loc, size=(n, f))


@pytest.fixture(scope="module")
def digits_features():
    return train_features(digits(), progress=False)


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
    neighbors = KNeighborsClassifier(3).fit(digits_features(data.train), data.train_labels)
    assert neighbors.score(digits_features(data.test), data.labels) > 0.9


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
    found = train_features(dataset, progress=False)
    x = found(dataset.test)
    assert x.shape == (len(dataset.test), 64)
    assert np.isfinite(x).all()
    kinds = {type(part).__name__ for part in found.network.layers}
    assert layer in kinds
    assert ("Conv2D" in kinds) == (layer == "Conv2D")


def test_scale_and_offset_of_the_data_make_no_difference(batches):
    data = digits()
    scaled = Dataset("levels", "levels", *(x[:] * 16 + 3 for x in (data.train, data.validation, data.test)))
    plain = Dataset("unit", "unit", data.train, data.validation, data.test)
    expected = train_features(plain, progress=False)(data.test)
    assert np.allclose(train_features(scaled, progress=False)(scaled.test), expected, atol=1e-3)


def test_features_are_a_function_of_the_seed(few_steps):
    data = load_dataset("digits")
    unlabelled = Dataset("digits", "binary", data.train[:300], data.validation, data.test, binarize="dynamic")
    keras.utils.set_random_seed(1)
    first, other = (train_features(unlabelled, seed, progress=False)(data.test) for seed in (0, 1))
    keras.utils.set_random_seed(2)
    assert np.array_equal(train_features(unlabelled, 0, progress=False)(data.test), first)
    assert not np.allclose(other, first)


def test_random_states_are_left_as_they_were(few_steps):
    def draws(between):
        keras.utils.set_random_seed(3)
        between()
        return random.random(), np.random.random(), float(tf.random.normal([])), float(keras.random.normal([]))

    assert draws(lambda: train_features(load_dataset("digits"), progress=False)) == draws(lambda: None)


def test_without_labels_clusters_are_the_classes():
    centers = 20 * np.eye(12)
    x = np.repeat(centers[:10], 30, axis=0) + 0.1 * normal(300, 12)
    found = train_features(Dataset("blobs", "real", x, x[:5], x[:5]), progress=False)
    assert (found.classes, found.source) == (10, "k-means clusters, as the data have no labels")
    assert found.accuracy > 0.9


def test_labels_may_be_any_words(batches):
    words = np.array(["cat", "dog", "owl", "dog"] * 10)
    data = made((3,), train_labels=words)
    found = train_features(data, progress=False)
    assert (found.classes, found.source) == (3, "labels")
    label = dict(zip((x.tobytes() for x in np.float32(data.train)), words, strict=True))
    for x, y in batches:
        assert [label[row.tobytes()] for row in x] == np.array(["cat", "dog", "owl"])[y].tolist()


def test_a_tenth_of_the_examples_is_held_out(batches, monkeypatch):
    data = made((1,), n=100)
    train_features(data, progress=False)
    assert 80 < len(np.unique([x for x, _ in batches])) <= 90
    batches.clear()
    monkeypatch.setattr(module, "EXAMPLES", 50)
    train_features(data, progress=False)
    assert 40 < len(np.unique([x for x, _ in batches])) <= 45


def test_grey_levels_are_drawn_anew_for_each_batch_where_the_data_are(batches):
    test = np.zeros((2, 40), np.uint8)
    train = np.full((50, 40), 0.2, np.float32)
    found = train_features(Dataset("grey", "binary", train, test, test, binarize="dynamic"), progress=False)
    x = np.stack([x for x, _ in batches])
    assert set(np.unique(x)) == {0, 1}
    assert abs(x.mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / x.size)
    assert len(np.unique(x.reshape(-1, 40), axis=0)) > 400  # of 500 rows drawn of 45 examples
    rescaling = next(layer for layer in found.network.layers if isinstance(layer, keras.layers.Rescaling))
    assert rescaling.scale == pytest.approx(1 / np.sqrt(0.2 * 0.8), rel=0.1)


def test_binarised_digits_are_told_apart_too():
    assert train_features(load_dataset("digits"), progress=False).accuracy > 0.8


@pytest.mark.parametrize("progress", [True, False])
def test_progress_is_shown_if_asked_for(batches, capsys, progress):
    train_features(made((3,)), progress=progress)
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
        train_features(made((3,), n=1), progress=False)


@pytest.mark.parametrize("seed", [-1, 1.5, 2**31])
def test_other_seeds_than_whole_numbers_are_refused(seed):
    with pytest.raises(ValueError, match="seed"):
        train_features(made((3,)), seed)
