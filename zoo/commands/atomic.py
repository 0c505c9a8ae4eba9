"""Atomic writes: whoever reads a file sees the old content or the new one, also where the writer is killed."""

import os
import uuid
from contextlib import contextmanager
from pathlib import Path

PARTIAL = "partial-"  # what a file's or folder's name begins with while it is written


@contextmanager
def replacing(*paths, durable=False):
    """Replaces files atomically: writes go beside them, and none takes its place before all are written.

    Args:
        *paths: of the files; their folders exist.
        durable: whether to wait until they are on the disk, so that they outlast a machine that goes off.

    Yields:
        A path for each file, to write to.
    """
    paths = [Path(path) for path in paths]
    partials = [path.with_name(f"{PARTIAL}{uuid.uuid4().hex}-{path.name}") for path in paths]
    try:
        yield partials
        if durable:
            for partial in partials:
                synchronize(partial)
        for partial, path in zip(partials, paths, strict=True):
            os.replace(partial, path)
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)


def write(path, content, durable=False):
    """Writes a file atomically.

    Args:
        path: where to.
        content: bytes, or text for UTF-8.
        durable: see `replacing`.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", errors="backslashreplace")  # names of files may not be UTF-8
    with replacing(path, durable=durable) as (partial,):
        partial.write_bytes(content)


def synchronize(path):
    """Waits until a file's content, or a folder's list of names, is on the disk.

    Args:
        path: of the file or folder.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
