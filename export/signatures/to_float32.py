"""Half-precision models in float32 for serving."""

import keras


def in_float32(vae):
    """Returns the model, or, if parts of it compute in half precision, a copy with the same weights that does not.

    Args:
        vae: a `zoo.VAE`.
    """
    if all(layer.compute_dtype == "float32" for layer in _layers(vae)):
        return vae
    copy = keras.saving.deserialize_keras_object(_changed(keras.saving.serialize_keras_object(vae)))
    copy.set_weights(vae.get_weights())
    return copy


def _layers(layer):
    yield layer
    for inner in layer._layers:
        yield from _layers(inner)


def _changed(config):
    if isinstance(config, list | tuple):
        return [_changed(value) for value in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": "float32"}}
    return {key: _changed(value) for key, value in config.items() if key != "compile_config"}
