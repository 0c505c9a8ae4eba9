"""The manifest of a version: what it is, what it takes, and what it was made of."""

import hashlib
import json
from pathlib import Path

FILE = "manifest.json"
FORMAT = "vae-zoo export"  # by which a manifest is known


def write(folder, about):
    """Writes the manifest, with a checksum of each file that is there.

    Args:
        folder: the version's.
        about: what it says, a dictionary for JSON.
    """
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name != FILE)
    sums = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    text = json.dumps({"format": FORMAT} | about | {"sha256": sums}, indent=1, ensure_ascii=False)
    (Path(folder) / FILE).write_text(text + "\n", encoding="utf-8")


def tensors(function):
    """The inputs and outputs of a signature: name -> type and shape, None where a size is not fixed."""

    def described(specs):
        return {name: {"dtype": s.dtype.name, "shape": s.shape.as_list()} for name, s in sorted(specs.items())}

    return {
        "inputs": described(function.structured_input_signature[1]),
        "outputs": described(function.structured_outputs),
    }


def read(folder):
    """The manifest in a version's folder; None if there is none that can be read."""
    try:
        found = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
        return found if found["format"] == FORMAT else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def damage(folder):
    """Returns what of a version's files is not as its export wrote it, in words; None if all are.

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
    """What clients of one version would miss in another.

    Args:
        old, new: `signatures` of manifests.

    Returns:
        A list of words for each difference; signatures that only the new one has are none.
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
