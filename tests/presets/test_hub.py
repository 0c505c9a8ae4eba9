"""Presets on Hugging Face: checked before they are fetched, before they are read and before they are uploaded."""

import inspect
import shutil
from types import SimpleNamespace

import keras
import pytest

import zoo
from tests.presets.attacks import model
from zoo.presets import hub, layout


class Hub:
    """Stands in for huggingface_hub, with a repository of a folder's files."""

    def __init__(self, folder, sizes=None, online=True):
        self.folder, self.sizes, self.online, self.calls = folder, sizes or {}, online, []

    def model_info(self, repository, **arguments):
        if not self.online:
            raise ConnectionError("no network")
        assert arguments.keys() == {"revision", "files_metadata"}
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        sizes = {str(path.relative_to(self.folder)): path.stat().st_size for path in paths} | self.sizes
        files = [SimpleNamespace(rfilename=name, size=size) for name, size in sizes.items()]
        return SimpleNamespace(sha=f"hash of {arguments['revision']}", siblings=files)

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
        "model_info": {"repo_id", "revision", "files_metadata"},
        "snapshot_download": {"repo_id", "revision", "allow_patterns", "local_files_only"},
        "create_repo": {"repo_id", "exist_ok"},
        "upload_folder": {"repo_id", "folder_path", "revision", "allow_patterns", "commit_message"},
    }
    for name, arguments in used.items():
        assert arguments <= inspect.signature(getattr(hub_package, name)).parameters.keys()


def test_a_preset_of_a_hub_is_fetched_and_checked(preset, monkeypatch):
    (preset / "malware.exe").write_text("…")
    stand_in = Hub(preset)
    monkeypatch.setattr(hub, "_hub", lambda: stand_in)
    assert zoo.load("hf://some-one/diag_vae.small@v1.0").name == "diag_vae"
    (call,) = stand_in.calls
    assert sorted(call.pop("allow_patterns")) == ["config.json", "metadata.json", "model.weights.h5", "reference.json"]
    assert call == {"repo_id": "some-one/diag_vae.small", "revision": "hash of v1.0"}
    (preset / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="was changed"):
        zoo.load("hf://some-one/diag_vae.small")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"model.weights.h5": 2**60}, r"Expected the weights of 'hf://a/b' to fit into memory"),
        ({"README.md": layout.MAX_FURTHER + 1}, "and 268,435,456 bytes beside the weights, got 5 files of"),
        ({f"assets/{i}.png": 1 for i in range(100)}, "expected at most 64 files, .* got 104 files"),
    ],
)
def test_sizes_are_bounded_before_anything_is_fetched(saved, monkeypatch, sizes, said):
    stand_in = Hub(saved, sizes)
    monkeypatch.setattr(hub, "_hub", lambda: stand_in)
    with pytest.raises(ValueError, match=said):
        zoo.load("hf://a/b")
    assert stand_in.calls == []


def test_without_a_network_what_was_fetched_before_is_loaded(saved, monkeypatch):
    stand_in = Hub(saved, online=False)
    monkeypatch.setattr(hub, "_hub", lambda: stand_in)
    assert zoo.load("hf://a/b@v1").built
    assert stand_in.calls == [{"repo_id": "a/b", "revision": "v1", "local_files_only": True}]
    monkeypatch.setattr(stand_in, "snapshot_download", lambda **arguments: 1 / 0)
    with pytest.raises(ValueError, match=r"'hf://a/b' cannot be fetched: no network\."):
        zoo.load("hf://a/b")


@pytest.mark.parametrize(
    "uri", ["hf://", "hf://name", "hf://a/b/c", "hf://a/../b", "hf://a/b@", "hf://a/b@../x", "hf://-a/b", "hf://a/b@-x"]
)
def test_malformed_addresses_are_refused(uri, monkeypatch):
    monkeypatch.setattr(hub, "_hub", lambda: pytest.fail("the hub was asked"))
    with pytest.raises(ValueError, match="Expected hf://owner/name, or"):
        zoo.load(uri)


def test_a_preset_is_uploaded_whole_after_a_check(with_sampler, tmp_path, monkeypatch):
    stand_in, folder = Hub(None), shutil.copytree(with_sampler[1], tmp_path / "copy")
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


def test_a_preset_with_classes_of_the_caller_is_uploaded(tmp_path, monkeypatch):
    encoder = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.ReLU()])
    model(encoder=encoder).save_to_preset(tmp_path / "small")
    monkeypatch.setattr(hub, "_hub", lambda: Hub(None))
    with pytest.raises(ValueError, match=r"ReLU' is none of the zoo's"):
        zoo.upload_preset("hf://me/small", tmp_path / "small")
    named = {"ReLU": keras.layers.ReLU}
    assert zoo.upload_preset("hf://me/small", tmp_path / "small", custom_objects=named) == "the commit"


def test_a_run_is_not_uploaded(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "_hub", lambda: pytest.fail("the hub was asked"))
    zoo.save(zoo.load(saved), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"metadata\.json is missing\. Make one by vae\.save_to_preset"):
        zoo.upload_preset("hf://me/small", tmp_path)


def test_the_hub_is_optional(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="pip install huggingface_hub"):
        zoo.load("hf://a/b")
