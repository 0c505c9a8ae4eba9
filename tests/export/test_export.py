"""A version that an export publishes: its files, and what is not published."""

import hashlib
import json
import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import zoo
from export import manifest, publish, warmup
from export.__main__ import main
from export.errors import ExportError
from export.saved_model import BATCHING, _aggregated, export
from export.serving import configuration
from export.signatures import concrete
from export.signatures.entry import TABLE, Entry
from export.signatures.inputs import probe_rows
from tests.models.exported import COMPONENTS, SAMPLES, only, small
from zoo.commands.signals import deferred_signals

pytestmark = pytest.mark.slow

SETTINGS = {"components": COMPONENTS, "samples": SAMPLES, "progress": False}


@pytest.fixture(scope="module")
def vae():
    vae = small("tril_vae", event_shape=(4, 4, 1))
    vae.compile(keras.optimizers.Adam(1e-9))
    with pytest.warns(UserWarning, match="samplers were removed"):
        vae.fit(probe_rows(vae, 8)["x"], verbose=0)  # there is an optimizer's state now
    vae.add_sampler("aggregated", probe_rows(vae, 30)["x"], progress=False)
    return vae


@pytest.fixture(scope="module")
def version(vae, tmp_path_factory):
    return export(vae, tmp_path_factory.mktemp("served"), source={"run": "small"}, **SETTINGS)


def test_names_and_shapes_are_what_clients_know(version):
    x, z, seed, rows = [None, 4, 4, 1], [None, 4], [None, 2], [None]
    encoded, covariance = {"loc": z, "scale_tril": [None, 4, 4]}, {"covariance": [None, 4, 4]}
    scores = {"elbo": rows, "log_likelihood": rows, "reconstruction": rows, "kl": rows}
    expected = {
        "reconstruct": ({"x": x}, {"mean": x}),
        "reconstruct_bytes": ({"image_bytes": rows}, {"mean": x}),
        "encode": ({"x": x}, encoded),
        "encode_bytes": ({"image_bytes": rows}, encoded),
        "encode_covariance": ({"x": x}, covariance),
        "encode_covariance_bytes": ({"image_bytes": rows}, covariance),
        "encode_sample": ({"x": x, "seed": seed}, {"z": z}),
        "decode": ({"z": z}, {"mean": x, "stddev": x}),
        "decode_png": ({"z": z}, {"image_bytes": rows}),
        "sample_prior": ({"seed": seed}, {"z": z, "mean": x}),
        "sample_aggregated": ({"seed": seed}, {"z": z, "mean": x}),
        "score": ({"x": x, "seed": seed}, scores),
        "score_bytes": ({"image_bytes": rows, "seed": seed}, scores),
        "interpolate": ({"x": x, "y": x, "t": rows}, {"mean": x}),
    }
    types = {"seed": "int32", "image_bytes": "string"}
    for name, signature in manifest.read(version)["signatures"].items():
        for side, shapes in zip(("inputs", "outputs"), expected.pop(name), strict=True):
            described = {k: {"dtype": types.get(k, "float32"), "shape": shape} for k, shape in shapes.items()}
            assert signature[side] == described, name
    assert not expected


def test_the_manifest_says_what_it_is(version):
    found = manifest.read(version)
    assert (found["name"], found["source"], found["support"]) == ("tril_vae", {"run": "small"}, "unit")
    assert (found["event_shape"], found["latent"], found["input_range"]) == ([4, 4, 1], 4, [0, 1])
    assert found["parts"]["posterior"] == "tril"
    assert found["versions"]["tensorflow"] == tf.__version__
    kl = found["aggregated"].pop("kl_from_all")
    assert kl > 0
    assert found["aggregated"] == {"sampler": "compressed", "components": COMPONENTS, "examples": 30}
    assert [found[key] for key in ("max_batch_size", "max_rows", "max_pixels")] == [64, 1024, 2**24]


def test_the_manifest_has_the_checksums_of_all_files(version):
    found = manifest.read(version)
    files = {str(path.relative_to(version)) for path in version.rglob("*") if path.is_file()}
    assert files - {manifest.FILE} == set(found["sha256"])
    for name, digest in found["sha256"].items():
        assert hashlib.sha256((version / name).read_bytes()).hexdigest() == digest


