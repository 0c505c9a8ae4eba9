"""Checks, before others import Keras, that it runs on TensorFlow: else an `ImportError` says what to do."""

import os

NAMED = os.environ.get("KERAS_BACKEND") or "tensorflow"
if NAMED == "tensorflow":
    import keras  # its own settings file may name another one

    NAMED = keras.backend.backend()
if NAMED != "tensorflow":
    raise ImportError(
        f"Expected Keras's backend to be tensorflow, which these models are made of, got {NAMED}. "
        f"Unset KERAS_BACKEND, or set it to tensorflow; or change backend in ~/.keras/keras.json."
    )
