"""What arrays, features and folders are, by their names."""

import re

PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation", "dev"), "validation"
)
EXAMPLES = ("x", "data", "image", "images", "features", "examples", "inputs", "arr")
LABELS = ("y", "label", "labels", "target", "targets", "class", "classes")


def role(name):
    """Returns what an array, feature or folder of that name holds, e.g. "X_train", "val_labels".

    Returns:
        The part, "train", "validation" or "test"; and "examples", "labels" or None.
    """
    words = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    parts = [PARTS[word] for word in words if word in PARTS]
    return parts[0] if parts else "train", _content([word for word in words if word not in PARTS], bool(parts))


def _content(words, is_part):
    """Returns what a name's words, but for those of a part, say: "examples", "labels" or None."""
    if not words:
        return "examples" if is_part else None
    if any(word in LABELS for word in words):  # "train_image_labels" are labels
        return "labels"
    return "examples" if any(word in EXAMPLES for word in words) else None


def check_names(settings, names, what, path, listed):
    """Checks that a file holds what the settings `key` and `labels` name.

    Args:
        settings: `DataSettings`.
        names: what it holds.
        what: what to call one of them: "array" or "feature".
        path: of the file.
        listed: all of them, for a message.

    Raises:
        ValueError: It does not.
    """
    for option in ("key", "labels"):
        wanted = getattr(settings, option)
        if wanted is not None and wanted not in names:
            raise ValueError(f"No {what} '{wanted}' (--{option}) in '{path}'. It has: {listed}.")