def test_each_variable_is_saved_once_and_nothing_else(vae, version):
    checkpoint = tf.train.load_checkpoint(str(version / "variables" / "variables"))
    shapes = checkpoint.get_variable_to_shape_map()
    sizes = sum(np.prod(shape, dtype=int) * 4 for name, shape in shapes.items() if "OBJECT_GRAPH" not in name)
    parts = [vae.encoder, vae.posterior, vae.decoder, vae.likelihood]
    networks = sum(np.prod(weight.shape) for part in parts for weight in part.weights)
    sampler = COMPONENTS * (1 + 4 + 16)
    assert sizes == 4 * (networks + sampler)
    assert (version / "variables" / "variables.data-00000-of-00001").stat().st_size < sizes + 4_000


def test_a_warm_up_request_for_each_signature_the_same_each_time(vae, version, tmp_path):
    path = version / warmup.FILE
    logs = [prediction_log_pb2.PredictionLog.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]
    specs = [log.predict_log.request.model_spec for log in logs]
    assert {spec.signature_name for spec in specs} == set(manifest.read(version)["signatures"])
    assert {spec.name for spec in specs} == {"tril_vae"}
    again = {
        name: tf.function(lambda **_: 0).get_concrete_function(**_specs(tensors["inputs"]))
        for name, tensors in manifest.read(version)["signatures"].items()
    }
    (tmp_path / "assets.extra").mkdir()
    warmup.write(tmp_path, vae, "tril_vae", again)
    assert (tmp_path / warmup.FILE).read_bytes() == path.read_bytes()


def _specs(tensors):
    return {name: tf.TensorSpec(spec["shape"], spec["dtype"], name=name) for name, spec in tensors.items()}


def test_the_version_says_how_it_is_batched(version):
    assert (version / BATCHING).read_text().splitlines() == [
        *("max_batch_size { value: 64 }", "batch_timeout_micros { value: 1000 }", "max_enqueued_batches { value: 100 }")
    ]


def of_all_rows(model, x):
    return {"centered": x - tf.reduce_mean(x, axis=0)}


def infinite(model, z):
    return {"y": 1 / (z - z)}


