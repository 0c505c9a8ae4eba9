"""SavedModels in TensorFlow's C++ loader, the one in TensorFlow Serving, without TensorFlow in Python.

    .venv/bin/python -m export.checks.c_api served/tril_vae/1 < requests.jsonl

answers requests, one JSON object per line, as the server's REST interface does in columns:
`{"signature_name": "encode", "inputs": {"x": …}}` returns `{"outputs": {"loc": …}}`, or `{"error": …}`. XLA is off, as
on a server.
"""

import base64
import ctypes
import json
import os
import sys
from ctypes import c_char_p, c_int64, c_void_p

import numpy as np

from export.checks.c_library import TFOutput, library
from export.checks.signature_defs import STRING, TYPES, signatures

TAG = b"serve"
STRING_SIZE = 24  # bytes of a string in a tensor, without its content
NUMBERS = {np.dtype(kind): number for number, kind in TYPES.items() if number != STRING}


class ServingError(RuntimeError):
    """The C++ code refuses to load a model, or refuses a request."""


class SavedModel:
    """A SavedModel in a session of the C++ loader.

    Args:
        folder: path of the folder with `saved_model.pb`.

    Attributes:
        signatures: name -> `SignatureDef`.

    Raises:
        ServingError: it does not load.
    """

    def __init__(self, folder):
        self._tf = library()
        self._status, options = self._tf["TF_NewStatus"](), self._tf["TF_NewSessionOptions"]()
        self._graph, meta_graph = self._tf["TF_NewGraph"](), self._tf["TF_NewBuffer"]()
        tags = (c_char_p * 1)(TAG)
        self._session = self._tf["TF_LoadSessionFromSavedModel"](
            options, None, os.fsencode(folder), tags, 1, self._graph, meta_graph, self._status
        )
        self._tf["TF_DeleteSessionOptions"](options)
        self._check(self._status)
        content = ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length)
        self._tf["TF_DeleteBuffer"](meta_graph)
        self.signatures = signatures(content)

    def run(self, signature, inputs):
        """Runs a signature; several threads may do so at once.

        Args:
            signature: its name.
            inputs: name -> array; strings are an array of objects that are bytes.

        Returns:
            name -> array.

        Raises:
            KeyError: no such signature, or other inputs than its own.
            ServingError: the C++ code refuses them.
        """
        if signature not in self.signatures:
            raise KeyError(f"No signature '{signature}'. Known: {', '.join(self.signatures)}.")
        specs = self.signatures[signature]
        if set(inputs) != set(specs.inputs):
            raise KeyError(f"'{signature}' takes {', '.join(specs.inputs)}; got {', '.join(inputs) or 'nothing'}.")
        n, m = len(specs.inputs), len(specs.outputs)
        status, fetched = self._tf["TF_NewStatus"](), (c_void_p * m)()
        fed = (c_void_p * n)(*(self._tensor(inputs[name]) for name in specs.inputs))
        try:
            self._tf["TF_SessionRun"](
                self._session,
                None,
                (TFOutput * n)(*map(self._place, specs.inputs.values())),
                fed,
                n,
                (TFOutput * m)(*map(self._place, specs.outputs.values())),
                fetched,
                m,
                None,
                0,
                None,
                status,
            )
            self._check(status)
            return dict(zip(specs.outputs, map(self._array, fetched), strict=True))
        finally:
            for tensor in filter(None, [*fed, *fetched]):
                self._delete(tensor)
            self._tf["TF_DeleteStatus"](status)

    def close(self):
        """Releases the session and all that it holds."""
        if self._session:
            self._tf["TF_CloseSession"](self._session, self._status)
            self._tf["TF_DeleteSession"](self._session, self._status)
            self._tf["TF_DeleteGraph"](self._graph)
            self._session = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check(self, status):
        if self._tf["TF_GetCode"](status):
            raise ServingError(self._tf["TF_Message"](status).decode(errors="replace"))

    def _place(self, spec):
        name, _, index = spec.tensor.partition(":")
        operation = self._tf["TF_GraphOperationByName"](self._graph, name.encode())
        if not operation:
            raise ServingError(f"The graph has no operation '{name}', which a signature names.")
        return TFOutput(operation, int(index or 0))

    def _tensor(self, value):
        """Allocates a TF_Tensor with an array's content."""
        value = np.asarray(value)
        strings = value.dtype == object
        if not strings and value.dtype not in NUMBERS:
            raise ServingError(f"No array of {value.dtype} can be sent.")
        value = np.ascontiguousarray(value).reshape(value.shape)
        size = value.size * STRING_SIZE if strings else value.nbytes
        dims, number = (c_int64 * value.ndim)(*value.shape), STRING if strings else NUMBERS[value.dtype]
        tensor = self._tf["TF_AllocateTensor"](number, dims, value.ndim, size)
        data = self._tf["TF_TensorData"](tensor)
        if not strings:
            ctypes.memmove(data, value.ctypes.data, size)
        for i, content in enumerate(value.flat if strings else ()):
            self._tf["TF_StringInit"](data + i * STRING_SIZE)
            self._tf["TF_StringCopy"](data + i * STRING_SIZE, bytes(content), len(content))
        return tensor

    def _array(self, tensor):
        """Returns a TF_Tensor's content as an array."""
        shape = [self._tf["TF_Dim"](tensor, i) for i in range(self._tf["TF_NumDims"](tensor))]
        number, size = self._tf["TF_TensorType"](tensor), self._tf["TF_TensorByteSize"](tensor)
        data = self._tf["TF_TensorData"](tensor)
        if number not in TYPES:
            raise ServingError(f"An output is of a type that cannot be sent, TensorFlow's number {number}.")
        if number != STRING:
            return np.frombuffer(ctypes.string_at(data, size) if size else b"", TYPES[number]).reshape(shape).copy()
        value = np.empty(size // STRING_SIZE, object)
        for i in range(len(value)):
            place = data + i * STRING_SIZE
            length = self._tf["TF_StringGetSize"](place)
            value[i] = ctypes.string_at(self._tf["TF_StringGetDataPointer"](place), length)
        return value.reshape(shape)

    def _delete(self, tensor):
        if self._tf["TF_TensorType"](tensor) == STRING:
            data, size = self._tf["TF_TensorData"](tensor), self._tf["TF_TensorByteSize"](tensor)
            for i in range(size // STRING_SIZE):
                self._tf["TF_StringDealloc"](data + i * STRING_SIZE)
        self._tf["TF_DeleteTensor"](tensor)


def from_json(values, dtype):
    """Returns an array of the values in a request's JSON.

    Args:
        values: nested lists; strings may be `{"b64": …}`.
        dtype: see `Spec`.
    """
    if dtype is not bytes:
        return np.asarray(values, dtype)
    array = np.empty(len(values), object)
    array[:] = [base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode() for value in values]
    return array


def _rows(values, spec):
    array = from_json(values, spec.dtype)
    return array if len(values) else array.reshape(0, *spec.shape[1:])  # an empty list does not tell the shape


def to_json(array):
    """Returns the values of an array for an answer's JSON."""
    if array.dtype != object:
        return array.tolist()
    return [{"b64": base64.b64encode(value).decode()} for value in array]


def answer(model, request):
    """Answers a request.

    Args:
        model: a `SavedModel`.
        request: a JSON object in columns.

    Returns:
        A JSON object in columns.
    """
    name = request.get("signature_name", "serving_default")
    try:
        specs = model.signatures[name].inputs if name in model.signatures else {}
        inputs = {key: _rows(value, specs[key]) for key, value in request["inputs"].items() if key in specs}
        return {"outputs": {key: to_json(value) for key, value in model.run(name, inputs).items()}}
    except (ServingError, KeyError, ValueError, TypeError) as error:
        return {"error": str(error.args[0] if error.args else error)}


def main():
    """Answers the requests on stdin, one per line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m export.checks.c_api FOLDER < requests.jsonl")
    try:
        model = SavedModel(sys.argv[1])
    except ServingError as error:
        sys.exit(f"error: {error}")
    for line in sys.stdin:
        print(json.dumps(answer(model, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
