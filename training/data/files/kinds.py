"""All kinds of files that user data come in. A new one is a file beside this one and a line here."""

import os

from training.data.files.csv import CsvFile
from training.data.files.folders import files_in
from training.data.files.images import ImageFolder
from training.data.files.npy import NpyFile
from training.data.files.npz import NpzFile
from training.data.files.tfrecords import TFRecordFiles

KINDS = (
    NpyFile(),
    NpzFile(),
    CsvFile(),
    TFRecordFiles(),
    ImageFolder(),
)


def kind_of(path):
    """Returns the `FileKind` of a path.

    Args:
        path: Path of a file or a folder.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: It is of no known kind, or a folder of several.
    """
    if not os.path.exists(path):
        link = " It is a link to nothing, or to itself." if os.path.islink(path) else ""
        raise FileNotFoundError(f"No file or folder '{path}'.{link} Expected one of {known()}.")
    if path.is_dir():
        return _kind_of_folder(path)
    if not path.is_file():
        raise ValueError(f"'{path}' is neither a file nor a folder. Expected one of {known()}.")
    for kind in KINDS:
        if kind.single and path.suffix.lower() in kind.suffixes:
            return kind
    raise ValueError(f"'{path}' is of no known kind. Expected one of {known()}.")


def _kind_of_folder(path):
    suffixes = {file.suffix.lower() for file in files_in(path)}
    found = [kind for kind in KINDS if kind.folders and suffixes & set(kind.suffixes)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(sorted(suffixes - {""})) or "no kind"
    held = f"holds files of {listed}, which are {' and '.join(kind.name for kind in found) or 'not data'}"
    raise ValueError(f"The folder '{path}' {held if suffixes else 'is empty'}. Expected one of {known()}.")


def known():
    """Returns all kinds of files and folders as a list for a message."""
    files = ", ".join(suffix for kind in KINDS if kind.single for suffix in kind.suffixes)
    folders = [kind.name + ("" if kind.single else f" ({', '.join(kind.suffixes)})") for kind in KINDS if kind.folders]
    return f"{files}, or a folder of {' or of '.join(folders)}"


def check_options(kind, path, settings):
    """Checks that settings which name something within a file can do so in a file of this kind.

    Args:
        kind: the file's `FileKind`.
        path: its path.
        settings: `DataSettings`.

    Raises:
        ValueError: One is set, and files of this kind hold nothing to name.
    """
    for option in ("key", "labels"):
        if getattr(settings, option) is not None and option not in kind.options:
            *most, last = (kind.name for kind in KINDS if option in kind.options)
            raise ValueError(
                f"--{option} names something in {', '.join(most)} and {last}, and there is nothing to name in "
                f"'{path}'. Leave it out."
            )