def drawn_from_a_state(model, x):
    return {"z": x + tf.random.normal([4, 4, 1])}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (of_all_rows, "'centered' of 'of_all_rows' at 3 rows is .* in the C\\+\\+ loader, expected .* as in Python"),
        (infinite, "TensorFlow says: 'y' is not finite for these inputs : Tensor had Inf values"),
        (drawn_from_a_state, "stateful_random: RandomStandardNormal draws from a state"),
    ],
)
def test_an_export_that_fails_a_check_is_not_published(vae, tmp_path, monkeypatch, function, said):
    table = {"reconstruct": TABLE["reconstruct"]}
    bad = {function.__name__: Entry(function)}
    monkeypatch.setattr(concrete, "TABLE", table | bad)
    with pytest.raises(ExportError, match=said):
        export(vae, tmp_path / "served", **SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_what_clients_of_the_last_version_could_not_use_needs_a_word(vae, version, monkeypatch):
    only(monkeypatch, "reconstruct", "encode")
    served = version.parent.parent
    with pytest.raises(ValueError, match=r"could not use this version: no 'decode'; no 'decode_png'; .* --replace"):
        export(vae, served, **SETTINGS)
    assert [path.name for path in publish.versions(served / "tril_vae")] == ["1"]
    assert export(vae, served, name="other", **SETTINGS).parent.name == "other"


@pytest.mark.parametrize("name", ["a/b", "a:b", "", ".", "..", "-x", "é", "models.config"])
def test_names_that_do_not_fit_into_addresses_are_refused(vae, tmp_path, name):
    with pytest.raises(ValueError, match=r"Expected a name of letters|is the name of a file"):
        export(vae, tmp_path, name=name, **SETTINGS)


@pytest.mark.parametrize("setting", ["samples", "components", "max_batch_size", "max_rows", "max_pixels"])
def test_settings_that_make_no_sense_are_refused(vae, tmp_path, setting):
    with pytest.raises(ValueError, match=setting):
        export(vae, tmp_path, **(SETTINGS | {setting: 0}))


def test_no_larger_batches_are_promised_than_requests_may_be(vae, tmp_path):
    with pytest.raises(ValueError, match="max_batch_size to be at most max_rows, got 9 and 8"):
        export(vae, tmp_path, max_batch_size=9, max_rows=8, **SETTINGS)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_an_export_and_leaves_nothing(vae, tmp_path, monkeypatch, number, status):
    only(monkeypatch, "reconstruct")
    zoo.save(vae, tmp_path / "run")
    monkeypatch.setattr(warmup, "write", lambda *_: os.kill(os.getpid(), number))
    with pytest.raises(SystemExit) as ended:
        main(["--run", str(tmp_path / "run"), "--out", str(tmp_path / "served"), "--no-aggregated"])
    assert ended.value.code == status
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_signal_that_comes_too_late_changes_nothing(vae, tmp_path, monkeypatch):
    write = configuration.write

    def late(folder):
        os.kill(os.getpid(), signal.SIGTERM)
        write(folder)

    only(monkeypatch, "reconstruct")
    monkeypatch.setattr(configuration, "write", late)
    with deferred_signals():
        assert export(vae, tmp_path, **SETTINGS).is_dir()
    assert (tmp_path / configuration.MODELS).read_text().count("tril_vae") == 2


def test_a_full_disk_is_said_and_leaves_nothing(vae, tmp_path, monkeypatch):
    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device [Op:SaveV2]")

    only(monkeypatch, "reconstruct")
    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(ExportError, match=r"TensorFlow says: No space left on device. Nothing was published."):
        export(vae, tmp_path / "served", **SETTINGS)
    assert list(tmp_path.iterdir()) == []


def test_no_more_components_are_served_than_are_allowed(vae, tmp_path):
    data = probe_rows(vae, 30)["x"]
    few = small("tril_vae", event_shape=(4, 4, 1))
    few.add_sampler("compressed(components=5)", data, progress=False)
    for most, served in ((5, 5), (4, 4), (6, 5)):
        sampler, said = _aggregated(few, True, most)
        assert sampler.components == said["components"] == served
    few.samplers.remove("aggregated")
    with pytest.raises(ValueError, match=r"has 5 components, more than 4. Raise --components"):
        export(few, tmp_path, **(SETTINGS | {"components": 4}))


def test_the_command_exports_a_run(vae, tmp_path, capsys):
    run, served = tmp_path / "runs" / "small", tmp_path / "served"
    zoo.save(vae, run)
    settings = {"format": "vae-zoo run", "data": "/somewhere/else/faces.npz", "epochs": 3}
    (run / "config.json").write_text(json.dumps(settings))
    main(
        [
            "--run",
            str(run),
            "--out",
            str(served),
            "--no-aggregated",
            "--samples",
            "1",
            "--max-batch-size",
            "7",
            "--max-rows",
            "9",
        ]
    )
    said = capsys.readouterr().out
    assert "encode_bytes             image_bytes        → loc, scale_tril" in said
    assert "without sample_aggregated: asked for by --no-aggregated" in said
    assert "13 signatures" in said
    found = manifest.read(served / "tril_vae" / "1")
    assert found["source"] == {"run": "small", "config": {"data": "faces.npz", "epochs": 3}}
    assert (found["score_samples"], found["max_rows"]) == (1, 9)
    assert "max_batch_size { value: 7 }" in (served / "tril_vae" / "1" / BATCHING).read_text()
    assert {path.name for path in served.iterdir()} == {
        *("tril_vae", "models.config", "models.local.config", "monitoring.config", "compose.yaml")
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "error: Expected the folder of a run, --run"),
        (["--run", "nowhere"], "error: No preset 'nowhere'. Expected the name of a preset"),
    ],
)
def test_the_command_ends_with_a_sentence(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert str(ended.value).startswith(said)
    assert list(tmp_path.iterdir()) == []
