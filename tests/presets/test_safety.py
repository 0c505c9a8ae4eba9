"""Presets made by attackers are refused, and what they do is shown where the check is left out."""

import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.saving import serialization_lib

import zoo
from tests.presets.attacks import (
    config_of,
    function,
    layer,
    places,
    put,
    resealed,
    small_preset,
    unchecked,
    with_layer,
)
from zoo.posteriors.normal import NormalPosterior
from zoo.presets import checking, layout, metadata
from zoo.registry import _PARTS, register


@pytest.fixture
def preset(tmp_path, saved):
    """A folder with a copy of a good preset."""
    folder = tmp_path / "preset"
    folder.mkdir()
    for path in saved.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return small_preset(tmp_path_factory.mktemp("attacks") / "small")


def assert_refused(folder, config, match):
    """As a preset whose hashes fit, and as a run, which has none."""
    resealed(folder, {"config.json": config})
    for _ in range(2):
        with pytest.raises(ValueError, match=match):
            zoo.load(folder)
        (folder / "metadata.json").unlink(missing_ok=True)
        (folder / "model.json").write_text(json.dumps(config))


def test_marshalled_code_is_not_run(preset, tmp_path):
    marker = tmp_path / "marker"
    code = keras.layers.Lambda(lambda x, path=str(marker): [__import__("pathlib").Path(path).touch(), x][1])
    config = with_layer(config_of(preset), keras.saving.serialize_keras_object(code))
    assert_refused(preset, config, "__lambda__")
    assert not marker.exists()
    unchecked(config, safe_mode=False)
    assert marker.exists()


def test_a_lambda_of_a_function_of_keras_is_refused(preset):
    # In safe mode: any function that Keras exports and did not think of is called, with arguments of the file.
    node = layer("keras.layers", "Lambda", {"name": "l", "function": function("keras.ops", "full_like")})
    node["config"]["arguments"] = {"fill_value": 7.0}
    config = with_layer(config_of(preset), node)
    assert_refused(preset, config, "its function '.*' is none of the zoo's")
    vae = unchecked(config)
    np.testing.assert_array_equal(vae.encoder(tf.zeros([1, 4, 4, 1])), np.full([1, 8], 7))


@pytest.mark.parametrize(
    ("module", "name"), [("keras.utils", "get_file"), ("keras.utils", "load_img"), ("keras.saving", "load_model")]
)
def test_functions_that_read_files_are_refused(preset, monkeypatch, module, name):
    node = function(module, name)
    config = put(config_of(preset), ("config", "encoder", "config", "layers", 2, "config", "activation"), node)
    assert_refused(preset, config, "its function '.*' is none of the zoo's")
    monkeypatch.setattr(serialization_lib, "NON_MODELING_APIS", frozenset())  # as in Keras before it had the list
    assert unchecked(node).__name__ == name


def test_what_keras_forgot_to_list_is_refused(preset):
    node = function("keras.utils", "set_random_seed")
    config = put(config_of(preset), ("config", "encoder", "config", "layers", 2, "config", "activation"), node)
    assert_refused(preset, config, "its function '.*' is none of the zoo's")
    assert unchecked(node) is keras.utils.set_random_seed


def test_a_saved_model_of_tensorflow_is_not_loaded(preset, tmp_path):
    class Evil(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 8])])
        def __call__(self, h):
            with tf.control_dependencies([tf.io.write_file(str(tmp_path / "marker"), "written")]):
                return tf.identity(h)

    evil = Evil()
    tf.saved_model.save(evil, str(tmp_path / "evil"), signatures=evil.__call__)
    node = layer("keras.layers", "TFSMLayer", {"name": "t", "filepath": str(tmp_path / "evil")})
    node["config"]["call_endpoint"] = "serving_default"
    config = with_layer(config_of(preset), node)
    assert_refused(preset, config, "TFSMLayer' is none of the zoo's")
    assert not (tmp_path / "marker").exists()
    unchecked(node, safe_mode=False)(tf.zeros([1, 8]))
    assert (tmp_path / "marker").exists()


