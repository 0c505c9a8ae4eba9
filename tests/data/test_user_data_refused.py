"""Bad data end in one sentence that says what came, what was expected and what to do; nothing is written."""

import gzip
import pickle

import numpy as np
import pytest

from tests.shared.user_files import levels, png, write_image, write_records
from training.data import load_user_data, memory
from training.data.settings import DataSettings
from training.train import main

X = np.random.default_rng(0).normal(size=(40, 3))


@pytest.fixture
def refusal(tmp_path, monkeypatch, capsys):
    """A function of a path below an empty folder and of words: the sentence that the command ends with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.run.train", lambda *args: pytest.fail("These data were to be refused."))

    def refuse(path, *words):
        before = set(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as end:
            main(["--data", str(path), "--out", "run", *map(str, words)])
        assert set(tmp_path.rglob("*")) == before
        printed = "".join(capsys.readouterr())
        assert "Traceback" not in printed
        if end.value.code == 2:  # tyro's, for a setting that is none
            return " ".join(printed.split())
        message = str(end.value.code)
        assert message.startswith("error: ")
        assert "\n" not in message
        return message

    return refuse


def assert_names(message, *words):
    assert [word for word in words if word not in message] == []


def csv(text):
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write(text)
    return "t.csv"


def npz(**arrays):
    np.savez("x.npz", **arrays)
    return "x.npz"


def npy(x, name="x.npy"):
    np.save(name, x, allow_pickle=True)
    return name


# paths


def test_missing_and_unknown_paths(refusal, tmp_path):
    assert_names(refusal("no/such.npy"), "No file or folder 'no/such.npy'", ".npy", ".npz", ".csv", ".tfrecord", ".png")
    (tmp_path / "x.xlsx").write_text("")
    assert_names(refusal("x.xlsx"), "'x.xlsx' is of no known kind", ".npy", ".csv", ".png")
    (tmp_path / "empty").mkdir()
    assert_names(refusal("empty/"), "'empty' is empty", ".png", ".tfrecord")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    assert_names(refusal("./notes"), "'notes' holds files of .txt", ".png", ".tfrecord")
    assert_names(refusal("digits", "--support", "unit"), "--support", "user data", "'digits'")


# values


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite(refusal, value):
    x = X.copy()
    x[7, 2] = value
    assert_names(refusal(npy(x)), "example 7", f"has {value} as its element [2]", "Remove or fill")


def test_support_that_values_are_not_in(refusal):
    assert_names(refusal(npy(X), "--support", "unit"), "[0, 1] (support 'unit')", "in [-", "fit real", "--support")
    assert_names(refusal(npy(X), "--support", "nope"), "No support 'nope'", "binary, levels, simplex, unit, real")
    assert_names(refusal(npy(X), "--binarize", "dynamic"), "[0, 1] (support 'unit')", "--binarize")


def test_columns_that_do_not_vary(refusal):
    x = X.copy()
    x[:, 1] = 3
    assert_names(refusal(npy(x)), "1 of the 3", "constant: 1,")
    rows = "\n".join(f"{row[0]},7,{row[2]}" for row in x)
    assert_names(refusal(csv(f"a,b,c\n{rows}")), "1 of the 3", "'b'", "remove such columns")
    whole = "\n".join(f"{i},7,{i % 3}" for i in range(30))
    assert_names(refusal(csv(f"a,b,c\n{whole}")), "--support levels")
    assert_names(refusal(npy(np.ones((20, 3)))), "All training examples of 'x' are the same")


def test_parts_of_another_shape_and_too_few_examples(refusal):
    npy(X[:, :2], "v.npy")
    assert_names(refusal(npy(X), "--validation-data", "v.npy"), "validation examples of shape [3]", "got [2]")
    assert_names(refusal(npy(X[:5])), "2 examples or more in each part, 6 in all, got 5", "--validation-data")
    assert_names(refusal(npy(X), "--test-fraction", "0.99"), "test_fraction", "0.9")


def test_what_does_not_fit_into_memory(refusal, monkeypatch):
    monkeypatch.setattr(memory, "MEMORY_SHARE", 1e-12)
    assert_names(refusal(npz(x=X)), "'x.npz' takes about", "memory", ".npy", "streamed")


# arrays


def test_objects_are_never_unpickled(refusal, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("It was unpickled.",))

    bombs = np.array([Bomb(), Bomb()], object)
    words = ("Python objects", "different lengths", "never unpickled")
    assert_names(refusal(npy(bombs)), *words)
    assert_names(refusal(npz(x=bombs)), "'x' in 'x.npz'", *words)
    assert_names(refusal(npz(x=X, y=bombs)), "labels 'y'", "never unpickled")
    (tmp_path / "p.npy").write_bytes(pickle.dumps([1, 2]))
    assert_names(refusal("p.npy"), "'p.npy' is not an array that numpy.save has written")


@pytest.mark.parametrize(
    ("x", "word"), [(np.array(["a", "b"]), "type <U1"), (X[:, 0], "shape [40]"), (X[:0], "empty"), (X + 1j, "complex")]
)
def test_arrays_that_are_no_examples(refusal, x, word):
    assert_names(refusal(npy(x)), "'x.npy'", word)


def test_settings_that_name_nothing(refusal):
    for option in ("--key", "--labels"):
        assert_names(refusal(npy(X), option, "x"), option, ".npz", "TFRecords", "'x.npy'", "Leave it out")


def test_large_arrays_whose_rows_are_scattered(refusal, monkeypatch):
    monkeypatch.setattr(memory, "BUDGET", 1)
    assert_names(refusal(npy(np.asfortranarray(X))), "'x.npy'", "streamed", "Fortran", "ascontiguousarray")


def test_truncated_arrays(refusal, tmp_path):
    for path in (npy(X), npz(x=X)):
        content = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(content[: len(content) // 2])
        assert_names(refusal(path), f"'{path}' is truncated", "again")


def test_arrays_of_which_it_is_not_clear_what_they_are(refusal):
    path = npz(faces=X, masks=X)
    assert_names(refusal(path), "'faces' [40, 3]", "'masks' [40, 3]", "--key", "x_train")
    assert_names(refusal(path, "--key", "nope"), "No array 'nope' (--key)", "'faces'", "'masks'")
    assert_names(refusal(npz(x=X, y=np.arange(39))), "Expected 40 labels", "[39]")
    assert_names(refusal(npz(x=X, images=X)), "'x' [40, 3]", "'images' [40, 3]", "--key")


# tables


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3\n", ["2 values in each row", "got 1 in line 3"]),
        ("a,b\n1,2\n3,nan\n", ["column 'b'", "'nan', a missing value, in line 3"]),
        ("a,b\n1,2\n3,\n", ["column 'b'", "empty in line 3"]),
        ("a,name,town\n1,Ann,Ulm\n", ["text is in 'name' ('Ann'), 'town' ('Ulm')", "line 2", "--labels"]),
        ("1,Ann\n2,Bob\n", ["text is in 'column 2' ('Ann')"]),
        ("a,b\n", ["no rows"]),
        ("", ["empty"]),
        ("label,class,a\n1,2,3\n", ["'label' and 'class'", "--labels"]),
        ("label\n1\n2\n", ["its only column 'label' is labels"]),
    ],
)
def test_tables_that_are_no_numbers(refusal, text, words):
    assert_names(refusal(csv(text)), "t.csv", *words)


def test_text_of_another_encoding_or_columns(refusal, tmp_path):
    (tmp_path / "l.csv").write_bytes("größe,b\n1,2\n".encode("latin-1"))
    assert_names(refusal("l.csv"), "'l.csv' is not UTF-8", "Save it as UTF-8")
    path = csv("a,b\n1,2\n")
    assert_names(refusal(path, "--labels", "c"), "No column 'c'", "a, b")
    (tmp_path / "v.csv").write_text("b,a\n1,2\n")
    assert_names(refusal(path, "--validation-data", "v.csv"), "columns of 't.csv', a, b, got b, a")


# images and records


def images(folder, n=20, **shapes):
    for i, x in enumerate(levels(n)):
        write_image(folder / "images" / f"{i:03}.png", x)
    for name, shape in shapes.items():
        write_image(folder / "images" / f"{name}.png", levels(1, shape)[0])
    return "images/"


def test_images_of_several_sizes(refusal, tmp_path):
    path = images(tmp_path, large=(9, 7, 1))
    assert_names(refusal(path), "2 sizes", "4 × 3 (20 of them)", "9 × 7 (1 of them)", "--image-size")


def test_images_of_which_some_have_labels(refusal, tmp_path):
    path = images(tmp_path)
    write_image(tmp_path / "images" / "cats" / "a.png", levels(1)[0])
    assert_names(refusal(path), "20 of 21 are in no subfolder", "'000.png'", "Move")


def test_images_that_cannot_be_read(refusal, tmp_path):
    path = images(tmp_path)
    (tmp_path / "images" / "bad.png").write_bytes(png(levels(1)[0])[:-20])
    (tmp_path / "images" / "text.jpg").write_text("no image")
    assert_names(refusal(path), "2 of the 22", "1%", "bad.png", "text.jpg")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.png").write_text("no image")
    assert_names(refusal("none/"), "None of the 1 images", "PNG or JPEG")


def test_a_few_bad_images_are_left_out_and_named(tmp_path):
    images(tmp_path, n=120)
    (tmp_path / "images" / "bad.png").write_bytes(b"no image")
    dataset = load_user_data(DataSettings(data=str(tmp_path / "images")))
    assert sum(len(x) for x in (dataset.train, dataset.validation, dataset.test)) == 120
    assert_names(dataset.description, "left out 1 of 121", "bad.png")


def test_rows_that_are_no_images(refusal):
    assert_names(refusal(npy(X), "--image-size", 2), "2 × 2", "[3]", "image files only")
    assert_names(refusal(npy(X), "--image-size", 2, 2, 2), "a height and a width")


def test_damaged_records(refusal, tmp_path):
    path = write_records(tmp_path / "r.tfrecord", [{"v": list(row)} for row in X])
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    assert_names(refusal("r.tfrecord"), "'r.tfrecord' is truncated", "record 39")
    path.write_bytes(gzip.compress(content))
    assert_names(refusal("r.tfrecord"), "compressed")
    path.write_bytes(b"")
    assert_names(refusal("r.tfrecord"), "there are none")


def test_records_of_which_it_is_not_clear_what_they_are(refusal, tmp_path):
    write_records(tmp_path / "r.tfrecord", [{"a": [1.0, 2.0], "b": [3, 4], "c": b"text"}] * 20)
    assert_names(refusal("r.tfrecord"), "'a' (2 × float)", "'b' (2 × int64)", "'c' (1 × bytes)", "--key")
    assert_names(refusal("r.tfrecord", "--key", "nope"), "No feature 'nope' (--key)", "'a'")
    assert_names(refusal("r.tfrecord", "--key", "c"), "'c'", "PNG or JPEG")
    write_records(tmp_path / "s.tfrecord", [{"v": list(range(1 + i % 2, 4))} for i in range(20)])
    assert_names(refusal("s.tfrecord"), "10 of the 20", "record 1 of 's.tfrecord'")
