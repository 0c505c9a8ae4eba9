"""The manifest of a version: its model, its signatures and its files' checksums."""

import hashlib
import json
from pathlib import Path

FILE = "manifest.json"
FORMAT = "vae-zoo export"  # tells a manifest from other files


def write(folder, about):
    """Writes the manifest, with a checksum of each file in the folder.

    Args:
        folder: the version's.
        about: the other entries, a dictionary for JSON.
    """
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name != FILE)
    sums = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    text = json.dumps({"format": FORMAT} | about | {"sha256": sums}, indent=1, ensure_ascii=False)
    (Path(folder) / FILE).write_text(text + "\n", encoding="utf-8")


def tensors(function):
    """Returns the inputs and outputs of a concrete function: name -> type and shape, None for an unknown size."""

    def described(specs):
        return {name: {"dtype": s.dtype.name, "shape": s.shape.as_list()} for name, s in sorted(specs.items())}

    return {
        "inputs": described(function.structured_input_signature[1]),
        "outputs": described(function.structured_outputs),
    }


def read(folder):
    """Returns the manifest in a version's folder; None if there is none, or it cannot be read."""
    try:
        found = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
        return found if found["format"] == FORMAT else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def damage(folder):
    """Returns the first difference between a version's files and its export, in words; None if there is none.

    Args:
        folder: the version's.
    """
    found = read(folder)
    if found is None:
        return f"it has no {FILE} that can be read"
    for name, digest in found.get("sha256", {}).items():
        try:
            same = hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest() == digest
        except OSError as error:
            return f"'{name}' cannot be read ({error.strerror})"
        if not same:
            return f"'{name}' has changed"
    return None


def missing(old, new):
    """Returns what clients of one version would miss in another, in words.

    Args:
        old: `signatures` of the one's manifest.
        new: `signatures` of the other's.
    """
    lost = []
    for name, tensors in old.items():
        if name not in new:
            lost.append(f"no '{name}'")
            continue
        for side in ("inputs", "outputs"):
            for key, spec in tensors[side].items():
                if new[name][side].get(key) != spec:
                    lost.append(f"'{key}' of '{name}' was {_words(spec)}, is {_words(new[name][side].get(key))}")
        lost += [f"'{name}' wants '{key}' too" for key in set(new[name]["inputs"]) - set(tensors["inputs"])]
    return lost


def _words(spec):
    return f"{spec['dtype']} {spec['shape']}" if spec else "missing"
