"""The files in a folder."""

import os
from pathlib import Path


def files_in(folder):
    """Returns the files in a folder and below, sorted, without hidden ones; follows links, but reads no folder twice.

    Args:
        folder: Path.
    """
    files, seen = [], set()
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if os.path.realpath(root) in seen:  # a link to a folder that it is in, or that was there before
            folders.clear()
            continue
        seen.add(os.path.realpath(root))
        files += [Path(root, name) for name in names if not name.startswith(".")]
    return sorted(path for path in files if path.is_file())


def printable(path):
    """Returns a path as text that can be printed and written, even if a name in it is not UTF-8.

    Args:
        path: Path or text.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")
