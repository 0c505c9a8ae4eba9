"""Presets: what is saved is what is loaded, from wherever it is, and all of it or nothing."""

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from tests.presets.attacks import X, model
from zoo.presets import collection, metadata, reference, resolving
from zoo.presets import saving as preset_saving


def assert_same(vae, other, x=X):
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(getattr(vae.encode(x), name)(), getattr(other.encode(x), name)())
    for values, again in zip(vae.score(x, samples=5), other.score(x, samples=5), strict=True):
        np.testing.assert_array_equal(values, again)


@pytest.mark.slow
def test_a_preset_gives_the_same_bits(with_sampler):
    vae, folder = with_sampler
    for loaded in (zoo.VAE.from_preset(folder), zoo.load(str(folder))):
        assert_same(vae, loaded)
        np.testing.assert_array_equal(vae.generate(3, 0, "gmm"), loaded.generate(3, 0, "gmm"))
        assert loaded.name == "vamp_vae"


def test_a_run_folder_gives_the_same_bits(with_sampler, tmp_path):
    vae, _ = with_sampler
    zoo.save(vae, tmp_path)
    for weight, again in zip(vae.weights, zoo.VAE.from_preset(str(tmp_path)).weights, strict=True):
        np.testing.assert_array_equal(weight, again)


def test_what_is_in_a_preset(with_sampler):
    vae, folder = with_sampler
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.weights.h5",
        "metadata.json",
        "reference.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["registered_name"] == "zoo>VAE"
    assert "compile_config" not in config
    about = json.loads((folder / "metadata.json").read_text())
    expected = {"schema": 1, "model": "vamp_vae", "support": "binary", "event_shape": [4, 4, 1], "latent": 2}
    assert expected.items() <= about.items()
    assert about["parameter_count"] == vae.count_params() - sum(w.numpy().size for w in vae.non_trainable_variables)
    assert about["keras_version"] == keras.__version__
    assert set(about["files"]) == {"config.json", "model.weights.h5", "reference.json"}


def test_a_reference_is_replayed(with_sampler):
    vae, folder = with_sampler
    expected = json.loads((folder / "reference.json").read_text())
    np.testing.assert_array_equal(np.float32(expected["mean"]), vae.encode(np.float32(expected["x"])).mean())
    vae = zoo.load(folder)
    reference.check(vae, expected)
    vae.decoder.trainable_weights[0].assign_add(0.3 + vae.decoder.trainable_weights[0])
    with pytest.raises(ValueError, match="Expected the model to give the"):
        reference.check(vae, expected)


def test_a_compiled_model_is_saved_without_its_optimizer(tmp_path):
    vae = model()
    vae.compile("adam")
    vae.optimizer.build(vae.trainable_variables)
    vae.save_to_preset(tmp_path / "small")
    model().save_to_preset(tmp_path / "plain")
    small, plain = ((tmp_path / name / "model.weights.h5").stat().st_size for name in ("small", "plain"))
    assert small == plain
    np.testing.assert_array_equal(zoo.load(tmp_path / "small").encode(X).mean(), vae.encode(X).mean())


