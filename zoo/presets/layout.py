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
import math
import os
import re
import stat
from pathlib import Path
from typing import Any

from zoo.checks import INT32_LIMIT

CONFIG, WEIGHTS, METADATA, REFERENCE = "config.json", "model.weights.h5", "metadata.json", "reference.json"
PREPROCESSOR, TRAINING, METRICS, CARD = "preprocessor.json", "training.json", "metrics.json", "README.md"
REQUIRED = (CONFIG, WEIGHTS, REFERENCE)  # beside metadata.json, which lists them
OPTIONAL = (PREPROCESSOR, TRAINING, METRICS, CARD)
READ = (CONFIG, WEIGHTS, PREPROCESSOR, TRAINING, METRICS)  # by this package, once
ASSET = re.compile(r"assets/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

MAX_JSON = 4 * 2**20  # bytes of a file that is parsed before it is trusted
MAX_FILES = 64  # in a preset
MAX_FURTHER = 256 * 2**20  # bytes of all files but the weights
MAX_DEPTH = 40
MAX_VALUES = 100_000
MAX_TEXT = 10_000
MAX_DIMENSIONS = 16  # of a shape
SHAPES = (
    "batch_shape",
    "batch_input_shape",
    "build_input_shape",
    "event_shape",
    "input_shape",
    "params_shape",
    "shape",
    "target_shape",
)
# Control characters, what changes the order of text, and halves of characters, which are no text.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


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
        ValueError: it is not JSON, is no object, has a key twice, NaN or control characters, or is too large or nested
            too deeply; see `check_bounds`.
    """
    if len(content) > MAX_JSON:
        raise ValueError(f"Expected '{path}' to have at most {MAX_JSON:,} bytes, got {len(content):,}.")
    try:
        values = json.loads(content.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"'{path}' is damaged, expected JSON: {error}.") from error
    if not isinstance(values, dict):
        raise ValueError(f"'{path}' is damaged: expected a JSON object, got {str(values)[:50]!r}.")
    check_bounds(values, path)
    return values


def check_bounds(values: Any, path: str | Path, elements: int = INT32_LIMIT) -> None:
    """Checks depth, length and sizes of parsed JSON, whatever it describes.

    Args:
        values: a value of JSON.
        path: of its file, for messages.
        elements: largest number of elements of a shape, exclusive.

    Raises:
        ValueError: it is nested too deeply, has too many values, too long texts or control characters, or too large
            numbers and shapes.
    """
    left, count = [(values, 0, "")], 0
    while left:
        value, depth, key = left.pop()
        count += 1
        if depth > MAX_DEPTH or count > MAX_VALUES:
            raise damaged(path, f"expected at most {MAX_DEPTH} levels and {MAX_VALUES:,} values, got more")
        if isinstance(value, dict):
            left += [item for name in value for item in ((name, depth + 1, ""), (value[name], depth + 1, name))]
        elif isinstance(value, list):
            _check_shape(value, key, path, elements)
            left += [(item, depth + 1, "") for item in value]
        else:
            _check_scalar(value, path)


def _check_scalar(value, path):
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise damaged(path, f"expected texts of at most {MAX_TEXT:,} characters, got {len(value):,}")
    if isinstance(value, str) and UNPRINTABLE.search(value):
        raise damaged(path, f"expected texts without control characters, got {value!a:.100}")
    if isinstance(value, int) and abs(value) >= INT32_LIMIT:
        raise damaged(path, f"expected numbers under {INT32_LIMIT:,}, got a larger one")
    if isinstance(value, float) and not math.isfinite(value):  # as 1e999 is read
        raise damaged(path, "expected finite numbers, got an infinite one")


def _check_shape(value, key, path, elements):
    sizes = [size for size in value if isinstance(size, int)] if key in SHAPES else []
    if len(sizes) > MAX_DIMENSIONS:  # before their product, of which Python knows all digits
        raise damaged(path, f"expected {key} to have at most {MAX_DIMENSIONS} dimensions, got {len(sizes):,}")
    if math.prod(map(abs, sizes)) >= elements:
        raise damaged(path, f"expected {key} to have under {elements:,} elements, got {value!r:.100}")


def damaged(path: str | Path, why: object) -> ValueError:
    """Returns the error for a file that is not as this package writes it, in one line without control characters.

    Args:
        path: of the file.
        why: an error or a reason, without a full stop.
    """
    return ValueError(f"'{path}' is damaged: {one_line(why)}.")


def one_line(said: object) -> str:
    """Returns what an error says in one line of at most 400 characters that a terminal shows as they are.

    Args:
        said: an error or text.
    """
    line = UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], " ".join(str(said).split())).rstrip(".")
    line = line or type(said).__name__
    return line if len(line) <= 400 else f"{line[:400]} …"


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
        ValueError: it is larger, or cannot be read.
    """
    path = Path(path)
    missing = FileNotFoundError(f"'{path}' is missing. Get the preset again, or use another folder.")
    if not path.is_file():  # nor a folder, a pipe or a device, which may have no end
        raise missing
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)  # still
            content = file.read(limit + 1) if is_regular else b""
    except OSError as error:
        raise ValueError(f"'{path}' cannot be read: {one_line(error)}.") from error
    if not is_regular:
        raise missing
    if content is None:  # a file of the system that waits for something
        raise ValueError(f"'{path}' cannot be read: it has no content yet.")
    if len(content) > limit:
        raise ValueError(f"Expected '{path}' to have at most {limit:,} bytes, got more.")
    return content


def _without_waiting(path, flags):
    """Opens a file, also one that would wait for a writer."""
    return os.open(path, flags | os.O_NONBLOCK)
