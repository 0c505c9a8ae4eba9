"""A server on this machine that answers as TensorFlow Serving does, by REST and gRPC, from plain Python.

What it serves is an object with

    signatures   a dict of names to objects with `.inputs` and `.outputs`, each a dict of names to (type, shape):
                 the type numpy's, or bytes for strings; the shape a tuple, None for a size that is not fixed
    run(signature, inputs) -> outputs
                 from and to a dict of numpy arrays, strings in arrays of objects of bytes; a ValueError is bad input

such as `Functions` here, or anything that loads a SavedModel. It is known by a name and a version:

    with StandInServer({"vae": model}) as server:              # version 1
    with StandInServer({"vae": {3: older, 4: newer}}) as server:
        server.rest, server.grpc    # addresses
        server.asked                # what came by REST: (path, JSON)
        server.refusals += ["UNAVAILABLE"]    # how the next requests end, one a piece, whatever they ask for
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from typing import NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.servers.stand_in_rest import Refused, handler, numpys, signature_of

THREADS = 4 * os.cpu_count()  # unless a server is told otherwise


def as_started(flags):
    """What a server is told on its command line, as keywords of `StandInServer`."""
    told = dict(word.removeprefix("--").split("=", 1) for word in flags)
    return {
        "rest_port": int(told["rest_api_port"]),
        "grpc_port": int(told["port"]),
        "batching": told.get("enable_batching") == "true",
        "grpc_threads": int(told.get("grpc_max_threads", THREADS)),
        "rest_threads": int(told.get("rest_api_num_threads", THREADS)),
    }


class Spec(NamedTuple):
    """A signature: dicts of names to (type, shape)."""

    inputs: dict
    outputs: dict


class Functions:
    """A model of functions of numpy arrays.

    Args:
        table: a dict of names to (inputs, outputs, function); inputs and outputs as in `Spec`; the function takes
            the inputs by their names and returns a dict.
    """

    def __init__(self, table):
        self.signatures = {name: Spec(inputs, outputs) for name, (inputs, outputs, _) in table.items()}
        self.functions = {name: function for name, (_, _, function) in table.items()}

    def run(self, signature, inputs):
        return self.functions[signature](**inputs)


class _HttpServer(ThreadingHTTPServer):
    """A server of threads that accepts as many clients at once as TensorFlow Serving; Python's resets some after 5."""

    daemon_threads = True
    request_queue_size = 128


