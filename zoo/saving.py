"""A model as a folder of two files: model.json says what it is, model.weights.h5 holds its weights."""

import json
import os
from pathlib import Path

import keras

from zoo.vae import VAE

MODEL, WEIGHTS = "model.json", "model.weights.h5"


def save(vae, folder):
    """Writes a model into a folder, each file whole or not at all.

    Args:
        vae: a `zoo.VAE`.
        folder: where to; made if missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = keras.saving.serialize_keras_object(vae)
    config.pop("compile_config", None)
    weights, description = folder / f"partial.{WEIGHTS}", folder / f"partial.{MODEL}"
    try:
        vae.save_weights(weights)
        description.write_text(json.dumps(config, indent=1) + "\n")
        # Both are whole before either takes its place, for one does not go with an older other.
        os.replace(weights, folder / WEIGHTS)
        os.replace(description, folder / MODEL)
    finally:
        weights.unlink(missing_ok=True)
        description.unlink(missing_ok=True)


def load(folder):
    """The model in a folder that `save` or a training run wrote: score it, or compile and fit on.

    Args:
        folder: path.

    Returns:
        A `zoo.VAE`, not compiled.

    Raises:
        FileNotFoundError: there is no model in the folder.
        ValueError: its files are damaged, or do not belong together.
    """
    folder = Path(folder)
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"No model in '{folder}': {name} is missing. Train one into it, or name another.")
    try:
        vae = keras.saving.deserialize_keras_object(json.loads((folder / MODEL).read_text()))
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"'{folder / MODEL}' does not describe a model of this zoo: {error}") from error
    if not isinstance(vae, VAE):
        raise ValueError(f"'{folder / MODEL}' describes a {type(vae).__name__}, expected a VAE.")
    try:
        vae.load_weights(folder / WEIGHTS)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"'{folder / WEIGHTS}' is damaged or of another model: {error}") from error
    return vae
