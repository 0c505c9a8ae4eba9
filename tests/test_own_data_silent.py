"""What would go wrong without a word: it is noticed, and refused or said."""

import numpy as np
import pytest
from own_files import levels, write_image

from training.data import own_data
from training.data.examples import Examples
from training.data.settings import DataSettings
from training.data.splits import split

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def read(path, **settings):
    return own_data(DataSettings(data=str(path), **settings))


def assert_names(message, *words):
    assert [word for word in words if word not in str(message)] == []


def refusal(path, **settings):
    with pytest.raises(ValueError) as error:
        read(path, **settings)
    return str(error.value)


def npy(folder, x, name="x.npy"):
    np.save(folder / name, x)
    return folder / name


def npz(folder, **arrays):
    np.savez(folder / "x.npz", **arrays)
    return folder / "x.npz"


# data that change


def test_streamed_values_that_change_have_another_checksum(tmp_path, monkeypatch):
    in_memory = read(npy(tmp_path, X)).checksum
    monkeypatch.setattr("training.data.memory.BUDGET", 20 * X[0].nbytes)
    dataset = read(npy(tmp_path, X))
    assert isinstance(dataset.train, Examples)
    assert dataset.checksum == in_memory
    changed = X.copy()
    changed[int(dataset.train.index[5]), 2] += 1
    assert read(npy(tmp_path, changed)).checksum != in_memory


# columns that are constant


def test_a_column_is_constant_where_it_is_so_in_the_training_data(tmp_path):
    flat = X.copy()
    flat[:, 1] = 5
    assert_names(refusal(npz(tmp_path, x_test=X[:20], x_train=flat)), "1 of the 4 are constant: 1,")
    assert read(npz(tmp_path, x_test=flat[:20], x_train=X)).support == "real"


@pytest.mark.parametrize("budget", [2**30, 20 * X[0].nbytes])
def test_a_column_that_varies_in_another_part_only(tmp_path, monkeypatch, budget):
    monkeypatch.setattr("training.data.memory.BUDGET", budget)
    rare = X.copy()
    rare[:, 1] = 0
    rare[split(60, {"validation": 0.1, "test": 0.1}, 0)["test"][0], 1] = 1
    assert_names(refusal(npy(tmp_path, rare)), "constant: 1,", "training data")


def test_images_that_differ_in_another_part_only(tmp_path):
    for i, x in enumerate(levels(12)):
        write_image(tmp_path / "a" / ("test" if i < 4 else "train") / f"{i}.png", x if i < 4 else levels(1)[0])
    assert_names(refusal(tmp_path / "a"), "All training examples", "the same")
