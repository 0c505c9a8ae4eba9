"""User data, from the command to the report."""

import json
import re

import numpy as np
import pytest

import zoo
from tests.shared.user_files import levels, write_image
from training import evaluate
from training import run_folder as run
from training.evaluation.features import scale_of
from training.evaluation.samples import nearest
from training.train import main

pytestmark = pytest.mark.slow

SMALL = ["--network", "mlp(hidden=(8,))", "--latent", "2", "--samples", "5", "--generated", "0", "--batch-size", "40"]
SMALL += ["--epochs", "3", "--no-jit", "--test-fraction", "0.2"]
MEAN, DEVIATION = np.array([5.0, -300.0, 0.02]), np.array([0.1, 40.0, 0.01])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A run on a table, in its folder."""
    folder = tmp_path_factory.mktemp("table")
    rows = np.random.default_rng(0).normal(MEAN, DEVIATION, (400, 3))
    lines = [",".join([*map(str, row), "ab"[i % 2]]) for i, row in enumerate(rows)]
    (folder / "plants.csv").write_text("\n".join(["height,<depth>,weight,label", *lines]))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["--model", "vamp_vae", "--prior", "vamp(components=5)", "--data", "plants.csv", *SMALL])
    return folder


def test_a_table_is_trained_on_and_drawn(table):
    page = (table / "runs" / "vamp_vae-plants" / run.REPORT).read_text(encoding="utf-8")
    assert len(re.findall("data:image/png;base64,iVBOR", page)) == 18
    assert "height, &lt;depth&gt;, weight" in page
    assert "Found in plants.csv: a table of 3 columns" in page
    assert "train 280, validation 40, test 80" in page
    assert "not compared with held-out data: none were asked for (--generated 0)" in page


def test_the_config_says_which_data_and_how(table):
    config = json.loads((table / "runs" / "vamp_vae-plants" / run.CONFIG).read_text())
    expected = {"data": "plants.csv", "support": "real", "likelihood": "normal", "test_fraction": 0.2, "split_seed": 0}
    assert config | expected == config
    assert re.fullmatch("[0-9a-f]{8}", config["data_checksum"])


def test_a_loaded_model_samples_in_the_units_of_the_table(table):
    vae = zoo.load(table / "runs" / "vamp_vae-plants")
    samples = vae.generate(200, seed=0).numpy()
    assert np.all(np.abs(samples.mean(axis=0) - MEAN) < 2 * DEVIATION)


def test_data_that_have_changed_are_refused(table, monkeypatch, capsys):
    monkeypatch.chdir(table)
    words = ["--model", "vamp_vae", "--prior", "vamp(components=5)", "--data", "plants.csv", *SMALL]
    main(words)
    assert "trained already" in capsys.readouterr().out
    text = (table / "plants.csv").read_text()
    try:
        (table / "plants.csv").write_text(text + "\n5,-300,0.02,a\n")
        with pytest.raises(SystemExit, match="the data have changed since"):
            main(words)
        with pytest.raises(SystemExit, match="not those that the run was trained on: their checksum"):
            evaluate.main(["--run", "runs/vamp_vae-plants"])
        (table / "moved.csv").write_text(text.replace(",a\n", ",b\n"))
        before = (table / "runs/vamp_vae-plants/scores.json").read_text()
        evaluate.main(["--run", "runs/vamp_vae-plants", "--data", "moved.csv", "--samples", "5"])
        assert "not the data that the model was trained on, plants.csv; nothing is written" in capsys.readouterr().out
        assert (table / "runs/vamp_vae-plants/scores.json").read_text() == before
    finally:
        (table / "plants.csv").write_text(text)


def test_distances_between_rows_of_a_table_are_in_standard_deviations():
    train = np.float32([[0, 0], [1, 1000], [2, 0], [0, 1000]])
    scale = scale_of("real", train)
    np.testing.assert_allclose(scale, train.std(axis=0))
    found, distance = nearest(np.float32([[1.9, 550]]), train, scale)
    np.testing.assert_array_equal(found, train[[2]])  # in raw units it would be one of 1000, nearer to 550
    np.testing.assert_allclose(distance, np.hypot(0.1 / scale[0], 550 / scale[1]), rtol=1e-5)
    assert scale_of("unit", train) == scale_of("real", np.zeros((4, 2, 2, 1))) == 1.0


def test_streamed_color_images_are_trained_on(tmp_path, monkeypatch, capsys):
    for i, x in enumerate(levels(160, (4, 5, 3))):
        write_image(tmp_path / "photos" / f"{i}.png", x)
    monkeypatch.setattr("training.data.memory.BUDGET", 100 * 4 * 6 * 6 * 3)
    monkeypatch.setattr("training.report.results.report", lambda *args: "drawn elsewhere")
    monkeypatch.chdir(tmp_path)
    main(["--data", "photos/", "--image-size", "6", "--support", "unit", "--likelihood", "normal", *SMALL])
    printed = capsys.readouterr().out
    for words in ("images in a folder", "train 112, validation 16, test 32", "[6, 6, 3], streamed", "divided by 255"):
        assert words in printed
    assert "likelihood: normal" in printed
    scores = json.loads((tmp_path / "runs" / "tril_vae-photos" / run.SCORES).read_text())
    assert scores["information"]["encodings"] == 100  # those that fit
