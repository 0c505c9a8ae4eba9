"""Saving and loading: model.json holds a model's config, model.weights.h5 its weights."""

import io
import json
from pathlib import Path

import keras
import numpy as np

from zoo.commands.atomic import replacing
from zoo.memory import memory_limit
from zoo.model.vae import VAE

MODEL, WEIGHTS = "model.json", "model.weights.h5"


class InMemory(io.BytesIO):
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
    config = keras.saving.serialize_keras_object(vae)
    config.pop("compile_config", None)
    vae.save_weights(content := InMemory())
    # Both are written before either is replaced, because new weights do not fit an older config.
    with replacing(folder / WEIGHTS, folder / MODEL) as (weights, description):
        weights.write_bytes(content.getbuffer())
        description.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load(folder: str | Path) -> VAE:
    """Loads a model written by `save` or by a training run. Compile it to continue training.

    Args:
        folder: the model's or the run's folder.

    Returns:
        A `zoo.VAE`, not compiled.

    Raises:
        FileNotFoundError: there is no model in the folder.
        ValueError: its files are damaged or do not match.
    """
    folder = Path(folder).expanduser()
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"No model in '{folder}': {name} is missing. Train one there, or use another folder."
            )
    vae = _described(folder / MODEL)
    try:
        vae.load_weights(folder / WEIGHTS)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"'{folder / WEIGHTS}' is damaged or belongs to another model: {_line(error)}") from error
    for weight in vae.weights:
        if np.isnan(weight.numpy()).any():
            raise ValueError(
                f"'{folder / WEIGHTS}' is damaged: its weight '{weight.path}' has NaN values. Train it again."
            )
    return vae


def _described(path):
    """Builds a model from its config file, with uninitialized weights."""
    try:
        text = path.read_text(encoding="utf-8")
        with memory_limit(copies=1):
            vae = keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:  # parts may raise anything for options of a damaged file
        raise ValueError(f"'{path}' does not describe a model of this zoo: {_line(error)}") from error
    if not isinstance(vae, VAE):
        raise ValueError(f"Expected '{path}' to describe a VAE, got a {type(vae).__name__}.")
    return vae


def _line(error):
    """Returns an error's message in one line, truncated to 300 characters."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 300 else f"{said[:300]} …"
