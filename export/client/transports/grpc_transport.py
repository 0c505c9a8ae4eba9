"""A connection by gRPC. This file imports TensorFlow, which the messages are part of."""

import json

import grpc
import tensorflow as tf
from google.protobuf.json_format import MessageToDict
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.client.transports.refusals import refusal
from export.client.transports.transport import LOOPBACK, Transport, Version, named
from zoo.commands.messages import words

PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
MOST_ATTEMPTS = 5  # gRPC makes no more
LONGEST_WAIT = 30  # seconds
ATTEMPT_TIMEOUT = "perAttemptRecvTimeout"


class Grpc(Transport):
    """A connection by gRPC, without encryption.

    Args:
        address: host and port.
        **settings: see `Transport`; gRPC makes at most four retries.
    """

    def __init__(self, address="localhost:8500", **settings):
        if "//" in address:
            raise ValueError(f"Expected a host and a port such as localhost:8500 for gRPC, got '{address}'.")
        super().__init__(address, **settings)
        self.attempts = min(self.retries + 1, MOST_ATTEMPTS)
        self.channel = grpc.insecure_channel(address, options=self._options())
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)

    def _options(self):
        options = {"grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1}
        if self.address.rpartition(":")[0].strip("[]") in LOOPBACK:
            options["grpc.enable_http_proxy"] = 0  # a proxy does not lead back to this machine
        options["grpc.initial_reconnect_backoff_ms"] = max(100, int(1000 * self.backoff))  # its minimum is 100
        if self.attempts == 1:
            return [*options.items(), ("grpc.enable_retries", 0)]
        options["grpc.experimental.enable_hedging"] = 1  # without it there is no timeout per attempt
        options["grpc.service_config"] = json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": self._policy()}]})
        return list(options.items())

    def _policy(self):
        return {
            "maxAttempts": self.attempts,
            "initialBackoff": f"{max(self.backoff, 0.001):.3f}s",
            "maxBackoff": f"{LONGEST_WAIT}s",
            "backoffMultiplier": 2,
            ATTEMPT_TIMEOUT: f"{self.timeout:.3f}s",
            "retryableStatusCodes": PASSING,
        }

    def close(self):
        self.channel.close()

    def _status(self, model):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        reply = self._ask(f"the status of {named(model, None)}", self.models.GetModelStatus, request)
        for found in reply.model_version_status:
            state = get_model_status_pb2.ModelVersionStatus.State.Name(found.state)
            yield Version(found.version, state, found.status.error_message)

    def _definitions(self, model, version):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        _name(request.model_spec, model, version)
        asked = f"the signatures of {named(model, version)}"
        reply = self._ask(asked, self.predictions.GetModelMetadata, request)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        reply.metadata["signature_def"].Unpack(definitions)
        return MessageToDict(definitions, preserving_proto_field_name=True).get("signature_def", {})

    def _predict(self, model, version, signature, arrays, outputs, asked):
        request = predict_pb2.PredictRequest()
        _name(request.model_spec, model, version)
        request.model_spec.signature_name = signature
        for name, array in arrays.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        reply = self._ask(asked, self.predictions.Predict, request)
        if set(reply.outputs) != set(outputs):
            raise refusal(self.address, asked, f"the outputs {sorted(reply.outputs)}", "INTERNAL")
        return {name: tf.make_ndarray(reply.outputs[name]) for name in outputs}

    def _ask(self, asked, method, request):
        """Returns the server's answer.

        Raises:
            ServerError: it answers with an error, or not at all.
        """
        waits = sum(min(self.backoff * 2**i, LONGEST_WAIT) for i in range(self.attempts - 1))
        try:
            return method(request, timeout=self.timeout * self.attempts + 1.5 * waits)
        except grpc.RpcError as error:
            code, said = error.code().name, error.details()
            if ATTEMPT_TIMEOUT in said:  # gRPC calls this a cancellation
                code, said = "DEADLINE_EXCEEDED", "no answer in time"
            raise refusal(self.address, asked, f"{words(said)} (gRPC {code})", code) from error


def _name(spec, model, version):
    spec.name = model
    if version is not None:
        spec.version.value = version