@keras.saving.register_keras_serializable("tests")
class Registered(keras.layers.Layer):
    """A class that some library registered with Keras, and that does something when it is created."""

    made = 0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Registered.made += 1

    def call(self, x):
        return x


NODES = {
    "registered": layer("elsewhere", "Registered", {"name": "r"}, "tests>Registered"),
    "registered, as a layer of Keras's": layer("keras.layers", "Dense", {"name": "r"}, "tests>Registered"),
    "registered, as a layer of ours": layer("zoo.networks.mlp", "GatedDense", {"name": "r"}, "tests>Registered"),
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_a_class_that_another_library_registered_is_refused(preset, node):
    config, before = with_layer(config_of(preset), node), Registered.made
    assert_refused(preset, config, r"'tests>Registered' is none of the zoo's\. If you trust it, name it: custom_obj")
    assert Registered.made == before
    unchecked(config)
    assert Registered.made == before + 1


def test_a_class_that_the_caller_names_is_loaded(preset):
    config, before = with_layer(config_of(preset), NODES["registered"]), Registered.made
    resealed(preset, {"config.json": config})
    for name in ("Registered", "tests>Registered"):
        vae = zoo.load(preset, custom_objects={name: Registered})
        assert isinstance(vae.encoder.layers[-1], Registered)
    assert Registered.made == before + 2
    with pytest.raises(ValueError, match="to be a class, got"):
        zoo.load(preset, custom_objects={"Registered": lambda **config: None})


def test_another_layer_of_keras_is_named_by_its_class(tmp_path):
    layers = [keras.Input((8,)), keras.layers.Dense(6), keras.layers.BatchNormalization()]
    encoder = keras.Sequential(layers)
    zoo.build("diag_vae", (8,), "binary", latent=2, encoder=encoder).save_to_preset(tmp_path / "small")
    with pytest.raises(ValueError, match=r"BatchNormalization' is none of the zoo's"):
        zoo.load(tmp_path / "small")
    vae = zoo.load(tmp_path / "small", custom_objects={"BatchNormalization": keras.layers.BatchNormalization})
    assert isinstance(vae.encoder.layers[-1], keras.layers.BatchNormalization)


def test_a_part_that_was_registered_with_the_zoo_is_loaded(preset, monkeypatch):
    vae = zoo.load(preset)
    with monkeypatch.context() as patch:
        patch.setattr("zoo.registry._PARTS", dict(_PARTS))

        @register("posterior", "mine")
        class Mine(type(vae.posterior)):
            """A posterior of the caller's."""

        zoo.build("diag_vae", (4, 4, 1), "binary", latent=2, posterior="mine").save_to_preset(preset.parent / "mine")
        assert type(zoo.load(preset.parent / "mine").posterior) is Mine
        assert issubclass(Mine, NormalPosterior)
    with pytest.raises(ValueError, match=r"'zoo.posterior>Mine' is none of the zoo's.*zoo\.register"):
        zoo.load(preset.parent / "mine")
    assert type(zoo.load(preset.parent / "mine", custom_objects={"Mine": Mine}).posterior) is Mine


FOREIGN = {
    "os.system": layer("os", "system", {"command": "true"}),
    "subprocess": layer("subprocess", "Popen", {"args": ["true"]}, "subprocess>Popen"),
    "any layer of Keras": layer("keras.layers", "GaussianNoise", {"name": "g", "stddev": 0.9}),
    "a private class of Keras": layer("keras.src.layers.core.dense", "Dense", {"name": "d", "units": 8}),
    "a legacy config": {"class_name": "Dense", "config": {"name": "d", "units": 8}},
    "a shared object": layer("keras.layers", "Flatten", {"name": "f"}, shared_object_id=5),
    "a compiled network": layer(
        "keras", "Sequential", {"name": "s", "layers": []}, compile_config={"optimizer": "adam", "loss": "mse"}
    ),
    "a tensor": {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}},
    "an array": {"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}},
    "a type": {"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow", "config": []},
}
ACCEPTED = ("any layer of Keras", "a private class of Keras", "a shared object", "a tensor", "an array")


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_classes_are_refused(preset, name):
    assert_refused(preset, with_layer(config_of(preset), FOREIGN[name]), "does not describe a model of this zoo")
    if name in ACCEPTED:
        assert unchecked(FOREIGN[name]) is not None
    if name == "a legacy config":
        assert keras.Sequential.from_config({"name": "s", "layers": [FOREIGN[name]]}).layers


def test_a_foreign_class_is_refused_wherever_it_is(preset):
    config = config_of(preset)
    vae = zoo.load(preset)
    vae.add_sampler("aggregated", np.zeros([3, 4, 4, 1], "float32"), progress=False)
    with_sampler = keras.saving.serialize_keras_object(vae)
    with_sampler.pop("compile_config", None)
    count = 0
    for good in (config, json.loads(json.dumps(with_sampler))):
        checking.checked(good, "config.json")
        for path in places(good):
            with pytest.raises(ValueError, match="does not describe a model"):
                checking.checked(put(good, path, NODES["registered"]), "config.json")
            count += 1
    assert count > 300


def test_another_model_than_a_vae_is_refused(preset):
    assert_refused(preset, config_of(preset)["config"]["encoder"], "expected a VAE, got 'Sequential'")


def test_sizes_are_bounded_before_anything_is_allocated(preset):
    good = config_of(preset)

    def widened(units):
        config = good
        for name, size in (("wide", units), ("narrow", 8)):
            config = with_layer(config, layer("keras.layers", "Dense", {"name": name, "units": size}))
        return config

    resealed(preset, {"config.json": widened(3_000_000)})
    made = []

    def note(create, **arguments):
        made.append(create(**arguments).shape.num_elements())
        return create(**arguments)

    with (
        tf.variable_creator_scope(note),
        pytest.raises(ValueError, match=r"contains \d,\d+ bytes, but the model has a weight .*kernel"),
    ):
        zoo.load(preset)
    assert max(made, default=0) <= 128
    assert unchecked(widened(30_000)).encoder.count_params() > 500_000  # whatever the file of weights has


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (("config", "seed"), 2**40, "expected numbers under"),
        (("config", "posterior", "config", "event_shape"), [2**20, 2**20], "expected event_shape to have under"),
        (("config", "encoder", "build_config", "input_shape"), [None, 10**6, 10**6], "expected input_shape to have"),
        (("config", "support"), "x" * 20_000, "expected texts of at most"),
        (("config", "x" * 20_000), 0, "expected texts of at most"),
        (("config", "samplers"), [0] * 200_000, "values, got more"),
        (("config", "samplers"), [layer("keras.initializers", "Zeros", {})] * 6000, "layers and other objects, got"),
        (
            ("config", "samplers"),
            {"gmm": layer("keras.layers", "Flatten", {"name": "f"})},
            "to be a sampler of that name, got a",
        ),
        (("config", "name"), "..", "expected the name of the model"),
        (("config", "name"), "../../x", "expected the name of the model"),
    ],
)
def test_numbers_texts_and_lists_are_bounded(preset, path, value, match):
    assert_refused(preset, put(config_of(preset), path, value), match)


