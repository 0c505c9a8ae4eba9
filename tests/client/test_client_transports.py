"""The ways to a server: REST and gRPC give the same, ask again when it may help, and say what is wrong."""

import socket
import threading
import time

import numpy as np
import pytest

from export.client.signature import Tensor
from export.client.transports.grpc_transport import Grpc
from export.client.transports.refusals import OTHERWISE, ServerError, refusal
from export.client.transports.rest import Rest
from export.client.transports.rest_json import answer
from tests.models.linear_models import linear_model, noise, png, weights
from tests.servers.stand_in_server import Functions, StandInServer

SHAPE = (2, 3, 1)
X = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, *SHAPE)
QUICK = {"timeout": 5.0, "backoff": 0.01}


@pytest.fixture(scope="module")
def server():
    models = {"vae": {1: linear_model((5,)), 3: linear_model(SHAPE)}}
    with StandInServer(models) as running:
        yield running


@pytest.fixture(params=["columns", "rows", "grpc"])
def transport(request, server):
    server.asked.clear()
    server.refusals.clear()
    if request.param == "grpc":
        made = Grpc(server.grpc, **QUICK)
    else:
        made = Rest(server.rest, rows=request.param == "rows", **QUICK)
    with made:
        yield made


def test_numbers_of_several_outputs(transport):
    codes = transport.predict("vae", "encode", {"x": X})
    loc = X.reshape(4, 6) @ weights(6)
    np.testing.assert_allclose(codes["loc"], loc, rtol=1e-6)
    np.testing.assert_allclose(codes["scale_diag"], np.exp(loc / 9), rtol=1e-6)
    assert {name: array.dtype for name, array in codes.items()} == dict.fromkeys(codes, np.float32)


def test_a_single_output_which_json_leaves_bare(transport):
    assert np.array_equal(transport.predict("vae", "serving_default", {"x": X})["mean"], X / 2)


def test_integers_and_several_inputs(transport):
    seed = [[2**31 - 1, 0], [0, 2], [7, 3], [7, 4]]
    scores = transport.predict("vae", "score", {"x": X.astype(np.float64), "seed": seed})
    assert np.array_equal(scores["kl"], noise(np.array(seed))[:, 0])
    assert scores["kl"].shape == (4,)


def test_bytes_there_and_back(transport):
    image = np.arange(0, 60, 10, dtype=np.uint8).reshape(2, 3)
    mean = transport.predict("vae", "reconstruct_bytes", {"image_bytes": [png(image), png(image + 90)]})["mean"]
    np.testing.assert_allclose(mean[1], (image[..., None] + 90) / 510, rtol=1e-6)
    z = np.zeros((2, 2))
    content = transport.predict("vae", "decode_png", {"z": z})["image_bytes"]
    assert content.dtype == object
    assert list(content) == 2 * [png(np.full((2, 3), 128, np.uint8))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_, bytes])
def test_every_type_comes_back_as_it_was(dtype):
    values = np.array([b"\xff\x00", b""], object) if dtype is bytes else np.array([0, 1], dtype)
    specs = {"value_bytes": (dtype, (None,))}
    echo = Functions({"echo": (specs, specs | {"other": (np.int32, (None,))}, _echo)})
    with StandInServer({"echo": echo}) as server:
        for made in (Rest(server.rest, **QUICK), Rest(server.rest, rows=True, **QUICK), Grpc(server.grpc, **QUICK)):
            with made as transport:
                found = transport.predict("echo", "echo", {"value_bytes": values})["value_bytes"]
            assert found.dtype == values.dtype
            assert np.array_equal(found, values)


def _echo(value_bytes):
    return {"value_bytes": value_bytes, "other": np.arange(len(value_bytes))}


