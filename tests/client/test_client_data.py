"""What the client makes of files: tables, arrays, images; and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.client.files.examples import Arrays, examples_in
from export.client.files.images import contact_sheet, decoded, levels
from export.client.files.output import OutputFile
from export.client.remote_model import RemoteModel, row_seeds
from export.client.signature import checked
from export.client.transports.rest import Rest
from tests.models.linear_models import linear_model, png
from tests.servers.stand_in_server import StandInServer
from tests.shared.user_files import encrypted


@pytest.fixture(scope="module")
def models():
    with (
        StandInServer(
            {"rows": linear_model((3,)), "images": linear_model((2, 2, 1)), "planes": linear_model((2, 2))}
        ) as server,
        Rest(server.rest) as t,
    ):
        yield {name: RemoteModel(t, name) for name in ("rows", "images", "planes")}


@pytest.fixture
def rows(models, tmp_path, monkeypatch):
    """Reads a file of the folder that tests run in, whose text is given, for a model of rows of three numbers."""
    monkeypatch.chdir(tmp_path)

    def read(text, name="x.csv"):
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return examples_in(name, models["rows"], "encode").inputs(0, 99)["x"].tolist()

    return read


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5,6\n",
        "a,b,c\n1,2,3\n4,5,6",
        "\ufeffa;b;c\r\n1;2;3\r\n\r\n4;5;6\r\n",
        "0,1,2\n1,2,3\n4,5,6\n",  # as pandas names columns
        "# a,b,c\n1,2,3\n4,5,6\n",  # as numpy.savetxt does
        "a\tb\tc\n1\t2\t3\n4\t5\t6\n",
        "a,label,b,c\n1,cat,2,3\n4,dog,5,6\n",
        "a,b,class\n1,2,3\n4,5,6\n",  # three with it, as the model takes
        ",a,b,c\n0,1,2,3\n1,4,5,6\n",  # as pandas writes a table
        ",0,1,2\n0,1,2,3\n1,4,5,6\n",
        ",a,b,c,Target\n0,1,2,3,x\n1,4,5,6,y\n",
        "a,b,c,Id\n1,2,3,0\n4,5,6,1\n",
        "row_id,a,b,c,label\n0,1,2,3,x\n1,4,5,6,y\n",
        "id,a,b\n1,2,3\n4,5,6\n",  # three with it, as the model takes
    ],
)
def test_tables(rows, text):
    assert rows(text) == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty. Expected rows of numbers"),
        ("a,b,c\n", "a line of names and no rows"),
        ("1,2\n3,4\n", "rows of 3 numbers in 'x.csv', as many as the model takes, got 2 columns"),
        ("a,b,c,d,class\n1,2,3,4,5", "got 5 columns, with 'class'"),
        ("a,b,c\n1,2,3\n1,2\n", "3 values in each row of 'x.csv', got 2 in line 3"),
        ("a,b,kind\n1,2,cat\n", r"text is in 'kind' \('cat'\) in line 2"),
        ("1,2,3\n1,2,cat\n", r"text is in 'column 3' \('cat'\) in line 2"),
        ("a,b,c\n1,,3\n", "column 'b' is empty in line 2"),
        ("a,b,c\n1,2,3\n1,nan,3\n", "column 'b' holds 'nan', a missing value, in line 3"),
        ("a,b,c\n1,2,1e39\n", "got 1e\\+39 in row 0"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("1 2 3\n4 5 6\n", "by spaces"),
        ("a,b,c\n1,2,1_696\n", "column 'c' holds '1_696' in line 2"),
    ],
)
def test_tables_that_are_refused(rows, text, message):
    with pytest.raises(ValueError, match=message):
        rows(text)


@pytest.mark.parametrize("shape", [(5, 2, 2, 1), (5, 2, 2), (5, 4)])
def test_forms_of_images_in_an_array(models, tmp_path, shape):
    x = np.arange(20, dtype=np.uint8)
    np.save(tmp_path / "x.npy", x.reshape(shape))
    examples = examples_in(tmp_path / "x.npy", models["images"], "encode")
    assert len(examples) == 5
    assert np.array_equal(examples.inputs(1, 3)["x"], x.reshape(5, 2, 2, 1)[1:3])
    assert examples.place(1, 3) == "Rows 1 to 2"
    planes = examples_in(tmp_path / "x.npy", models["planes"], "encode")
    assert np.array_equal(planes.inputs(1, 3)["x"], x.reshape(5, 2, 2)[1:3])


@pytest.mark.parametrize("model", ["images", "planes"])
def test_requests_with_and_without_an_axis_of_channels(models, model):
    x = np.arange(20.0).reshape(5, 2, 2)
    signature = models[model].signature("encode")
    for form in (x, x[..., None]):
        sent = checked({"x": form}, signature, "encode")["x"]
        np.testing.assert_array_equal(sent, form.reshape(5, *signature.inputs["x"].shape[1:]))
    with pytest.raises(ValueError, match=r"got an array of shape \[5, 1, 2, 2\]"):
        checked({"x": x[:, None]}, signature, "encode")


def test_arrays_that_are_refused(rows, models):
    with pytest.raises(ValueError, match=r"not an array of numbers: .*numpy.save"):
        rows("text", "x.npy")
    with pytest.raises(ValueError, match="not an array of numbers"):
        rows(b"", "x.npz")
    for content in (b"PK\x03\x04 cut short", encrypted()):
        with pytest.raises(ValueError, match="not an array of numbers"):
            rows(content, "x.npz")
    with pytest.raises(ValueError, match="not an array of numbers"):
        rows(b"\x93NUMPY\x01\x00\x04\x00((5\n", "x.npy")
    np.savez("two.npz", a=np.ones((2, 3)), b=np.ones(3))
    np.save("objects.npy", np.array([[None] * 3]), allow_pickle=True)
    np.save("texts.npy", np.array([["a", "b", "c"]]))
    np.save("channels_first.npy", np.ones((5, 1, 2, 2)))
    for name, message in {
        "two.npz": "one array in 'two.npz', got a, b",
        "objects.npy": "not an array of numbers",
        "texts.npy": "numbers in 'texts.npy', got values of type <U1",
    }.items():
        with pytest.raises(ValueError, match=message):
            examples_in(name, models["rows"], "encode")
    with pytest.raises(ValueError, match=r"takes in .*, \[B, 2, 2, 1\] or \[B, 2, 2\] or \[B, 4\], got \[5, 1, 2, 2\]"):
        examples_in("channels_first.npy", models["images"], "encode")


def test_a_number_that_is_not_finite_is_named_wherever_it_is(models, tmp_path):
    x = np.zeros((9000, 3))
    x[8999, 1] = np.inf
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(ValueError, match="got inf in row 8999"):
        examples_in(tmp_path / "x.npy", models["rows"], "encode")


def test_pixels_of_files():
    gray, color = np.uint8([[0, 80], [160, 240]]), np.uint8([[[255, 0, 0], [0, 255, 0]]])
    assert np.array_equal(decoded([png(gray)])[0, :, :, 0], gray)
    assert np.array_equal(decoded([png(color)])[0], color)
    assert decoded([png(gray), png(color)], (4, 6, 3)).shape == (2, 4, 6, 3)
    assert decoded([png(color)], (1, 2, 1)).ravel().tolist() == [76, 150]  # luma of red and green
    with pytest.raises(ValueError, match="cannot be read"):
        decoded([png(gray)[:30]])


@pytest.mark.parametrize(
    ("x", "expected"),
    [([0, 0.5, 1], [0, 128, 255]), ([0, 2, 254.6], [0, 2, 255]), ([-1, 0, 1], [0, 128, 255]), ([-2, -2], [0, 0])],
)
def test_numbers_as_pixels(x, expected):
    assert levels(x).tolist() == expected


def test_sheet_in_color():
    images = np.zeros((3, 28, 30, 3), np.uint8)
    images[2] = (255, 0, 0)
    sheet = np.asarray(contact_sheet(images))
    assert sheet.shape == (2 + 2 * 30, 2 + 2 * 32, 3)
    assert (sheet[32:60, 2:32] == (255, 0, 0)).all()
    assert (sheet[32:60, 34:] == 255).all()
    assert Image.fromarray(sheet).mode == "RGB"


def test_seeds_of_rows():
    assert row_seeds(5, 2, 4).tolist() == [[5, 2], [5, 3]]


def test_a_file_that_came_in_the_meantime_is_kept(tmp_path):
    output = OutputFile(tmp_path / "a.npy", (".npy",))
    (tmp_path / "a.npy").write_text("mine")
    with pytest.raises(FileExistsError):
        output.write({"x": np.ones(3)}, "x")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.npy", "mine")]


def test_no_examples_are_refused_by_a_sentence(models):
    with pytest.raises(
        ValueError, match="Expected one example or more for 'encode' of model 'rows', version 1, got none"
    ):
        models["rows"].predict("encode", Arrays({"x": np.zeros((0, 3))}))
