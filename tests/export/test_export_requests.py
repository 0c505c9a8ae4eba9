"""What a published version answers, and what it refuses."""

import base64
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from export.checks.proof import Loader
from export.client.__main__ import main as ask
from export.client.transports.grpc_transport import Grpc
from export.client.transports.rest import Rest
from export.errors import ExportError
from export.saved_model import export
from export.signatures.inputs import probe_rows
from tests import ROOT
from tests.models.exported import COMPONENTS, SAMPLES, small
from tests.servers.served_exports import Loaded
from tests.servers.stand_in_server import StandInServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vae():
    return small("tril_vae", event_shape=(4, 4, 1))


@pytest.fixture(scope="module")
def version(vae, tmp_path_factory):
    limits = {"max_rows": 128, "max_pixels": 2**20}
    folder = tmp_path_factory.mktemp("served")
    return export(vae, folder, components=COMPONENTS, samples=SAMPLES, progress=False, **limits)


@pytest.fixture(scope="module")
def loader(version):
    with Loader(version) as loader:
        yield loader


PNG = tf.io.encode_png(np.zeros((4, 4, 1), np.uint8)).numpy()
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")  # a pixel


def strings(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


def headed(side, name=b"IHDR"):
    """A PNG file whose header says that it is that high and wide, and that has no pixels."""
    return PNG[:12] + name + 2 * side.to_bytes(4, "big") + PNG[24:]


BLACK = np.zeros((1024, 1025, 1), np.uint8)  # a column more than may be
LARGE, LARGE_JPEG = tf.io.encode_png(BLACK).numpy(), tf.io.encode_jpeg(BLACK).numpy()
X, SEED = np.zeros((2, 4, 4, 1), np.float32), np.zeros((2, 2), np.int32)
BAD = {
    "another width": ("encode", {"x": X[:, :3]}, "not compatible with expected shape"),
    "flat rows of the same size": ("encode", {"x": X.reshape(2, 16)}, "not compatible with expected shape"),
    "one row without its axis": ("encode", {"x": X[0]}, "not compatible with expected shape"),
    "NaN": ("encode", {"x": np.where(X == 0, np.nan, X)}, "Expected x to be finite and in \\[0, 1\\]"),
    "infinity": ("reconstruct", {"x": X + np.inf}, "Expected x to be finite"),
    "levels in place of numbers to one": ("score", {"x": X + 255, "seed": SEED}, "Expected x to be finite and in"),
    "fewer seeds than rows": ("score", {"x": X, "seed": SEED[:1]}, "as many rows of seed as of x, got 1 and 2"),
    "one seed for all": ("score", {"x": X, "seed": SEED[0]}, "not compatible with expected shape"),
    "fewer ends than starts": ("interpolate", {"x": X, "y": X[:1], "t": np.zeros(2, np.float32)}, "as many rows"),
    "no finite t": ("interpolate", {"x": X, "y": X, "t": np.full(2, np.nan, np.float32)}, "Expected t to be finite"),
    "another latent size": ("decode", {"z": np.zeros((2, 3), np.float32)}, "not compatible with expected shape"),
    "NaN in z": ("decode_png", {"z": np.full((2, 4), np.nan, np.float32)}, "Expected z to be finite"),
    "no image": ("encode_bytes", {"image_bytes": strings(PNG, b"no image")}, "(?i)png|image"),
    "an empty file": ("encode_bytes", {"image_bytes": strings(b"", PNG)}, "(?i)png|image"),
    "a file cut short": ("score_bytes", {"image_bytes": strings(PNG, PNG[:-30]), "seed": SEED}, "(?i)png|image"),
    "another kind of image": ("reconstruct_bytes", {"image_bytes": strings(GIF)}, "(?i)png|image"),
    "fewer seeds than images": ("score_bytes", {"image_bytes": strings(PNG, PNG), "seed": SEED[:1]}, "as many rows"),
    "no such signature": ("encoder", {"x": X}, "No signature 'encoder'. Known: "),
    "no such input": ("encode", {"y": X}, "'encode' takes x; got nothing"),
    "words": ("encode", {"x": strings(b"a", b"b")}, "could not convert|float"),
    "many rows": ("encode", {"x": X[:1].repeat(129, axis=0)}, "Expected at most 128 rows in a request, got 129"),
    "many images": (
        "encode_bytes",
        {"image_bytes": strings(*129 * [PNG])},
        "at most 128 rows in a request, got 129",
    ),
    "a large PNG": (
        "encode_bytes",
        {"image_bytes": strings(PNG, LARGE)},
        f"of at most {2**20} pixels, got one of 1049600",
    ),
    "a large JPEG": (
        "encode_bytes",
        {"image_bytes": strings(LARGE_JPEG)},
        f"of at most {2**20} pixels, got one of 1049600",
    ),
    "a PNG of all": (
        "encode_bytes",
        {"image_bytes": strings(headed(2**32 - 1))},
        "pixels, got one of 4611686014132420609",
    ),
    "no header": (
        "encode_bytes",
        {"image_bytes": strings(headed(9, b"tEXt"))},
        "Expected PNG images to begin with the chunk",
    ),
    "a long file": ("encode_bytes", {"image_bytes": strings(PNG + bytes(2**23))}, f"at most {2**23} bytes, got 8388"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests_are_refused_and_the_next_ones_answered(loader, case):
    signature, inputs, said = BAD[case]
    with pytest.raises(ExportError, match=said) as refused:
        loader.run(signature, inputs)
    assert not any(trace in str(refused.value) for trace in ("\\", "[[", "{{", "assertion failed"))
    assert loader.run("encode", {"x": X})["loc"].shape == (2, 4)


def test_no_rows_give_no_rows(loader):
    for signature, inputs in {"encode": {"x": X[:0]}, "score": {"x": X[:0], "seed": SEED[:0]}}.items():
        assert all(len(value) == 0 for value in loader.run(signature, inputs).values())
    assert len(loader.run("encode_bytes", {"image_bytes": strings()})["loc"]) == 0


def test_rows_do_not_depend_on_what_pads_their_batch(vae, loader):
    x, seed = (probe_rows(vae, 5)[name] for name in ("x", "seed"))
    padded = np.concatenate([x[:2], x[:1], x[:1]]), np.concatenate([seed[:2], seed[:1], seed[:1]])  # as a server does
    for signature in ("score", "encode_sample"):
        alone = loader.run(signature, {"x": x[1:2], "seed": seed[1:2]})
        together = loader.run(signature, {"x": padded[0], "seed": padded[1]})
        for name, value in alone.items():
            np.testing.assert_allclose(together[name][1:2], value, rtol=1e-5, atol=1e-5)


def test_a_client_gets_by_rest_and_grpc_what_the_model_gives(vae, version, tmp_path):
    rows = probe_rows(vae, 3)
    with Loaded(version) as model, StandInServer({"tril_vae": model}) as server:
        ways = [Rest(server.rest), Rest(server.rest, rows=True), Grpc(server.grpc)]
        for transport in ways:
            with transport as client:
                loc = client.predict("tril_vae", "encode", {"x": rows["x"]})["loc"]
                np.testing.assert_allclose(loc, vae.encode(rows["x"]).mean(), rtol=1e-5, atol=1e-5)
                png = client.predict("tril_vae", "decode_png", {"z": rows["z"]})["image_bytes"]
                levels = np.stack([tf.io.decode_png(file) for file in png])
                np.testing.assert_allclose(levels, 255 * vae.decode(rows["z"]).mean(), atol=0.51)
                mean = client.predict("tril_vae", "reconstruct_bytes", {"image_bytes": png})["mean"]
                expected = vae.reconstruct(np.float32(levels) / np.float32(255))
                np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-5)
        command = ["encode", str(tmp_path / "x.npy"), "--address", server.rest, "--out", str(tmp_path / "codes.npz")]
        x = probe_rows(vae, 135)["x"]
        for count, server.batching in ((70, True), (135, False)):
            np.save(tmp_path / "x.npy", x[:count])
            ask([*command, "--overwrite", "--batch", "200"])  # more than is taken at once: 64 by the server, else 128
            codes = np.load(tmp_path / "codes.npz")["loc"]
            np.testing.assert_allclose(codes, vae.encode(x[:count]).mean(), rtol=1e-5, atol=1e-5)
    sent = [body for _, body in server.asked]
    columns, rows = [["inputs", "signature_name"]], [["instances", "signature_name"]]
    assert [sorted(body) for body in sent] == 3 * columns + 3 * rows + 6 * columns  # refused once, 64 and 6; 128 and 7
    assert np.shape(sent[0]["inputs"]["x"]) == (3, 4, 4, 1)
    assert set(sent[2]["inputs"]["image_bytes"][0]) == {"b64"}


WITHOUT_TENSORFLOW = """
import sys
sys.argv = ["export.checks.c_api", sys.argv[1]]
from export.checks.c_api import main
main()
assert "tensorflow" not in sys.modules
import numpy.random, ssl  # these crash where TensorFlow's symbols stand in for OpenSSL's
print("done")
"""


def test_the_loader_answers_json_and_never_imports_tensorflow(vae, version):
    rows = probe_rows(vae, 2)
    requests = [{"inputs": {"x": rows["x"].tolist()}}, {"signature_name": "nothing", "inputs": {}}]
    text = "".join(json.dumps(request) + "\n" for request in requests)
    words = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(version)]
    done = subprocess.run(words, cwd=ROOT, input=text, capture_output=True, text=True, check=False)
    first, second, last = done.stdout.splitlines()
    np.testing.assert_allclose(json.loads(first)["outputs"]["mean"], vae.reconstruct(rows["x"]), rtol=1e-5, atol=1e-5)
    assert "No signature 'nothing'" in json.loads(second)["error"]
    assert last == "done"


def test_what_does_not_load_is_said(tmp_path):
    with Loader(tmp_path) as loader, pytest.raises(ExportError, match=r"does not serve .* (Could not find|not found)"):
        loader.run("encode", {})
