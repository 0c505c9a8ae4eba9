"""Saving and loading: model.json holds a model's config, model.weights.h5 its weights."""

import io
import json
import traceback
from pathlib import Path

import keras
import numpy as np

from zoo.commands.atomic import replacing
from zoo.commands.endings import is_check
from zoo.memory import memory_limit
from zoo.model.vae import VAE

MODEL, WEIGHTS = "model.json", "model.weights.h5"
KERAS_WRAPPERS = ("keras.src.saving.serialization_lib", "keras.src.ops.operation")  # modules that deserialize configs


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
    config = keras.saving.serialize_keras_object(vae)
    config.pop("compile_config", None)
    vae.save_weights(content := WeightsBuffer())
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
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"'{path}' does not describe a model of this zoo: {_line(error)}") from error
    try:
        with memory_limit(copies=1):
            vae = keras.saving.deserialize_keras_object(config)
    except Exception as error:
        cause = _cause(error)
        if not (is_check(cause) or _is_of_config(cause)):
            raise  # a bug, which keeps its type and traceback
        raise ValueError(f"'{path}' does not describe a model of this zoo: {_line(cause)}") from error
    if not isinstance(vae, VAE):
        raise ValueError(f"Expected '{path}' to describe a VAE, got a {type(vae).__name__}.")
    return vae


def _cause(error):
    """Returns the error that Keras wrapped into others while it deserialized a config."""
    while error.__context__ is not None and _raised_in(error)[0] in KERAS_WRAPPERS:
        error = error.__context__
    return error


def _is_of_config(error):
    """Returns whether Keras raised an error because it cannot read a config, or because the config has unknown keys."""
    module, function = _raised_in(error)
    return module in KERAS_WRAPPERS or (module, function) == ("keras.src.layers.layer", "__init__")


def _raised_in(error):
    """Returns the names of the module and of the function that raised an error."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__", ""), frame.f_code.co_name


def _line(error):
    """Returns an error's message in one line, truncated to 300 characters."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 300 else f"{said[:300]} …"
