"""Odd files: what is damaged or misleading ends in a sentence, and what is doubtful is noted."""

import struct
import zlib

import numpy as np
import pytest

from tests.shared.user_data import ROWS, WHOLE, X, assert_names, read, refusal, saved, write
from tests.shared.user_files import encrypted, levels
from training.data.checks import duplicates

# damaged arrays


def header(text):
    """The beginning of a .npy file whose header is a text."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + bytes(960)


SHAPES = "{'descr': '<f8', 'fortran_order': False, 'shape': %s}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHAPES % "(-5, 3)", "of shape [-5, 3]"),
        (SHAPES % "(True, 3)", "not an array that numpy.save has written"),
        (SHAPES % "((((5, 3)", "not an array that numpy.save has written"),
        (SHAPES % "(100000000000, 2)", "truncated"),
    ],
)
def test_headers_of_arrays(tmp_path, text, words):
    assert_names(refusal(write(tmp_path / "x.npy", header(text))), words)


def test_archives(tmp_path):
    assert_names(refusal(write(tmp_path / "x.npz", encrypted())), "encrypted")
    np.savez(tmp_path / "t.npz", x_test=X)
    assert_names(refusal(tmp_path / "t.npz"), "training examples", "test data only", "--test-data")
    assert len(read(saved(tmp_path / "x.npy", X + 1), test_data=str(tmp_path / "t.npz")).test) == 60
    assert_names(refusal(tmp_path / "t.npz", key="x_test", labels="x_test"), "--key and --labels both")


@pytest.mark.parametrize("factor", [1e-42, [1, 1, 1e-42, 1], 1e38])
def test_numbers_that_32_bits_cannot_compute_with(tmp_path, factor):
    message = refusal(saved(tmp_path / "x.npy", (np.clip(X, -3, 3) * factor).astype(np.float32)))
    assert_names(message, "32 bits", "Rescale", *(["column 2 of"] if isinstance(factor, list) else []))
    small = saved(tmp_path / "x.npy", (X * 1e-20).astype(np.float32))
    assert read(small).support == "real"


# damaged and other tables


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ROWS.replace(",", " "), ["by spaces", "delimiter=','"]),
        ("a b c d\n" + ROWS.replace(",", "  "), ["by spaces"]),
        (ROWS.replace(",", "|"), ["by vertical bars"]),
        ("a,b\n1,NA\n", ["column 'b' holds 'NA', a missing value, in line 2"]),
        ("1,2\n3,?\n", ["column 'column 2' holds '?', a missing value, in line 2"]),
        ("NA,NA\n1,2\n", ["'NA', a missing value, in line 1"]),
        ("a,b\n1,1_696\n", ["column 'b' holds '1_696' in line 2", "1_000 as 1000"]),
        ("a;b\n1;0,5\n", ["column 'b' holds '0,5'", "decimal point"]),
        ("1,5;0,5;2,5\n1,0;0,7;2,2\n", ["column 'column 1' holds '1,5' in line 1", "decimal point"]),
        ("a,b,\n1,2,\n", ["'column 3' is empty"]),
        ('a,b\n1,"2\n3,4\n5,6\n', ["text is in 'b' ('2 3,4 5,6')"]),
        ("a,b\n1,2\n".encode("utf-16-le"), ["UTF-16"]),
        ("a,b\n1,1" + "0" * 400, ["finite", f"'1{'0' * 29}'"]),
    ],
)
def test_cells_that_are_no_numbers(tmp_path, text, words):
    assert_names(refusal(write(tmp_path / "t.csv", text)), *words, "t.csv")


def test_the_names_of_many_columns_are_not_all_listed(tmp_path):
    names = ",".join(f"c{i}" for i in range(5000))
    assert len(refusal(write(tmp_path / "t.csv", f"{names}\n{names.replace('c', '')}\n"), labels="z")) < 300


@pytest.mark.parametrize(
    ("name", "column", "left_out"),
    [
        ("id", WHOLE, True),
        ("PassengerId", WHOLE, True),
        ("row_id", WHOLE[::-1] + 7, True),
        ("id", WHOLE // 2, False),
        ("id", WHOLE + 0.5, False),
        ("humid", WHOLE, False),
    ],
)
def test_columns_that_number_the_rows(tmp_path, name, column, left_out):
    lines = [f"{row[0]},{number},{row[1]}" for row, number in zip(X.tolist(), column.tolist(), strict=True)]
    dataset = read(write(tmp_path / "t.csv", "\n".join([f"a,{name},b", *lines])))
    assert dataset.columns == (("a", "b") if left_out else ("a", name, "b"))
    assert (f"left out the column '{name}'" in dataset.description) == left_out


@pytest.mark.parametrize(("first", "said"), [("2019,2020,2021,2022", True), ("0.5,2,1,3", False), ("1,1,1,1", False)])
def test_a_first_line_of_numbers_that_may_be_names(tmp_path, first, said):
    description = read(write(tmp_path / "t.csv", f"{first}\n{ROWS}")).description
    assert ("the first line, 2019, 2020, 2021, 2022, is read as numbers" in description) == said


@pytest.mark.parametrize(
    ("column", "said"), [(WHOLE % 4, True), (WHOLE % 2, False), (WHOLE, False), (WHOLE % 4 / 2, False)]
)
def test_whole_numbers_that_may_be_categories(tmp_path, column, said):
    description = read(saved(tmp_path / "x.npy", np.column_stack([X, column]))).description
    assert ("columns of a few whole numbers, 4, are taken as real ones" in description) == said


# copies


@pytest.mark.parametrize("budget", [2**30, 20 * X[0].nbytes])
def test_copies_and_training_examples_in_the_test_data(tmp_path, monkeypatch, budget):
    monkeypatch.setattr("training.data.memory.BUDGET", budget)
    assert "are copies" not in read(saved(tmp_path / "x.npy", X)).description
    description = read(saved(tmp_path / "x.npy", np.concatenate([X, X[:25]]))).description
    assert_names(description, "25 of the 85 examples of 'x' are copies of others")
    (tmp_path / "t").mkdir()
    test = str(saved(tmp_path / "t" / "x.npy", np.concatenate([X[:9], X[:9] + 1])))
    dataset = read(saved(tmp_path / "x.npy", X), test_data=test)
    training = {row.tobytes() for row in dataset.train[:]}
    both = sum(row.tobytes() in training for row in dataset.test)
    assert 0 < both < 10
    assert_names(dataset.description, f"{both} of the {len(dataset.test)} test examples are training examples, too")


def test_copies_in_parts_of_other_types(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=levels(), x_val=levels(4, seed=1), x_test=levels()[:9].astype(np.float64))
    assert_names(read(tmp_path / "x.npz").description, "9 of the 9 test examples are training examples, too")


def test_checksums_of_examples_are_those_of_their_bytes():
    x = levels(50, (7,))
    running = duplicates.running_checksums(x, 12345)
    assert int(running[-1]) == zlib.crc32(x.tobytes(), 12345)
    np.testing.assert_array_equal(duplicates.individual_checksums(running, 7), [zlib.crc32(row.tobytes()) for row in x])


def test_equal_checksums_are_no_equal_examples():
    x = levels(4, (7,))
    found = {"train": np.uint32([1, 1, 2, 3])}
    same = duplicates.identities({"train": x[[0, 1, 2, 0]]}, found)["train"]
    assert len(set(same.tolist())) == 4  # the last one's checksum says that it is another
    assert duplicates.note_copies(same, "x") == ()
    same = duplicates.identities({"train": x[[0, 0, 1, 2]]}, {"train": np.uint32([1, 1, 1, 3])})["train"]
    assert duplicates.note_copies(same, "x") == ("1 of the 4 examples of x are copies of others",)
