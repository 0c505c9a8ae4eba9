"""From a run to a preset to its evaluation and export, by the commands."""

import json
import os
import re
import shlex
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import zoo
from export import __main__ as export_command
from export import manifest
from tests.presets.attacks import resealed, small_preset
from training import evaluate, preset, train
from training.config import Config
from training.data import load_dataset
from training.presets import preprocessor, recipe, settings_of, sha256
from zoo.presets import __main__ as presets_command
from zoo.presets import collection
from zoo.presets.loading import read

SMALL = "--data digits --epochs 2 --warmup 1 --latent 3 --network mlp(hidden=(16,)) --generated 0 --samples 20"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "tril_vae-digits"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.report.results.report", lambda *args: "a page")
        train.main(["--model", "tril_vae", *SMALL.split(), "--no-jit", "--test-examples", "40", "--out", str(folder)])
    return folder


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "tril_vae-digits"
    figure = {"settings": {}, "published": {"log_likelihood": -99.0, "source": "a paper"}}
    (recipe := folder.parent / "recipe.json").write_text(json.dumps(figure))
    words = ["--run", str(run), "--out", str(folder), "--description", "Small.", "--license", "mit"]
    preset.main([*words, "--recipe", str(recipe)])
    return folder


@pytest.mark.slow
def test_a_run_becomes_a_preset(run, made):
    x = load_dataset("digits").test[:10]
    vae, of_run = zoo.load(made), zoo.load(run)
    np.testing.assert_array_equal(vae.encode(x).mean(), of_run.encode(x).mean())
    assert "aggregated" in of_run.samplers.fitted
    assert "aggregated" not in vae.samplers.fitted  # which tells of each training example


@pytest.mark.slow
def test_a_preset_says_what_it_was_made_of(run, made):
    about = json.loads((made / "metadata.json").read_text())
    assert {"data": "digits", "description": "Small.", "license": "mit"}.items() <= about.items()
    assert about["data_sha256"] == sha256(load_dataset("digits"))
    scores = json.loads((run / "scores.json").read_text())
    metrics = json.loads((made / "metrics.json").read_text())
    assert metrics.pop("published") == {"log_likelihood": -99.0, "source": "a paper", "note": ""}
    assert metrics == scores
    written = json.loads((made / "training.json").read_text())
    assert written["command"].startswith("python -m training.train --model tril_vae --data digits ")
    assert str(run.parent) not in "".join(path.read_text() for path in made.glob("*.json"))
    described = json.loads((made / "preprocessor.json").read_text())
    assert described["image_size"] == [8, 8]
    assert described["classes"] == [str(digit) for digit in range(10)]