def test_a_name_that_is_a_way_out_would_be_a_models(preset):
    assert unchecked(put(config_of(preset), ("config", "name"), "..")).name == ".."  # and then a folder's, in an export


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_is_refused(preset, depth):
    deep = "[" * depth + "]" * depth
    text = json.dumps(config_of(preset)).replace('"samplers": {}', f'"samplers": {{"x": {deep}}}')
    resealed(preset, {"config.json": text.encode()})
    with pytest.raises(ValueError, match=r"levels|damaged, expected JSON"):
        zoo.load(preset)
    if depth > 1000:
        with pytest.raises(RecursionError):
            json.loads(text)
    else:
        json.loads(text)


def test_an_infinite_number_is_refused(preset):
    text = json.dumps(config_of(preset)).replace('"beta": 1.0', '"beta": 1e999')
    resealed(preset, {"config.json": text.encode()})
    with pytest.raises(ValueError, match="expected finite numbers"):
        zoo.load(preset)
    assert json.loads("1e999") == float("inf")


@pytest.mark.parametrize(
    "text", [b"\xff\xfe", b"[]", b"null", b'{"a": NaN}', b'{"a": 1, "a": 2}', b" " * (layout.MAX_JSON + 1)]
)
def test_other_json_is_refused(preset, text):
    resealed(preset, {"config.json": text})
    with pytest.raises(ValueError, match=r"config\.json"):
        zoo.load(preset)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "assets/../../secret.txt", "a/b", "x.pkl", ".git", ""]
)
def test_names_of_files_do_not_lead_out(preset, name):
    (preset.parent / "secret.txt").write_text("secret")
    about = metadata.read(preset)
    about["files"][name] = metadata.sha256(b"secret")
    (preset / "metadata.json").write_text(metadata.sealed(about))
    with pytest.raises(ValueError, match="which a preset cannot contain"):
        zoo.load(preset)
    if name == "../secret.txt":
        assert (preset / name).read_text() == "secret"  # what a join of paths gives


