"""Arrays in memory and in files have one interface, and return the same numbers."""

import numpy as np
import pytest
import tensorflow as tf

from tests.shared.user_files import levels, write_image, write_records
from training.data.files.formats.record_files import RecordImages, RecordNumbers, index_records
from training.data.files.images import FolderImages
from zoo.data.lazy_arrays import InMemory, LazyArray, Mapped, MemoryMapped, Subset, as_lazy

X = levels(30)
NUMBERS = np.float32(X.reshape(30, -1))


def folder_images(folder):
    paths = [write_image(folder / f"{i:02}.png", x) for i, x in enumerate(X)]
    return FolderImages(paths, X.shape[1:])


def record_images(folder):
    records = [{"x": tf.io.encode_png(x).numpy()} for x in X]
    return RecordImages(index_records([write_records(folder / "x.tfrecord", records)]), "x", X.shape[1:])


def record_numbers(folder):
    path = write_records(folder / "x.tfrecord", [{"x": x} for x in NUMBERS.tolist()])
    return RecordNumbers(index_records([path]), "x", NUMBERS.shape[1:], tf.float32)


def memory_mapped(folder):
    np.save(folder / "x.npy", X)
    return MemoryMapped(np.load(folder / "x.npy", mmap_mode="r"), X.shape[1:])


MAKERS = {
    InMemory: lambda folder: as_lazy(X),
    MemoryMapped: memory_mapped,
    Subset: lambda folder: memory_mapped(folder).take(np.arange(30)),
    Mapped: lambda folder: memory_mapped(folder).map(lambda x: x, np.uint8),
    FolderImages: folder_images,
    RecordImages: record_images,
    RecordNumbers: record_numbers,
}
INDEX = np.array([7, 0, 23, 7])


@pytest.fixture(params=MAKERS, ids=lambda kind: kind.__name__)
def pair(request, tmp_path):
    """A lazy array, and the array that it stands for."""
    lazy = MAKERS[request.param](tmp_path)
    assert type(lazy) is request.param
    return lazy, NUMBERS if request.param is RecordNumbers else X


def test_every_lazy_array_is_tested():
    assert set(LazyArray.__subclasses__()) == set(MAKERS)


def test_shape_and_indices(pair):
    lazy, x = pair
    assert (lazy.shape, lazy.dtype, len(lazy)) == (x.shape, x.dtype, 30)
    assert lazy.streamed == (not isinstance(lazy, InMemory))
    for index in (slice(None), slice(5, 20, 2), slice(3, 3), INDEX):
        np.testing.assert_array_equal(lazy[index], x[index])
        assert lazy[index].dtype == x.dtype
    np.testing.assert_array_equal(np.asarray(lazy), x)
    assert np.asarray(lazy, np.float64).dtype == np.float64


def test_tensors_within_a_map(pair):
    lazy, x = pair
    np.testing.assert_array_equal(lazy.gather(tf.constant(INDEX)), x[INDEX])
    stream = tf.data.Dataset.from_tensors(tf.constant(INDEX)).map(lazy.gather)
    np.testing.assert_array_equal(next(iter(stream)), x[INDEX])


def test_some_of_the_examples(pair):
    lazy, x = pair
    some = lazy.take(INDEX)
    assert some.streamed == lazy.streamed
    assert [some.place(i) for i in (0, 2)] == (
        [lazy.place(i) for i in (7, 23)] if lazy.streamed else ["example 0", "example 2"]
    )
    np.testing.assert_array_equal(some[1:], x[INDEX][1:])
    np.testing.assert_array_equal(some.take(np.array([3, 1]))[:], x[INDEX][[3, 1]])


def test_a_function_of_the_examples(pair):
    lazy, x = pair
    halved = lazy.map(lambda values: tf.cast(values, tf.float32) / 2, np.float32)
    assert (halved.shape, halved.dtype, halved.streamed) == (x.shape, np.float32, lazy.streamed)
    np.testing.assert_array_equal(halved[INDEX], np.float32(x[INDEX]) / 2)
    over = lazy.map(lambda values: values > 100, np.uint8)
    np.testing.assert_array_equal(over[:], x > 100)
    np.testing.assert_array_equal(over.gather(tf.constant(INDEX)), x[INDEX] > 100)


def test_an_array_in_memory_is_not_put_into_graphs():
    lazy = as_lazy(np.zeros((1000, 100)))
    graph = tf.function(lazy.gather).get_concrete_function(tf.TensorSpec([None], tf.int64)).graph
    assert len(graph.as_graph_def().SerializeToString()) < 10_000 < lazy.array.nbytes
