"""Folders of models: what is damaged is named, and nothing is left half-written."""

import pytest

import zoo
from zoo.saving import MODEL, WEIGHTS


def model(latent=2):
    return zoo.build("diag_vae", (4,), "real", latent=latent, network="mlp(hidden=(5,))")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.json is missing"):
        zoo.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"class_name": "Dense"}'])
def test_a_damaged_description_is_named(tmp_path, text):
    zoo.save(model(), tmp_path)
    (tmp_path / MODEL).write_text(text)
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
    with pytest.raises(ValueError, match="of another model"):
        zoo.load(tmp_path / "a")


def test_a_failure_leaves_the_old_model_whole(tmp_path, monkeypatch):
    vae = model()
    zoo.save(vae, tmp_path)

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(type(vae), "save_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        zoo.save(vae, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL, WEIGHTS]
    zoo.load(tmp_path)
