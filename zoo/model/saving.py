"""Saving: model.json holds a model's config, model.weights.h5 its weights. `zoo.presets.loading` loads them."""

import io
import json
from pathlib import Path

import keras

from zoo.commands.atomic import replacing
from zoo.model.vae import VAE

MODEL, WEIGHTS = "model.json", "model.weights.h5"
SCHEMA = 1  # of what is written; see `zoo.presets.migrations`


class WeightsBuffer(io.BytesIO):
    """An in-memory weights file, because the HDF5 library aborts the process when the disk is full."""

    def __str__(self):
        return WEIGHTS  # Keras checks the suffix of the file's name


def save(vae: VAE, folder: str | Path) -> None:
    """Writes a model into a folder, each file atomically.

    Args:
        vae: a `zoo.VAE`.
        folder: the folder to write to; created if missing.

    Raises:
        ValueError: `vae` is not a `zoo.VAE`.
        OSError: writing failed, e.g. on a full disk; existing files are unchanged.
    """
    if not isinstance(vae, VAE):
        raise ValueError(f"Expected a zoo.VAE to save, got {vae!r}.")
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    config, content = serialize(vae)
    # Both are written before either is replaced, because new weights do not fit an older config.
    with replacing(folder / WEIGHTS, folder / MODEL) as (weights, description):
        weights.write_bytes(content)
        description.write_text(json.dumps(config | {"schema": SCHEMA}, indent=1) + "\n", encoding="utf-8")


def serialize(vae: VAE) -> tuple[dict, bytes]:
    """Returns the config of a model, not compiled, and the content of its weights file.

    Args:
        vae: a `zoo.VAE`.
    """
    config = keras.saving.serialize_keras_object(vae)
    config.pop("compile_config", None)
    vae.save_weights(content := WeightsBuffer())
    return config, content.getvalue()
