"""The check of a config before anything is created from it.

Keras's safe mode admits any class that is registered or in Keras. A config may contain only what the zoo writes: its
registered parts, the Keras classes that its networks use, and what the caller names in `custom_objects`. Module and
registered name are then replaced by those of the class found, so that Keras cannot find another one.

A class that was registered by `zoo.register` in this process is a part like ours: whoever runs that line has said that
it may be built from configs. One that was registered with Keras alone must be named, because any library that is
imported may do that.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from zoo import registry
from zoo.model.vae import VAE
from zoo.presets.layout import one_line

MAX_OBJECTS = 5_000  # layers, dtype policies and initializers
MAX_STRIDE = 64  # of convolutions, and their dilation: larger ones take minutes for few outputs
MAX_LAYERS = 200  # in networks, because Keras takes a time for each that grows with those before it
KEYS = {"module", "class_name", "config", "registered_name", "build_config", "compile_config", "name", "inbound_nodes"}
MODEL = "zoo>VAE"
ENTRIES = {*VAE.PARTS, "support", "seed", "samplers", "name", "trainable", "dtype"}  # of the model's config
LAYERS = (MODEL, "zoo>GatedDense")  # ours that are in configs and no parts
FUNCTIONAL = "keras.src.models.functional"
STRIDES = ("strides", "dilation_rate")
FUNCTION, TENSOR = "function", "__keras_tensor__"  # of Keras's class names
KERAS = {
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    (FUNCTIONAL, "Functional"),
    *(("keras.initializers", name) for name in ("GlorotUniform", "HeNormal", "Ones", "Zeros")),
    *(("keras.layers", name) for name in ("Conv2D", "Conv2DTranspose", "Cropping2D", "Dense", "Flatten")),
    *(("keras.layers", name) for name in ("InputLayer", "Rescaling", "Reshape")),
}


class Everything(dict):
    """The `custom_objects` of who names whatever a config contains."""

    def __contains__(self, name):
        return isinstance(name, str)

    def __getitem__(self, name):
        return type


def checked(config: dict, path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> dict:
    """Returns a config in which each class is an allowed one, by the module and the name that this process knows.

    Args:
        config: of a model, its bounds checked, of the current schema.
        path: of its file, for messages.
        custom_objects: name → class or function, what the caller allows besides.

    Raises:
        ValueError: it contains something else; the message says how to allow it.
    """
    if not isinstance(custom_objects, Mapping | None):
        raise ValueError(f"Expected custom_objects= to be a dict, {{name: class}}, got {custom_objects!r}.")
    if config.get("registered_name") != MODEL:
        raise refused(path, f"expected a VAE, got {config.get('class_name')!r:.100}")
    name = (config.get("config") or {}).get("name") if isinstance(config.get("config"), dict) else None
    if name is not None and not (isinstance(name, str) and re.fullmatch(r"\w[\w .()-]{0,199}", name)):
        raise refused(path, f"expected the name of the model to be that of a file, got {name!r:.100}")
    known = {f"zoo.{kind}>{cls.__name__}": cls for kind, cls in _parts() if hasattr(cls, "get_config")}
    return _Classes(path, known, {} if custom_objects is None else custom_objects).value(config)


def _parts():
    return [(kind, registry.get(kind, name)) for kind in registry.kinds() for name in registry.names(kind)]


class _Classes:
    """The classes that a config may contain."""

    def __init__(self, path, parts, custom_objects):
        self.path, self.parts, self.custom_objects = path, parts, custom_objects
        self.objects, self.layers = 0, 0

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
        self.check_entry(key, item)
        return item if key in ("class_name", "registered_name") and isinstance(item, str) else self.value(item)

    def check_entry(self, key, item):
        """Checks entries of layers that Keras takes as they are."""
        sizes = item if isinstance(item, list) else [item]
        if key in STRIDES and any(isinstance(size, int) and size > MAX_STRIDE for size in sizes):
            raise refused(self.path, f"expected {key} of at most {MAX_STRIDE}, got {item!r:.50}")
        if key == "activation" and isinstance(item, dict) and "class_name" not in item:
            raise refused(self.path, "expected the name of an activation, got what may be code")
        self.layers += len(item) if key == "layers" and isinstance(item, list) else 0
        if self.layers > MAX_LAYERS:
            raise refused(self.path, f"expected at most {MAX_LAYERS} layers in its networks, got more")

    def text(self, text):
        """Returns a text, which Keras may take for the name of an initializer, an activation or the like."""
        named = text in self.custom_objects or text in self.parts or text in LAYERS
        if text in keras.saving.get_custom_objects() and not named:
            raise self.unknown(text, text)
        return text

    def resolved(self, value):
        """Returns the module and the names of the class of an object."""
        self.objects += 1
        if self.objects > MAX_OBJECTS:
            raise refused(self.path, f"expected at most {MAX_OBJECTS:,} layers and other objects, got more")
        if value["class_name"] == TENSOR and value.keys() == {"class_name", "config"}:
            return {}
        if value["class_name"] == FUNCTION:
            return self.function(value)
        module, name, registered = self._names(value)
        if (module, name) in KERAS and registered in (None, name):
            return {}
        if registered in LAYERS and str(module).startswith("zoo."):
            self.check_model(registered, value["config"])
            return {"class_name": registered.split(">")[1]}
        if registered in self.parts:
            return self._named(registered, self.parts[registered])
        return self._named_one(registered, name, registered or f"{module}.{name}")

    def function(self, value):
        """Returns the module and the names of a function, an activation for example, if the caller named it."""
        name, registered = value.get("config"), value.get("registered_name")
        if not isinstance(name, str) or value.keys() - KEYS:
            raise refused(self.path, f"expected the name of a function, got {name!r:.100}")
        return self._named_one(registered, name, name, function=True)

    def _named_one(self, registered, name, what, function=False):
        """Returns the module and the names of what the caller named, by its registered name or its own."""
        if str(name).startswith(("__", "<")):  # Keras's marks for code, arrays and the like; Python's for a lambda
            raise refused(self.path, f"expected classes and their arguments, got {name!r:.100}, which may be code")
        for key in (registered, name):
            if key in self.custom_objects:
                found = self.custom_objects[key]
                if not (callable(found) if function else isinstance(found, type)):
                    kind = "function" if function else "class"
                    raise ValueError(f"Expected custom_objects[{key!r}] to be a {kind}, got {found!r}.")
                if function:
                    return {"module": "builtins", "config": key, "registered_name": key}
                return self._named(key, found)
        raise self.unknown(what, name, FUNCTION if function else "class")

    def unknown(self, what, name, kind="class"):
        """Returns the error for a class or a function that is not allowed."""
        return refused(
            self.path,
            f"its {kind} {what!r:.100} is none of the zoo's. If you trust it, name it: "
            f"custom_objects={{{name!r:.100}: <the {kind}>}}; your own parts can be registered by zoo.register",
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
            what = f"the entry {min(unknown)!r:.50}" if unknown else "a compiled model"
            raise refused(self.path, f"expected the config of a layer, got {what} in {names[1]!r:.100}")
        if not all(item is None or isinstance(item, str) for item in names):
            raise refused(self.path, f"expected the name of a class, got {names[1]!r:.100}")
        return names

    def _named(self, key, cls):
        return {"module": cls.__module__, "class_name": cls.__name__, "registered_name": key}


def refused(path: str | Path, why: object) -> ValueError:
    """Returns the error for a config that is refused.

    Args:
        path: of its file.
        why: the reason, without a full stop, or an error.
    """
    return ValueError(f"'{path}' does not describe a model of this zoo: {one_line(why)}.")
