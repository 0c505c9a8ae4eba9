"""Registry of parts by short name: `register` adds a class, `build` builds a part, `names` lists the names."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from zoo.commands.specs import parse

_PARTS: dict[tuple[str, str], type] = {}


def register(kind: str, name: str) -> Callable[[type], type]:
    """Returns a class decorator that registers a part by a short name and, if it is a layer, with Keras.

    Args:
        kind: the part's role, e.g. "posterior".
        name: the short name, e.g. "tril".

    Raises:
        ValueError: the name is taken by another class.
    """

    def add(cls):
        taken = _PARTS.get((kind, name))
        # The same class may be registered again, as when a notebook cell is run twice.
        if taken and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{kind} '{name}' is already registered, for {taken.__name__}. Choose another name.")
        _PARTS[kind, name] = cls
        return keras.saving.register_keras_serializable(f"zoo.{kind}")(cls) if hasattr(cls, "get_config") else cls

    return add


def kinds() -> list[str]:
    """Returns the registered roles, sorted."""
    return sorted({kind for kind, _ in _PARTS})


def names(kind: str) -> list[str]:
    """Returns the short names of one role's parts, sorted."""
    return sorted(name for k, name in _PARTS if k == kind)


def get(kind: str, name: str) -> type:
    """Returns the class behind a short name.

    Raises:
        KeyError: no such part; the message lists the known ones.
    """
    if (kind, name) not in _PARTS:
        raise KeyError(f"No {kind} '{name}'. Known: {', '.join(names(kind))}.")
    return _PARTS[kind, name]


def name_of(part: object) -> str:
    """Returns the short name of a part's class, or the class name if it is not registered."""
    return next((name for (_, name), cls in _PARTS.items() if cls is type(part)), type(part).__name__)


def spec_of(part: Any) -> str:
    """Returns the spec of a part: its short name and the options that differ from their defaults."""
    config = part.get_config() if hasattr(part, "get_config") else vars(part)
    usual = {name: p.default for name, p in _parameters(type(part)).items() if p.default is not p.empty}
    options = [f"{name}={config[name]!r}" for name in usual if name in config and config[name] != usual[name]]
    return name_of(part) + (f"({', '.join(options)})" if options else "")


def build(kind: str, spec: Any, **shape: Any) -> Any:
    """Builds a part from a spec; a part that is built already is returned unchanged.

    Args:
        kind: the part's role, e.g. "prior".
        spec: see `parse`.
        **shape: arguments that every part of this role takes, e.g. `event_shape=(20,)`.

    Raises:
        KeyError: no such part.
        ValueError: no such option, a missing one, or the spec cannot be parsed.
    """
    if isinstance(spec, keras.layers.Layer) or (not isinstance(spec, str | dict) and type(spec) in _PARTS.values()):
        return spec
    if not isinstance(spec, str | dict):
        raise ValueError(f"Expected a name, a spec or a layer as the {kind}, got {spec!r}.")
    name, options = parse(spec)
    if not isinstance(name, str):
        raise ValueError(f"Expected the name of a {kind}, got {name!r}.")
    part = get(kind, name)
    _check_options(f"{kind} '{name}'", _parameters(part), shape, options)
    return part(**shape, **options)


def _check_options(what, parameters, shape, options):
    """Checks that a part has all options of a spec, and that none without a default is missing."""
    known = [option for option in parameters if option not in shape]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"{what} has no option '{unknown[0]}'. It has: {', '.join(known) or 'none'}.")
    needed = [option for option in known if parameters[option].default is inspect.Parameter.empty]
    missing = [option for option in needed if option not in options]
    if missing:
        raise ValueError(f"{what} needs the option '{missing[0]}'. It has: {', '.join(known)}.")


def build_nested(kind: str, spec: str | dict[str, Any], **shape: Any) -> Any:
    """Builds a part that is an option of another part. Only specs are accepted, because configs hold no objects.

    Args:
        kind: the part's role.
        spec: see `parse`.
        **shape: arguments that every part of this role takes.

    Raises:
        KeyError: no such part.
        ValueError: `spec` is not a spec, cannot be parsed, or has an unknown option.
    """
    if not isinstance(spec, str | dict):
        raise ValueError(f"Expected a name or a spec as the {kind} within another part, got {spec!r}.")
    return build(kind, spec, **shape)


def _parameters(part):
    """Returns the named constructor arguments of a class, including those of its base classes in the zoo."""
    parameters = {}
    for cls in part.__mro__:
        if cls.__module__.startswith("keras.") or cls is object:
            break
        if "__init__" in vars(cls):
            own = inspect.signature(cls).parameters
            named = {name: p for name, p in own.items() if p.kind is p.POSITIONAL_OR_KEYWORD}
            parameters |= {name: p for name, p in named.items() if name not in parameters}
    return parameters
