"""metadata.json: what a preset is, and the hashes of its files."""

import hashlib
from pathlib import Path

from zoo.presets.layout import METADATA, REQUIRED, from_bytes, is_allowed, read_bounded, to_text

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
        Its entries, without `sha256`. Of a later schema than this version knows, they are not checked but for the hash.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, has entries of a wrong type, or names files that a preset cannot contain.
    """
    path = Path(folder) / METADATA
    content = read_bounded(path, 2**20)
    metadata = from_bytes(content, path)
    itself = metadata.pop(ITSELF, None)
    if sealed(metadata).encode() != content or sha256(to_text(metadata).encode()) != itself:
        raise ValueError(f"'{path}' was changed after the preset was saved: its hash differs. {AGAIN}")
    _check_entries(metadata, path)
    return metadata


def _check_entries(metadata, path):
    for key in ("schema", "files"):
        value, kind = metadata.get(key), TYPES[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"'{path}' is damaged: expected {key} to be of type {kind}, got {value!r:.50}. {AGAIN}")
    for name, digest in metadata["files"].items():
        if not is_allowed(name) or not isinstance(digest, str):
            raise ValueError(f"'{path}' names the file {name!r:.100}, which a preset cannot contain. {AGAIN}")
    missing = [name for name in REQUIRED if name not in metadata["files"]]
    if missing:
        raise ValueError(f"'{path}' is damaged: it has no hash of {missing[0]}. {AGAIN}")


def check_types(metadata: dict, path: str | Path) -> None:
    """Checks that all entries of the current schema are there and have their types.

    Args:
        metadata: as returned by `read`, migrated to the current schema.
        path: of the file, for messages.

    Raises:
        ValueError: one is missing or of another type.
    """
    for key, kind in TYPES.items():
        if not isinstance(metadata.get(key), kind):
            raise ValueError(f"'{path}' is damaged: its {key} is {metadata.get(key)!r:.50}. {AGAIN}")
