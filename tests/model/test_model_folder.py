"""Folders of models: what is damaged is named, and nothing is left half-written."""

import io
import json
import traceback
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo.model.saving import MODEL, WEIGHTS
from zoo.posteriors.normal import NormalPosterior


def model(latent=2):
    return zoo.build("diag_vae", (4,), "real", latent=latent, network="mlp(hidden=(5,))")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.json, for a run, are missing"):
        zoo.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"class_name": "Dense"}', bytes(range(256))])
def test_a_damaged_description_is_named(tmp_path, content):
    zoo.save(model(), tmp_path)
    (tmp_path / MODEL).write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.json"):
        zoo.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_damaged_weights_are_named(tmp_path, content):
    zoo.save(model(), tmp_path)
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.weights\.h5' is damaged"):
        zoo.load(tmp_path)


def test_weights_of_another_model_are_refused(tmp_path):
    zoo.save(model(), tmp_path / "a")
    zoo.save(model(latent=3), tmp_path / "b")
    (tmp_path / "a" / WEIGHTS).write_bytes((tmp_path / "b" / WEIGHTS).read_bytes())
    with pytest.raises(ValueError, match="belongs to another model"):
        zoo.load(tmp_path / "a")


@pytest.mark.parametrize(
    ("part", "option", "value"),
    [("posterior", "event_shape", "x"), ("posterior", "event_shape", [10**12]), ("posterior", "rank", 3)],
)
def test_options_that_no_part_was_saved_with_are_named(tmp_path, part, option, value):
    zoo.save(model(), tmp_path)
    described = json.loads((tmp_path / MODEL).read_text())
    described["config"][part]["config"][option] = value
    (tmp_path / MODEL).write_text(json.dumps(described))
    with pytest.raises(ValueError, match=r"model\.json' (does not describe a model of this zoo|is damaged): [^\n]+$"):
        zoo.load(tmp_path)


def test_a_part_that_is_missing_is_named(tmp_path):
    zoo.save(model(), tmp_path)
    described = json.loads((tmp_path / MODEL).read_text())
    del described["config"]["prior"]
    (tmp_path / MODEL).write_text(json.dumps(described))
    with pytest.raises(ValueError, match="got no prior"):
        zoo.load(tmp_path)


BUGS = {
    "a KeyError of Python's": lambda: {}["key"],
    "a ValueError of NumPy's": lambda: np.zeros(3).reshape(2),
    "a ValueError of Keras's": lambda: keras.layers.Dense(-1),
    "a TypeError of Python's": lambda: (lambda: None)(3),
    "an AttributeError of Python's": lambda: None.attribute,
}


@pytest.mark.parametrize("method", ["__init__", "build"])
@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_bug_within_a_part_is_the_cause_of_the_refusal_with_its_traceback(tmp_path, monkeypatch, bug, method):
    def run_bug(self, *args, **kwargs):
        original(self, *args, **kwargs)
        bug()

    zoo.save(model(), tmp_path)
    original = getattr(NormalPosterior, method)
    monkeypatch.setattr(NormalPosterior, method, run_bug)
    with pytest.raises(ValueError, match="does not describe a model of this zoo") as caught:
        zoo.load(tmp_path)
    errors = [caught.value]
    while errors[-1].__context__ is not None:
        errors.append(errors[-1].__context__)
    names = [frame.f_code.co_name for error in errors for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert "run_bug" in names


def test_weights_that_are_nan_are_refused(tmp_path):
    vae = model()
    vae.posterior.trainable_weights[0].assign(np.nan * vae.posterior.trainable_weights[0])
    zoo.save(vae, tmp_path)
    with pytest.raises(ValueError, match=r"the weight 'posterior/params/kernel' has NaN"):
        zoo.load(tmp_path)


def test_a_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    zoo.save(model(), "~/a model")
    assert (tmp_path / "a model" / WEIGHTS).is_file()
    assert zoo.load("~/a model").latent_size == 2


def test_weights_reach_the_disk_in_one_piece(tmp_path, monkeypatch):
    # HDF5's library, which ends the process where a disk is full, is given no file to write to.
    written, write = [], Path.write_bytes
    monkeypatch.setattr(h5py.File, "__init__", on_memory_alone(h5py.File.__init__))
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: written.append(path.name) or write(path, data))
    zoo.save(model(), tmp_path)
    (name,) = written
    assert name.startswith("partial-")
    assert name.endswith(f"-{WEIGHTS}")


def on_memory_alone(init):
    def checked(self, name, *args, **kwargs):
        assert isinstance(name, io.BytesIO)
        init(self, name, *args, **kwargs)

    return checked


def test_a_full_disk_leaves_the_old_model_whole(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    zoo.save(model(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        with pytest.raises(OSError, match="No space left"):
            zoo.save(model(latent=3), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_failure_leaves_the_old_model_whole(tmp_path, monkeypatch):
    vae = model()
    zoo.save(vae, tmp_path)

    def fail(*args, **kwargs):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(type(vae), "save_weights", fail)
        with pytest.raises(OSError, match="disk full"):
            zoo.save(vae, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, WEIGHTS]
    zoo.load(tmp_path)
