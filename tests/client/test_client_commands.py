"""The commands of the client: what they write and print, from a stand-in server."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.client import commands
from export.client.remote_model import row_seeds
from tests.models.linear_models import noise, png, weights
from tests.servers.stand_in_server import Functions
from tests.shared.client_commands import X, table


def test_status_and_metadata(run):
    assert run("status", model="rows") == "rows  version 7  AVAILABLE\n"
    text = run("metadata")
    assert text.startswith("model 'images', version 1, at http://127.0.0.1")
    inputs = "  takes    seed             int32 [B, 2]\n  takes    x                float32 [B, 3, 2, 1]\n"
    assert f"\nscore\n{inputs}" in text
    assert "\ndecode_png\n  takes    z                float32 [B, 2]\n  returns  image_bytes      bytes [B]\n" in text
    assert text.split("\n", 1)[1] == run("metadata", by="grpc").split("\n", 1)[1]


def test_encode_array_to_table_and_arrays(run):
    np.save("x.npy", X)
    said = run("encode", "x.npy", out="codes.csv")
    assert said == "loc, scale_diag of 10 examples by model 'images', version 1: codes.csv\n"
    loc = X.reshape(10, 6) @ weights(6)
    head, *rows = table("codes.csv")
    assert head == ["row", "loc_1", "loc_2", "scale_diag_1", "scale_diag_2"]
    assert [row[0] for row in rows] == [str(i) for i in range(10)]
    np.testing.assert_allclose(np.array(rows, float)[:, 1:3], loc, rtol=1e-5)
    run("encode", "x.npy", out="without.npz")
    with np.load("without.npz") as codes:
        assert set(codes.files) == {"loc", "scale_diag"}
    said = run("encode", "x.npy", "--covariance", out="codes.npz", batch=3)
    assert said == "loc, covariance, scale_diag of 10 examples by model 'images', version 1: codes.npz\n"
    with np.load("codes.npz") as codes:
        assert set(codes.files) == {"loc", "scale_diag", "covariance"}
        np.testing.assert_allclose(codes["covariance"], loc[:, :, None] * loc[:, None, :], rtol=1e-5)


def test_outcomes_depend_neither_on_the_batch_nor_on_the_way(run, server):
    np.save("x.npy", X)
    said = [
        run("score", "x.npy", out=f"{i}.csv", **options)
        for i, options in enumerate([{"batch": 64}, {"batch": 3}, {"batch": 1}, {"by": "grpc", "batch": 4}])
    ]
    assert len(server.asked) == 1 + 4 + 10
    assert {text.replace(f"{i}.csv", "") for i, text in enumerate(said)} == {said[0].replace("0.csv", "")}
    assert {Path(f"{i}.csv").read_text() for i in range(4)} == {Path("0.csv").read_text()}
    scores = np.array(table("0.csv")[1:], float)
    np.testing.assert_allclose(scores[:, 1], -np.square(X).reshape(10, 6).sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(scores[:, 3], noise(row_seeds(0, 0, 10))[:, 0], rtol=1e-6)


def test_scores_of_a_table_and_what_is_said_of_them(run):
    rows = [f"{i},{i / 10},0,kind{i % 2}" for i in range(7)]
    Path("x.csv").write_text("\n".join(["a,b,c,class", *rows]) + "\n")
    lines = run("score", "x.csv", model="rows", out="scores.csv").splitlines()
    assert lines[0] == "7 examples by model 'rows', version 7, nats per example"
    likelihoods = [-1.01 * i * i for i in range(7)]
    error = np.std(likelihoods, ddof=1) / np.sqrt(7)
    numbers = (np.mean(likelihoods), error, likelihoods[6], likelihoods[3], -0.0)
    assert lines[2].split() == ["log_likelihood", *(f"{number:.2f}" for number in numbers)]
    assert lines[5:8] == ["lowest log_likelihood", "    -36.36  row 6", "    -25.25  row 5"]
    assert lines[11:13] == ["highest log_likelihood", "     -0.00  row 0"]
    assert lines[-1] == "all scores: scores.csv"


@pytest.fixture
def folder(run):
    """Eight images in the folder that tests run in, of another size than the model's."""
    Path("photos/deeper").mkdir(parents=True)
    for i in range(7):
        name = f"deeper/{i}.PNG" if i > 4 else f"{i}.png"
        Path("photos", name).write_bytes(png(np.full((6, 4), 40 * i, np.uint8)))
    Path("photos/0.jpg").write_bytes(_jpeg())
    Path("photos/.hidden.png").write_text("no image")
    Path("photos/notes.txt").write_text("no image")
    return Path("photos")


def _jpeg():
    Image.new("L", (4, 6), 200).save("one.jpeg")
    return Path("one.jpeg").read_bytes()


