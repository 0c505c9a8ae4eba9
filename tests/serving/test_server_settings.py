"""What the server is started with, on the stand-in: requests of no rows, and many clients at once."""

import time

import grpc
import numpy as np
import pytest
import requests

from export.client.transports.grpc_transport import Grpc
from export.client.transports.rest import Rest
from export.serving import configuration
from tests.servers.hard_requests import ask_at_once, ask_for_no_rows
from tests.servers.stand_in_server import Functions, StandInServer, as_started

pytestmark = pytest.mark.slow

X = {"x": (np.float32, (None, 3))}
NONE = np.zeros((0, 3), np.float32)
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


def test_requests_of_no_rows_do_not_stop_the_server():
    with started() as server, Rest(server.rest, retries=0) as rest, Grpc(server.grpc, retries=0) as calls:
        for _ in range(3):
            assert ask_for_no_rows(server.grpc, "vae", "doubled", NONE)["x"].shape == (0, 3)
            body = {"signature_name": "doubled", "inputs": {"x": []}}
            assert requests.post(f"http://{server.rest}/v1/models/vae:predict", json=body, timeout=5).status_code == 400
        for client in (rest, calls):
            assert client.predict("vae", "doubled", {"x": np.ones((1, 3))})["x"].tolist() == [[2, 2, 2]]


def test_with_batching_they_are_never_answered_and_the_client_does_not_send_them():
    with started(batching=True) as server:
        with pytest.raises(grpc.RpcError, match="DEADLINE_EXCEEDED"):
            ask_for_no_rows(server.grpc, "vae", "doubled", NONE, timeout=0.3)
        for client in (Rest(server.rest, retries=0, timeout=5), Grpc(server.grpc, retries=0, timeout=5)):
            with client, pytest.raises(ValueError, match="one row or more"):
                client.predict("vae", "doubled", {"x": np.zeros((0, 3))})
        assert server.asked == []


def test_many_clients_at_once_are_answered():
    with started() as server:
        with Grpc(server.grpc, retries=0) as calls:
            assert ask_at_once(calls, CLIENTS, "vae", "slow", np.ones((1, 3))) == {None: CLIENTS}
        start = time.monotonic()
        with Rest(server.rest, retries=0) as rest:
            assert ask_at_once(rest, CLIENTS, "vae", "slow", np.ones((1, 3))) == {None: CLIENTS}
        assert time.monotonic() - start < 0.1 * CLIENTS / 2  # and not in turns of eight
    with StandInServer(server.models, grpc_threads=8) as server, Grpc(server.grpc, retries=0) as calls:
        assert ask_at_once(calls, CLIENTS, "vae", "slow", np.ones((1, 3))).keys() == {None, "RESOURCE_EXHAUSTED"}
