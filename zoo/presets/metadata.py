"""metadata.json: what a preset is, and the hashes of its files."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from zoo.presets.layout import (
    MAX_FILES,
    MAX_FURTHER,
    METADATA,
    READ,
    REQUIRED,
    WEIGHTS,
    from_bytes,
    is_allowed,
    read_bounded,
    to_text,
)
from zoo.presets.migrations import check_schema

TYPES: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "model": str,
    "description": str,
    "support": str,
    "event_shape": list,
    "latent": int,
    "parameter_count": int,
    "tasks": list,
    "data": (str, type(None)),
    "data_sha256": (str, type(None)),
    "license": (str, type(None)),
    "date_saved": str,
    "vae_zoo_version": str,
    "keras_version": str,
    "tensorflow_version": str,
    "tensorflow_probability_version": str,
    "files": dict,
}
ITSELF = "sha256"  # key of the hash of everything else in metadata.json
AGAIN = "Get the preset again, or use another one."


def sha256(content: bytes) -> str:
    """Returns the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sealed(metadata: dict) -> str:
    """Returns the text of metadata.json, with the hash of itself.

    Args:
        metadata: its entries without `sha256`.
    """
    return to_text(metadata | {ITSELF: sha256(to_text(metadata).encode())})


def read(folder: str | Path) -> dict:
    """Reads and checks metadata.json, in which any changed byte is found.

    Args:
        folder: path of the preset.

    Returns:
        Its entries, without `sha256`, of its own schema.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, of a later schema than this version reads, or names files that a preset cannot
            contain.
    """
    path = Path(folder) / METADATA
    content = read_bounded(path, 2**20)
    metadata = from_bytes(content, path)
    itself = metadata.pop(ITSELF, None)
    if sealed(metadata).encode() != content or sha256(to_text(metadata).encode()) != itself:
        raise _changed(path)
    _check_entries(metadata, path)
    return metadata


def _check_entries(metadata, path):
    check_schema(metadata.get("schema"), path)
    _check_type(metadata, "files", path)
    if len(metadata["files"]) > MAX_FILES:
        raise ValueError(f"'{path}' names {len(metadata['files']):,} files, expected at most {MAX_FILES}. {AGAIN}")
    for name, digest in metadata["files"].items():
        if not is_allowed(name) or not isinstance(digest, str):
            raise ValueError(f"'{path}' names the file {name!r:.100}, which a preset cannot contain. {AGAIN}")
    missing = [name for name in REQUIRED if name not in metadata["files"]]
    if missing:
        raise ValueError(f"'{path}' is damaged: it has no hash of {missing[0]}. {AGAIN}")


def read_files(folder: str | Path, metadata: dict, weights_limit: int) -> dict[str, bytes]:
    """Reads all files of a preset, each once, and checks their hashes: nothing reads them again.

    Args:
        folder: path of the preset.
        metadata: as returned by `read`.
        weights_limit: largest number of bytes of the weights.

    Returns:
        Name → content of the weights and the JSON files.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: one was changed, all together are too large, or one is there whose hash is not.
    """
    folder, content = Path(folder), {}
    for name in READ:
        if name not in metadata["files"] and (folder / name).exists():
            raise ValueError(f"'{folder / name}' was added after the preset was saved. Remove it. {AGAIN}")
    for name, found in _contents(folder, metadata["files"], weights_limit):
        if sha256(found) != metadata["files"][name]:
            raise _changed(folder / name)
        if name in READ:
            content[name] = found
    return content


def _contents(folder, names, weights_limit) -> Iterator[tuple[str, bytes]]:
    left = MAX_FURTHER
    for name in names:
        content = read_bounded(folder / name, weights_limit if name == WEIGHTS else left)
        left -= 0 if name == WEIGHTS else len(content)
        yield name, content


def _changed(path):
    return ValueError(f"'{path}' was changed after the preset was saved: its hash differs. {AGAIN}")


def check_types(metadata: dict, path: str | Path) -> None:
    """Checks that all entries of the current schema are there and have their types.

    Args:
        metadata: as returned by `read`, migrated to the current schema.
        path: of the file, for messages.

    Raises:
        ValueError: one is missing or of another type.
    """
    for key in TYPES:
        _check_type(metadata, key, path)


def _check_type(metadata, key, path):
    value = metadata.get(key)
    if not isinstance(value, TYPES[key]) or isinstance(value, bool):
        raise ValueError(f"'{path}' is damaged: its {key} is {value!r:.50}. {AGAIN}")


def facts(vae) -> dict:
    """Returns the entries that describe a model, which those of its preset must equal.

    Args:
        vae: a `zoo.VAE`.
    """
    return {
        "model": vae.name,
        "support": vae.support,
        "event_shape": list(vae.event_shape),
        "latent": vae.latent_size,
        "parameter_count": sum(weight.shape.num_elements() for weight in vae.trainable_variables),
    }


def check_facts(vae, metadata: dict, path: str | Path) -> None:
    """Checks that metadata describe a model.

    Args:
        vae: the loaded `zoo.VAE`.
        metadata: of the current schema.
        path: of the file, for messages.

    Raises:
        ValueError: an entry says something else.
    """
    for key, value in facts(vae).items():
        if metadata[key] != value:
            raise ValueError(
                f"'{path}' is damaged: it describes another model, with {key} {metadata[key]!r:.50} in place of "
                f"{value!r:.50}. {AGAIN}"
            )
