"""Classes, functions and code that a preset must not contain, and what they do where the check is left out."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.saving import serialization_lib

import zoo
from tests.presets.attacks import (
    assert_refused,
    config_of,
    function,
    layer,
    model,
    places,
    put,
    resealed,
    unchecked,
    with_layer,
)
from zoo.posteriors.normal import NormalPosterior
from zoo.presets import checking
from zoo.registry import _PARTS, register


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


def twice(x):
    return 2 * x


def test_a_function_that_the_caller_names_is_loaded(tmp_path):
    encoder = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6, activation=twice)])
    vae = zoo.build("diag_vae", (8,), "binary", latent=2, encoder=encoder)
    vae.save_to_preset(tmp_path / "small")
    with pytest.raises(
        ValueError, match=r"its function 'twice' is none of the zoo's.*custom_objects=\{'twice': <the f"
    ):
        zoo.load(tmp_path / "small")
    with pytest.raises(ValueError, match=r"Expected custom_objects\['twice'\] to be a function, got 2"):
        zoo.load(tmp_path / "small", custom_objects={"twice": 2})
    loaded = zoo.load(tmp_path / "small", custom_objects={"twice": twice})
    assert loaded.encoder.layers[-1].activation is twice
    np.testing.assert_array_equal(loaded.encode(np.ones([1, 8])).mean(), vae.encode(np.ones([1, 8])).mean())


@pytest.mark.parametrize("code", [keras.layers.Lambda(lambda x: x), keras.layers.Dense(6, activation=lambda x: x)])
def test_what_nobody_can_name_is_not_saved(tmp_path, code):
    encoder = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6), code])
    vae = zoo.build("diag_vae", (8,), "binary", latent=2, encoder=encoder)
    with pytest.raises(ValueError, match=r"cannot be saved as a preset, because .* may be code"):
        vae.save_to_preset(tmp_path / "small")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["prior", "vamp", "aggregated"])
def test_a_sampler_has_its_own_name(with_sampler, tmp_path, name):
    folder = shutil.copytree(with_sampler[1], tmp_path / "copy")
    config = config_of(folder)
    config["config"]["samplers"][name] = config["config"]["samplers"].pop("gmm")
    resealed(folder, {"config.json": config})
    with pytest.raises(ValueError, match=f"expected '{name}' to be a sampler of that name, got a GaussianMixture"):
        zoo.load(folder)


def recursive(preset):
    config = config_of(preset)
    config["config"]["prior"] = keras.saving.serialize_keras_object(model(prior="mixture(components=2)").prior)
    config["config"]["prior"]["config"]["normal"] = f"a(x={'-' * 4000}1)"
    return config


DAMAGED = {
    "no dict": (("config", "encoder", "config"), []),
    "no name": (("config", "prior", "registered_name"), None),
    "no number": (("config", "encoder", "config", "layers", 2, "config", "units"), "8"),
    "no shape": (("config", "posterior", "config", "event_shape"), 2),
    "no seed": (("config", "seed"), [1]),
    "no samplers": (("config", "samplers"), 5),
    "no part": (("config", "decoder"), {"a": 1}),
    "no dtype": (("config", "prior", "config", "dtype"), {"class_name": None}),
}


@pytest.mark.parametrize("place", DAMAGED.values(), ids=DAMAGED)
def test_whatever_fails_while_a_config_is_read_refuses_it(preset, place):
    assert_refused(preset, put(config_of(preset), *place), r"(config|model)\.json' does not describe a model")


def test_a_spec_that_is_nested_deeply_refuses_its_config(preset):
    assert_refused(preset, recursive(preset), "does not describe a model of this zoo: Cannot parse")
