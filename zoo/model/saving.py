"""A model as a folder of two files: model.json says what it is, model.weights.h5 holds its weights."""

import io
import json
from pathlib import Path

import keras
import numpy as np

from zoo.commands.atomic import replacing
from zoo.memory import counted_weights
from zoo.model.vae import VAE

MODEL, WEIGHTS = "model.json", "model.weights.h5"


class InMemory(io.BytesIO):
    """A file of weights in memory: HDF5's library ends the process where it cannot write to a disk that is full."""

    def __str__(self):
        return WEIGHTS  # Keras asks for a name that ends like this


def save(vae: VAE, folder: str | Path) -> None:
    """Writes a model into a folder, each file atomically.

    Args:
        vae: a `zoo.VAE`.
        folder: where to; made if missing.

    Raises:
        ValueError: `vae` is none.
        OSError: it cannot be written, as on a full disk; what was there is as it was.
    """
    if not isinstance(vae, VAE):
        raise ValueError(f"Expected a zoo.VAE to save, got {vae!r}.")
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    config = keras.saving.serialize_keras_object(vae)
    config.pop("compile_config", None)
    vae.save_weights(content := InMemory())
    # Both are written before either is replaced: one does not fit an older other.
    with replacing(folder / WEIGHTS, folder / MODEL) as (weights, description):
        weights.write_bytes(content.getbuffer())
        description.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load(folder: str | Path) -> VAE:
    """Loads the model that `save` or a training run wrote into a folder: score it, or compile it and continue to fit.

    Args:
        folder: path.

    Returns:
        A `zoo.VAE`, not compiled.

    Raises:
        FileNotFoundError: there is no model in the folder.
        ValueError: its files are damaged, or do not belong together.
    """
    folder = Path(folder).expanduser()
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No model in '{folder}': {name} is missing. Train one into it, or name another.")
    vae = _described(folder / MODEL)
    try:
        vae.load_weights(folder / WEIGHTS)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"'{folder / WEIGHTS}' is damaged or of another model: {_line(error)}") from error
    for weight in vae.weights:
        if np.isnan(weight.numpy()).any():
            raise ValueError(
                f"'{folder / WEIGHTS}' is damaged: its weight '{weight.path}' has NaN values. Train it again."
            )
    return vae


def _described(path):
    """Builds the model that a file describes, with weights of no meaning."""
    try:
        text = path.read_text(encoding="utf-8")
        with counted_weights(copies=1):
            vae = keras.saving.deserialize_keras_object(json.loads(text))
    except Exception as error:  # whatever a part makes of options that no part was saved with
        raise ValueError(f"'{path}' does not describe a model of this zoo: {_line(error)}") from error
    if not isinstance(vae, VAE):
        raise ValueError(f"'{path}' describes a {type(vae).__name__}, expected a VAE.")
    return vae


def _line(error):
    """Returns the message of an error in one line, cut after 300 letters."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 300 else f"{said[:300]} …"
