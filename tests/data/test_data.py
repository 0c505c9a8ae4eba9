"""Named data sets, what a data set may be, and binarization."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from training.data import dataset_names, load_dataset
from training.data.binarization import binarized
from training.data.dataset import Dataset
from training.data.named.breast_cancer import breast_cancer, malignant
from training.data.named.digits import digits
from training.data.names import DATASETS


def test_the_names_that_are_read_without_tensorflow_are_those_of_the_data_sets():
    assert sorted(DATASETS) == dataset_names()


def parts(dataset):
    return [dataset.train[:], dataset.validation, dataset.test]


def rows(x):
    return sorted(example.tobytes() for example in x)


# digits


def test_digits_are_split_without_loss_or_overlap():
    dataset = digits()
    images = np.float32(load_digits().images / 16)
    assert [x.shape for x in parts(dataset)] == [(1397, 8, 8, 1), (200, 8, 8, 1), (200, 8, 8, 1)]
    assert len(set(rows(images))) == 1797  # no image comes twice, so equal rows mean disjoint parts
    assert rows(np.concatenate(parts(dataset))) == rows(images)


def test_digits_are_gray_levels_from_0_to_1():
    dataset = digits()
    assert dataset.support == "unit"
    assert dataset.event_shape == (8, 8, 1)
    assert dataset.binarize == "none"
    for x in parts(dataset):
        assert x.dtype == np.float32
        assert np.array_equal(np.unique(x), np.arange(17, dtype=np.float32) / 16)


def test_digits_have_a_label_for_each_training_and_test_example():
    dataset, everything = digits(), load_digits()
    label = dict(zip((x.tobytes() for x in np.float32(everything.images / 16)), everything.target, strict=True))
    assert dataset.labels.tolist() == [label[x.tobytes()] for x in dataset.test]
    assert dataset.train_labels.tolist() == [label[x.tobytes()] for x in dataset.train]
    assert set(dataset.labels) == set(dataset.train_labels) == set(range(10))


def test_digits_are_the_same_each_time():
    np.random.seed(1)
    first = digits()
    np.random.seed(2)
    second = digits()
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(second), strict=True))
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.train_labels, second.train_labels)


# data sets by name


# breast_cancer


def test_tumors_are_split_without_loss_or_overlap():
    dataset, everything = breast_cancer(), load_breast_cancer()
    assert [len(x) for x in parts(dataset)] == [217, 70, 70]
    benign = np.float32(everything.data[everything.target == list(everything.target_names).index("benign")])
    assert rows(np.concatenate(parts(dataset))) == rows(benign)
    assert rows(np.concatenate([benign, malignant()])) == rows(np.float32(everything.data))
    assert dataset.columns == tuple(everything.feature_names)
    assert dataset.support == "real"


def test_unknown_data_set_is_refused_with_the_known_ones():
    with pytest.raises(KeyError) as error:
        load_dataset("nope")
    assert all(word in str(error.value) for word in ["nope", *dataset_names()])


@pytest.mark.parametrize(
    ("how", "support", "done"),
    [(None, "binary", "dynamic"), ("none", "unit", "none"), ("static", "binary", "static")],
)
def test_data_set_is_binarized_as_asked_and_else_in_its_own_way(how, support, done):
    dataset = load_dataset("digits", how)
    assert (dataset.support, dataset.binarize) == (support, done)


# binarization


def gray(**changes):
    """Gray levels, different ones in each part, and in each 0, ½ and 1."""
    x = np.linspace(0, 1, 90 * 3, dtype=np.float32).reshape(90, 3)
    x[[0, 50, 70]] = 0, 0.5, 1
    return Dataset(
        **{"name": "gray", "support": "unit", "train": x[:50], "validation": x[50:70], "test": x[70:]} | changes
    )


def binary():
    return binarized(gray(), "static")


def real():
    return Dataset("real", "real", *(np.full((4, 2), value, np.float32) for value in (-1, 0, 3)))


@pytest.mark.parametrize("dataset", [gray, binary, real])
def test_data_stay_as_they_are_where_nothing_is_asked(dataset):
    before = dataset()
    assert binarized(before, "none") is before


def test_static_binarization_is_over_one_half():
    before, after = gray(), binary()
    assert (after.support, after.binarize) == ("binary", "static")
    for x, b in zip(parts(before), parts(after), strict=True):
        assert np.array_equal(b, x > 0.5)
    assert binarized(after, "static") is after


def test_dynamic_binarization_keeps_gray_levels_for_training_and_draws_the_rest_once():
    before = gray(labels=np.arange(20), train_labels=np.arange(50), epochs=7)
    after = binarized(before, "dynamic")
    assert (after.support, after.binarize, after.epochs) == ("binary", "dynamic", 7)
    assert np.array_equal(after.labels, before.labels)
    assert np.array_equal(after.train_labels, before.train_labels)
    assert np.array_equal(after.train, before.train)
    for x, b in zip(parts(before)[1:], parts(after)[1:], strict=True):
        assert set(np.unique(b)) == {0, 1}
        assert not b[x == 0].any()
        assert b[x == 1].all()


def test_held_out_data_are_drawn_from_the_seed():
    first, same, other = (binarized(gray(), "dynamic", seed) for seed in (0, 0, 1))
    for part in ("validation", "test"):
        assert np.array_equal(getattr(first, part), getattr(same, part))
        assert not np.array_equal(getattr(first, part), getattr(other, part))


@pytest.mark.parametrize(("dataset", "how"), [(real, "static"), (real, "dynamic"), (binary, "dynamic")])
def test_other_than_gray_levels_cannot_be_binarized(dataset, how):
    with pytest.raises(ValueError) as error:
        binarized(dataset(), how)
    for word in (dataset().name, f"'{dataset().support}'", "'unit'", how):
        assert word in str(error.value)


LEVELS = np.linspace(0, 1, 21, dtype=np.float32)


def assert_drawn_from_the_levels(x):
    """The mean of n Bernoulli draws of probability p errs by √(p (1 − p) / n), one standard deviation.

    Five of them are allowed for each level; at 0 and 1 that is none at all.
    """
    assert set(np.unique(x)) == {0, 1}
    error = np.abs(x.mean(axis=0, dtype=np.float64) - LEVELS)
    assert np.all(error <= 5 * np.sqrt(LEVELS * (1 - LEVELS) / len(x)) + 1e-12)


def test_binarized_data_are_on_average_the_gray_levels():
    train, held_out = np.tile(LEVELS, (80, 1)), np.tile(LEVELS, (4000, 1))
    dataset = binarized(Dataset("levels", "unit", train, held_out, held_out), "dynamic")
    batches = dataset.batches(20, seed=0).take(200).as_numpy_iterator()
    assert_drawn_from_the_levels(np.concatenate(list(batches)))
    assert_drawn_from_the_levels(dataset.validation)
    assert_drawn_from_the_levels(dataset.test)


# what a data set may be


def ones(*shape, value=1.0):
    x = np.ones(shape, np.float32)
    x.flat[-1:] = value
    return x


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize(
    ("x", "words"),
    [
        (ones(4, 3, value=np.nan), ["finite", "NaN"]),
        (ones(4, 3, value=np.inf), ["finite", "Inf"]),
        (ones(4, 3, value=1.5), ["[0, 1]", "1.5", "'unit'"]),
        (ones(4, 3, value=-0.5), ["[0, 1]", "-0.5", "'unit'"]),
        (ones(0, 3), ["empty"]),
        (np.array([["a", "b", "c"]]), ["numbers"]),
    ],
    ids=["nan", "infinite", "over 1", "under 0", "empty", "text"],
)
def test_bad_values_are_refused_and_their_part_is_named(part, x, words):
    good = {"train": ones(4, 3), "validation": ones(2, 3), "test": ones(2, 3)}
    with pytest.raises(ValueError) as error:
        Dataset("mine", "unit", **good | {part: x})
    for word in [f"the {part} data of 'mine'", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_parts_of_different_shapes_are_refused(part):
    good = {"train": ones(4, 3), "validation": ones(2, 3), "test": ones(2, 3)}
    with pytest.raises(ValueError) as error:
        Dataset("mine", "unit", **good | {part: ones(2, 3, 1)})
    for word in (f"the {part} data of 'mine'", "[3]", "[3, 1]"):
        assert word in str(error.value)


def test_labels_are_as_many_as_examples():
    with pytest.raises(ValueError, match="Expected 20 labels of the test data, got 19"):
        gray(labels=np.arange(19))
    with pytest.raises(ValueError, match="Expected 50 labels of the train data, got 20"):
        gray(train_labels=np.arange(20))


def test_unknown_support_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"'nope'.*binary.*unit.*real"):
        gray(support="nope")


def test_gray_levels_are_allowed_only_in_training_data_that_are_binarized_anew():
    binary = {"validation": ones(2, 3), "test": ones(2, 3)}
    Dataset("mine", "binary", ones(4, 3, value=0.5), **binary, binarize="dynamic")
    with pytest.raises(ValueError, match="train data"):
        Dataset("mine", "binary", ones(4, 3, value=0.5), **binary)
    with pytest.raises(ValueError, match="test data"):
        Dataset("mine", "binary", ones(4, 3), **binary | {"test": ones(2, 3, value=0.5)}, binarize="dynamic")
