"""Batches: a function of the seed and the step, shared by replicas; validation in equal parts."""

import numpy as np
import pytest

from training.data.binarization import binarized
from training.data.dataset import Dataset


def rows(x):
    return sorted(example.tobytes() for example in x)


def gray(**changes):
    """Gray levels, different ones in each part, and in each 0, ½ and 1."""
    x = np.linspace(0, 1, 90 * 3, dtype=np.float32).reshape(90, 3)
    x[[0, 50, 70]] = 0, 0.5, 1
    return Dataset(
        **{"name": "gray", "support": "unit", "train": x[:50], "validation": x[50:70], "test": x[70:]} | changes
    )


def numbered(n=10):
    """A data set whose examples are their own indices."""
    x = np.arange(n, dtype=np.float32)[:, None]
    return Dataset("numbers", "real", x, x, x)


def take(batches, n):
    return np.stack(list(batches.take(n).as_numpy_iterator()))


@pytest.mark.parametrize("dataset", [numbered, lambda: binarized(gray(), "dynamic")], ids=["fixed", "dynamic"])
def test_batches_are_a_function_of_the_seed(dataset):
    first, same, other = (take(dataset().batches(3, seed), 8) for seed in (5, 5, 6))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 10), (3, 3), (5, 2), (10, 1)])
def test_epoch_has_each_example_at_most_once_in_an_order_of_its_own(batch_size, steps):
    assert numbered().steps(batch_size) == steps
    stream = take(numbered().batches(batch_size, seed=0), 4 * steps)
    assert stream.dtype == np.float32
    epochs = stream.reshape(4, steps * batch_size)
    assert all(len(set(epoch)) == steps * batch_size for epoch in epochs)
    assert set(epochs.ravel()) == set(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("step", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("dataset", [numbered, lambda: binarized(gray(), "dynamic")], ids=["fixed", "dynamic"])
def test_stream_goes_on_exactly_where_it_was_left(dataset, step):
    whole = take(dataset().batches(4, seed=2), step + 15)
    rest = take(dataset().batches(4, seed=2, first_step=step), 15)
    assert np.array_equal(rest, whole[step:])


@pytest.mark.parametrize(("replicas", "workers"), [(2, 1), (2, 2), (4, 2)])
@pytest.mark.parametrize("dataset", [numbered, lambda: binarized(gray(), "dynamic")], ids=["fixed", "dynamic"])
def test_the_shares_of_replicas_are_together_the_batch_of_one(dataset, replicas, workers):
    whole = take(dataset().batches(8, seed=2, first_step=1), 6)  # [6, 8, *x]
    local = replicas // workers
    shares = [
        take(dataset().batches(8, 2, 1, replicas=replicas, workers=workers, worker=w), 6 * local)
        for w in range(workers)
    ]  # of each worker [6 local, 8 / R, *x]
    shares = np.stack([share.reshape(6, local, 8 // replicas, *whole.shape[2:]) for share in shares], axis=1)
    assert np.array_equal(shares.reshape(whole.shape), whole)


def test_a_batch_that_replicas_cannot_share_is_refused():
    with pytest.raises(ValueError, match=r"3 replicas can share, got 4.*--batch-size"):
        numbered().batches(4, seed=0, replicas=3)


@pytest.mark.parametrize(("replicas", "workers", "batch_size"), [(1, 1, 7), (2, 1, 6), (4, 2, 8), (3, 3, 100)])
def test_validation_batches_hold_each_example_once_and_something_for_each_replica(replicas, workers, batch_size):
    dataset = gray()  # 20 of them
    steps, local = dataset.validation_steps(batch_size, replicas), replicas // workers
    shares = [
        list(dataset.validation_batches(batch_size, replicas, workers, w).take(2 * steps * local).as_numpy_iterator())
        for w in range(workers)
    ]
    assert all(len(x) for of_worker in shares for x in of_worker)
    for first in (0, steps * local):  # over and over
        seen = np.concatenate([x for of_worker in shares for x in of_worker[first : first + steps * local]])
        assert rows(seen) == rows(np.float32(dataset.validation))
    per_step = [sum(len(s[i * local + r]) for s in shares for r in range(local)) for i in range(steps)]
    assert max(per_step) <= max(batch_size, replicas)


def test_fewer_validation_examples_than_replicas_are_refused():
    with pytest.raises(ValueError, match="each of 21 replicas, got 20"):
        gray().validation_batches(500, replicas=21)


def test_training_examples_are_binarized_anew_in_each_epoch():
    dataset = binarized(
        gray(train=np.full((6, 50), 0.5, np.float32), validation=np.ones((1, 50)), test=np.ones((1, 50))), "dynamic"
    )
    first, second = take(dataset.batches(6, seed=0), 2)
    assert len(set(rows(first)) | set(rows(second))) == 12


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_batch_size_that_gives_no_batch_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"from 1 to 10, got {batch_size}"):
        numbered().batches(batch_size, seed=0)


def test_pipelines_end_without_a_wait():
    for batches in (numbered().batches(2, seed=0), numbered().validation_batches(2)):
        assert batches.options().autotune.enabled is False
