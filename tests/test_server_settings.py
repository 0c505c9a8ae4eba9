"""What the server is started with, on the stand-in: requests of no rows, and many clients at once."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from stand_in_server import Functions, StandInServer, as_started
from tensorflow_serving.apis import predict_pb2

from export.client.rest import Rest
from export.client.rpc import Grpc
from export.client.transport import Transport
from export.errors import ServerError
from export.serving import configuration

X = {"x": (np.float32, (None, 3))}
CLIENTS = 32


def doubled(x):
    if x.shape[1:] != (3,):
        raise ValueError(f"shape {x.shape}")  # as the graph does
    return {"x": 2 * x}


def slow(x):
    time.sleep(0.1)
    return {"x": x}


def started(**settings):
    """A stand-in server that is told what the flags say."""
    flags = configuration.flags("/models", grpc=0, rest=0, **settings)
    model = Functions({"doubled": (X, X, doubled), "slow": (X, X, slow)})
    return StandInServer({"vae": model}, **as_started(flags))


def ask_for_no_rows(server, seconds):
    """What gRPC answers, past a client which would not ask."""
    request = predict_pb2.PredictRequest(inputs={"x": tf.make_tensor_proto(np.zeros((0, 3), np.float32))})
    request.model_spec.name, request.model_spec.signature_name = "vae", "doubled"
    with Grpc(server.grpc, retries=0) as client:
        return tf.make_ndarray(client.predictions.Predict(request, timeout=seconds).outputs["x"])


def test_requests_of_no_rows_do_not_stop_the_server():
    with started() as server, Rest(server.rest, retries=0) as rest, Grpc(server.grpc, retries=0) as calls:
        for _ in range(3):
            assert ask_for_no_rows(server, 5).shape == (0, 3)
            body = {"signature_name": "doubled", "inputs": {"x": []}}
            assert requests.post(f"http://{server.rest}/v1/models/vae:predict", json=body, timeout=5).status_code == 400
        for client in (rest, calls):
            assert client.predict("vae", "doubled", {"x": np.ones((1, 3))})["x"].tolist() == [[2, 2, 2]]


def test_with_batching_they_are_never_answered_and_the_client_does_not_send_them():
    with started(batching=True) as server:
        with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
            ask_for_no_rows(server, 0.3)
        for client in (Rest(server.rest, retries=0, timeout=5), Grpc(server.grpc, retries=0, timeout=5)):
            with client, pytest.raises(ValueError, match="one row or more"):
                client.predict("vae", "doubled", {"x": np.zeros((0, 3))})
        assert server.asked == []


def ask_at_once(client: Transport):
    """How many of many requests at once fail, by how they do."""
    client.signatures("vae")

    def failure(_):
        try:
            client.predict("vae", "slow", {"x": np.ones((1, 3))})
        except ServerError as error:
            return error.code
        return None

    with ThreadPoolExecutor(CLIENTS) as pool:
        return Counter(pool.map(failure, range(CLIENTS)))


def test_many_clients_at_once_are_answered():
    with started() as server:
        with Grpc(server.grpc, retries=0) as calls:
            assert ask_at_once(calls) == {None: CLIENTS}
        start = time.monotonic()
        with Rest(server.rest, retries=0) as rest:
            assert ask_at_once(rest) == {None: CLIENTS}
        assert time.monotonic() - start < 0.1 * CLIENTS / 2  # and not in turns of eight
    with StandInServer(server.models, grpc_threads=8) as server, Grpc(server.grpc, retries=0) as calls:
        assert ask_at_once(calls).keys() == {None, "RESOURCE_EXHAUSTED"}
