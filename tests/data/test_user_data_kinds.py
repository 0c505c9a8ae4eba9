"""Every kind of file gives the examples that are in it, and the labels; streamed or not, they are the same."""

import importlib

import numpy as np
import pytest
import tensorflow as tf

from tests import ROOT
from tests.shared.user_files import levels, png, write_image, write_records
from training.data import Dataset, load_user_data
from training.data.files.file_kind import FileKind
from training.data.files.kinds import KINDS
from training.data.settings import DataSettings
from zoo.data.lazy_arrays import MemoryMapped

X = levels(30)
CLASSES = np.arange(30) % 3
FEW = 12 * 4 * X[0].size  # bytes that twelve of them take


def parts(dataset):
    return [dataset.train, dataset.validation, dataset.test]


def everything(dataset):
    """All examples of a data set, sorted."""
    return sorted(np.asarray(x).tobytes() for part in parts(dataset) for x in part[:])


def read(path, **settings):
    return load_user_data(DataSettings(data=str(path), **settings))


def npy(folder):
    np.save(folder / "x.npy", X)
    return folder / "x.npy"


def folder_of_images(folder):
    for i, x in enumerate(X):
        write_image(folder / "images" / f"{CLASSES[i]}" / f"{i}.png", x)
    return folder / "images"


def tfrecords(folder):
    (folder / "records").mkdir()
    for shard in range(3):
        rows = range(shard, 30, 3)
        write_records(folder / "records" / f"{shard}.tfrecord", [{"image": png(X[i]), "label": [i % 3]} for i in rows])
    return folder / "records"


STREAMED = [npy, folder_of_images, tfrecords]


@pytest.mark.parametrize("make", STREAMED)
@pytest.mark.parametrize("support", [None, "unit"])
@pytest.mark.parametrize("budget", [2**30, FEW])
def test_all_examples_are_in_one_part_each(tmp_path, monkeypatch, make, support, budget):
    monkeypatch.setattr("training.data.memory.BUDGET", budget)
    dataset = read(make(tmp_path), support=support)
    assert dataset.train.streamed == (budget == FEW)
    assert [len(x) for x in parts(dataset)] == [24, 3, 3]
    assert dataset.support == (support or "levels")
    expected = X if support is None else np.float32(X) * np.float32(1 / 255)
    assert everything(dataset) == sorted(x.tobytes() for x in expected)


