"""The files of a preset: those that it lists, unchanged, each read once."""

import os

import numpy as np
import pytest

import zoo
from tests.presets.attacks import described, resealed
from zoo.presets import layout, metadata
from zoo.presets.loading import read


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "assets/../../secret.txt", "a/b", "x.pkl", ".git", ""]
)
def test_names_of_files_do_not_lead_out(preset, name):
    (preset.parent / "secret.txt").write_text("secret")
    about = metadata.read(preset)
    about["files"][name] = metadata.sha256(b"secret")
    (preset / "metadata.json").write_text(metadata.sealed(about))
    with pytest.raises(ValueError, match="which a preset cannot contain"):
        zoo.load(preset)
    if name == "../secret.txt":
        assert (preset / name).read_text() == "secret"  # what a join of paths gives


def test_a_pipe_is_not_waited_for(preset):
    (preset / "reference.json").unlink()
    os.mkfifo(preset / "reference.json")
    with pytest.raises(FileNotFoundError, match=r"reference\.json' is missing"):
        zoo.load(preset)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(preset, monkeypatch, replaced):
    """Also one that takes the file's place after a look at what it is."""
    (preset / "config.json").unlink()
    os.mkfifo(preset / "config.json")
    monkeypatch.setattr(layout.Path, "is_file", lambda path: replaced)
    with pytest.raises(FileNotFoundError, match=r"config\.json' is missing"):
        layout.read_bounded(preset / "config.json", 100)


def test_what_cannot_be_read_is_refused_in_a_sentence(preset):
    (preset / "reference.json").unlink()
    (preset / "reference.json").symlink_to("/proc/self/mem")  # a regular file, says the system
    with pytest.raises(ValueError, match=r"reference\.json' cannot be read: .*Input/output error"):
        zoo.load(preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "reference.json", "metadata.json"])
def test_a_byte_changed_in_any_file_is_found(preset, name):
    content = (preset / name).read_bytes()
    for i in np.random.default_rng(0).choice(len(content), 40, replace=False):
        changed = bytearray(content)
        changed[i] ^= 1
        (preset / name).write_bytes(changed)
        with pytest.raises(ValueError, match=r"was changed|damaged"):
            zoo.load(preset)
    (preset / name).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"was changed|damaged"):
        zoo.load(preset)
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError):
        zoo.load(preset)


@pytest.mark.parametrize("entry", [{"schema": 2}, {"schema": "1"}, {"schema": True}, {"files": []}, {"latent": "2"}])
def test_metadata_are_checked(preset, entry):
    (preset / "metadata.json").write_text(metadata.sealed(metadata.read(preset) | entry))
    with pytest.raises(ValueError, match=r"metadata\.json' (is damaged|has schema 2, but.*Upgrade)"):
        zoo.load(preset)


FACTS = {"model": "tril_vae", "latent": 999, "event_shape": [2, 8], "support": "real", "parameter_count": 5}


@pytest.mark.parametrize("key", FACTS)
def test_metadata_describe_the_model(preset, key):
    described(preset, **{key: FACTS[key]})
    with pytest.raises(ValueError, match=f"metadata.json' is damaged: it describes another model, with {key}"):
        zoo.load(preset)


@pytest.mark.parametrize("name", ["training.json", "metrics.json", "preprocessor.json"])
@pytest.mark.parametrize("make", [lambda path: path.write_text("{}"), os.mkfifo], ids=["file", "pipe"])
def test_files_without_a_hash_are_refused(preset, name, make):
    make(preset / name)
    with pytest.raises(ValueError, match=f"{name}' was added after the preset was saved"):
        zoo.load(preset)


def test_files_are_read_once(preset):
    resealed(preset, {"training.json": {"settings": {"data": "digits"}}})
    contents = read(preset)
    (preset / "training.json").write_text('{"settings": {"data": "/etc/passwd"}}')
    assert contents.parsed("training.json") == {"settings": {"data": "digits"}}


def test_all_files_together_are_bounded(preset, monkeypatch):
    monkeypatch.setattr(metadata, "MAX_FURTHER", 100_000)
    (preset / "assets").mkdir()
    good = resealed(preset, {"assets/a0": b"0" * 40_000})
    assert zoo.load(good).built
    for i in range(1, 4):
        (preset / "assets" / f"a{i}").symlink_to("a0")
    digest = metadata.sha256(b"0" * 40_000)
    described(preset, files=metadata.read(preset)["files"] | {f"assets/a{i}": digest for i in range(4)})
    with pytest.raises(ValueError, match=r"assets/a2' to have at most .* bytes, got more"):
        zoo.load(preset)


def test_the_number_of_files_is_bounded(preset):
    files = metadata.read(preset)["files"] | {f"assets/a{i}": "" for i in range(100)}
    described_as = metadata.read(preset) | {"files": files}
    (preset / "metadata.json").write_text(metadata.sealed(described_as))
    with pytest.raises(ValueError, match="names 103 files, expected at most 64"):
        zoo.load(preset)
