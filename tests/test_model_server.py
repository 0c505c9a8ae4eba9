"""From an export to a client's answers through a model server, started as `make serve` starts it.

The server is the stand-in, which has the C++ loader and little else of a server; and TensorFlow's own where
`tensorflow_model_server` is on the PATH.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from exported import COMPONENTS, SAMPLES, small

from export import examples, manifest, publish
from export.client.rest import Rest
from export.client.rpc import Grpc
from export.errors import ServerError
from export.saved_model import export
from export.served_model import ServedModel
from export.serving import configuration
from export.serving.serve import SERVER
from export.signatures import functions

STAND_IN = Path(__file__).parent / "stand_in_model_server.py"
ROOT = STAND_IN.parent.parent
PATIENCE = 60  # seconds


@pytest.fixture(params=["stand_in", pytest.param("tensorflow", marks=pytest.mark.serving)])
def program(request):
    """The words that a server's command begins with."""
    if request.param == "stand_in":
        return [sys.executable, str(STAND_IN)]
    if not shutil.which(SERVER):
        pytest.skip(f"{SERVER} is not on the PATH")
    return [SERVER, "--file_system_poll_wait_seconds=1"]


@pytest.fixture(scope="module")
def vae():
    return small("tril_vae", event_shape=(4, 4, 1))


@pytest.fixture(scope="module")
def version(vae, tmp_path_factory):
    return export(vae, tmp_path_factory.mktemp("once"), components=COMPONENTS, samples=SAMPLES, progress=False)


@pytest.fixture
def served(version, tmp_path):
    """A folder with that model as version 1."""
    copied(version, tmp_path)
    configuration.write(tmp_path)
    return tmp_path


def copied(version, folder):
    return publish.publish(folder / "tril_vae", lambda to: shutil.copytree(version, to, dirs_exist_ok=True))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(program, served):
    """A server on a folder, and a way of asking it by REST and by gRPC."""
    grpc, rest = free_port(), free_port()
    flags = configuration.flags(served, configuration.LOCAL_MODELS, grpc, rest)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (served / "log").open("w") as log:
        process = subprocess.Popen([*program, *flags], stdout=log, stderr=log, env=environment)
        try:
            with Rest(f"127.0.0.1:{rest}", retries=0) as by_rest, Grpc(f"127.0.0.1:{grpc}", retries=0) as by_grpc:
                until(lambda: available(by_rest) and available(by_grpc), served)
                yield by_rest, by_grpc
        finally:
            process.terminate()
            process.wait(PATIENCE)


def available(client):
    """The versions that answer."""
    try:
        return [version.number for version in client.status("tril_vae") if version.state == "AVAILABLE"]
    except ServerError:
        return []


def until(holds, served):
    """Waits until something holds; with what the server said, if it never does."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < PATIENCE, (served / "log").read_text()[-3000:]
        time.sleep(0.1)


def test_every_signature_answers_as_in_python_before_and_after_a_restart(program, served, vae):
    model = ServedModel(vae, vae.samplers.fitted["aggregated"].reduced(COMPONENTS), SAMPLES)
    rows = examples.inputs(vae, 3)
    takes = manifest.read(served / "tril_vae" / "1")["signatures"]
    expected = {}
    for name, (names, function) in functions(model).items():
        tensors = {key: rows[key].tolist() if key == "image_bytes" else rows[key] for key in names}
        expected[name] = {key: value.numpy() for key, value in function(**tensors).items()}
    assert set(expected) == set(takes)
    for _ in range(2):
        with running(program, served) as clients:
            for name, outputs in expected.items():
                for client in clients:
                    got = client.predict("tril_vae", name, {key: rows[key] for key in takes[name]["inputs"]})
                    assert set(got) == set(outputs)
                    for key, value in outputs.items():
                        if value.dtype == object:
                            assert got[key].tolist() == value.tolist()
                        else:
                            np.testing.assert_allclose(got[key], value, rtol=1e-3, atol=1e-4, err_msg=f"{name} {key}")
            for client in clients:  # the client would not send such
                with pytest.raises(ServerError, match="Expected x to be finite and in"):
                    client.predict("tril_vae", "encode", {"x": rows["x"] + 2})


def test_a_new_version_under_load_and_a_broken_one(program, served, version, vae):
    x = examples.inputs(vae, 2)["x"]
    expected = vae.encode(x).mean().numpy()
    failures, answers, done = [], [], threading.Event()

    def load(client):
        while not done.is_set():
            try:
                got = client.predict("tril_vae", "encode", {"x": x})["loc"]
                np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
                answers.append(got)
            except Exception as error:
                failures.append(error)

    with running(program, served) as clients:
        threads = [threading.Thread(target=load, args=[client]) for client in clients]
        for thread in threads:
            thread.start()
        copied(version, served)
        until(lambda: 2 in available(clients[0]), served)

        def broken(to):
            shutil.copytree(version, to, dirs_exist_ok=True)
            (to / "variables" / "variables.data-00000-of-00001").write_bytes(b"")

        publish.publish(served / "tril_vae", broken)
        refused = re.compile(r"(version: 3\}|tril_vae/3) failed")
        until(lambda: refused.search((served / "log").read_text()), served)
        before = len(answers)
        until(lambda: len(answers) > before + 10, served)
        done.set()
        for thread in threads:
            thread.join()
        assert available(clients[0])[0] == 2
    assert failures == []