def test_a_folder_with_anything_in_it_is_not_written_to(tmp_path):
    vae = model()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("…")
    (tmp_path / "file").write_text("…")
    for name in ("mine", "file"):
        with pytest.raises(FileExistsError, match=r"exists\. Choose another folder"):
            vae.save_to_preset(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine", "thesis.txt"]


def test_a_full_disk_leaves_no_folder(tmp_path, monkeypatch):
    vae, write = model(), Path.write_bytes

    def fail(path, content):
        if path.name == "model.weights.h5":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        vae.save_to_preset(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_somebody_else_may_be_faster(tmp_path, monkeypatch):
    vae, there = model(), tmp_path / "new"

    def synchronize(path):
        there.mkdir(exist_ok=True)
        (there / "theirs").write_text("…")

    monkeypatch.setattr(preset_saving, "synchronize", synchronize)
    with pytest.raises(FileExistsError, match=r"exists\. Choose another folder"):
        vae.save_to_preset(there)
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "theirs"]


def test_somebody_else_may_be_faster_by_a_moment(tmp_path, monkeypatch):
    rename = os.rename

    def late(source, target):
        target.mkdir()
        (target / "theirs").write_text("…")
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(FileExistsError, match=r"exists\. Choose another folder"):
        model().save_to_preset(tmp_path / "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "theirs"]


def test_further_files_are_hashed(tmp_path):
    about = preset_saving.About("Small.", "digits", "ab12", "mit")
    files = {"metrics.json": {"elbo": -1.5}, "README.md": "# Small", "assets/samples.png": b"\x89PNG"}
    preset_saving.save_to_preset(model(), tmp_path / "small", about, files)
    found = metadata.read(tmp_path / "small")
    assert {"description": "Small.", "data": "digits", "license": "mit"}.items() <= found.items()
    assert files.keys() <= found["files"].keys()
    zoo.load(tmp_path / "small")
    (tmp_path / "small" / "assets" / "samples.png").write_bytes(b"\x89PNg")
    with pytest.raises(ValueError, match=r"samples\.png' was changed"):
        zoo.load(tmp_path / "small")


@pytest.mark.parametrize(
    "name", ["../x", "assets/../../x", "/etc/x", "assets/a/b", "config.json", "model.pkl", "assets/.x"]
)
def test_a_preset_contains_nothing_else(tmp_path, name):
    with pytest.raises(ValueError, match="cannot contain"):
        preset_saving.save_to_preset(model(), tmp_path / "small", files={name: b""})
    assert list(tmp_path.iterdir()) == []


def test_without_weights_a_model_starts_from_its_seed(tmp_path):
    vae, folder = model(), tmp_path / "small"
    for weight in vae.trainable_weights:
        weight.assign_add(weight + 1)
    vae.add_sampler("gmm(components=2)", X, progress=False)
    vae.save_to_preset(folder)
    fresh, again = (zoo.VAE.from_preset(folder, load_weights=False) for _ in range(2))
    for weight, same in zip(fresh.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    assert not np.array_equal(fresh.encoder.weights[0], vae.encoder.weights[0])
    assert "encoder new" in zoo.describe(fresh).origin
    assert not fresh.samplers.fitted  # which would have no weights either


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_neither_saved_nor_loaded(tmp_path, value):
    vae = model()
    vae.encoder.weights[0].assign(np.full((16, 8), value))
    with pytest.raises(ValueError, match=r"cannot be saved as a preset: the weight '.*kernel' has NaN or infinite"):
        vae.save_to_preset(tmp_path / "preset")
    zoo.save(vae, tmp_path / "run")
    with pytest.raises(ValueError, match=r"is damaged: the weight '.*kernel' has NaN or infinite values"):
        zoo.load(tmp_path / "run")


@pytest.mark.parametrize(("name", "said"), [("evil/../x", "the name of the model"), ("a\x1b[2J", "control characters")])
def test_a_model_whose_name_cannot_be_loaded_is_not_saved(tmp_path, name, said):
    vae = model()
    vae.name = name
    with pytest.raises(ValueError, match=f"cannot be saved as a preset, because it could not be loaded: .*{said}"):
        vae.save_to_preset(tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    (tmp_path / "new").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "new", "n" * 230):  # the last leaves no room for a longer name of the partial folder
        model().save_to_preset(tmp_path / name)
        assert zoo.load(tmp_path / name).built
    assert (tmp_path / "there" / "config.json").is_file()
    assert (tmp_path / "elsewhere" / "config.json").is_file()


def test_the_names_of_files_are_on_the_disk_too(tmp_path, monkeypatch):
    synchronized = []
    monkeypatch.setattr(preset_saving, "synchronize", synchronized.append)
    preset_saving.save_to_preset(model(), tmp_path / "small", files={"assets/x.png": b""})
    assert synchronized[-1] == tmp_path
    assert {path.name for path in synchronized} >= {"config.json", "assets", "x.png"}


def test_a_preset_without_its_metadata_is_named(preset):
    (preset / "metadata.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"metadata\.json, for a preset, and model\.json, for a run"):
        zoo.load(preset)


@pytest.mark.parametrize("custom_objects", [[keras.layers.ReLU], keras.layers.ReLU])
def test_custom_objects_are_a_dict(preset, custom_objects):
    with pytest.raises(ValueError, match=r"Expected custom_objects= to be a dict, \{name: class\}, got"):
        zoo.load(preset, custom_objects=custom_objects)


def test_a_preset_of_the_package_is_loaded_by_its_name(with_sampler, tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "HERE", with_sampler[1].parent)
    monkeypatch.chdir(tmp_path)
    assert list(zoo.VAE.presets) == ["small"]
    assert zoo.VAE.presets["small"]["model"] == "vamp_vae"
    assert zoo.VAE.presets["small"]["parameters"] > 100
    assert zoo.VAE.presets["small"]["data"] is None
    assert "small" in collection.overview()
    assert resolving.resolve("small") == with_sampler[1]
    (tmp_path / "small").mkdir()
    assert resolving.resolve("./small") == Path("small")
    assert resolving.resolve(Path("small")) == Path("small")


@pytest.mark.parametrize("preset", ["nowhere", "no/where", "../x", "~nosuchuser", "\0", "a b"])
def test_what_is_nowhere_is_named_with_the_forms(preset):
    with pytest.raises((FileNotFoundError, ValueError), match=r"the name of a preset .*hf://owner/name\[@revision\]"):
        zoo.VAE.from_preset(preset)


@pytest.mark.parametrize("preset", [None, "", 5, b"x", "kaggle://a/b", "https://huggingface.co/a/b"])
def test_other_forms_are_refused(preset):
    with pytest.raises(ValueError, match=r"Expected the name of a preset .*hf://owner/name\[@revision\]"):
        zoo.VAE.from_preset(preset)
