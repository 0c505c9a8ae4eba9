"""From an export to a client's answers through a model server, started as `make serve` starts it.

The server is the stand-in, which has the C++ loader and little else of a server; and TensorFlow's own where
`tensorflow_model_server` is on the PATH.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from export import manifest, publish
from export.client.transports.grpc_transport import Grpc
from export.client.transports.refusals import ServerError
from export.client.transports.rest import Rest
from export.saved_model import export
from export.serving.start_server import SERVER
from export.signatures.concrete import functions
from export.signatures.frozen_model import FrozenModel
from export.signatures.inputs import probe_rows
from tests import ROOT
from tests.models.exported import COMPONENTS, SAMPLES, small
from tests.servers.hard_requests import ask_at_once, ask_for_no_rows

pytestmark = pytest.mark.slow

STAND_IN = ROOT / "tests/servers/stand_in_model_server.py"
PATIENCE = 120  # seconds


@pytest.fixture(params=["stand_in", pytest.param("tensorflow", marks=pytest.mark.serving)])
def path(request, tmp_path):
    """The PATH on which a server is found."""
    if request.param == "tensorflow":
        if not shutil.which(SERVER):
            pytest.skip(f"{SERVER} is not on the PATH")
        return os.environ["PATH"]
    program = tmp_path / "bin" / SERVER
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def vae():
    return small("tril_vae", event_shape=(4, 4, 1))


@pytest.fixture(scope="module")
def version(vae, tmp_path_factory):
    return export(vae, tmp_path_factory.mktemp("once"), components=COMPONENTS, samples=SAMPLES, progress=False)


@pytest.fixture
def served(version, tmp_path):
    """A folder with that model as version 1."""
    copied(version, tmp_path / "served")
    return tmp_path / "served"


def copied(version, folder, name="tril_vae"):
    return publish.publish(folder / name, lambda to: shutil.copytree(version, to, dirs_exist_ok=True))


def copied_in_part(version, folder, name="tril_vae"):
    def copy(to):
        shutil.copytree(version, to, dirs_exist_ok=True)
        (to / "variables" / "variables.data-00000-of-00001").write_bytes(b"")

    return publish.publish(folder / name, copy)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(path, served):
    """A server that `make serve` starts, and a way of asking it by REST and by gRPC."""
    grpc, rest = free_port(), free_port()
    words = [sys.executable, "-m", "export.serving.start_server", "--served", str(served)]
    words += ["--grpc-port", str(grpc), "--rest-port", str(rest)]
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (served / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        try:
            with Rest(f"127.0.0.1:{rest}", retries=0) as by_rest, Grpc(f"127.0.0.1:{grpc}", retries=0) as by_grpc:
                until(lambda: states(by_rest) and states(by_grpc), served, process)
                yield by_rest, by_grpc
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def states(client, model="tril_vae"):
    """The states of the versions of a model: number -> state; none where the server does not answer."""
    try:
        return {version.number: version.state for version in client.status(model)}
    except ServerError:
        return {}


def until(holds, served, process=None):
    """Waits until something holds; with what the server said, if it never does, or the server ends."""
    start = time.monotonic()
    while not holds():
        waits = time.monotonic() - start < PATIENCE and (process is None or process.poll() is None)
        assert waits, (served / "log").read_text()[-3000:]
        time.sleep(0.1)


@contextmanager
def asking(clients, ask):
    """Asks by each client, one question after the other; the answers and the errors, lists that grow."""
    answers, failures, done = [], [], threading.Event()

    def ask_on(client):
        while not done.is_set():
            try:
                answers.append(ask(client))
                time.sleep(0.01)  # the server is to have its share of the cores
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=ask_on, args=[client], daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield answers, failures
    finally:  # a test that fails ends, too
        done.set()
        for thread in threads:
            thread.join(PATIENCE)


def test_every_signature_answers_as_in_python_also_beside_broken_versions(path, served, vae, version):
    model = FrozenModel(vae, vae.samplers.fitted["aggregated"].compress(COMPONENTS), SAMPLES)
    rows = probe_rows(vae, 3)
    takes = manifest.read(served / "tril_vae" / "1")["signatures"]
    expected = {name: outputs_in_python(signature, rows) for name, signature in functions(model).items()}
    assert set(expected) == set(takes)
    for _ in range(2):
        with running(path, served) as clients:
            for _ in range(12):  # as many as stop a server of two cores that merges requests to batches
                got = ask_for_no_rows(clients[1].address, "tril_vae", "encode", rows["x"][:0])
                assert {len(value) for value in got.values()} == {0}
            for client in clients:
                assert states(client) == {1: "AVAILABLE"}
                assert_answers(client, rows, takes, expected)
        # The server would not start if it had to load one of these, a model and the two newest versions of another.
        copied_in_part(version, served, "broken")
        for _ in range(2):
            copied_in_part(version, served)
    said = (served / "log").read_text()
    assert "warning: Version 3 of 'tril_vae' is damaged: 'variables/" in said
    assert "warning: 'broken' is left out" in said


def assert_answers(client, rows, takes, expected):
    assert ask_at_once(client, 32, "tril_vae", "reconstruct", rows["x"]) == {None: 32}
    for name, outputs in expected.items():
        got = client.predict("tril_vae", name, {key: rows[key] for key in takes[name]["inputs"]})
        assert_near(got, outputs, name)
    with pytest.raises(ServerError, match=r"Expected x to be finite and in \[0, 1\] \(support unit\) \("):
        client.predict("tril_vae", "encode", {"x": rows["x"] + 2})


def outputs_in_python(signature, rows):
    tensors = {key: rows[key].tolist() if key == "image_bytes" else rows[key] for key in signature.inputs}
    return {key: value.numpy() for key, value in signature.function(**tensors).items()}


def assert_near(got, outputs, name):
    assert set(got) == set(outputs)
    for key, value in outputs.items():
        if value.dtype == object:
            assert got[key].tolist() == value.tolist()
        else:
            np.testing.assert_allclose(got[key], value, rtol=1e-3, atol=1e-4, err_msg=f"{name} {key}")


def test_a_new_version_under_load_and_a_broken_one(path, served, version, vae):
    x = probe_rows(vae, 2)["x"]
    expected = vae.encode(x).mean().numpy()

    def ask(client):
        got = client.predict("tril_vae", "encode", {"x": x})["loc"]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)

    with running(path, served) as clients, asking(clients, ask) as (answers, failures):
        copied(version, served)
        until(lambda: states(clients[0]).get(2) == "AVAILABLE", served)
        copied_in_part(version, served)
        until(lambda: states(clients[0]).get(3) == "END", served)
        before = len(answers)
        until(lambda: len(answers) > before + 10, served)
        assert states(clients[0])[2] == "AVAILABLE"
        assert failures == []