@pytest.mark.parametrize("make", STREAMED)
@pytest.mark.parametrize("binarize", ["static", "dynamic"])
def test_streamed_batches_are_those_of_the_array(tmp_path, monkeypatch, make, binarize):
    path = make(tmp_path)
    in_memory = read(path, binarize=binarize)
    monkeypatch.setattr("training.data.memory.BUDGET", FEW)
    streamed = read(path, binarize=binarize)
    assert streamed.train.streamed
    assert not in_memory.train.streamed
    for a, b in zip(streamed.batches(5, seed=1).take(9), in_memory.batches(5, seed=1).take(9), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(parts(streamed)[1:], parts(in_memory)[1:], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", STREAMED)
def test_examples_are_read_in_any_order(tmp_path, monkeypatch, make):
    path = make(tmp_path)
    array = read(path).train
    monkeypatch.setattr("training.data.memory.BUDGET", FEW)
    train = read(path).train
    assert (train.shape, train.dtype, len(train)) == (array.shape, array.dtype, len(array))
    index = np.array([7, 0, 23, 7])
    np.testing.assert_array_equal(train[index], array[index])
    np.testing.assert_array_equal(train.gather(tf.constant(index)), array[index])
    np.testing.assert_array_equal(train[5:20:2], array[5:20:2])
    stream = tf.data.Dataset.from_tensors(tf.constant(index)).map(train.gather)
    np.testing.assert_array_equal(next(iter(stream)), array[index])


@pytest.mark.parametrize("make", [folder_of_images, tfrecords])
def test_labels_stay_with_their_examples(tmp_path, make):
    dataset = read(make(tmp_path))
    number = {x.tobytes(): label for x, label in zip(X, CLASSES, strict=True)}
    assert [number[x.tobytes()] for x in dataset.train] == dataset.train_labels.tolist()
    assert [number[x.tobytes()] for x in dataset.test] == dataset.labels.tolist()


def test_the_split_is_a_function_of_its_seed(tmp_path):
    path = npy(tmp_path)
    first, same, other = (read(path, split_seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(parts(first), parts(same), strict=True))
    assert not np.array_equal(first.test, other.test)
    assert [len(x) for x in parts(read(path, validation_fraction=0.3, test_fraction=0.5))] == [6, 9, 15]


def test_streamed_data_are_seen_by_a_choice_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.memory.BUDGET", 10 * 4 * X[0].size)
    dataset = read(npy(tmp_path))
    seen = dataset.seen(3)
    assert seen.shape == (10, 4, 3, 1)
    assert len({x.tobytes() for x in seen} & {x.tobytes() for x in dataset.train[:]}) == 10
    np.testing.assert_array_equal(seen, dataset.seen(3))
    assert not np.array_equal(seen, dataset.seen(4))


def test_memory_mapped_rows_are_not_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(12.0).reshape(4, 3))
    array = np.load(tmp_path / "x.npy", mmap_mode="r")
    examples = MemoryMapped(array, (3,))
    assert isinstance(examples.array, np.memmap)
    assert examples[:].dtype == np.float32  # what models compute in, whatever is in the file
    np.testing.assert_array_equal(examples[1:3], array[1:3])


# names


def test_arrays_of_an_npz_are_known_by_their_names(tmp_path):
    arrays = {"x_train": X[:20], "x_val": X[20:24], "x_test": X[24:], "y_train": CLASSES[:20], "y_test": CLASSES[24:]}
    np.savez(tmp_path / "x.npz", **arrays)
    dataset = read(tmp_path / "x.npz")
    for part, key in zip(parts(dataset), ["x_train", "x_val", "x_test"], strict=True):
        np.testing.assert_array_equal(part, arrays[key])
    np.testing.assert_array_equal(dataset.train_labels, CLASSES[:20])
    np.testing.assert_array_equal(dataset.labels, CLASSES[24:])


@pytest.mark.parametrize(
    ("arrays", "settings"),
    [
        ({"faces": X}, {}),
        ({"X": X, "y": CLASSES, "names": CLASSES}, {}),
        ({"faces": X, "masks": X[::-1]}, {"key": "faces"}),
        ({"x": X[::-1], "faces": X, "kind": CLASSES}, {"key": "faces", "labels": "kind"}),
    ],
)
def test_one_array_or_the_named_one_is_the_examples(tmp_path, arrays, settings):
    np.savez(tmp_path / "x.npz", **arrays)
    dataset = read(tmp_path / "x.npz", **settings)
    assert everything(dataset) == sorted(x.tobytes() for x in X)
    assert (dataset.train_labels is not None) == ("y" in arrays or "kind" in arrays)


TABLE = np.round(np.random.default_rng(1).normal(size=(20, 3)), 3)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [True, False])
def test_tables(tmp_path, delimiter, header):
    rows = [delimiter.join(map(str, row)) for row in TABLE]
    names = [delimiter.join(["a", "b", "c"])] if header else []
    (tmp_path / "t.csv").write_text("\n".join([*names, *rows]) + "\n\n", encoding="utf-8-sig")
    dataset = read(tmp_path / "t.csv")
    assert everything(dataset) == sorted(np.float32(row).tobytes() for row in TABLE)
    assert (dataset.columns == ("a", "b", "c")) == header
    assert dataset.support == "real"


@pytest.mark.parametrize(("name", "settings"), [("Class", {}), ("kind", {"labels": "kind"})])
def test_a_column_of_a_table_is_labels(tmp_path, name, settings):
    rows = [f"{row[0]},{'ab'[i % 2]},{row[1]}" for i, row in enumerate(TABLE)]
    (tmp_path / "t.csv").write_text("\n".join([f"u,{name},v", *rows]))
    dataset = read(tmp_path / "t.csv", **settings)
    assert (dataset.columns, dataset.event_shape) == (("u", "v"), (2,))
    label = {np.float32(row[:2]).tobytes(): "ab"[i % 2] for i, row in enumerate(TABLE)}
    assert dataset.train_labels.tolist() == [label[x.tobytes()] for x in dataset.train]


def test_a_target_of_many_values_is_no_class(tmp_path):
    np.savez(tmp_path / "x.npz", x=X, y=np.linspace(0, 1, 30))
    dataset = read(tmp_path / "x.npz")
    assert dataset.train_labels is None
    assert "no classes" in dataset.description


@pytest.mark.parametrize("values", [[0.5, 1.5, -2.5], [1, 2, 3]])
def test_lists_of_numbers_in_records(tmp_path, values):
    rows = [{"v": [value + i for value in values], "id": [i]} for i in range(20)]
    dataset = read(write_records(tmp_path / "r.tfrecords", rows))
    assert everything(dataset) == sorted(np.float32(row["v"]).tobytes() for row in rows)


def test_folders_named_after_parts_are_parts(tmp_path):
    for name, rows in {"train": range(20), "val": range(20, 25), "test": range(25, 30)}.items():
        for i in rows:
            write_image(tmp_path / "images" / name / str(CLASSES[i]) / f"{i:02}.png", X[i])
    dataset = read(tmp_path / "images")
    assert [len(x) for x in parts(dataset)] == [20, 5, 5]
    assert sorted(x.tobytes() for x in dataset.test) == sorted(x.tobytes() for x in X[25:])
    assert sorted(dataset.labels) == sorted(CLASSES[25:])


@pytest.mark.parametrize("name", ["{}/0.tfrecord", "digits-{}-0.tfrecord"])
def test_record_files_named_after_parts_are_parts(tmp_path, name):
    for part, rows in {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}.items():
        path = tmp_path / "records" / name.format(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_records(path, [{"image": png(X[i])} for i in rows])
    for part, x in zip(parts(read(tmp_path / "records")), [X[:20], X[20:25], X[25:]], strict=True):
        np.testing.assert_array_equal(part, x)


def test_held_out_parts_of_streamed_data_are_capped(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.memory.BUDGET", 4 * 4 * X[0].size)
    dataset = read(npy(tmp_path), validation_fraction=0.3)
    assert [len(x) for x in parts(dataset)] == [23, 4, 3]
    assert everything(dataset) == sorted(x.tobytes() for x in X)
    assert len(read(npy(tmp_path), test_data=str(npy(tmp_path))).test) == 4


def test_parts_in_files_of_their_own(tmp_path):
    for name, x in {"a": X[:20], "b": X[20:25], "c": X[25:]}.items():
        np.save(tmp_path / f"{name}.npy", x)
    files = {"validation_data": str(tmp_path / "b.npy"), "test_data": str(tmp_path / "c.npy")}
    dataset = read(tmp_path / "a.npy", **files)
    for part, x in zip(parts(dataset), [X[:20], X[20:25], X[25:]], strict=True):
        np.testing.assert_array_equal(part, x)
    assert isinstance(dataset, Dataset)


# kinds of files


def test_every_kind_is_listed_and_has_suffixes_of_its_own():
    files = sorted(path.stem for path in (ROOT / "training" / "data" / "files").glob("*.py"))
    for name in files:
        importlib.import_module(f"training.data.files.{name}")
    assert {type(kind) for kind in KINDS} == set(FileKind.__subclasses__())
    suffixes = [suffix for kind in KINDS for suffix in kind.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)
    assert all(kind.single or kind.folders for kind in KINDS)
