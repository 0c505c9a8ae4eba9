"""Imports of large libraries without garbage collection."""

import gc
from contextlib import contextmanager


@contextmanager
def no_garbage_collection():
    """Pauses garbage collection while modules are imported.

    They leave no garbage, and to look for some among all of TensorFlow's objects again and again takes a third of the
    time of `import zoo`.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
