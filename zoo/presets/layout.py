"""The layout of a preset: names of files, their bounds, and JSON text of one form.

    config.json         serialize_keras_object(vae), without compile_config
    model.weights.h5    weights, samplers and units of the data included
    metadata.json       schema, versions, description, sizes, sha256 of each other file and of itself
    reference.json      inputs, and what encode and score gave for them when the preset was saved
    preprocessor.json   how examples are made of files: size, channels, binarization, columns, classes
    training.json       the settings of the training and its command
    metrics.json        the scores
    README.md, assets/  the card and its pictures

The first four are in every preset.
"""

import json
import re
from pathlib import Path

CONFIG, WEIGHTS, METADATA, REFERENCE = "config.json", "model.weights.h5", "metadata.json", "reference.json"
PREPROCESSOR, TRAINING, METRICS, CARD = "preprocessor.json", "training.json", "metrics.json", "README.md"
REQUIRED = (CONFIG, WEIGHTS, REFERENCE)  # beside metadata.json, which lists them
OPTIONAL = (PREPROCESSOR, TRAINING, METRICS, CARD)
ASSET = re.compile(r"assets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
PATTERNS = [CONFIG, WEIGHTS, METADATA, REFERENCE, *OPTIONAL, "assets/*"]  # what is fetched from a hub

MAX_JSON = 4 * 2**20  # bytes of a file that is parsed before it is trusted
MAX_FILE = 256 * 2**20  # bytes of any file but the weights


def is_allowed(name: str) -> bool:
    """Returns whether a preset may contain a file of that name: no other folders, no way out of its own."""
    return isinstance(name, str) and (name in (*REQUIRED, *OPTIONAL) or ASSET.fullmatch(name) is not None)


def to_text(values: dict) -> str:
    """Returns JSON text of the one form that files of a preset have."""
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_bytes(content: bytes, path: str | Path) -> dict:
    """Parses a JSON object.

    Args:
        content: UTF-8.
        path: of the file, for messages.

    Raises:
        ValueError: it is not JSON, is no object, is too large or nested too deeply, has a key twice, or NaN.
    """
    if len(content) > MAX_JSON:
        raise ValueError(f"Expected '{path}' to have at most {MAX_JSON:,} bytes, got {len(content):,}.")
    try:
        values = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path}' is damaged, expected JSON: {error}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"'{path}' is damaged: expected a JSON object, got {str(values)[:50]!r}.")
    return values


def _unique(pairs):
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key occurs twice in an object")
    return values


def _refuse_constant(name):
    raise ValueError(f"{name} is no number of JSON")


def read_bounded(path: str | Path, limit: int) -> bytes:
    """Reads a regular file of at most a number of bytes.

    Args:
        path: of the file.
        limit: bytes.

    Raises:
        FileNotFoundError: there is no such regular file.
        ValueError: it is larger.
    """
    path = Path(path)
    if not path.is_file():  # nor a folder, a pipe or a device, which may have no end
        raise FileNotFoundError(f"'{path}' is missing. Get the preset again, or use another folder.")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"Expected '{path}' to have at most {limit:,} bytes, got more.")
    return content
