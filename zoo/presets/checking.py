"""The check of a config before anything is created from it.

Keras's safe mode admits any class that is registered or in Keras. A config may contain only what the zoo writes: its
registered parts, the Keras classes that its networks use, and what the caller names in `custom_objects`. Module and
registered name are then replaced by those of the class found, so that Keras cannot find another one.

A class that was registered by `zoo.register` in this process is a part like ours: whoever runs that line has said that
it may be built from configs. One that was registered with Keras alone must be named, because any library that is
imported may do that.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from zoo import registry
from zoo.checks import INT32_LIMIT
from zoo.model.vae import VAE

MAX_DEPTH = 40
MAX_VALUES = 100_000
MAX_TEXT = 10_000
MAX_DIMENSIONS = 16  # of a shape
MAX_OBJECTS = 5_000  # layers, dtype policies and initializers
SHAPES = (
    "batch_shape",
    "batch_input_shape",
    "build_input_shape",
    "event_shape",
    "input_shape",
    "params_shape",
    "shape",
    "target_shape",
)
KEYS = {"module", "class_name", "config", "registered_name", "build_config", "compile_config", "name", "inbound_nodes"}
MODEL = "zoo>VAE"
ENTRIES = {*VAE.PARTS, "support", "seed", "samplers", "name", "trainable", "dtype"}  # of the model's config
LAYERS = (MODEL, "zoo>GatedDense")  # ours that are in configs and no parts
FUNCTIONAL = "keras.src.models.functional"
TENSOR = "__keras_tensor__"
KERAS = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    (FUNCTIONAL, "Functional"),
    *(("keras.initializers", name) for name in ("GlorotUniform", "HeNormal", "Ones", "Zeros")),
    *(("keras.layers", name) for name in ("Conv2D", "Conv2DTranspose", "Cropping2D", "Dense", "Flatten")),
    *(("keras.layers", name) for name in ("InputLayer", "Rescaling", "Reshape")),
}


def check_bounds(config: Any, path: str | Path) -> None:
    """Checks depth, length and sizes of a parsed config, whatever it describes.

    Args:
        config: a value of JSON.
        path: of its file, for messages.

    Raises:
        ValueError: it is nested too deeply, has too many values, too long texts, or too large numbers and shapes.
    """
    left, values = [(config, 0, "")], 0
    while left:
        value, depth, key = left.pop()
        values += 1
        if depth > MAX_DEPTH or values > MAX_VALUES:
            raise refused(path, f"expected at most {MAX_DEPTH} levels and {MAX_VALUES:,} values, got more")
        if isinstance(value, dict):
            left += [item for name in value for item in ((name, depth + 1, ""), (value[name], depth + 1, name))]
        elif isinstance(value, list):
            _check_shape(value, key, path)
            left += [(item, depth + 1, "") for item in value]
        else:
            _check_scalar(value, path)


def _check_scalar(value, path):
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise refused(path, f"expected texts of at most {MAX_TEXT:,} characters, got {len(value):,}")
    if isinstance(value, int) and abs(value) >= INT32_LIMIT:
        raise refused(path, f"expected numbers under {INT32_LIMIT:,}, got a larger one")
    if isinstance(value, float) and not math.isfinite(value):  # as 1e999 is read
        raise refused(path, "expected finite numbers, got an infinite one")


def _check_shape(value, key, path):
    sizes = [size for size in value if isinstance(size, int)] if key in SHAPES else []
    if len(sizes) > MAX_DIMENSIONS:  # before their product, of which Python knows all digits
        raise refused(path, f"expected {key} to have at most {MAX_DIMENSIONS} dimensions, got {len(sizes):,}")
    if math.prod(map(abs, sizes)) >= INT32_LIMIT:
        raise refused(path, f"expected {key} to have under {INT32_LIMIT:,} elements, got {value!r:.100}")


def checked(config: dict, path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> dict:
    """Returns a config in which each class is an allowed one, by the module and the name that this process knows.

    Args:
        config: of a model, its bounds checked, of the current schema.
        path: of its file, for messages.
        custom_objects: name → class, what the caller allows besides.

    Raises:
        ValueError: it contains something else; the message says how to allow it.
    """
    if config.get("registered_name") != MODEL:
        raise refused(path, f"expected a VAE, got {config.get('class_name')!r:.100}")
    name = (config.get("config") or {}).get("name") if isinstance(config.get("config"), dict) else None
    if name is not None and not (isinstance(name, str) and re.fullmatch(r"\w[\w .()-]{0,199}", name)):
        raise refused(path, f"expected the name of the model to be that of a file, got {name!r:.100}")
    known = {f"zoo.{kind}>{cls.__name__}": cls for kind, cls in _parts() if hasattr(cls, "get_config")}
    return _Classes(path, known, custom_objects or {}).value(config)


def _parts():
    return [(kind, registry.get(kind, name)) for kind in registry.kinds() for name in registry.names(kind)]


class _Classes:
    """The classes that a config may contain."""

    def __init__(self, path, parts, custom_objects):
        self.path, self.parts, self.custom_objects = path, parts, custom_objects
        self.objects = 0

    def value(self, value):
        """Returns a value with the classes in it resolved."""
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if not isinstance(value, dict):
            return value
        inner = {key: self.inner(key, item) for key, item in value.items()}
        return inner | self.resolved(value) if "class_name" in value else inner

    def inner(self, key, item):
        """Returns an entry of a dict with the classes in it resolved; names of classes were checked before."""
        return item if key in ("class_name", "registered_name") and isinstance(item, str) else self.value(item)

    def text(self, text):
        """Returns a text, which Keras may take for the name of an initializer, an activation or the like."""
        if text in keras.saving.get_custom_objects() and text not in (*self.custom_objects, *self.parts, *LAYERS):
            raise self.unknown(text, text)
        return text

    def resolved(self, value):
        """Returns the module and the names of the class of an object."""
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise refused(self.path, f"expected at most {MAX_OBJECTS:,} layers and other objects, got more")
        if value["class_name"] == TENSOR and value.keys() == {"class_name", "config"}:
            return {}
        module, name, registered = self._names(value)
        if (module, name) in KERAS and registered in (None, name):
            return {}
        if registered in LAYERS and str(module).startswith("zoo."):
            self.check_model(registered, value["config"])
            return {"class_name": registered.split(">")[1]}
        if registered in self.parts:
            return self._named(registered, self.parts[registered])
        for key in (registered, name):
            if key in self.custom_objects:
                return self._named(key, self.custom_objects[key])
        raise self.unknown(registered or f"{module}.{name}", name)

    def unknown(self, what, name):
        """Returns the error for a class that is not allowed."""
        return refused(
            self.path,
            f"its class {what!r:.100} is none of the zoo's. If you trust it, name it: "
            f"custom_objects={{{name!r:.100}: <the class>}}; your own parts can be registered by zoo.register",
        )

    def check_model(self, registered, config):
        """Checks the entries of a model: Keras changes the bases of its class for those of functional models."""
        unknown = config.keys() - ENTRIES
        if registered == MODEL and unknown:
            raise refused(self.path, f"expected the config of a VAE, got the entry {min(unknown)!r:.50}")

    def _names(self, value):
        """Returns the module, the class and the registered name of an object, if it is one of a layer or the like."""
        names = [value.get(key) for key in ("module", "class_name", "registered_name")]
        unknown = value.keys() - KEYS
        if unknown or value.get("compile_config") or not isinstance(value.get("config"), dict):
            what = f"the entry {min(unknown)!r:.50}" if unknown else "a compiled model or a function"
            raise refused(self.path, f"expected the config of a layer, got {what} in {names[1]!r:.100}")
        if not all(item is None or isinstance(item, str) for item in names):
            raise refused(self.path, f"expected the name of a class, got {names[1]!r:.100}")
        return names

    def _named(self, key, cls):
        if not isinstance(cls, type):
            raise ValueError(f"Expected custom_objects[{key!r}] to be a class, got {cls!r}.")
        return {"module": cls.__module__, "class_name": cls.__name__, "registered_name": key}


def refused(path: str | Path, why: str) -> ValueError:
    """Returns the error for a config that is refused.

    Args:
        path: of its file.
        why: the reason, without a full stop.
    """
    return ValueError(f"'{path}' does not describe a model of this zoo: {why}.")