def test_a_pipe_is_not_waited_for(preset):
    (preset / "reference.json").unlink()
    os.mkfifo(preset / "reference.json")
    with pytest.raises(FileNotFoundError, match=r"reference\.json' is missing"):
        zoo.load(preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "reference.json", "metadata.json"])
def test_a_byte_changed_in_any_file_is_found(preset, name):
    content = (preset / name).read_bytes()
    for i in np.random.default_rng(0).choice(len(content), 40, replace=False):
        changed = bytearray(content)
        changed[i] ^= 1
        (preset / name).write_bytes(changed)
        with pytest.raises(ValueError, match=r"was changed|damaged"):
            zoo.load(preset)
    (preset / name).write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"was changed|damaged"):
        zoo.load(preset)
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError):
        zoo.load(preset)


@pytest.mark.parametrize("entry", [{"schema": 2}, {"schema": "1"}, {"schema": True}, {"files": []}, {"latent": "2"}])
def test_metadata_are_checked(preset, entry):
    (preset / "metadata.json").write_text(metadata.sealed(metadata.read(preset) | entry))
    with pytest.raises(ValueError, match=r"metadata\.json' (is damaged|has schema 2, but.*Upgrade)"):
        zoo.load(preset)


def test_a_name_that_another_library_registered_is_refused_as_text(preset, tmp_path):
    marker = tmp_path / "marker"

    @keras.saving.register_keras_serializable("otherlib")
    def evil(shape, dtype=None):
        marker.touch()
        return tf.zeros(shape, dtype)

    config = config_of(preset)
    (place,) = [path for path in places(config) if path[-1] == "kernel_initializer"][:1]
    config = put(config, place, "otherlib>evil")
    assert_refused(preset, config, "otherlib>evil")
    assert not marker.exists()
    unchecked(config)
    assert marker.exists()


def test_a_model_like_keras_s_functional_ones_is_refused_and_changes_no_class(preset):
    bases = zoo.VAE.__mro__
    config = config_of(preset)
    config["config"] |= {"inputs": None, "outputs": None}
    assert_refused(preset, config, "the entry 'inputs'")
    assert zoo.VAE.__mro__ == bases


@pytest.mark.parametrize("name", ["../x", "a/b", "", "~", ".x"])
def test_names_that_are_no_names_of_files_are_refused(preset, name):
    config = config_of(preset)
    config["config"]["name"] = name
    assert_refused(preset, config, "the name of the model")


def test_shapes_of_very_many_numbers_are_refused_at_once(preset):
    config = config_of(preset)
    config["config"]["posterior"]["config"]["event_shape"] = [2**31 - 1] * 90_000
    assert_refused(preset, config, "at most 16 dimensions, got 90,000")
