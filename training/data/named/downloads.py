"""Original data files: read from a folder, or downloaded into a cache, and verified."""

import gzip
import hashlib
import logging
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import pooch


class Source(NamedTuple):
    """One original file.

    Args:
        path: below the data folder, without ".gz"; the file may be compressed or not.
        md5: of its content, decompressed.
        urls: mirrors, tried in turn; one that serves it compressed ends in ".gz".
    """

    path: str
    md5: str
    urls: tuple[str, ...]


def read(source, data_dir=None):
    """Returns the decompressed content of a data file.

    Args:
        source: a `Source`.
        data_dir: folder that holds it; None for `ZOO_DATA_DIR` or else the cache folder, the only one
            that files are downloaded into.

    Returns:
        Bytes, whose checksum has been verified.

    Raises:
        FileNotFoundError: It is not in the folder, or no mirror serves it.
        ValueError: The file in the folder is not the original one.
    """
    folder = data_dir or os.environ.get("ZOO_DATA_DIR")
    return _find(source, Path(folder).expanduser()) if folder else _fetch(source)


def _find(source, folder):
    for name in (source.path, source.path + ".gz"):
        if (folder / name).is_file():
            return _checked(folder / name, source)
    raise FileNotFoundError(
        f"'{folder / source.path}.gz' is missing. Get it from {source.urls[0]}, "
        f"or leave out the data folder (--data-dir, ZOO_DATA_DIR): then it is downloaded."
    )


def cache_folder():
    """Returns the folder that files are downloaded into, a path."""
    return Path(os.environ.get("ZOO_CACHE_DIR") or pooch.os_cache("vae-zoo"))


def _fetch(source):
    cache = cache_folder()
    pooch.get_logger().setLevel(logging.WARNING)
    reasons = []
    for url in source.urls:
        path = cache / (source.path + ".gz" if url.endswith(".gz") else source.path)
        try:
            if path.is_file():
                return _checked(path, source)
        except ValueError:
            path.unlink()  # damaged since
        try:
            # The checksum is of the content, so it is taken here and not by pooch.
            pooch.retrieve(url, known_hash=None, path=path.parent, fname=path.name, progressbar=True)
            return _checked(path, source)
        except ValueError as error:
            path.unlink(missing_ok=True)  # the next run tries again
            reasons.append(f"{url}: {error}")
        except OSError as error:
            reasons.append(f"{url}: {error}")
    raise FileNotFoundError(
        f"'{source.path}' could not be downloaded into '{cache}'. Get it elsewhere, put it below a folder of your own "
        f"as '{source.path}', and name that folder with --data-dir or ZOO_DATA_DIR. Tried:\n  " + "\n  ".join(reasons)
    )


def _checked(path, source):
    try:
        packed = path.read_bytes()
        content = gzip.decompress(packed) if path.suffix == ".gz" else packed
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"'{path}' is damaged ({error}). Get it from {source.urls[0]}.") from error
    if md5 != source.md5:
        raise ValueError(
            f"'{path}' is not the original file: its content has md5 {md5}, expected {source.md5}. "
            f"Get it from {source.urls[0]}."
        )
    return content
