"""A run's config: what it says, and what is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from training.config import PLACES, Config
from training.data.dataset import Dataset
from training.finetuning.base import Base

FULL = Config(
    model="mog_vae",
    data="mnist",
    data_dir="données",
    binarize="static",
    latent=3,
    posterior="diag",
    prior='mixture(components=20, normal="tril")',
    network="gated_mlp(hidden=(300, 300))",
    epochs=7,
    learning_rate=0.1 + 0.2,
    lr_schedule="cosine(warmup=2)",
    ema=0.999,
    jit=False,
    seed=2**30,
)


TUNED = replace(FULL, base=Base("tril_vae-mnist", "0a1b", "lora(rank=4)", replaced={"prior": "vamp"}), columns=("a",))


@pytest.mark.parametrize("config", [Config(), FULL, TUNED], ids=["defaults", "all set", "fine-tuned"])
def test_config_comes_back_equal_from_json(config):
    assert Config.from_json(config.to_json()) == replace(config, data_dir=None)


@pytest.mark.parametrize(
    "origin",
    ["null", "[]", "{}", '{"model": "a"}', '{"model": 1, "checksum": ""}', '{"model": "a", "checksum": "b", "c": 1}'],
)
def test_origin_that_is_none_is_refused(origin):
    with pytest.raises(ValueError, match="from"):
        Config.from_json(f'{{"from": {origin}}}')


def test_place_and_overwriting_are_no_part_of_what_a_run_is():
    elsewhere = replace(FULL, out="elsewhere", overwrite=True)
    values = json.loads(elsewhere.to_json())
    assert set(values) == {field.name for field in fields(Config)} - {*PLACES, "base"} | {"format"}
    assert elsewhere.to_json() == FULL.to_json()


def test_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(ValueError) as error:
        Config.from_json('{"latent": 3, "foo": 1}')
    for word in ["'foo'", "from", *(field.name for field in fields(Config) if field.name != "base")]:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "null",
        "[]",
        "[1]",
        '"text"',
        '{"latent": "many"}',
        '{"latent": 0}',
        '{"columns": [1]}',
        '{"columns": []}',
    ],
)
def test_text_that_is_no_config_is_refused(text):
    with pytest.raises(ValueError):
        Config.from_json(text)


def test_folder_is_named_after_model_and_data_unless_given():
    assert Config(model="m", data="d").folder.as_posix() == "runs/m-d"
    assert Config(model="m", data="d", out="a/b").folder.as_posix() == "a/b"


def test_overrides_are_the_parts_that_were_set():
    assert Config(epochs=3, seed=1).overrides == {}
    assert Config(latent=3, prior="mixture").overrides == {"latent": 3, "prior": "mixture"}


@pytest.mark.parametrize(
    ("examples", "batch_size", "epochs"), [(7, 7, 300), (160, 16, 300), (800, 80, 300), (50_000, 100, 10)]
)
def test_fine_tuning_takes_some_steps_an_epoch_of_few_examples_too(examples, batch_size, epochs):
    x = np.zeros((examples, 2), np.float32)
    dataset = Dataset("zeros", "binary", x, x[:2], x[:2])
    resolved = Config(base=Base("a", "0"), epochs=None).resolved(dataset)
    assert (resolved.batch_size, resolved.epochs) == (batch_size, epochs)
    assert Config().resolved(dataset).batch_size == min(100, examples)
    assert Config(base=Base("a", "0"), batch_size=3).resolved(dataset).batch_size == 3