def test_versions_and_signatures(transport):
    assert [(v.number, v.state) for v in transport.status("vae")] == [(3, "AVAILABLE"), (1, "AVAILABLE")]
    newest, first = transport.signatures("vae"), transport.signatures("vae", 1)
    assert newest["score"].inputs == {"x": (np.float32, (None, *SHAPE)), "seed": (np.int32, (None, 2))}
    assert newest["decode_png"].outputs == {"image_bytes": (bytes, (None,))}
    assert str(newest["encode_covariance"].outputs["covariance"]) == "float32 [B, 2, 2]"
    others = ["reconstruct", "sample_prior", "score", "serving_default"]
    assert list(first) == ["decode", "encode", "encode_covariance", *others]
    ones = np.ones((1, 5), np.float32)
    assert np.array_equal(transport.predict("vae", "reconstruct", {"x": ones}, version=1)["mean"], ones / 2)


def test_json_of_columns_and_rows(server):
    server.asked.clear()
    x, seed = [[[[0.5], [1.0], [0.0]]] * 2] * 2, [[3, 0], [3, 1]]
    with Rest(server.rest, **QUICK) as columns, Rest(server.rest, rows=True, **QUICK) as rows:
        columns.predict("vae", "score", {"x": x, "seed": seed}, version=3)
        rows.predict("vae", "score", {"x": x, "seed": seed})
        columns.predict("vae", "encode_bytes", {"image_bytes": [png(np.zeros((2, 3), np.uint8))]})
    instances = [{"x": x[0], "seed": [3, 0]}, {"x": x[1], "seed": [3, 1]}]
    (path, first), (_, second), (_, third) = server.asked
    assert path == "/v1/models/vae/versions/3:predict"
    assert first == {"signature_name": "score", "inputs": {"x": x, "seed": seed}}
    assert second == {"signature_name": "score", "instances": instances}
    assert third["inputs"]["image_bytes"][0]["b64"].startswith("iVBORw0KGgo")


@pytest.mark.parametrize(
    "body",
    [{"predictions": [1.5, 2.5]}, {"outputs": [1.5, 2.5]}],
)
def test_bare_answers(body):
    assert answer(body, {"kl": Tensor(np.float32, (None,))})["kl"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"])
def test_what_may_pass_is_asked_again(transport, server, code):
    transport.signatures("vae")
    server.refusals += [code, code]
    assert transport.predict("vae", "encode", {"x": X})["loc"].shape == (4, 2)
    assert not server.refusals
    server.refusals += 6 * [code]
    with pytest.raises(ServerError, match="as the test says") as error:
        transport.predict("vae", "encode", {"x": X})
    assert error.value.code == code
    assert len(server.refusals) == 1  # it was asked five times


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "INTERNAL"])
def test_what_will_not_pass_is_asked_once(transport, server, code):
    transport.signatures("vae")
    server.refusals += [code, code]
    with pytest.raises(ServerError, match=r"for 'encode' of model 'vae', got: as the test says .*\. ."):
        transport.predict("vae", "encode", {"x": X})
    assert len(server.refusals) == 1


@pytest.mark.parametrize("kind", [Rest, Grpc])
def test_a_server_that_is_not_there_and_one_that_starts_late(kind):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    with (
        kind(address, retries=0) as transport,
        pytest.raises(ServerError, match=r"status of model 'vae'.*onnection refused.*make serve"),
    ):
        transport.status("vae")
    late = StandInServer({"vae": linear_model((3,))}, **{"rest_port" if kind is Rest else "grpc_port": port})
    start = threading.Timer(0.1, late.__enter__)
    start.start()
    with kind(address, backoff=0.2, timeout=5.0) as transport:
        assert transport.status("vae")[0].state == "AVAILABLE"
    start.join()
    late.__exit__()


@pytest.mark.parametrize("kind", [Rest, Grpc])
def test_an_answer_that_takes_too_long(kind):
    naps = [0.6]

    def slow(x):
        time.sleep(naps.pop(0) if naps else 0)
        return {"y": x}

    numbers = {"x": (np.float32, (None,))}
    with StandInServer({"slow": Functions({"slow": (numbers, {"y": numbers["x"]}, slow)})}) as server:
        address = server.rest if kind is Rest else server.grpc
        with kind(address, backoff=0.01, timeout=0.25) as transport:
            assert transport.predict("slow", "slow", {"x": [1.0]})["y"] == 1  # the second time
        naps += [0.6, 0.6]
        with kind(address, backoff=0.01, retries=1, timeout=0.25) as transport:
            transport.signatures("slow")
            with pytest.raises(ServerError, match="--timeout") as error:
                transport.predict("slow", "slow", {"x": [1.0]})
        assert error.value.code == "DEADLINE_EXCEEDED"


