"""Columns of tables are matched by name: in the model's order, missing ones filled or refused, others left out."""

import numpy as np
import pytest

from training.data import Dataset, data_of
from training.data.columns import names_of, with_columns
from training.data.settings import DataSettings
from training.finetuning.alignment import align

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
NAMES = ("age", "height", "weight")


def csv(path, names, columns):
    rows = [",".join(names), *(",".join(str(value) for value in row) for row in zip(*columns, strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_another_order_is_the_same_data(tmp_path):
    ordered = csv(tmp_path / "a.csv", NAMES, X.T)
    shuffled = csv(tmp_path / "b.csv", NAMES[::-1], X.T[::-1])
    columns, filled, sentences = align(NAMES, names_of(DataSettings(data=shuffled)), np.zeros(3), None)
    assert (columns, filled) == (NAMES, None)
    assert sentences == ["columns are matched by name, in the model's order"]
    a, b = data_of(DataSettings(data=ordered)), data_of(DataSettings(data=shuffled, columns=columns))
    assert b.columns == NAMES
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(a, part)[:], getattr(b, part)[:])


def test_missing_ones_are_filled_and_others_left_out_even_if_they_are_text(tmp_path):
    path = csv(tmp_path / "a.csv", ("city", "weight", "age"), [["Ulm"] * 40, X[:, 2], X[:, 0]])
    columns, filled, sentences = align(NAMES, names_of(DataSettings(data=path)), [1.0, 170.5, 3.0], "mean")
    assert filled == {"height": 170.5}
    assert "city" in sentences[1]
    assert "height 170.5" in sentences[2]
    train = data_of(DataSettings(data=path, columns=columns, filled=filled)).train[:]
    assert np.all(train[:, 1] == 170.5)
    rows = {tuple(row) for row in X[:, [0, 2]]}
    assert all(tuple(row) in rows for row in train[:, [0, 2]])


@pytest.mark.parametrize(
    ("found", "fill", "said"),
    [
        (("a", "b"), None, "none of the model's columns, age, height, weight; they have a, b"),
        (("a", "b"), "mean", "none of the model's columns"),
        (("age", "weight"), None, "lack height.*--fill-missing mean.$"),
        (
            ("Age", "weight", "Height_"),
            None,
            "lack age, height.*If these are the same, rename 'Age' to 'age', 'Height_'",
        ),
        (("AGE", "a"), "mean", "none of the model's columns.*rename 'AGE' to 'age'"),
    ],
)
def test_what_cannot_be_aligned_is_refused(found, fill, said):
    with pytest.raises(ValueError, match=said):
        align(NAMES, found, np.zeros(3), fill)


def test_a_filled_column_is_not_one_with_almost_its_name_in_silence():
    _, filled, sentences = align(NAMES, ("age", "hieght", "weight"), [1.0, 170.5, 3.0], "mean")
    assert filled == {"height": 170.5}
    assert sentences[-1].endswith(
        "height 170.5; scores include them. If these are the same, rename 'hieght' to 'height'"
    )


def test_columns_of_a_named_data_set():
    few = data_of(DataSettings(data="breast_cancer", columns=("mean area", "mean radius")))
    every = data_of(DataSettings(data="breast_cancer"))
    index = [every.columns.index(name) for name in few.columns]
    np.testing.assert_array_equal(few.test, every.test[:, index])


@pytest.mark.parametrize(
    ("columns", "said"),
    [(("age", "size"), "No column 'size' in 'a'. It has: age, height, weight"), (("age", "age"), "each column once")],
)
def test_unknown_or_repeated_columns_are_refused(columns, said):
    dataset = Dataset("a", "real", X[:20], X[20:30], X[30:], columns=NAMES)
    with pytest.raises(ValueError, match=said):
        with_columns(dataset, columns)


def test_data_without_names_are_refused():
    with pytest.raises(ValueError, match="no names of columns, expected age"):
        with_columns(Dataset("a", "real", X[:20], X[20:30], X[30:]), NAMES)


def test_a_table_with_none_of_the_columns_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none of the columns length. It has: age, height, weight"):
        data_of(DataSettings(data=csv(tmp_path / "a.csv", NAMES, X.T), columns=("length",)))
