"""Versions of a served model: numbered folders that are published atomically."""

import os
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from zoo.commands.atomic import PARTIAL, synchronize
from zoo.commands.signals import raise_if_interrupted

FORGOTTEN = 24 * 3600  # seconds after which a partial version counts as one whose export was killed


def versions(folder):
    """Returns the versions in a model's folder, which may be missing: paths, of which the last one is served.

    Args:
        folder: path.
    """
    # As servers do, which accept 007 too.
    paths = [path for path in Path(folder).glob("*") if path.name.isascii() and path.name.isdigit() and path.is_dir()]
    return sorted(paths, key=lambda path: int(path.name))


def publish(folder, build):
    """Publishes a new version of a model, under the next number.

    Args:
        folder: the model's; created if missing.
        build: function that writes all of the version into a folder, a path.

    Returns:
        The version's path.

    Raises:
        OSError: it cannot be written. Nothing is left behind, nor if `build` raises.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    building = folder / f"{PARTIAL}{uuid.uuid4().hex}"
    try:
        _remove_forgotten(folder)
        building.mkdir()
        build(building)
        _synchronize(building)
        raise_if_interrupted()  # the last time: from here on the version is published and configured
        version = _placed(building, folder)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        for path in missing:
            _remove_empty(path)
        raise
    synchronize(folder)
    return version


def _placed(building, folder):
    """Moves the version to the next free number, and returns its path."""
    while True:
        last = [int(path.name) for path in versions(folder)[-1:]]
        target = folder / str(sum(last) + 1)
        try:
            # A rename onto an empty folder would succeed.
            if not target.exists():
                os.rename(building, target)
                return target
        except OSError:
            if not target.exists():
                raise
        # Another export was quicker.


def _synchronize(folder):
    """Waits until everything in a folder is on the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            synchronize(os.path.join(parent, name))
        synchronize(parent)


def _remove_forgotten(folder):
    for path in folder.glob(f"{PARTIAL}*"):
        with suppress(FileNotFoundError):  # published meanwhile
            if time.time() - path.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)


def _remove_empty(path):
    with suppress(OSError):
        path.rmdir()