def test_names_that_the_server_does_not_have(transport):
    with pytest.raises(ServerError, match=r"signatures of model 'vea'.*not found.*--model"):
        transport.predict("vea", "encode", {"x": X})
    with pytest.raises(ServerError, match=r"model 'vae', version 2.*not found"):
        transport.predict("vae", "encode", {"x": X}, version=2)
    with pytest.raises(ValueError, match=r"no signature 'code'. It has: decode, decode_png, encode, "):
        transport.predict("vae", "code", {"x": X})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": X}, r"the inputs 'seed', 'x' for .*, got 'x'"),
        ({"x": X, "seed": [[0, 0]]}, r"as many of each input, got {'seed': 1, 'x': 4}"),
        ({"x": X[:0], "seed": np.zeros((0, 2))}, "one row or more"),
        ({"x": X[:, :, 1:], "seed": 4 * [[0, 0]]}, r"float32 \[B, 2, 3, 1\], got an array of shape \[4, 2, 2, 1\]"),
        ({"x": X, "seed": 4 * [[0, 0.5]]}, r"int32 can hold, got 0.5 at \[0, 1\]"),
        ({"x": X, "seed": 4 * [[0, 2**31]]}, r"int32 can hold"),
        ({"x": np.where(X > 0.9, np.nan, X), "seed": 4 * [[0, 0]]}, r"finite numbers .* got nan at \[3, 1, 0, 0\]"),
        ({"x": X.astype(float) * 1e300, "seed": 4 * [[0, 0]]}, "float32 can hold"),
        ({"x": X.astype(str), "seed": 4 * [[0, 0]]}, "numbers, got values of type <U"),
    ],
)
def test_wrong_inputs_are_not_sent(transport, server, inputs, message):
    with pytest.raises(ValueError, match=message):
        transport.predict("vae", "score", inputs)
    assert not server.asked


def test_text_in_place_of_bytes_is_not_sent(transport):
    with pytest.raises(ValueError, match="bytes, got other objects"):
        transport.predict("vae", "encode_bytes", {"image_bytes": ["a.png"]})


def test_what_the_server_refuses_is_said(transport):
    with pytest.raises(ServerError, match=r"'encode_bytes' of model 'vae', got: not an image .*metadata"):
        transport.predict("vae", "encode_bytes", {"image_bytes": [b"no image"]})


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (
            "assertion failed: [Expected x in {0, \\342\\200\\246, 255} (support \\'levels\\').]\n"
            "\t [[{{function_node __inference_f_1}}{{node Assert/Assert}}]]",
            "Expected x in {0, …, 255} (support 'levels')",
        ),
        (
            "{{function_node f}} assertion failed: [Expected 2 rows, got] [3]\n\t [[{{node A}}]]",
            "Expected 2 rows, got 3",
        ),
        ("No such file: C:\\new\\001", "No such file: C:\\new\\001"),
    ],
)
def test_messages_without_escapes_and_places_in_the_graph(said, read):
    assert str(refusal("here", "this", said, "INTERNAL")) == f"Asked here for this, got: {read}. {OTHERWISE}"


def test_a_port_of_the_other_kind(server):
    with Rest(server.grpc, retries=0) as rest, pytest.raises(ServerError, match=r"not HTTP.*8501"):
        rest.status("vae")
    with Grpc(server.rest, retries=0) as calls, pytest.raises(ServerError, match="8501"):
        calls.status("vae")
    with pytest.raises(ValueError, match="host and a port"):
        Grpc("http://localhost:8500")


def test_a_connection_that_is_cut():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=lambda: [listening.accept()[0].close() for _ in range(3)])
        answering.start()
        rest = Rest(f"127.0.0.1:{listening.getsockname()[1]}", retries=2, backoff=0.01)
        with rest, pytest.raises(ServerError, match=r"onnection .*make serve"):
            rest.status("vae")
        answering.join(5)
    assert not answering.is_alive()  # it was asked three times
