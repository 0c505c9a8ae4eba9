"""A proof in the C++ loader: a SavedModel returns what the model returns in Python, whatever rows share a batch."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from export.checks import c_api
from export.errors import ExportError
from export.signatures.inputs import probe_rows
from zoo.commands.messages import words
from zoo.commands.signals import raise_if_interrupted

REQUEST_ROWS = (17, 3, 1)  # of the requests
RELATIVE, ABSOLUTE = 1e-5, 1e-5
NATS, ROUNDING = 1e-3, 1e-6  # of a score; and relative, as a sum over thousands of pixels is rounded by more
REFINED = 30  # factor on the tolerance of refined parameters: an optimizer's steps amplify rounding errors
LEVELS = 1  # of an image


def prove(loader, vae, served, progress=True, max_rows=REQUEST_ROWS[0]):
    """Checks every signature against Python.

    Args:
        loader: the `Loader` of the SavedModel.
        vae: the `zoo.VAE`.
        served: name -> `Served`, as Python runs it.
        progress: whether to show a progress bar.
        max_rows: maximum number of rows that the signatures take.

    Raises:
        ExportError: the C++ loader does not load it, or returns something else; the message says which signature, what
            was expected, what came.
    """
    counts = [min(n, max_rows) for n in REQUEST_ROWS]
    rows = probe_rows(vae, max(counts))
    for name, signature in tqdm(served.items(), "prove", disable=not progress, leave=False):
        raise_if_interrupted()
        inputs = {key: rows[key] for key in signature.inputs}
        expected = {key: value.numpy() for key, value in signature.function(**_tensors(inputs)).items()}
        for n in counts:  # the last ones, whose place in the batch differs each time
            got = loader.run(name, {key: value[-n:] for key, value in inputs.items()})
            _compare(name, signature.unit, {key: value[-n:] for key, value in expected.items()}, got, vae.likelihood)


def _tensors(arrays):
    return {key: tf.constant(value.tolist() if value.dtype == object else value) for key, value in arrays.items()}


def _compare(signature, unit, expected, got, likelihood):
    if set(expected) != set(got):
        raise ExportError(f"'{signature}' returns {', '.join(sorted(got))}, expected {', '.join(sorted(expected))}.")
    for name, want in expected.items():
        value = got[name]
        where = f"'{name}' of '{signature}' at {len(want)} rows"
        if value.shape != want.shape:
            raise ExportError(f"{where} is of shape {list(value.shape)}, expected {list(want.shape)}.")
        want, value, allowed = _numbers(unit, name, want, value, likelihood)
        if not np.isfinite(value).all():
            raise ExportError(f"{where} is not finite: {value[~np.isfinite(value)][0]}.")
        off = np.abs(value - want) - allowed
        if off.size and off.max() > 0:
            at = np.unravel_index(off.argmax(), off.shape)
            raise ExportError(
                f"{where} is {value[at]:.9g} in the C++ loader, expected {want[at]:.9g} as in Python, "
                f"within {allowed[at]:.2g}; element {[int(i) for i in at]}."
            )


def _numbers(unit, name, want, value, likelihood):
    """Returns two arrays as numbers that can be compared, and by how much they may differ, an array too."""
    if want.dtype == object:  # PNG files
        want, value = (np.stack([tf.io.decode_png(file).numpy() for file in files]) for files in (want, value))
        return np.float64(want), np.float64(value), np.full(want.shape, LEVELS)
    size = np.abs(np.float64(want))
    if unit == "nats":
        allowed = NATS + ROUNDING * size
    elif unit == "data" and name == "mean":
        # Of standardized numbers: far from zero, a part of the number itself would be more than data differ by.
        standardized, unit = (np.float64(number) for number in (likelihood.standardize(want), likelihood.data_scale))
        allowed = unit * (ABSOLUTE + RELATIVE * np.abs(standardized)) + 4 * np.spacing(np.float32(size))
    elif unit == "data" and name == "stddev":
        allowed = np.float64(likelihood.data_scale) * ABSOLUTE + RELATIVE * size
    else:
        allowed = (REFINED if unit == "refined" else 1) * (ABSOLUTE + RELATIVE * size)
    return np.float64(want), np.float64(value), allowed


class Loader:
    """`export.checks.c_api` on a SavedModel in a process of its own, which never imports TensorFlow.

    Args:
        folder: the SavedModel's.

    Raises:
        ExportError: where it is run: it does not load, or a request fails.
    """

    def __init__(self, folder):
        self.folder = folder
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # a pipe that nobody reads would fill up
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "CUDA_VISIBLE_DEVICES": "-1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "export.checks.c_api", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            start_new_session=True,  # Ctrl-C is for this process, which ends that one
        )

    def run(self, signature, inputs):
        """Runs a signature on arrays, name -> array, and returns its outputs in the same form."""
        request = {"signature_name": signature, "inputs": {key: c_api.to_json(value) for key, value in inputs.items()}}
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._said.seek(0)
            said = next((line for line in self._said if line.startswith("error: ")), "it ended without a word")
            raise ExportError(f"The C++ loader does not serve '{self.folder}': {said.removeprefix('error: ').strip()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ExportError(f"The C++ loader refuses '{signature}': {words(answer['error'])}.")
        return {key: _array(value) for key, value in answer["outputs"].items()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._said.close()


def _array(values):
    strings = bool(values) and isinstance(values[0], dict)
    return c_api.from_json(values, bytes) if strings else np.asarray(values)
