"""The stand-in server's REST: TensorFlow Serving's rules for paths, JSON and errors."""

import base64
import json
import re
from http.server import BaseHTTPRequestHandler

import numpy as np
from google.protobuf.json_format import MessageToDict

HTTP = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503}
HTTP |= {"DEADLINE_EXCEEDED": 504, "INTERNAL": 500}
PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata|:predict)?")


class Refused(Exception):
    """That a request is answered by an error.

    Args:
        code: one of gRPC's status codes.
        message: what is said.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def signature_of(model, name):
    """A signature of a model."""
    if name not in model.signatures:
        raise Refused("INVALID_ARGUMENT", f'Serving signature name: "{name}" not found in signature def')
    return model.signatures[name]


def numpys(dtype):
    """The type of numpy's arrays of such values."""
    return object if dtype is bytes else dtype


def handler(server):
    """The class that answers the requests to a `StandInServer`."""

    class Handler(BaseHTTPRequestHandler):
        """REST."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            self.answer(lambda name, version, what: _described(server, name, version, what))

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))

            def predicted(name, version, what):
                try:
                    body = json.loads(content, parse_constant=_refuse_constant)
                except ValueError as error:
                    raise Refused("INVALID_ARGUMENT", f"JSON Parse error: {error}") from error
                server.asked.append((self.path, body))
                return _predicted(server, name, version, body)

            self.answer(predicted)

        def answer(self, function):
            code = 200
            try:
                server.begin()
                found = PATH.fullmatch(self.path)
                if not found or (found[3] == ":predict") != (self.command == "POST"):
                    raise Refused("NOT_FOUND", f"Malformed request: {self.command} {self.path}")
                with server.rest_threads:
                    body = function(*found.groups())
            except Refused as error:
                code, body = HTTP[error.code], {"error": str(error)}
            content = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Nothing."""

    return Handler


def _refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def _described(server, name, version, what):
    if what is None:
        return MessageToDict(server.status(name), preserving_proto_field_name=True)
    definitions = MessageToDict(
        server.definitions(name, version), preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {"model_spec": {"name": name}, "metadata": {"signature_def": definitions}}


def _predicted(server, name, version, body):
    signature = body.get("signature_name", "serving_default")
    spec = signature_of(server.find(name, version), signature)
    rows = "instances" in body
    columns = _columns(body["instances"], spec) if rows else _named(body["inputs"], spec)
    inputs = {key: _parsed(key, value, spec) for key, value in columns.items()}
    outputs = {key: _written(key, array) for key, array in server.predict(name, version, signature, inputs).items()}
    if rows:
        instances = [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]
        return {"predictions": [next(iter(row.values())) if len(row) == 1 else row for row in instances]}
    return {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs}


def _columns(instances, spec):
    """Rows turned to columns; those of a single input may stand without its name."""
    if not isinstance(instances, list) or not instances:
        raise Refused("INVALID_ARGUMENT", "Expecting 'instances' value to be a non-empty list/array")
    rows = [_named(row, spec) for row in instances]
    if any(set(row) != set(rows[0]) for row in rows):
        raise Refused("INVALID_ARGUMENT", "Failed to process element: inputs of rows differ")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _named(value, spec):
    if isinstance(value, dict) and set(value) != {"b64"}:
        return value
    if len(spec.inputs) > 1:
        raise Refused("INVALID_ARGUMENT", "Expecting an object of named inputs")
    return {next(iter(spec.inputs)): value}


def _parsed(key, value, spec):
    if key not in spec.inputs:
        raise Refused("INVALID_ARGUMENT", f"Unexpected input: {key}")
    dtype = spec.inputs[key][0]
    value = _leaves(value, dtype)
    try:
        return np.array(value, numpys(dtype))
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused("INVALID_ARGUMENT", f"Encountered a list of unexpected size in {key}: {error}") from error


def _leaves(value, dtype):
    """Nested lists with their strings decoded; an integer is refused where it is written as 1.0."""
    if isinstance(value, list):
        return [_leaves(item, dtype) for item in value]
    if dtype is bytes:
        if isinstance(value, dict) and set(value) == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
        if isinstance(value, str):
            return value.encode()
    else:
        kind = bool if dtype is np.bool_ else int if np.dtype(dtype).kind in "iu" else (int, float)
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
    raise Refused("INVALID_ARGUMENT", f"JSON Value: {value!r:.50} is not of expected type: {dtype.__name__}")


def _written(key, array):
    """Nested lists; strings in base64 where the output's name ends in _bytes, as they are elsewhere."""
    if array.dtype != object:
        return array.tolist()
    if key.endswith("_bytes"):
        return [{"b64": base64.b64encode(value).decode()} for value in array]
    return [value.decode() for value in array]
