"""Loading: a preset or a run's folder ↦ a model. Its files are checked before anything is created from them."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from zoo import memory
from zoo.finetuning.origin import Origin
from zoo.finetuning.replacing import with_parts
from zoo.model.building import initial_weights_from
from zoo.model.saving import MODEL
from zoo.model.vae import VAE
from zoo.presets import metadata as metadata_file
from zoo.presets.checking import checked, refused
from zoo.presets.layout import (
    CONFIG,
    MAX_JSON,
    METADATA,
    WEIGHTS,
    check_bounds,
    damaged,
    from_bytes,
    read_bounded,
)
from zoo.presets.migrations import check_schema, migrate, migrate_metadata
from zoo.presets.resolving import resolve
from zoo.presets.weights import SLACK, check_structure, load_weights, variables_limit
from zoo.registry import name_of
from zoo.samplers import Sampler

MAX_WORK = 1e11  # multiplications for an example and the pseudo-inputs, seconds on two cores
KERAS_WRAPPERS = ("keras.src.saving.serialization_lib", "keras.src.ops.operation")  # modules that deserialize configs


@dataclass(frozen=True)
class Contents:
    """The files of a model, read once and checked.

    Args:
        folder: where they are.
        config: as Keras serializes a model, of the current schema, without unknown classes.
        config_name: name of its file.
        weights: bytes of the .h5 file, of the current schema.
        metadata: of a preset, of the current schema; None for a run.
        further: name → bytes of the other JSON files of a preset.
    """

    folder: Path
    config: dict
    config_name: str
    weights: bytes
    metadata: dict | None
    further: dict[str, bytes]

    def parsed(self, name: str) -> dict:
        """Returns the object in one of the further files.

        Args:
            name: of the file.

        Raises:
            ValueError: the preset has none, or it is damaged.
        """
        if name not in self.further:
            raise ValueError(
                f"'{self.folder}' was made of no run: it has no {name}. Use vae.score on your own data instead."
            )
        return from_bytes(self.further[name], self.folder / name)


def load(preset: str | Path, custom_objects: Mapping[str, type] | None = None) -> VAE:
    """Loads a model: a preset or what a training run or `zoo.save` wrote. Compile it to continue training.

    Args:
        preset: see `VAE.from_preset`.
        custom_objects: see `VAE.from_preset`.

    Returns:
        A `zoo.VAE`, not compiled.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: its files are damaged, do not match, or contain classes that are not allowed.
    """
    return from_preset(preset, custom_objects=custom_objects)


def from_preset(
    preset: str | Path,
    load_weights: bool = True,
    custom_objects: Mapping[str, type] | None = None,
    **parts: Any,
) -> VAE:
    """Loads a model, some parts of which may be replaced; see `VAE.from_preset`."""
    contents = read(resolve(preset), custom_objects)
    vae = build(contents, custom_objects, load_weights)
    if not parts:
        vae.origin = Origin(str(preset), dict.fromkeys(VAE.PARTS, "kept" if load_weights else "new"))
        return vae
    vae = with_parts(vae, str(preset), parts, load_weights)
    print(vae.origin)
    return vae


def read(folder: Path, custom_objects: Mapping[str, Any] | None = None) -> Contents:
    """Reads and checks the files of a preset or a run, each once.

    Args:
        folder: path.
        custom_objects: see `VAE.from_preset`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was changed, is damaged, or contains classes that are not allowed.
    """
    weights_path = folder / WEIGHTS
    size = weights_path.stat().st_size if weights_path.is_file() else 0
    memory.check(2 * size, f"the weights in '{folder}' to fit into memory, but they take", "Use a larger machine")
    metadata, name = None, MODEL
    if (folder / METADATA).exists():
        metadata, name = metadata_file.read(folder), CONFIG
        content = metadata_file.read_files(folder, metadata, size)
    else:
        _check_complete(folder)
        content = {MODEL: read_bounded(folder / MODEL, MAX_JSON), WEIGHTS: read_bounded(weights_path, size)}
    path, weights = folder / name, content.pop(WEIGHTS)
    config = from_bytes(content.pop(name), path)
    check_bounds(config, path, elements=len(weights) + SLACK)
    check_structure(weights, weights_path)
    schema = config.pop("schema", 1) if metadata is None else metadata["schema"]
    check_schema(schema, path)
    try:
        config, weights = migrate(config, weights, schema)
        metadata = metadata and migrate_metadata(metadata)
    except Exception as error:  # old files are as anybody may have made them
        raise damaged(folder, error) from error
    if metadata is not None:
        metadata_file.check_types(metadata, folder / METADATA)
    return Contents(folder, checked(config, path, custom_objects), name, weights, metadata, content)


def _check_complete(folder):
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            what = f"{METADATA}, for a preset, and {MODEL}, for a run, are" if name == MODEL else f"{name} is"
            raise FileNotFoundError(f"No model in '{folder}': {what} missing. Use that of a preset or a trained run.")


def build(contents: Contents, custom_objects: Mapping[str, Any] | None = None, with_weights: bool = True) -> VAE:
    """Builds a model from checked files.

    Args:
        contents: as returned by `read`.
        custom_objects: see `VAE.from_preset`.
        with_weights: whether to load its weights; if not, they are initialized from the model's seed, and what was
            fitted to data after training is left out.

    Raises:
        ValueError: config and weights do not match, or are of no model.
    """
    path, weights_path = contents.folder / contents.config_name, contents.folder / WEIGHTS
    size = check_structure(contents.weights, weights_path)
    try:
        seed = contents.config["config"].get("seed", 0)
        with variables_limit(size, weights_path), memory.work_limit(MAX_WORK), initial_weights_from(seed):
            vae = keras.saving.deserialize_keras_object(contents.config, dict(custom_objects or {}))
    except Exception as error:  # a config can make any code fail, in any way
        raise refused(path, _cause(error)) from error
    if not isinstance(vae, VAE):
        raise refused(path, f"expected a VAE, got a {type(vae).__name__}")
    for name, sampler in vae.samplers.fitted.items():
        if not isinstance(sampler, Sampler) or name != name_of(sampler):  # "prior" would take the prior's place
            raise refused(path, f"expected '{name}' to be a sampler of that name, got a {type(sampler).__name__}")
    if with_weights:
        load_weights(vae, contents.weights, weights_path)
    else:
        vae.samplers.fitted.clear()
    if contents.metadata is not None:
        metadata_file.check_facts(vae, contents.metadata, contents.folder / METADATA)
    return vae


def _cause(error):
    """Returns the error that Keras wrapped into others while it deserialized a config."""
    while error.__context__ is not None and _raised_in(error) in KERAS_WRAPPERS:
        error = error.__context__
    return error


def _raised_in(error):
    """Returns the name of the module that raised an error."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__", "")
