"""What would go wrong silently is noticed, and refused or noted."""

import numpy as np
import pytest
from PIL import Image

from tests.shared.user_files import levels, write_image, write_records
from training.data import load_user_data
from training.data.settings import DataSettings
from training.data.splits import split

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def read(path, **settings):
    return load_user_data(DataSettings(data=str(path), **settings))


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
    assert dataset.train.streamed
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


# digits


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (1.7e9 + np.arange(60.0), ["lose digits", "1700000000 to 1700000059", "Subtract"]),
        (20_000_000 + np.arange(60), ["lose digits", "20000000"]),
        (1e-50 * np.arange(60), ["lose digits", "rescale"]),
        (np.append(np.ones(59), 1e39), ["up to 1e+39", "32 bits", "3.4e+38"]),
    ],
)
def test_numbers_that_32_bits_cannot_hold(tmp_path, column, words):
    x = np.column_stack([np.float64(X[:, 0]), column])
    assert_names(refusal(npy(tmp_path, x)), "Column 1 of", "x.npy", *words)
    assert_names(refusal(npz(tmp_path, x=x)), "Column 1 of 'x' in", *words)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="height,time", fmt="%.17g")
    assert_names(refusal(tmp_path / "x.csv"), "Column 'time' of", "x.csv", *words)


def test_whole_numbers_of_records_that_32_bits_cannot_hold(tmp_path):
    path = write_records(tmp_path / "r.tfrecord", [{"v": [i, 20_000_000 + i]} for i in range(60)])
    assert_names(refusal(path), "Column 1 of 'v' in", "r.tfrecord", "lose digits")


def test_numbers_that_32_bits_hold_well_enough(tmp_path):
    for x in (np.float64(X) + 1000, np.arange(240).reshape(60, 4), np.float64(X.reshape(60, 2, 2)) / 3):
        assert read(npy(tmp_path, x)).train.dtype == np.float32


# tables


def table(folder, text):
    (folder / "t.csv").write_text(text)
    return folder / "t.csv"


ROWS = [",".join(map(str, row)) for row in X[:20].tolist()]
NUMBERED = [f"{i},{row}" for i, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("lines", "columns"),
    [
        (["0,1,2,3", *ROWS], ("0", "1", "2", "3")),
        ([",0,1,2,3", *NUMBERED], ("0", "1", "2", "3")),
        ([",a,b,c,d", *NUMBERED], ("a", "b", "c", "d")),
        (["# a,b,c,d", *ROWS], ("a", "b", "c", "d")),
        (["2019,2020,2021,2022", *ROWS], None),
    ],
)
def test_lines_of_names_and_columns_that_number_the_rows(tmp_path, lines, columns):
    dataset = read(table(tmp_path, "\n".join(lines)))
    assert dataset.event_shape == (4,)
    assert dataset.columns == (columns or tuple(f"column {i}" for i in (1, 2, 3, 4)))
    assert sum(len(x) for x in (dataset.train, dataset.validation, dataset.test)) == (20 if columns else 21)
    assert_names(dataset.description, "with a line of names" if columns else "without a line of names")
    assert ("numbers the rows" in dataset.description) == (lines[0].startswith(","))


def test_zeros_and_ones_are_no_names(tmp_path):
    dataset = read(table(tmp_path, "0,1\n" + "1,1\n1,0\n" * 10))
    assert sum(len(x) for x in (dataset.train, dataset.validation, dataset.test)) == 21


def test_an_empty_label_of_a_table(tmp_path):
    lines = ["a,b,c,d,label", *(f"{row},cat" for row in ROWS), "1,2,3,4, "]
    assert_names(refusal(table(tmp_path, "\n".join(lines))), "'label'", "empty in line 22")


def test_what_arrays_and_tables_take_is_estimated(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 2, "SC_PAGE_SIZE": 5_000}[name])
    path = npz(tmp_path, x=levels(40, (20, 1, 1)))  # 800 numbers of one byte: 800 (1 + 12), over half of 10,000
    assert_names(refusal(path), "when it is read")
    assert read(npz(tmp_path, x=levels(15, (20, 1, 1)))).event_shape == (20, 1, 1)
    assert_names(refusal(table(tmp_path, "a,b,c\n" + "1,2,3\n" * 90)), "when it is read")


