"""Loading: a preset or a run's folder ↦ a model. Its files are checked before anything is created from them."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from zoo import memory
from zoo.commands.endings import is_check
from zoo.finetuning.origin import Origin
from zoo.finetuning.replacing import with_parts
from zoo.model.saving import MODEL
from zoo.model.vae import VAE
from zoo.presets import metadata as metadata_file
from zoo.presets.checking import check_bounds, checked, refused
from zoo.presets.layout import CONFIG, MAX_FILE, MAX_JSON, METADATA, WEIGHTS, from_bytes, read_bounded
from zoo.presets.migrations import check_schema, current_schema, migrate
from zoo.presets.resolving import resolve
from zoo.presets.weights import check_structure, load_weights, variables_limit
from zoo.samplers import Sampler

KERAS_WRAPPERS = ("keras.src.saving.serialization_lib", "keras.src.ops.operation")  # modules that deserialize configs


@dataclass(frozen=True)
class Contents:
    """The files of a model, read once and checked.

    Args:
        folder: where they are.
        config: as Keras serializes a model, of the current schema, without unknown classes.
        config_name: name of its file.
        weights: bytes of the .h5 file, of the current schema.
        metadata: of a preset; None for a run.
    """

    folder: Path
    config: dict
    config_name: str
    weights: bytes
    metadata: dict | None


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


def read(folder: Path, custom_objects: Mapping[str, type] | None = None) -> Contents:
    """Reads and checks the files of a preset or a run.

    Args:
        folder: path.
        custom_objects: see `VAE.from_preset`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file was changed, is damaged, or contains classes that are not allowed.
    """
    metadata, name = None, MODEL
    if (folder / METADATA).exists():
        metadata, name = metadata_file.read(folder), CONFIG
        check_schema(metadata["schema"], folder / METADATA)
    else:
        _check_complete(folder)
    size = (folder / WEIGHTS).stat().st_size if (folder / WEIGHTS).is_file() else 0
    memory.check(2 * size, f"the weights in '{folder}' to fit into memory, but they take", "Use a larger machine")
    content = {name: read_bounded(folder / name, MAX_JSON), WEIGHTS: read_bounded(folder / WEIGHTS, size)}
    if metadata is not None:
        _check_hashes(folder, metadata["files"], content)
    config = from_bytes(content[name], folder / name)
    check_bounds(config, folder / name)
    check_structure(content[WEIGHTS], folder / WEIGHTS)
    schema = config.pop("schema", 1) if metadata is None else metadata["schema"]
    check_schema(schema, folder / name)
    config, weights = migrate(config, content[WEIGHTS], schema)
    if metadata is not None and schema == current_schema():
        metadata_file.check_types(metadata, folder / METADATA)
    return Contents(folder, checked(config, folder / name, custom_objects), name, weights, metadata)


def _check_complete(folder):
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"No model in '{folder}': {name} is missing. Train one there, or use another folder."
            )


def _check_hashes(folder, hashes, content):
    """Checks the hash of each file; those that are read later are taken from `content`, as they were read."""
    for name, digest in hashes.items():
        found = content[name] if name in content else read_bounded(folder / name, MAX_FILE)
        if metadata_file.sha256(found) != digest:
            raise ValueError(
                f"'{folder / name}' was changed after the preset was saved: its hash differs. {metadata_file.AGAIN}"
            )


def build(contents: Contents, custom_objects: Mapping[str, type] | None = None, with_weights: bool = True) -> VAE:
    """Builds a model from checked files.

    Args:
        contents: as returned by `read`.
        custom_objects: see `VAE.from_preset`.
        with_weights: whether to load its weights.

    Raises:
        ValueError: config and weights do not match, or are of no model.
    """
    path, weights_path = contents.folder / contents.config_name, contents.folder / WEIGHTS
    try:
        with variables_limit(check_structure(contents.weights, weights_path), weights_path):
            vae = keras.saving.deserialize_keras_object(contents.config, dict(custom_objects or {}))
    except Exception as error:
        cause = _cause(error)
        if not (is_check(cause) or _is_of_config(cause)):
            raise  # a bug, which keeps its type and traceback
        raise refused(path, _line(cause).rstrip(".")) from error
    if not isinstance(vae, VAE):
        raise refused(path, f"expected a VAE, got a {type(vae).__name__}")
    for name, sampler in vae.samplers.fitted.items():
        if not isinstance(sampler, Sampler):
            raise refused(path, f"expected '{name}' to be a sampler, got a {type(sampler).__name__}")
    if with_weights:
        load_weights(vae, contents.weights, weights_path)
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
