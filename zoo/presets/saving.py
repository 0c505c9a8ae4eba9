"""Saving a preset: a folder that appears complete or not at all."""

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo.catalog import CATALOG
from zoo.commands.atomic import PARTIAL, synchronize
from zoo.commands.version import VERSION
from zoo.model.saving import serialize
from zoo.model.tuning.lora import ordinary
from zoo.model.vae import VAE
from zoo.presets import metadata as metadata_file
from zoo.presets.checking import Everything, checked
from zoo.presets.layout import CONFIG, METADATA, REFERENCE, WEIGHTS, from_bytes, is_allowed, to_text
from zoo.presets.metadata import facts
from zoo.presets.migrations import current_schema
from zoo.presets.reference import reference
from zoo.presets.weights import check_finite, packed

TASKS = ["encode", "score", "reconstruct", "generate"]


@dataclass(frozen=True)
class About:
    """What a preset says of itself.

    Args:
        description: a line; "" for that of the model in the catalog.
        data: name of the data that it was trained on.
        data_sha256: their hash.
        license: identifier of its license, as on Hugging Face.
    """

    description: str = ""
    data: str | None = None
    data_sha256: str | None = None
    license: str | None = None


def save_to_preset(
    vae: VAE, folder: str | Path, about: About | None = None, files: Mapping[str, Any] | None = None
) -> None:
    """Writes a preset; see `VAE.save_to_preset`.

    Args:
        vae: a `zoo.VAE`.
        folder: the folder to write; empty if it exists.
        about: what the preset says of itself.
        files: name → further content: a JSON object, text, bytes, or a function of the entries of metadata.json but
            `files` to one of these.

    Raises:
        FileExistsError: the folder exists and is not empty.
        ValueError: `vae` is not a `zoo.VAE`, has NaN or infinite weights or what no preset may contain, such as Lambda
            layers, or a preset cannot contain a file of that name.
        OSError: writing failed; no folder is left.
    """
    if not isinstance(vae, VAE):
        raise ValueError(f"Expected a zoo.VAE to save, got {vae!r}.")
    folder = Path(folder).expanduser().resolve()
    _check_free(folder)
    check_finite(vae, "This model cannot be saved as a preset")
    config, weights = serialize(vae)
    _check_loadable(config)
    with ordinary(vae):
        content = {CONFIG: _bytes(config), WEIGHTS: packed(weights), REFERENCE: _bytes(reference(vae))}
        metadata = _metadata(vae, about or About())
    for name, item in (files or {}).items():
        if not is_allowed(name) or name in content:
            raise ValueError(f"A preset cannot contain a file '{name}' beside its model.")
        content[name] = _bytes(item(metadata) if callable(item) else item)
    hashes = {name: metadata_file.sha256(item) for name, item in content.items()}
    content[METADATA] = metadata_file.sealed(metadata | {"files": hashes}).encode()
    _write(folder, content)


def _check_free(folder):
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"'{folder}' exists. Choose another folder for the preset, or remove it.")


def _check_loadable(config):
    """Checks that a config would be accepted from whoever names all classes in it."""
    try:
        checked(from_bytes(_bytes(config), CONFIG), CONFIG, Everything())
    except ValueError as error:
        raise ValueError(f"This model cannot be saved as a preset, because it could not be loaded: {error}") from error


def _bytes(item):
    if isinstance(item, bytes):
        return item
    return (item if isinstance(item, str) else to_text(item)).encode()


def _metadata(vae, about):
    entries = {
        "schema": current_schema(),
        **facts(vae),
        "tasks": TASKS,
        "date_saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "vae_zoo_version": VERSION,
        "keras_version": version("keras"),
        "tensorflow_version": version("tensorflow"),
        "tensorflow_probability_version": version("tensorflow-probability"),
    }
    known = CATALOG[vae.name].summary if vae.name in CATALOG else ""
    return entries | asdict(about) | {"description": about.description or known}


def _write(folder, content):
    """Writes all files beside the folder's place, and moves them there at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        for name, item in content.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(item)
            synchronize(path)
        for inner in {(partial / name).parent for name in content}:
            synchronize(inner)
        _move(partial, folder)
        synchronize(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move(partial, folder):
    _check_free(folder)
    try:
        os.rename(partial, folder)
    except OSError:  # as if somebody else has written files there since
        _check_free(folder)
        raise