# labels


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_labels_that_are_not_finite(tmp_path, bad):
    labels = np.arange(60.0) % 3
    labels[7] = bad
    assert_names(refusal(npz(tmp_path, x=X, y=labels)), "example 7", f"is {bad}")


@pytest.mark.parametrize("missing", [0, 5])
@pytest.mark.parametrize("label", [[1], b"cat"])
def test_a_record_without_a_label(tmp_path, label, missing):
    rows = [{"v": list(map(float, row)), "label": label} for row in X]
    del rows[missing]["label"]
    path = write_records(tmp_path / "r.tfrecord", rows)
    assert_names(refusal(path), "'label'", f"record {missing} of", "r.tfrecord")


def test_a_record_that_has_changed(tmp_path):
    path = write_records(tmp_path / "r.tfrecord", [{"v": list(map(float, row))} for row in X])
    content = bytearray(path.read_bytes())
    content[len(content) * 7 // 60 + 20] ^= 1
    path.write_bytes(content)
    assert_names(refusal(path), "r.tfrecord' is damaged", "record 7", "checksum")


# folders


def test_linked_folders_are_read_once(tmp_path):
    for i, x in enumerate(levels(20)):
        write_image(tmp_path / ("a" if i < 10 else "elsewhere") / "cats" / f"{i}.png", x)
    (tmp_path / "a" / "dogs").symlink_to(tmp_path / "elsewhere" / "cats")
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    dataset = read(tmp_path / "a")
    assert sum(len(x) for x in (dataset.train, dataset.validation, dataset.test)) == 20
    assert set(dataset.train_labels) == {"cats", "dogs"}


def test_hidden_files_are_passed_over(tmp_path):
    for i, x in enumerate(levels(20)):
        write_image(tmp_path / "a" / f"{i}.png", x)
    (tmp_path / "a" / ".trash").mkdir()
    (tmp_path / "a" / ".trash" / "b.tfrecord").write_bytes(b"x")
    assert "images" in read(tmp_path / "a").description
    (tmp_path / "b").mkdir()
    write_records(tmp_path / "b" / "b.tfrecord", [{"v": list(map(float, row))} for row in X])
    (tmp_path / "b" / ".b.tfrecord").write_bytes(b"x")
    assert "TFRecords in a file" in read(tmp_path / "b").description


def test_images_of_16_bits(tmp_path):
    for i in range(20):
        write_image(tmp_path / "a" / f"{i}.png", np.full((4, 3, 1), 300 * i, np.uint16))
    assert_names(refusal(tmp_path / "a"), "20 of the 20", "16", ".npy")


@pytest.mark.parametrize("form", ["GIF", "BMP"])
def test_images_of_another_kind_are_not_read(tmp_path, form):
    for i, x in enumerate(levels(120)):
        write_image(tmp_path / "a" / f"{i:03}.png", x)
    Image.fromarray(levels(1, (9, 5))[0]).save(tmp_path / "a" / "other.png", format=form)
    assert_names(read(tmp_path / "a").description, "left out 1 of 121", "other.png")


# what is said


def test_a_test_part_of_one_example(tmp_path):
    assert_names(refusal(npz(tmp_path, x_train=X, x_test=X[:1])), "2 test examples or more", "got 1")


def test_examples_of_which_one_is_over_the_budget(tmp_path, monkeypatch):
    monkeypatch.setattr("training.data.memory.BUDGET", 1)
    dataset = read(npy(tmp_path, X))
    assert [len(x) for x in (dataset.train, dataset.validation, dataset.test)] == [56, 2, 2]


def test_a_plain_file_has_no_parts(tmp_path):
    bad = X.copy()
    bad[3, 2] = np.nan
    assert_names(refusal(npy(tmp_path, bad)), "but example 3 of 'x' has nan")
    assert_names(refusal(npz(tmp_path, x_train=X, x_test=bad)), "but example 3 of the test data of 'x' has nan")