@pytest.mark.slow
def test_a_preset_of_a_run_has_a_card(made):
    about = json.loads((made / "metadata.json").read_text())
    text = (made / "README.md").read_text()
    assert "library_name" in text
    assert "tril_vae-digits" in text
    assert "−99.00" in text
    for name in ("reconstructions", "covariances", "samples"):
        assert f"](assets/{name}.png)" in text
        assert (made / "assets" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "README.md" in about["files"]


@pytest.mark.slow
def test_a_preset_is_evaluated_and_exported(made, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    evaluate.main(["--preset", str(made), "--samples", "20", "--test-examples", "40", "--generated", "0"])
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before
    metrics, said = json.loads((made / "metrics.json").read_text()), capsys.readouterr().out
    assert f"elbo {metrics['elbo']}" in said
    assert f"test ELBO {metrics['elbo']:.2f}" in said.replace("−", "-")
    export_command.main(["--preset", str(made), "--out", "served", "--samples", "2"])
    found = manifest.read(tmp_path / "served" / "tril_vae" / "1")
    assert found["source"]["run"] == "tril_vae-digits"
    assert found["source"]["config"]["data"] == "digits"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "error: Expected the folder of a run"),
        (["--run", "{run}", "--out", "{run}"], "error: '{run}' exists. Choose another folder"),
        (["--run", "{run}", "--samplers", "kde", "--out", "new"], "error: The run has no sampler 'kde'. It has: "),
        (["--run", "nowhere"], "error: 'nowhere' does not contain a training run"),
    ],
)
def test_the_command_ends_with_a_sentence(run, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        preset.main([word.format(run=run) for word in words])
    assert str(ended.value).startswith(said.format(run=run))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("main", [evaluate.main, export_command.main])
@pytest.mark.parametrize("words", [[], ["--run", "a", "--preset", "b"]])
def test_a_run_or_a_preset_is_expected(main, words):
    with pytest.raises(SystemExit, match=r"Expected the folder of a run, --run .* or a preset, --preset"):
        main(words)


def test_the_command_of_a_recipe_gives_its_settings(monkeypatch):
    config = Config(data="/home/me/faces.npz", epochs=7, image_size=(8, 9), jit=False, prior="mixture(components=3)")
    written = recipe(config)
    assert written["settings"]["data"] == "faces.npz"
    assert "/home/me" not in written["command"]
    found = []
    monkeypatch.setattr("training.run.train_and_evaluate", found.append)
    train.main(shlex.split(written["command"])[3:])
    assert found == [Config(data="faces.npz", epochs=7, image_size=(8, 9), jit=False, prior="mixture(components=3)")]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_preset(tmp_path_factory.mktemp("presets") / "small")


def contents_of(preset, tmp_path, **files):
    """What is read of a preset with further files."""
    shutil.copytree(preset, tmp_path / "copy")
    return read(resealed(tmp_path / "copy", {f"{name}.json": content for name, content in files.items()}))


@pytest.mark.parametrize("path", ["/home/me/secrets.csv", "~", "~root", ".."])
def test_a_preset_does_not_choose_data_of_this_machine(small, path, tmp_path):
    contents = contents_of(small, tmp_path, training={"settings": {"data": path}})
    with pytest.raises(ValueError, match=f"without a folder, got data {re.escape(repr(path))}"):
        settings_of(contents)


def test_a_preset_does_not_choose_places_of_this_machine(small, tmp_path):
    settings = {"data": "digits", "data_dir": "/etc", "out": "/etc/x", "overwrite": True}
    contents = contents_of(small, tmp_path, training={"settings": settings})
    assert settings_of(contents) == Config(data="digits")


@pytest.mark.parametrize("content", [{}, {"settings": []}, {"settings": None}, {"settings": {"data": 5}}])
def test_damaged_settings_are_refused(small, content, tmp_path):
    with pytest.raises(ValueError, match=r"training\.json' is damaged|Expected data to be|without a folder"):
        settings_of(contents_of(small, tmp_path, training=content))


def test_a_preset_without_a_run_has_no_settings(small):
    with pytest.raises(ValueError, match=r"made of no run: it has no training\.json"):
        settings_of(read(small))


def test_scores_that_are_no_numbers_are_not_printed(small, tmp_path, capsys, monkeypatch):
    found = SimpleNamespace(likelihood=SimpleNamespace(elbo=1, log_likelihood=2), annealed=None)
    monkeypatch.setattr("training.presets.evaluate", lambda *arguments: found)
    metrics = {"elbo": "trust me", "log_likelihood": -3.5}
    contents = contents_of(small, tmp_path, training={"settings": {"data": "digits"}}, metrics=metrics)
    evaluate.main(["--preset", str(contents.folder)])
    assert capsys.readouterr().out.splitlines()[-1] == "its metrics.json: log_likelihood -3.5"


def test_only_the_settings_of_a_run_are_published(small, tmp_path):
    zoo.save(zoo.load(small), tmp_path)
    assert export_command.config(read(tmp_path)) is None
    (tmp_path / "config.json").write_text(Config(data="/home/me/faces.npz", out="/home/me/run").to_json())
    published = export_command.config(read(tmp_path))
    assert published["data"] == "faces.npz"
    assert "/home/me" not in str(published)
    (secret := tmp_path / "secret.json").write_text('{"token": "secret"}')
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").symlink_to(secret)
    assert export_command.config(read(tmp_path)) is None
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "config.json")  # which would be waited for
    assert export_command.config(read(tmp_path)) is None


@pytest.mark.parametrize("content", [{}, {"settings": []}, {"settings": {"data": 5}}])
def test_damaged_settings_of_a_preset_are_published_without_failure(small, content, tmp_path):
    found = export_command.config(contents_of(small, tmp_path, training=content))
    assert found in (None, {"data": 5})


def test_a_hash_of_data_is_of_their_values():
    data = load_dataset("digits")
    assert sha256(data) == sha256(load_dataset("digits"))
    assert sha256(data) != sha256(load_dataset("digits", "static"))
    assert preprocessor(data)["channels"] == 1


def test_the_presets_of_the_package_are_listed(capsys):
    presets_command.main([])
    listed = capsys.readouterr().out
    assert all(name in listed for name in collection.folders())
    assert listed.strip()