@pytest.mark.parametrize("by", ["rest", "grpc"])
def test_images_are_sent_as_they_are_and_named(run, folder, by):
    said = run("score", str(folder), out="scores.csv", by=by, batch=3)
    rows = table("scores.csv")
    assert [row[0] for row in rows] == [
        *("file", "0.jpg", "0.png", "1.png", "2.png", "3.png", "4.png", "deeper/5.PNG", "deeper/6.PNG")
    ]
    assert "     -5.31  deeper/6.PNG\n" in said
    values = [200, *range(0, 280, 40)]
    np.testing.assert_allclose([float(row[1]) for row in rows[1:]], [-6 * (v / 255) ** 2 for v in values], rtol=1e-5)
    run("encode", "photos/deeper/6.PNG", out="one.npz", by=by)
    with np.load("one.npz") as codes:
        assert codes["files"].tolist() == ["6.PNG"]
        np.testing.assert_allclose(codes["loc"][0], 240 / 255 * weights(6).sum(axis=0), rtol=1e-5)


def test_sheet_of_samples(run):
    said = run("sample", out="samples.png", count=5, seed=3, batch=2)
    assert said == "5 samples of the prior of model 'images', version 1: samples.png\n"
    sheet = np.asarray(Image.open("samples.png"))
    scale = 10  # 3 × 2 pixels, to be 28 at least
    assert sheet.shape == (2 + 2 * (3 * scale + 2), 2 + 3 * (2 * scale + 2))
    run("sample", out="samples.npy", count=5, seed=3)
    means = np.load("samples.npy")
    assert np.array_equal(sheet[2 + 32 : 64 : scale, 2 + 22 : 44 : scale], np.round(255 * means[4, :, :, 0]))
    assert (sheet[34:, 46:] == 255).all()  # there is no sixth
    run("sample", out="other.npy", count=5, seed=4)
    assert not np.array_equal(np.load("other.npy"), means)


def test_samples_without_a_server_that_draws(run, server, monkeypatch):
    run("sample", out="drawn.png", count=4)
    plain = Functions({})
    drawn = server.models["images"][1]
    plain.signatures = {name: spec for name, spec in drawn.signatures.items() if name != "decode_png"}
    plain.functions = drawn.functions
    monkeypatch.setitem(server.models, "images", {1: plain})
    run("sample", out="plain.png", count=4)
    assert Path("drawn.png").read_bytes() == Path("plain.png").read_bytes()


def test_samples_as_numbers(run):
    run("sample", model="rows", out="samples.csv", count=3)
    run("sample", model="rows", out="samples.npz", count=3, batch=2)
    with np.load("samples.npz") as samples:
        z, mean = samples["z"], samples["mean"]
    np.testing.assert_array_equal(z, noise(row_seeds(0, 0, 3)))
    rows = table("samples.csv")
    assert rows[0] == ["row", "mean_1", "mean_2", "mean_3"]
    assert np.array_equal(np.array(rows[1:], np.float32)[:, 1:], mean)


@pytest.mark.parametrize("source", ["x.npy", "photos"])
def test_pairs_of_images_and_reconstructions(run, source):
    pixels = np.arange(0, 240, 40, dtype=np.uint8).reshape(3, 2)
    Path("photos").mkdir()
    images = [pixels + i for i in range(15)] + [pixels, pixels + 15]
    for i, image in enumerate(images):
        Path(f"photos/{i:02}.png").write_bytes(png(image))
    np.save("x.npy", np.stack(images)[..., None].astype(np.float32) / 255)
    run("reconstruct", source, out="pairs.png")
    sheet = np.asarray(Image.open("pairs.png"))
    assert sheet.shape == (2 + 4 * 32, 2 + 16 * 22)
    halves = np.round(np.stack([pixels, pixels + 15]) / 255 / 2 * 255).astype(np.uint8)
    assert np.array_equal(sheet[2:32:10, 2:22:10], pixels)
    assert np.array_equal(sheet[34:64:10, 2:22:10], halves[0])
    assert np.array_equal(sheet[66:96:10, 2:22:10], pixels + 15)
    assert np.array_equal(sheet[98:128:10, 2:22:10], halves[1])
    assert (sheet[66:, 24:] == 255).all()


def test_reconstructions_as_numbers(run):
    np.savez("x.npz", faces=X[..., 0])  # without the axis of channels
    run("reconstruct", "x.npz", out="y.npy")
    assert np.array_equal(np.load("y.npy"), X / 2)
    np.savetxt("x.csv", X.reshape(10, 6), delimiter=";")
    assert "10 examples" in run("reconstruct", "x.csv", out="y.csv")
    np.testing.assert_allclose(np.array(table("y.csv")[1:], float)[:, 1:], X.reshape(10, 6) / 2, rtol=1e-6)


def test_no_more_pairs_than_can_be_looked_at(run, server, monkeypatch):
    monkeypatch.setattr(commands, "PICTURES", 4)
    np.save("x.npy", X)
    assert run("reconstruct", "x.npy", out="y.png").startswith("reconstructions of the first 4 of 10 examples")
    assert len(server.asked[0][1]["inputs"]["x"]) == 4