class StandInServer:
    """The server; a context manager.

    Args:
        models: a dict of names to models, or to dicts of versions to models.
        rest_port, grpc_port: to answer at; 0 for free ones.
        batching: whether requests of 0 rows are never answered, and larger ones than a model's `most` refused.
        grpc_threads, rest_threads: how many requests at once; gRPC refuses others, REST lets them wait.

    Attributes:
        failed: a dict of names to dicts of versions that did not load to what was wrong.
    """

    def __init__(self, models, rest_port=0, grpc_port=0, *, batching=False, grpc_threads=THREADS, rest_threads=THREADS):
        self.models = {name: m if isinstance(m, dict) else {1: m} for name, m in models.items()}
        self.failed = {}
        self.ports, self.batching, self.grpc_threads = (rest_port, grpc_port), batching, grpc_threads
        self.rest_threads = threading.BoundedSemaphore(rest_threads)
        self.asked, self.refusals, self.ended = [], [], threading.Event()

    def __enter__(self):
        self.http = _HttpServer(("127.0.0.1", self.ports[0]), handler(self))
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        pool = ThreadPoolExecutor(self.grpc_threads)
        self.calls = grpc.server(pool, maximum_concurrent_rpcs=self.grpc_threads)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Predictions(self), self.calls)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self), self.calls)
        self.rest = f"127.0.0.1:{self.http.server_port}"
        self.grpc = f"127.0.0.1:{self.calls.add_insecure_port(f'127.0.0.1:{self.ports[1]}')}"
        self.calls.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.http.shutdown()
        self.http.server_close()
        self.calls.stop(None)

    def begin(self):
        """Ends a request as `refusals` says."""
        if self.refusals:
            raise Refused(self.refusals.pop(0), "as the test says")

    def find(self, name, version):
        """A model, its newest version if None."""
        versions = self.models.get(name, {})
        version = max(versions, default=None) if version is None else int(version)
        if version not in versions:
            raise Refused("NOT_FOUND", f"Servable not found for request: {name} {version}")
        return versions[version]

    def predict(self, name, version, signature, inputs):
        """The outputs of a model, bad input being an INVALID_ARGUMENT."""
        model = self.find(name, version)
        spec = signature_of(model, signature)
        if set(inputs) != set(spec.inputs):
            raise Refused("INVALID_ARGUMENT", f"inputs do not match: {sorted(inputs)} for {sorted(spec.inputs)}")
        if self.batching:
            self._batched(model, len(next(iter(inputs.values()))))
        try:
            outputs = model.run(signature, inputs)
        except ValueError as error:
            raise Refused("INVALID_ARGUMENT", str(error)) from error
        except Exception as error:
            raise Refused("INTERNAL", f"{type(error).__name__}: {error}") from error
        return {key: np.asarray(outputs[key], numpys(dtype)) for key, (dtype, _) in spec.outputs.items()}

    def _batched(self, model, rows):
        """Treats a request as TensorFlow's batcher does."""
        most = getattr(model, "most", rows)
        if rows > most:
            said = f"Task size {rows} is larger than maximum input batch size {most}"
            raise Refused("INVALID_ARGUMENT", said)
        if rows == 0:  # a batch of size 0 is never scheduled
            self.ended.wait()

    def status(self, name):
        """The answer to a question for a model's status."""
        if name not in self.models and name not in self.failed:
            raise Refused("NOT_FOUND", f"Could not find any versions of model {name}")
        reply = get_model_status_pb2.GetModelStatusResponse()
        for version in self.models.get(name, {}):
            reply.model_version_status.add(version=version, state="AVAILABLE")
        for version, said in self.failed.get(name, {}).items():
            found = reply.model_version_status.add(version=version, state="END")
            found.status.error_code, found.status.error_message = error_codes_pb2.INTERNAL, said
        return reply

    def definitions(self, name, version):
        """The map of SignatureDefs of a model, with TensorFlow's own that every SavedModel has."""
        found = get_model_metadata_pb2.SignatureDefMap()
        for key, spec in self.find(name, version).signatures.items():
            for side in ("inputs", "outputs"):
                for tensor, (dtype, shape) in getattr(spec, side).items():
                    info = getattr(found.signature_def[key], side)[tensor]
                    info.dtype = tf.as_dtype(tf.string if dtype is bytes else dtype).as_datatype_enum
                    info.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
        found.signature_def["__saved_model_init_op"].outputs["op"].tensor_shape.unknown_rank = True
        return found


def _or_aborted(method):
    """Turns `Refused` into an error of gRPC's."""

    def guarded(self, request, context):
        try:
            self.server.begin()
            return method(self, request)
        except Refused as error:
            context.abort(grpc.StatusCode[error.code], str(error))

    return guarded


def _version(spec):
    return spec.version.value if spec.HasField("version") else None


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server):
        self.server = server

    @_or_aborted
    def Predict(self, request):
        spec = request.model_spec
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        name = spec.signature_name or "serving_default"
        outputs = self.server.predict(spec.name, _version(spec), name, inputs)
        protos = {key: tf.make_tensor_proto(array) for key, array in outputs.items()}
        return predict_pb2.PredictResponse(outputs=protos)

    @_or_aborted
    def GetModelMetadata(self, request):
        reply = get_model_metadata_pb2.GetModelMetadataResponse()
        definitions = self.server.definitions(request.model_spec.name, _version(request.model_spec))
        reply.metadata["signature_def"].Pack(definitions)
        return reply


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server):
        self.server = server

    @_or_aborted
    def GetModelStatus(self, request):
        return self.server.status(request.model_spec.name)
