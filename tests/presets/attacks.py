"""Presets made for the purpose: a small good one, and changes to it with hashes that fit."""

import copy
import json

import keras
import numpy as np
import pytest

import zoo
from zoo.presets import layout, metadata

SMALL = {"latent": 2, "network": "mlp(hidden=(8,))"}
X = np.round(np.random.default_rng(0).random((5, 4, 4, 1))).astype("float32")


def model(name="diag_vae", event_shape=(4, 4, 1), support="binary", **parts):
    """A tiny model."""
    return zoo.build(name, event_shape, support, **(SMALL | parts))


def small_preset(folder):
    """Saves a tiny preset and returns its folder."""
    model().save_to_preset(folder)
    return folder


def assert_refused(folder, config, match):
    """Checks that a config is refused in a preset whose hashes fit, and in a run, which has none."""
    resealed(folder, {"config.json": config})
    for _ in range(2):
        with pytest.raises(ValueError, match=match):
            zoo.load(folder)
        (folder / "metadata.json").unlink(missing_ok=True)
        (folder / "model.json").write_text(json.dumps(config))


def described(folder, **entries):
    """Changes entries of a preset's metadata, with a hash that fits."""
    (folder / layout.METADATA).write_text(metadata.sealed(metadata.read(folder) | entries))
    return folder


def config_of(folder):
    return json.loads((folder / layout.CONFIG).read_text())


def resealed(folder, content):
    """Replaces files of a preset, with hashes that fit: an attacker can compute them too."""
    about = metadata.read(folder)
    for name, item in content.items():
        item = item if isinstance(item, bytes) else json.dumps(item).encode()
        (folder / name).write_bytes(item)
        about["files"][name] = metadata.sha256(item)
    (folder / layout.METADATA).write_text(metadata.sealed(about))
    return folder


def with_layer(config, layer):
    """A config with one more layer in its encoder."""
    config = copy.deepcopy(config)
    config["config"]["encoder"]["config"]["layers"].append(layer)
    return config


def layer(module, name, config, registered=None, **entries):
    return {"module": module, "class_name": name, "config": config, "registered_name": registered} | entries


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def unchecked(config, safe_mode=True):
    """What Keras makes of a config if nobody looks at it before."""
    return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=safe_mode)


def places(value, path=()):
    """The paths to all entries of a config where an object could be put."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(config, path, item):
    """A config with another entry at a place."""
    config = copy.deepcopy(config)
    inner = config
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = item
    return config
