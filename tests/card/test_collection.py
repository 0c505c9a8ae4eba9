"""The presets of this package: they load, give what they gave, and say what they are."""

import json
import re
import shutil

import pytest
from huggingface_hub import ModelCard

import zoo
from tests import ROOT
from training.recipes import TrainingRecipe
from zoo.presets import collection, reference
from zoo.presets.layout import CARD, METRICS, REFERENCE, TRAINING

FOLDERS = collection.folders()
TOGETHER, DIGITS = 70 * 10**6, 400_000  # bytes
FIRST = next(iter(FOLDERS))


def load(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLDERS)
def test_it_gives_what_it_gave(name):
    reference.check(zoo.VAE.from_preset(name), load(FOLDERS[name], REFERENCE))


@pytest.mark.parametrize("name", FOLDERS)
def test_it_is_of_a_recipe(name):
    recipe, settings = TrainingRecipe.read(ROOT / f"recipes/{name}.json"), load(FOLDERS[name], TRAINING)["settings"]
    differing = {key for key, value in recipe.settings.items() if settings[key] != value}
    assert not differing


@pytest.mark.parametrize("name", FOLDERS)
def test_its_card_has_its_scores(name):
    card, metrics = ModelCard.load(FOLDERS[name] / CARD), load(FOLDERS[name], METRICS)
    found = {each.metric_type: each.metric_value for each in card.data.eval_results}
    assert (found["nll"], found["elbo"]) == (-metrics["log_likelihood"], metrics["elbo"])
    assert card.data.model_name == name
    for picture in re.findall(r"\]\((assets/[^)]+)\)", card.text):
        assert (FOLDERS[name] / picture).is_file()


def test_they_are_small():
    sizes = {name: sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) for name, folder in FOLDERS.items()}
    assert sum(sizes.values()) < TOGETHER
    assert max(size for name, size in sizes.items() if name.endswith("-digits")) < DIGITS


def test_there_is_one_for_each_model():
    assert {f"{model}-digits" for model in zoo.model_names()} <= set(FOLDERS)


@pytest.mark.parametrize("file", [str(f.relative_to(FOLDERS[FIRST])) for f in FOLDERS[FIRST].rglob("*") if f.is_file()])
def test_a_changed_byte_is_found(file, tmp_path):
    copy = shutil.copytree(FOLDERS[FIRST], tmp_path / "copy")
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(ValueError, match=r"changed|damaged"):
        zoo.VAE.from_preset(copy)
