"""Recipes: their files, the comparison with published figures, and the command that trains one."""

import json

import pytest

from tests import ROOT
from training.evaluation.estimate import Estimate
from training.recipes import Published, TrainingRecipe
from training.reproduce import main

FILES = sorted((ROOT / "recipes").glob("*.json"))
SMALL = {
    "model": "diag_vae",
    "data": "digits",
    "epochs": 1,
    "warmup": 0,
    "latent": 2,
    "network": "mlp(hidden=(8,))",
    "generated": 0,
    "samples": 2,
    "test_examples": 4,
}


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_each_recipe_is_named_for_its_model_and_data(path):
    recipe = TrainingRecipe.read(path)
    config = recipe.config(out="elsewhere", seed=3)
    assert recipe.name == f"{config.model}-{config.data}"
    assert (config.folder.name, config.seed) == ("elsewhere", 3)
    assert recipe.config().seed == 0


def test_there_is_a_recipe_for_each_model():
    from zoo.catalog import model_names

    assert {f"{name}-digits" for name in model_names()} <= {path.stem for path in FILES}


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (-85.41, 0.23, "85.41 ± 0.23 nats per example, published 85.57: beaten by 0.16 (a paper)"),
        (-86.0, None, "86.00 nats per example, published 85.57: missed by 0.43 (a paper)"),
    ],
)
def test_figures_are_compared_in_words(value, error, said):
    assert Published(-85.57, "a paper").compare(Estimate(value, error)) == f"negative log-likelihood {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "expected settings"),
        ("{}", "expected settings"),
        ("nothing", "Expecting value"),
        ('{"settings": {"modle": "diag_vae"}}', "No setting 'modle'"),
        ('{"settings": {"epochs": "many"}}', "Expected epochs to be int or null"),
        ('{"settings": {}, "published": {"nll": 1.0}}', "expected settings and perhaps published"),
    ],
)
def test_what_is_no_recipe_is_refused(text, said, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main([str(path)])
    assert str(ended.value).startswith(f"error: '{path}' is no recipe: ")
    assert said in str(ended.value)


def test_a_missing_recipe_is_refused():
    with pytest.raises(SystemExit, match=r"^error: No recipe 'nowhere.json'. "):
        main(["nowhere.json"])


@pytest.mark.slow
def test_the_command_trains_and_compares(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.json"
    path.write_text(json.dumps({"settings": SMALL, "published": {"log_likelihood": -1000.0, "source": "nobody"}}))
    main([str(path), "--seed", "1"])
    said = capsys.readouterr().out
    assert "published 1000.00: beaten by " in said
    config = json.loads((tmp_path / "runs/small-1/config.json").read_text())
    assert (config["seed"], config["network"]) == (1, "mlp(hidden=(8,))")
    main([str(path), "--seed", "1"])
    assert "is trained already" in capsys.readouterr().out
