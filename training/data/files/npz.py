"""Arrays in .npz files, which must fit into memory."""

import math
import zipfile
import zlib
from contextlib import contextmanager

import numpy as np

from training.data.checks.float32_range import check_float32
from training.data.checks.shapes import check_array, compact, model_shape
from training.data.files.file_kind import FileKind
from training.data.files.npy import array_header
from training.data.files.parsed import Parsed, Part
from training.data.files.roles import check_names, role
from training.data.memory import check_fits
from zoo.data.lazy_arrays import InMemory

# What zipfile raises for archives that are damaged, encrypted or compressed in another way.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError)


class NpzFile(FileKind):
    """Arrays known by their names: x or x_train, x_val, x_test, y_train, y_test and the like."""

    name = ".npz"
    suffixes = (".npz",)
    options = ("key", "labels")

    def read(self, path, settings):
        headers = _headers(path)
        roles = _roles(headers, path, settings)
        shapes = _shapes(headers, roles, path, settings)
        _check_memory([headers[key] for key in roles], path)
        with _damage_named(path, *DAMAGED, ValueError), np.load(path, allow_pickle=False) as archive:
            arrays = {role: archive[key] for key, role in roles.items()}
        for key, (part, content) in roles.items():
            if content == "examples":
                check_float32(arrays[part, content], f"'{key}' in '{path}'")
        parts = {
            part: Part(InMemory(compact(arrays[part, "examples"]).reshape(-1, *shape)), arrays.get((part, "labels")))
            for part, shape in shapes.items()
        }
        names = ", ".join(f"'{key}'" for key in roles)
        return Parsed(f"the array{'s' * (len(roles) > 1)} {names} in .npz", parts)


def _headers(path):
    with _damage_named(path, *DAMAGED), zipfile.ZipFile(path) as archive:
        members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        return {key: array_header(archive.open(name), f"'{key}' in '{path}'") for key, name in members.items()}


@contextmanager
def _damage_named(path, *errors):
    """Turns errors that damaged .npz files lead to into a sentence."""
    try:
        yield
    except errors as error:
        raise ValueError(f"'{path}' is truncated or not an .npz file ({error}). Get or write it again.") from error


def _shapes(headers, roles, path, settings):
    """Returns the shapes of examples of each part, and checks examples and labels by their headers."""
    shapes = {}
    for key, (part, content) in roles.items():
        if content == "examples":
            check_array(headers[key], f"'{key}' in '{path}'")
            shapes[part] = model_shape(headers[key].shape, settings, path)
        elif headers[key].dtype.kind not in "biufSU":
            raise ValueError(
                f"The labels '{key}' in '{path}' hold {headers[key].dtype}, which is never unpickled. "
                f"Save them as numbers or strings."
            )
    return shapes


def _check_memory(headers, path):
    sizes = [math.prod(header.shape) for header in headers]
    size = sum(n * header.dtype.itemsize for n, header in zip(sizes, headers, strict=True))
    check_fits(size, sum(sizes), path)


def _roles(headers, path, settings):
    """Returns which arrays are used, and for what: a dict of name -> (part, "examples" or "labels")."""
    listed = ", ".join(f"'{key}' {list(header.shape)}" for key, header in headers.items()) or "none"
    check_names(settings, headers, "array", path, listed)
    if settings.key is not None and settings.key == settings.labels:
        raise ValueError(f"--key and --labels both name the array '{settings.key}' in '{path}'. Name one of each.")
    roles = {key: role(key) for key in headers}
    roles = _overruled(roles, settings.labels, ("train", "labels"))
    roles = _overruled(roles, settings.key, ("train", "examples"))
    roles = _with_only_candidate(roles, headers)
    _check_clear([*roles.values()], path, listed)
    with_examples = {part for part, content in roles.values() if content == "examples"}
    return {key: role for key, role in roles.items() if role[0] in with_examples}


def _overruled(roles, key, role):
    """Returns the roles with one of them given to the array of a name, if there is a name, and to no other."""
    return roles if key is None else {k: r for k, r in roles.items() if r != role} | {key: role}


def _with_only_candidate(roles, headers):
    """Returns the roles that names tell; the only array without one holds the training examples if no other does."""
    known = {key: role for key, role in roles.items() if role[1] is not None}
    others = [key for key in headers if key not in known]
    if ("train", "examples") not in known.values() and len(others) == 1:
        known[others[0]] = ("train", "examples")
    return known


def _check_clear(roles, path, listed):
    if not any(content == "examples" for _, content in roles) or len(set(roles)) < len(roles):
        raise ValueError(
            f"Which array of '{path}' holds the examples is not clear. It has: {listed}. "
            f"Name one with --key (and labels with --labels), or save it as x or x_train."
        )
