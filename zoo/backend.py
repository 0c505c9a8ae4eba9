"""A check, before other modules import Keras, that its backend is TensorFlow; else raises an `ImportError`."""

import os

NAMED = os.environ.get("KERAS_BACKEND") or "tensorflow"
if NAMED == "tensorflow":
    import keras  # its config file ~/.keras/keras.json may name another backend

    NAMED = keras.backend.backend()
if NAMED != "tensorflow":
    raise ImportError(
        f"Expected Keras's backend to be tensorflow, which the zoo requires, got {NAMED}. "
        f"Unset KERAS_BACKEND, or set it to tensorflow; or change backend in ~/.keras/keras.json."
    )
