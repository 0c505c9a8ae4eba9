"""Versions of a served model: folders with numbers for names, that a server which watches sees whole or not at all."""

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from export.interruption import obey

PARTIAL = "partial-"  # what the name of a version begins with while it is built; a server looks at numbers only
FORGOTTEN = 24 * 3600  # seconds after which a partial version is taken for one whose export was killed


def versions(folder):
    """The versions in a model's folder, which may be missing: paths, the last one is the one that is served.

    Args:
        folder: path.
    """
    # A server takes any number, 007 too; what it would see is what counts here.
    paths = [path for path in Path(folder).glob("*") if path.name.isascii() and path.name.isdigit() and path.is_dir()]
    return sorted(paths, key=lambda path: int(path.name))


def publish(folder, build):
    """Makes a new version of a model, under the next number.

    Args:
        folder: the model's, made if missing.
        build: function that fills a folder, a path, with all of the version.

    Returns:
        The version's path.

    Raises:
        OSError: it cannot be written. Nothing is left behind then, nor if `build` raises.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    building = folder / f"{PARTIAL}{uuid.uuid4().hex}"
    try:
        _remove_forgotten(folder)
        building.mkdir()
        build(building)
        _synchronise(building)
        obey()  # a last time: from here on it is published, and made known
        version = _placed(building, folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        for path in missing:
            _remove_empty(path)
        raise
    _synchronise_folder(folder)
    return version


def _placed(building, folder):
    """The version's final path, the next number that is free when it gets there."""
    while True:
        last = [int(path.name) for path in versions(folder)[-1:]]
        target = folder / str(sum(last) + 1)
        try:
            # Onto an empty folder a rename would succeed, but that is not ours.
            if not target.exists():
                os.rename(building, target)
                return target
        except OSError:
            if not target.exists():
                raise
        # Another export was quicker.


def _synchronise(folder):
    """Has everything in a folder on the disk, before its name is."""
    for parent, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(parent, name), "rb") as file:
                os.fsync(file.fileno())
        _synchronise_folder(parent)


def _synchronise_folder(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_forgotten(folder):
    for path in folder.glob(f"{PARTIAL}*"):
        with suppress(FileNotFoundError):  # published meanwhile
            if time.time() - path.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)


def _remove_empty(path):
    with suppress(OSError):
        path.rmdir()
