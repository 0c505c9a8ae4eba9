"""Every kind of data, exported: raw data go in, as a client has them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from export import manifest
from export.checks.proof import Loader
from export.saved_model import export
from export.signatures.inputs import probe_rows
from export.signatures.to_float32 import in_float32
from tests.models.exported import COMPONENTS, SAMPLES, expected, only, small

pytestmark = pytest.mark.slow

SETTINGS = {"components": COMPONENTS, "samples": SAMPLES, "progress": False}
BYTES = {"reconstruct_bytes", "encode_bytes", "score_bytes", "decode_png"}


def served(vae, folder, rows=3, **settings):
    """The signatures of a model's export, and what they make of example rows."""
    version = export(vae, folder, **(SETTINGS | settings))
    found, inputs = manifest.read(version)["signatures"], probe_rows(vae, rows)
    wanted = expected(vae, inputs) if "aggregated" in vae.samplers.fitted else {}
    with Loader(version) as loader:
        got = {name: loader.run(name, {key: inputs[key] for key in found[name]["inputs"]}) for name in found}
    for name in wanted.keys() & found:
        for key, value in wanted[name].items():
            near = 1e-4 * max(1, np.abs(value).max())
            np.testing.assert_allclose(got[name][key], value, rtol=1e-4, atol=near, err_msg=f"{key} of {name}")
    return manifest.read(version), inputs, got


def test_color_images_in_levels(tmp_path):
    vae = small("conv_vae", event_shape=(6, 4, 3), support="levels")
    found, inputs, got = served(vae, tmp_path)
    assert set(found["signatures"]) >= BYTES
    assert got["decode"]["mean"].max() > 20  # levels, as they went in
    png = np.stack([tf.io.decode_png(file).numpy() for file in got["decode_png"]["image_bytes"]])
    assert png.shape == (3, 6, 4, 3)
    np.testing.assert_allclose(png, vae.decode(inputs["z"]).mean(), atol=0.51)


def test_images_of_other_sizes_are_brought_to_the_model_s(tmp_path, monkeypatch):
    only(monkeypatch, "reconstruct")
    vae = small("diag_vae", event_shape=(4, 4, 1), support="binary")
    version = export(vae, tmp_path, **SETTINGS)
    quarters = np.kron([[0, 255], [200, 100]], np.ones((8, 8))).astype(np.uint8)  # 16×16, of four even quarters
    color = np.repeat(quarters[..., None], 3, axis=-1)
    files = np.array([tf.io.encode_png(image).numpy() for image in (quarters[..., None], color)] + [None], object)[:-1]
    x = np.kron([[0, 1], [1, 0]], np.ones((2, 2))).astype(np.float32)[None, :, :, None]  # over a half or not
    with Loader(version) as loader:
        got = loader.run("reconstruct_bytes", {"image_bytes": files})["mean"]
    np.testing.assert_allclose(got, np.repeat(vae.reconstruct(x), 2, axis=0), rtol=1e-4, atol=1e-4)


def test_columns_of_a_table_in_their_own_units(tmp_path):
    vae = small("tril_vae", event_shape=(5,), support="real")
    shift, scale = np.array([1e8, -50, 0, 3, 1e-3]), np.array([1e7, 2, 1e3, 0.5, 1e-4])
    data = shift + scale * np.random.default_rng(0).normal(size=(200, 5))
    vae.adapt(data)
    vae.add_sampler("aggregated", np.float32(data), progress=False)
    found, inputs, got = served(vae, tmp_path)
    assert not set(found["signatures"]) & BYTES
    assert found["input_range"] == [None, None]
    np.testing.assert_allclose((inputs["x"] - shift) / scale, 0, atol=5)  # the examples are such data, too
    # The likelihood's standard deviation is one learned number in standardised units.
    stddev = got["decode"]["stddev"] / data.std(axis=0)
    np.testing.assert_allclose(stddev, stddev[0, 0], rtol=1e-4)


def test_the_simplex_and_many_dimensions(tmp_path):
    vae = zoo.build("diag_vae", (4,), "simplex", latent=130, network="mlp(hidden=(5,))")
    found, inputs, got = served(vae, tmp_path)  # no aggregated posterior was saved with it
    assert found["aggregated"] == {"left_out": "no aggregated posterior was saved with the model"}
    assert "sample_aggregated" not in found["signatures"]
    assert set(got["encode"]) == {"loc", "scale_diag"}
    assert "encode_covariance" not in got  # of 130 × 130
    np.testing.assert_allclose(got["encode"]["scale_diag"], vae.encode(inputs["x"]).stddev(), rtol=1e-5, atol=1e-5)


@pytest.fixture
def half():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_half_precision_dropout_and_batch_normalisation(half, tmp_path, monkeypatch):
    only(monkeypatch, "reconstruct", "encode", "score")
    encoder = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
        ]
    )
    vae = zoo.build("diag_vae", (4, 4, 1), "unit", latent=3, encoder=encoder, network="mlp(hidden=(8,))")
    vae.compile("adam")
    vae.fit(np.random.default_rng(0).random((64, 4, 4, 1)), epochs=2, verbose=0)  # statistics of batches to move
    # Half of the digits would be lost: served numbers are those of the same weights in 32 bits.
    keras.config.set_dtype_policy("float32")
    plain = in_float32(vae)
    assert plain is not vae
    _, inputs, got = served(vae, tmp_path)
    loc = np.asarray(vae.encode(inputs["x"]).mean())
    np.testing.assert_allclose(got["encode"]["loc"], plain.encode(inputs["x"]).mean(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(got["encode"]["loc"], loc, rtol=0.1, atol=0.05)
    assert np.abs(got["encode"]["loc"] - loc).max() > 1e-5
    assert in_float32(plain) is plain
