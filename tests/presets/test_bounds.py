"""Sizes, depths, names and numbers of a preset are bounded before anything is allocated or computed."""

import json
import shutil
import tracemalloc

import keras
import pytest
import tensorflow as tf

import zoo
from tests.presets.attacks import assert_refused, config_of, layer, model, put, resealed, unchecked, with_layer
from zoo import registry
from zoo.parameterizations.orthogonal import Orthogonal
from zoo.presets import layout, loading
from zoo.presets.weights import variables_limit


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


@pytest.mark.parametrize("name", ["../x", "a/b", "", "~", ".x"])
def test_names_that_are_no_names_of_files_are_refused(preset, name):
    config = config_of(preset)
    config["config"]["name"] = name
    assert_refused(preset, config, "the name of the model")


def test_shapes_of_very_many_numbers_are_refused_at_once(preset):
    config = config_of(preset)
    config["config"]["posterior"]["config"]["event_shape"] = [2**31 - 1] * 90_000
    assert_refused(preset, config, "at most 16 dimensions, got 90,000")


PARTS = ("posterior", "prior", "likelihood")


@pytest.mark.parametrize("role", PARTS)
def test_shapes_are_bounded_by_the_weights_before_anything_is_created(preset, role, monkeypatch):
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", lambda *arguments: pytest.fail("a class was created"))
    config = put(config_of(preset), ("config", role, "config", "event_shape"), [3 * 10**8])
    assert_refused(preset, config, r"expected event_shape to have under 1,0\d\d,\d\d\d elements")


def masked_network():
    with variables_limit(0, "model.weights.h5"), pytest.raises(ValueError, match="belongs to another model"):
        registry.build("prior", "maf(steps=1, hidden=30_000)", event_shape=(4000,)).build((None, 1))


def reflection():
    Orthogonal(1)(tf.zeros([3 * 5000]), 5000)


# Masks of 480 MB, and an identity of 200 MB of which one row is taken.
@pytest.mark.parametrize("make", [masked_network, reflection])
def test_parts_allocate_little_beside_their_weights(make):
    tracemalloc.start()
    make()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_reflections_are_bounded():
    assert Orthogonal(32).params_size(1) == 34
    assert Orthogonal(50).params_size(50) == 2600
    with pytest.raises(ValueError, match="Expected reflections= to be at most 32 in 1 dimensions, got 8000"):
        Orthogonal(8000).params_size(1)


def with_decoder(preset, *layers):
    """Replaces the decoder of a preset, with hashes and weights that fit."""
    layers = [keras.Input((2,)), keras.layers.Dense(4), keras.layers.Reshape((2, 2, 1)), *layers]
    shutil.rmtree(preset)
    model(decoder=keras.Sequential(layers)).save_to_preset(preset)
    return preset


def test_strides_are_bounded(preset):
    up, down = keras.layers.Conv2DTranspose(1, 1, strides=4), keras.layers.Conv2D(1, 1, strides=8)
    config = json.dumps(config_of(with_decoder(preset, up, down, keras.layers.Flatten())))
    config = config.replace("[4, 4]", "[800, 800]").replace("[8, 8]", "[1600, 1600]")
    assert_refused(preset, json.loads(config), r"expected strides of at most 64, got \[800, 800\]")


def test_work_is_bounded(preset):
    up, down = keras.layers.Conv2DTranspose(1, 1, strides=16), keras.layers.Conv2D(1, 1, strides=16)
    with_decoder(preset, up, keras.layers.Conv2D(1, 16, padding="same"), down, keras.layers.Flatten())
    assert zoo.load(preset).built
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "MAX_WORK", 1e5)
        with pytest.raises(ValueError, match="Expected networks of at most 1e"):
            zoo.load(preset)


def test_layers_are_bounded(preset):
    config = config_of(preset)
    layers = [layer("keras.layers", "Flatten", {"name": f"f{i}"}) for i in range(200)]
    config["config"]["encoder"]["config"]["layers"][2:2] = layers
    assert_refused(preset, config, "expected at most 200 layers in its networks, got more")


UNPRINTABLE = ["\x1b[2J", "a\x9b2J", "a\u202eb", "\x00", "\ud800"]


@pytest.mark.parametrize("text", UNPRINTABLE, ids=ascii)
def test_control_characters_are_refused_and_not_shown(preset, text):
    config = config_of(preset)
    for changed in (put(config, ("config", "name"), text), put(config, ("config", "prior", "config", text), 1)):
        assert_refused(shutil.copytree(preset, preset.parent / "copy"), changed, "texts without control characters")
        with pytest.raises(ValueError, match="control") as refused:
            zoo.load(preset.parent / "copy")
        assert str(refused.value).isprintable()
        shutil.rmtree(preset.parent / "copy")


def test_metadata_are_bounded_before_they_are_written_again(preset):
    deep = b'{"a":' + b"[" * 900 + b"0," * 450_000 + b"0" + b"]" * 900 + b"}"
    (preset / "metadata.json").write_bytes(deep)
    with pytest.raises(ValueError, match=r"metadata\.json' is damaged: expected at most 40 levels and 100,000 values"):
        zoo.load(preset)
