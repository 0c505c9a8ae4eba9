"""Presets: what is saved is what is loaded, from wherever it is, and whole or not at all."""

import inspect
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo
from zoo.presets import collection, hub, layout, metadata, reference, resolving
from zoo.presets import saving as preset_saving

SMALL = {"latent": 2, "network": "mlp(hidden=(8,))"}
X = np.round(np.random.default_rng(0).random((5, 4, 4, 1))).astype("float32")


def model(name="diag_vae", event_shape=(4, 4, 1), support="binary", **parts):
    return zoo.build(name, event_shape, support, **(SMALL | parts))


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A model with a sampler, and the folder of its preset."""
    vae = model("vamp_vae", prior="vamp(components=3)")
    vae.adapt(X)
    vae.add_sampler("gmm(components=2)", X, progress=False)
    vae.save_to_preset(folder := tmp_path_factory.mktemp("presets") / "small")
    return vae, folder


def assert_same(vae, other, x=X):
    for name in ("mean", "variance"):
        np.testing.assert_array_equal(getattr(vae.encode(x), name)(), getattr(other.encode(x), name)())
    for values, again in zip(vae.score(x, samples=5), other.score(x, samples=5), strict=True):
        np.testing.assert_array_equal(values, again)


def copied(folder, tmp_path):
    target = tmp_path / "copy"
    target.mkdir()
    for path in Path(folder).iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.slow
def test_a_preset_gives_the_same_bits(preset):
    vae, folder = preset
    for loaded in (zoo.VAE.from_preset(folder), zoo.load(str(folder))):
        assert_same(vae, loaded)
        np.testing.assert_array_equal(vae.generate(3, 0, "gmm"), loaded.generate(3, 0, "gmm"))
        assert loaded.name == "vamp_vae"


def test_a_run_folder_gives_the_same_bits(preset, tmp_path):
    vae, _ = preset
    zoo.save(vae, tmp_path)
    for weight, again in zip(vae.weights, zoo.VAE.from_preset(str(tmp_path)).weights, strict=True):
        np.testing.assert_array_equal(weight, again)


def test_what_is_in_a_preset(preset):
    vae, folder = preset
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


def test_a_reference_is_replayed(preset):
    vae, folder = preset
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
    with pytest.raises(FileExistsError):
        vae.save_to_preset(there)
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


# parts that are replaced → roles that keep all of their weights
REPLACED = {
    "posterior": ({"posterior": "tril"}, {"encoder", "prior", "decoder", "likelihood", "objective"}),
    "the same posterior": (
        {"posterior": "diag"},
        {"encoder", "posterior", "prior", "decoder", "likelihood", "objective", "samplers"},
    ),
    "prior": ({"prior": "standard"}, {"encoder", "posterior", "decoder", "likelihood", "objective", "samplers"}),
    "objective": (
        {"objective": "elbo(beta=2.0)"},
        {"encoder", "posterior", "prior", "decoder", "likelihood", "samplers"},
    ),
    "event_shape": ({"event_shape": (6, 5, 1)}, {"posterior", "decoder", "objective"}),
    "latent": ({"latent": 3}, {"encoder", "prior", "likelihood", "objective"}),
    "network": ({"network": "mlp(hidden=(9,))"}, {"prior", "objective"}),
}


@pytest.mark.parametrize(("parts", "kept"), REPLACED.values(), ids=REPLACED)
def test_replaced_parts(preset, capsys, parts, kept):
    vae, folder = preset
    other = zoo.VAE.from_preset(folder, **parts)
    origin = zoo.describe(other).origin
    assert capsys.readouterr().out == f"{origin}\n"
    assert {role for role, what in other.origin.weights.items() if what == "kept"} == kept
    for role in set(vae.PARTS) & kept:
        for weight, again in zip(getattr(vae, role).weights, getattr(other, role).weights, strict=True):
            np.testing.assert_array_equal(weight, again)
    assert other.event_shape == parts.get("event_shape", (4, 4, 1))
    assert other.latent_size == parts.get("latent", 2)
    assert other.name == "vamp_vae"
    assert list(other.samplers.fitted) == (["gmm"] if "samplers" in kept else [])
    x = np.round(np.random.default_rng(1).random((2, *other.event_shape))).astype("float32")
    assert np.isfinite(other.reconstruct(x)).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "support", "encoder", "decoder"),
    [
        ("conv(filters=(3, 4), hidden=6)", "levels", "kept in 2 of 3 layers", "kept in 2 of 3 layers"),
        ("gated_mlp(hidden=(7, 5))", "binary", "kept in 1 of 2 layers", "kept"),
    ],
)
def test_another_size_keeps_the_layers_that_fit(tmp_path, network, support, encoder, decoder):
    vae = model(event_shape=(8, 8, 1), network=network, support=support)
    vae.save_to_preset(tmp_path / "small")
    other = zoo.VAE.from_preset(tmp_path / "small", event_shape=(12, 8, 1))
    assert other.origin.weights["encoder"] == encoder
    assert other.origin.weights["decoder"] == decoder
    kernels = [[w for w in m.encoder.trainable_weights if len(w.shape) == 4] for m in (vae, other)]
    for weight, again in zip(*kernels, strict=True):
        np.testing.assert_array_equal(weight, again)


def test_a_network_of_the_caller_keeps_its_weights(preset):
    _, folder = preset
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)])
    before = encoder.get_weights()
    vae = zoo.VAE.from_preset(folder, encoder=encoder)
    assert vae.origin.weights["encoder"] == "given"
    np.testing.assert_array_equal(vae.encoder.get_weights()[0], before[0])


def test_an_unknown_part_is_refused(preset):
    with pytest.raises(TypeError, match=r"no part 'posteriors' to replace\. It has: event_shape, latent"):
        zoo.VAE.from_preset(preset[1], posteriors="tril")


@pytest.mark.slow
def test_a_network_that_cannot_be_told_must_be_named(tmp_path):
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Flatten()])
    model(decoder=decoder).save_to_preset(tmp_path / "small")
    with pytest.raises(ValueError, match="Expected network= too"):
        zoo.VAE.from_preset(tmp_path / "small", event_shape=(5, 5, 1))
    vae = zoo.VAE.from_preset(tmp_path / "small", event_shape=(5, 5, 1), network="mlp(hidden=(3,))")
    assert vae.event_shape == (5, 5, 1)


def test_a_preset_of_the_package_is_loaded_by_its_name(preset, tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "HERE", preset[1].parent)
    monkeypatch.chdir(tmp_path)
    assert list(zoo.VAE.presets) == ["small"]
    assert zoo.VAE.presets["small"]["model"] == "vamp_vae"
    assert zoo.VAE.presets["small"]["parameters"] > 100
    assert zoo.VAE.presets["small"]["data"] is None
    assert "small" in collection.overview()
    assert resolving.resolve("small") == preset[1]
    (tmp_path / "small").mkdir()
    assert resolving.resolve("./small") == Path("small")
    assert resolving.resolve(Path("small")) == Path("small")


@pytest.mark.parametrize("preset", ["nowhere", "no/where", "../x", "\0", "a b"])
def test_what_is_nowhere_is_named_with_the_forms(preset):
    with pytest.raises((FileNotFoundError, ValueError), match=r"the name of a preset .*hf://owner/name\[@revision\]"):
        zoo.VAE.from_preset(preset)


@pytest.mark.parametrize("preset", [None, "", 5, b"x", "kaggle://a/b", "https://huggingface.co/a/b"])
def test_other_forms_are_refused(preset):
    with pytest.raises(ValueError, match=r"Expected the name of a preset .*hf://owner/name\[@revision\]"):
        zoo.VAE.from_preset(preset)


class Hub:
    """Stands in for huggingface_hub."""

    def __init__(self, folder):
        self.folder, self.calls = folder, []

    def snapshot_download(self, **arguments):
        self.calls.append(arguments)
        return str(self.folder)

    def create_repo(self, **arguments):
        self.calls.append(arguments)

    def upload_folder(self, **arguments):
        self.calls.append(arguments)
        return "the commit"


def test_the_stand_in_is_called_as_the_hub_is():
    hub_package = pytest.importorskip("huggingface_hub")
    used = {
        "snapshot_download": {"repo_id", "revision", "allow_patterns"},
        "create_repo": {"repo_id", "exist_ok"},
        "upload_folder": {"repo_id", "folder_path", "revision", "allow_patterns", "commit_message"},
    }
    for name, arguments in used.items():
        assert arguments <= inspect.signature(getattr(hub_package, name)).parameters.keys()


def test_a_preset_of_a_hub_is_fetched_and_checked(preset, tmp_path, monkeypatch):
    stand_in = Hub(copied(preset[1], tmp_path))
    monkeypatch.setattr(hub, "_hub", lambda: stand_in)
    vae = zoo.load("hf://some-one/vamp_vae.small@v1.0")
    assert vae.name == "vamp_vae"
    expected = {"repo_id": "some-one/vamp_vae.small", "revision": "v1.0", "allow_patterns": layout.PATTERNS}
    assert stand_in.calls == [expected]
    (stand_in.folder / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="was changed"):
        zoo.load("hf://some-one/vamp_vae.small")


@pytest.mark.parametrize(
    "uri", ["hf://", "hf://name", "hf://a/b/c", "hf://a/../b", "hf://a/b@", "hf://a/b@../x", "hf://-a/b", "hf://a/b@-x"]
)
def test_malformed_addresses_are_refused(uri, monkeypatch):
    monkeypatch.setattr(hub, "_hub", lambda: pytest.fail("the hub was asked"))
    with pytest.raises(ValueError, match="Expected hf://owner/name, or"):
        zoo.load(uri)


def test_a_preset_is_uploaded_whole_after_a_check(preset, tmp_path, monkeypatch):
    stand_in, folder = Hub(None), copied(preset[1], tmp_path)
    (folder / "secret.txt").write_text("…")
    monkeypatch.setattr(hub, "_hub", lambda: stand_in)
    assert zoo.upload_preset("hf://me/small", folder) == "the commit"
    patterns = stand_in.calls[-1]["allow_patterns"]
    assert sorted(patterns) == ["config.json", "metadata.json", "model.weights.h5", "reference.json"]
    stand_in.calls.clear()
    (folder / "reference.json").write_text("{}")
    with pytest.raises(ValueError, match="was changed"):
        zoo.upload_preset("hf://me/small", folder)
    assert stand_in.calls == []


def test_the_hub_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="pip install huggingface_hub"):
        zoo.load("hf://a/b")
