"""Exports behind the stand-in server, in the C++ loader."""

import re
import threading

import numpy as np

from export import manifest
from export.checks.proof import Loader
from export.errors import ExportError
from export.saved_model import BATCHING


class Loaded:
    """A version in the C++ loader, as `stand_in_server` wants its models.

    Args:
        version: path.
    """

    def __init__(self, version):
        self.signatures = {name: _Tensors(tensors) for name, tensors in manifest.read(version)["signatures"].items()}
        self.signatures["serving_default"] = self.signatures["reconstruct"]
        self.most = int(re.search(r"max_batch_size { value: (\d+) }", (version / BATCHING).read_text())[1])
        self.loader, self.lock = Loader(version), threading.Lock()

    def run(self, signature, inputs):
        wanted = {name: dtype for name, (dtype, _) in self.signatures[signature].inputs.items()}
        inputs = {
            key: np.asarray(value, object if wanted[key] is bytes else wanted[key]) for key, value in inputs.items()
        }
        with self.lock:
            try:
                return self.loader.run(signature, inputs)
            except ExportError as error:
                raise ValueError(str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loader.__exit__()


class _Tensors:
    def __init__(self, tensors):
        self.inputs, self.outputs = (
            {
                name: (bytes if spec["dtype"] == "string" else np.dtype(spec["dtype"]).type, tuple(spec["shape"]))
                for name, spec in tensors[side].items()
            }
            for side in ("inputs", "outputs")
        )
