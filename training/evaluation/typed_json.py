"""Dataclasses as JSON objects, and back."""

import dataclasses
import types
import typing

import numpy as np

from training.evaluation.estimate import Estimate

# Metadata of a dataclass's field: its keys stand in the object that the field is in; those of an `Estimate` are <name>
# and <name>_standard_error.
FLAT = {"flat": True}
PLAIN = {float: int | float, int: int, bool: bool, str: str}  # what JSON has for these


def none_as(value=None):
    """Returns metadata of a dataclass's field that may be None.

    Args:
        value: what JSON has in place of None; unset, no key at all.
    """
    return {"none": value}


def to_json(value):
    """Returns what `json.dumps` takes for a result.

    Args:
        value: a dataclass, an `Estimate`, a dict, an array, or what JSON has. A dataclass may name properties in
            `DERIVED`, which are written too.
    """
    if isinstance(value, Estimate):
        return to_json(value._asdict())
    if dataclasses.is_dataclass(value):
        entries = [_entries(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        derived = {name: to_json(getattr(value, name)) for name in getattr(value, "DERIVED", ())}
        return {name: content for entry in (*entries, derived) for name, content in entry.items()}
    if isinstance(value, dict):
        return {str(name): to_json(content) for name, content in value.items()}
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _entries(field, value):
    """Returns the part of an object that a field makes, a dict."""
    if value is None and "none" in field.metadata:
        none = field.metadata["none"]
        return {} if none is None else {field.name: none}
    if "flat" not in field.metadata:
        return {field.name: to_json(value)}
    content = to_json(value)
    if not isinstance(value, Estimate):
        return content
    return {field.name: content["value"], f"{field.name}_standard_error": content["standard_error"]}


def from_json(kind, value, name=""):
    """Returns the result that `to_json` made this of.

    Args:
        kind: its type: a dataclass, `Estimate`, dict[str, …], np.ndarray, float, int, bool, str, or one of them | None.
        value: what `json.loads` returned. Keys that are no fields are left out.
        name: what messages call it.

    Raises:
        ValueError: it is of another type, or a key is missing.
    """
    if isinstance(kind, types.UnionType):
        return None if value is None else from_json(typing.get_args(kind)[0], value, name)
    if kind is np.ndarray:
        return _array(value, name)
    if kind in PLAIN:
        return _plain(kind, value, name)
    if not isinstance(value, dict):
        raise _damage(name, value)
    if kind is Estimate:
        return _estimate(value, name)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, name)
    return {key: from_json(typing.get_args(kind)[1], content, f"{name}.{key}") for key, content in value.items()}


def _dataclass(kind, values, name):
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    return kind(**{field.name: _field(field, hints[field.name], values, name) for field in fields})


def _plain(kind, value, name):
    if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind is not bool):
        raise _damage(name, value)
    return value


def _field(field, hint, values, parent):
    """Returns the value of a dataclass's field, from the object that it is in."""
    name, value = f"{parent}.{field.name}".lstrip("."), values.get(field.name)
    if "none" in field.metadata and value in (None, field.metadata["none"]):
        return None
    if "flat" not in field.metadata:
        return from_json(hint, value, name)
    if hint is Estimate:
        return _estimate({"value": value, "standard_error": values.get(f"{field.name}_standard_error")}, name)
    return from_json(hint, values, parent)


def _estimate(value, name):
    number, error = value.get("value"), value.get("standard_error")
    if isinstance(number, list):
        return Estimate(_array(number, name), _array(error, name))
    return Estimate(from_json(float, number, name), from_json(float | None, error, name))


def _array(value, name):
    try:
        if isinstance(value, list):
            return np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise _damage(name, value) from error
    raise _damage(name, value)


def _damage(name, value):
    if not name:
        return ValueError(f"expected a JSON object, got {type(value).__name__}")
    if value is None:
        return ValueError(f"it has no '{name}', as one of another version; evaluate the run again")
    return ValueError(f"its '{name}' is {value!r:.80}")
